// Points of the Halton sequence.
#pragma once

#include <cstdint>

namespace hypertune {

/// Later bases are so large that their first points lie on lines; see padded_coordinate.
inline constexpr int kHaltonDimensions = 100;

/// The prime whose powers divide the axis `dimension`. Requires 0 <= dimension < kHaltonDimensions.
int halton_base(int dimension);

/// Coordinate `dimension` of the point `index`, in [0, 1): the digits of the index in the base,
/// mirrored at the point. Halton, "On the efficiency of certain quasi-random sequences", 1960.
double halton(std::uint32_t index, int dimension);

/// The same with a random permutation, keyed by `key`, of the digits at each place, leading zeros
/// included; uniform over keys. Owen, "A randomized Halton algorithm in R", 2017.
double scrambled_halton(std::uint32_t index, int dimension, std::uint64_t key);

}  // namespace hypertune

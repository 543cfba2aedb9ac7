// Points of the Sobol sequence, and Owen's scrambling of binary fractions.
#pragma once

#include <cstdint>

#include "math/sobol_directions.h"

namespace hypertune {

/// Coordinate `dimension` of the point `index`, times 2^32. Points are numbered in Sobol's own
/// order; point i of the Gray code order of other programs is sobol(i ^ (i >> 1), ...).
/// Requires 0 <= dimension < kSobolDimensions. Sobol 1967.
std::uint32_t sobol(std::uint32_t index, int dimension);

/// Nested uniform scrambling: each bit is flipped, or not, by a coin of its own for each value of
/// the bits above it. A bijection for each key; it keeps the elementary intervals of a net. Owen,
/// "Randomly permuted (t,m,s)-nets and (t,s)-sequences", 1995.
std::uint32_t owen_scrambled(std::uint32_t fraction, std::uint64_t key);

/// The same for as many bits as a double in [0, 1) has: the result is uniform over keys.
double owen_scrambled_unit(std::uint32_t fraction, std::uint64_t key);

/// A stratified coordinate that is independent of all others with other keys, for more dimensions
/// than a sequence has: van der Corput's sequence, its points shuffled and scrambled so that each
/// of the first 2^k falls into an interval of 2^-k of its own. Burley, "Practical hash-based Owen
/// scrambling", 2020, there called padding; the scrambling is exact here.
double padded_coordinate(std::uint32_t index, std::uint64_t key);

}  // namespace hypertune

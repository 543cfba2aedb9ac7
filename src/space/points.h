// The points of spaces that have finitely many.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "hypertune/rng.h"
#include "hypertune/space.h"

namespace hypertune {

/// Values that are tried on the way to the points of a space before their number counts as unknown:
/// a second of work, about.
inline constexpr int kMaxValuesTried = 1'000'000;

/// How many values the domain has; nothing for real numbers without steps.
std::optional<std::uint64_t> count_values(const Domain& domain);

/// Whether every parameter of the space has finitely many values; those left out that do not exist
/// whatever is decided.
bool is_finite(const SearchSpace& space);

/// Calls `visit` with each point: values for every active parameter of the space, constants and
/// grid axes included, which no constraint forbids. The last parameter changes fastest. Stops when
/// `visit` returns false. Returns whether there are no other points: not when it was stopped, nor
/// when the space is infinite or more values had to be tried than are left. What was tried is taken
/// off `tries_left`.
bool for_each_point(const SearchSpace& space, const std::function<bool(const Params&)>& visit,
                    int& tries_left);

/// Each active parameter independently and evenly from its unit axis; constraints are not looked
/// at.
Params random_point(const SearchSpace& space, const Rng& rng);

/// False when there is surely no point.
bool may_have_points(const SearchSpace& space, int& tries_left);

/// The same numbers for the same values of the space's parameters, whatever else was decided:
/// which value of its domain each parameter has.
using PointKey = std::vector<std::uint64_t>;
PointKey point_key(const SearchSpace& space, const Params& params);

}  // namespace hypertune

// The hypervolume that a set of points dominates.
#pragma once

#include <span>

#include "math/pareto.h"

namespace hypertune {

/// The volume of all that at least one of the points dominates and that lies below the reference
/// point in every coordinate. Points that are not below it add nothing. Infinite when the reference
/// is infinite above some point, or a point is minus infinity. n log n operations in two
/// dimensions, n^2 log n in three, exponential in the dimension beyond.
double hypervolume(const PointsView& points, std::span<const double> reference);

}  // namespace hypertune

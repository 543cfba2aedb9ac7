// The hypervolume that a set of points dominates, and the points that dominate most of it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "math/pareto.h"

namespace hypertune {

/// The volume of all that at least one of the points dominates and that lies below the reference
/// point in every coordinate. Points that are not below it add nothing. Infinite when the reference
/// is infinite above some point, or a point is minus infinity. n log n operations in two
/// dimensions, n^2 in three, exponential in the dimension beyond.
double hypervolume(const PointsView& points, std::span<const double> reference);

/// A tenth beyond the worst of the points in each coordinate, by which hypervolumes of them are
/// measured when nothing better is known. Requires at least one point.
std::vector<double> reference_beyond(const PointsView& points);

/// The indices of `count` points of one front (all of them when there are fewer) that together
/// dominate much of the volume below the reference: one after the other, the point that adds most;
/// of equals, the first in lexicographic order. A repeated point is taken only when all others
/// are. Where the reference is infinite, the first in lexicographic order. Guerreiro, Fonseca and
/// Paquete, "Greedy hypervolume subset selection in low dimensions", 2016.
std::vector<std::size_t> hypervolume_subset(const PointsView& points,
                                            std::span<const double> reference, std::size_t count);

}  // namespace hypertune

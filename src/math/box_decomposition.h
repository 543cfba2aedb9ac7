// What a set of points leaves undominated, as disjoint boxes.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "math/pareto.h"

namespace hypertune {

/// Disjoint boxes, a row for each.
struct Boxes {
  std::size_t dims = 1;
  std::vector<double> lower;  ///< [boxes, dims]; minus infinity where a box has no end
  std::vector<double> upper;

  std::size_t size() const { return upper.size() / dims; }
};

/// All that lies below the reference point in every coordinate and that no point dominates. Points
/// that are not below the reference have no part in it. For n points at most n + 1 boxes in two
/// dimensions, 2 n + 1 in three, and of the order of n^floor(dims / 2) beyond. Lacour, Klamroth
/// and Fonseca, "A box decomposition algorithm to compute the hypervolume indicator", 2017.
Boxes nondominated_boxes(const PointsView& points, std::span<const double> reference);

}  // namespace hypertune

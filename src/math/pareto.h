// Pareto dominance among points whose every coordinate is to be made small: ranks and crowding.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hypertune {

/// Points as the rows of a matrix that lies elsewhere. Coordinates may be infinite, never NaN.
struct PointsView {
  std::span<const double> values;  ///< row after row
  std::size_t dims = 1;            ///< coordinates of a point, at least one

  std::size_t size() const { return values.size() / dims; }
  std::span<const double> operator[](std::size_t i) const { return values.subspan(i * dims, dims); }
};

/// Whether `a` is nowhere larger than `b` and somewhere smaller.
bool dominates(std::span<const double> a, std::span<const double> b);

/// The rank of each point: 0 for those that no other dominates, 1 for those that only points of
/// rank 0 dominate, and so on. Equal points have equal ranks. n log n operations for one and two
/// dimensions, n^2 at worst for more.
std::vector<int> nondominated_ranks(const PointsView& points);

/// The same under constraints: points of positive penalty (how much they violate) come behind all
/// others, ordered by the penalty alone. Deb et al. 2002, section VI. `penalties` is empty (nothing
/// is violated) or as long as `points`.
std::vector<int> nondominated_ranks(const PointsView& points, std::span<const double> penalties);

/// The indices of the points that no other dominates, by increasing index.
std::vector<std::size_t> nondominated(const PointsView& points);

/// How far the neighbors of each point of a front are apart: summed over the coordinates, the
/// distance between the next smaller and the next larger point, in units of the coordinate's finite
/// range. Infinite for the ends of a coordinate; coordinates that are all equal count nothing. Deb
/// et al. 2002, section III-B.
std::vector<double> crowding_distances(const PointsView& points);

/// The indices of the `count` best points, or of all when there are fewer: by rank, and within a
/// rank those that are farthest from their neighbors first; of equals, the first. The choice by
/// which a generation of NSGA-II lives on.
std::vector<std::size_t> fittest(const PointsView& points, std::span<const double> penalties,
                                 std::size_t count);

}  // namespace hypertune

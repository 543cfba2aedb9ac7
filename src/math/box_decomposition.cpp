// Box decomposition by local upper bounds. Lacour, Klamroth and Fonseca, "A box decomposition
// algorithm to compute the hypervolume indicator", Computers & Operations Research 79, 2017.
#include "math/box_decomposition.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A largest corner below which no point lies, with the points that bound it: point k touches it in
/// coordinate k, and lies below it in all others.
struct Corner {
  std::vector<double> at;
  std::vector<std::vector<double>> bounds;

  /// The largest coordinate `d` of the bounds of all other coordinates up to `end`.
  double floor(std::size_t d, std::size_t end) const {
    double largest = -kInfinity;
    for (std::size_t k = 0; k < end; ++k) {
      if (k != d) largest = std::max(largest, bounds[k][d]);
    }
    return largest;
  }
};

bool strictly_below(std::span<const double> a, std::span<const double> b) {
  for (std::size_t d = 0; d < a.size(); ++d) {
    if (!(a[d] < b[d])) return false;
  }
  return true;
}

}  // namespace

Boxes nondominated_boxes(const PointsView& points, std::span<const double> reference) {
  const std::size_t dims = points.dims;
  Corner all{{reference.begin(), reference.end()}, {}};
  for (std::size_t k = 0; k < dims; ++k) {
    all.bounds.emplace_back(dims, -kInfinity);
    all.bounds[k][k] = reference[k];
  }
  std::vector<Corner> corners = {std::move(all)};
  for (const std::size_t i : nondominated(points)) {
    const auto point = points[i];
    std::vector<Corner> next;
    for (Corner& corner : corners) {
      if (!strictly_below(point, corner.at)) {
        next.push_back(std::move(corner));
        continue;
      }
      for (std::size_t d = 0; d < dims; ++d) {
        if (point[d] < corner.floor(d, dims)) continue;
        Corner& lowered = next.emplace_back(corner);
        lowered.at[d] = point[d];
        lowered.bounds[d].assign(point.begin(), point.end());
      }
    }
    corners = std::move(next);
  }
  Boxes boxes{dims, {}, {}};
  for (const Corner& corner : corners) {
    std::vector<double> lower(dims, -kInfinity);
    for (std::size_t d = 1; d < dims; ++d) lower[d] = corner.floor(d, d);
    if (!strictly_below(lower, corner.at)) continue;
    boxes.lower.insert(boxes.lower.end(), lower.begin(), lower.end());
    boxes.upper.insert(boxes.upper.end(), corner.at.begin(), corner.at.end());
  }
  return boxes;
}

}  // namespace hypertune

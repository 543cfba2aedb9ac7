// Hypervolume by exclusive slices: While, Bradstreet and Barone, "A fast way of calculating exact
// hypervolumes", IEEE TEVC 2012 (WFG).
//
// Deviation: points beyond the reference add nothing, where Optuna refuses them.
#include "math/hypervolume.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/assert.h"

namespace hypertune {
namespace {

using Points = std::vector<std::vector<double>>;

/// The area of points in two dimensions.
double area(Points points, std::span<const double> reference) {
  std::ranges::sort(points);
  double sum = 0;
  double ceiling = reference[1];
  for (const auto& point : points) {
    if (point[1] >= ceiling) continue;
    sum += (reference[0] - point[0]) * (ceiling - point[1]);
    ceiling = point[1];
  }
  return sum;
}

Points front_of(const Points& points, std::size_t dims) {
  std::vector<double> values;
  for (const auto& point : points) {
    values.insert(values.end(), point.begin(), point.begin() + static_cast<std::ptrdiff_t>(dims));
  }
  Points front;
  for (const std::size_t i : nondominated({values, dims})) front.push_back(points[i]);
  std::ranges::sort(front);
  front.erase(std::ranges::unique(front).begin(), front.end());
  return front;
}

/// The volume of points in the leading `reference.size()` dimensions; each is below the reference.
double volume(Points points, std::span<const double> reference) {
  const std::size_t dims = reference.size();
  if (points.empty()) return 0;
  if (dims == 1) return reference[0] - (*std::ranges::min_element(points))[0];
  if (dims == 2) return area(std::move(points), reference);

  const std::size_t last = dims - 1;
  points = front_of(points, dims);
  std::ranges::sort(points, std::greater<>(), [&](const auto& point) { return point[last]; });
  double sum = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    // What point i dominates and no later one does. The later ones reach at least as low in the
    // last coordinate, so that what they share with point i is a prism of its height.
    Points shared;
    double base = 1;
    for (std::size_t axis = 0; axis < last; ++axis) base *= reference[axis] - points[i][axis];
    for (std::size_t j = i + 1; j < points.size(); ++j) {
      std::vector<double>& limited = shared.emplace_back(last);
      for (std::size_t axis = 0; axis < last; ++axis) {
        limited[axis] = std::max(points[i][axis], points[j][axis]);
      }
    }
    sum += (reference[last] - points[i][last]) *
           (base - volume(std::move(shared), reference.first(last)));
  }
  return sum;
}

}  // namespace

double hypervolume(const PointsView& points, std::span<const double> reference) {
  HT_ASSERT(reference.size() == points.dims);
  Points below;
  bool infinite = false;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto point = points[i];
    if (!std::equal(point.begin(), point.end(), reference.begin(), std::less<>())) continue;
    for (std::size_t axis = 0; axis < points.dims; ++axis) {
      infinite = infinite || std::isinf(reference[axis] - point[axis]);
    }
    below.emplace_back(point.begin(), point.end());
  }
  if (infinite) return std::numeric_limits<double>::infinity();
  return volume(std::move(below), reference);
}

}  // namespace hypertune

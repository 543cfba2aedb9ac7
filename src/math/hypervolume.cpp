// Hypervolume by exclusive slices: While, Bradstreet and Barone, "A fast way of calculating exact
// hypervolumes", IEEE TEVC 2012 (WFG).
//
// Deviation: points beyond the reference add nothing, where Optuna refuses them.
#include "math/hypervolume.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <numeric>
#include <utility>
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

/// The volume of points in three dimensions: slice after slice along the last coordinate, each with
/// the area of the points at or below it.
double slices(Points points, std::span<const double> reference) {
  std::ranges::sort(points, {}, [](const auto& point) { return point[2]; });
  Points stairs;  // of the points so far, by the first coordinate; the second one falls
  double sum = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto& point = points[i];
    auto next = std::ranges::lower_bound(stairs, point[0], {}, [](const auto& s) { return s[0]; });
    const bool hidden = (next != stairs.begin() && (*std::prev(next))[1] <= point[1]) ||
                        (next != stairs.end() && (*next)[0] == point[0] && (*next)[1] <= point[1]);
    if (!hidden) {
      auto last = next;
      while (last != stairs.end() && (*last)[1] >= point[1]) ++last;
      next = stairs.erase(next, last);
      stairs.insert(next, point);
    }
    const double top = i + 1 < points.size() ? points[i + 1][2] : reference[2];
    if (top == point[2]) continue;
    double covered = 0;
    double ceiling = reference[1];
    for (const auto& stair : stairs) {
      covered += (reference[0] - stair[0]) * (ceiling - stair[1]);
      ceiling = stair[1];
    }
    sum += covered * (top - point[2]);
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
  if (dims == 3) return slices(std::move(points), reference);

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

double box(std::span<const double> point, std::span<const double> reference) {
  double product = 1;
  for (std::size_t axis = 0; axis < point.size(); ++axis) product *= reference[axis] - point[axis];
  return product;
}

/// What the point dominates and none of the chosen ones does.
double added_volume(const std::vector<double>& point, const Points& chosen,
                    std::span<const double> reference) {
  Points shared;
  for (const auto& other : chosen) {
    std::vector<double>& limited = shared.emplace_back(point);
    for (std::size_t axis = 0; axis < limited.size(); ++axis) {
      limited[axis] = std::max(limited[axis], other[axis]);
    }
  }
  return box(point, reference) - volume(front_of(shared, reference.size()), reference);
}

/// The greedy choice among different points, in lexicographic order: their positions.
std::vector<std::size_t> greedy_subset(const Points& points, std::span<const double> reference,
                                       std::size_t count) {
  // What a point adds only falls as others are chosen, so that an old value bounds the new one.
  std::vector<double> bounds;
  for (const auto& point : points) bounds.push_back(box(point, reference));
  std::vector<std::size_t> known(points.size(), 0);  // how many were chosen when it was computed
  std::vector<bool> taken(points.size(), false);
  std::vector<std::size_t> positions;
  Points chosen;
  while (positions.size() < count) {
    std::size_t best = points.size();
    for (std::size_t i = 0; i < points.size(); ++i) {
      if (!taken[i] && (best == points.size() || bounds[i] > bounds[best])) best = i;
    }
    if (known[best] < chosen.size() && std::isfinite(bounds[best])) {
      bounds[best] = added_volume(points[best], chosen, reference);
      known[best] = chosen.size();
      continue;
    }
    taken[best] = true;
    positions.push_back(best);
    chosen.push_back(points[best]);
  }
  return positions;
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

std::vector<double> reference_beyond(const PointsView& points) {
  HT_ASSERT(points.size() > 0);
  constexpr double kSmallest = 1e-12;  // so that a coordinate that is 0 throughout counts too
  std::vector<double> reference(points[0].begin(), points[0].end());
  for (std::size_t i = 1; i < points.size(); ++i) {
    for (std::size_t axis = 0; axis < points.dims; ++axis) {
      reference[axis] = std::max(reference[axis], points[i][axis]);
    }
  }
  for (double& worst : reference) {
    worst = std::max(1.1 * worst, 0.9 * worst);
    if (worst == 0) worst = kSmallest;
  }
  return reference;
}

std::vector<std::size_t> hypervolume_subset(const PointsView& points,
                                            std::span<const double> reference, std::size_t count) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) {
    return std::ranges::lexicographical_compare(points[a], points[b]);
  });
  std::vector<std::size_t> firsts;
  std::vector<std::size_t> repeated;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const bool same = i > 0 && std::ranges::equal(points[order[i]], points[order[i - 1]]);
    (same ? repeated : firsts).push_back(order[i]);
  }
  std::vector<std::size_t> chosen;
  if (count < firsts.size() &&
      std::ranges::all_of(reference, [](double r) { return std::isfinite(r); })) {
    Points different;
    for (const std::size_t i : firsts) different.emplace_back(points[i].begin(), points[i].end());
    for (const std::size_t i : greedy_subset(different, reference, count)) {
      chosen.push_back(firsts[i]);
    }
    return chosen;
  }
  std::ranges::sort(repeated);
  chosen = std::move(firsts);
  chosen.insert(chosen.end(), repeated.begin(), repeated.end());
  chosen.resize(std::min(count, chosen.size()));
  return chosen;
}

}  // namespace hypertune

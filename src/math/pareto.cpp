// Ranks by dominance: Zhang, Tian, Cheng and Jin, "An efficient approach to nondominated sorting
// for evolutionary multiobjective optimization", IEEE TEVC 2015 (ENS-BS). Crowding: Deb, Pratap,
// Agarwal and Meyarivan, "A fast and elitist multiobjective genetic algorithm: NSGA-II", IEEE TEVC
// 2002.
//
// Ranks and distances are those of Optuna, which sorts front by front. Deviation: of points in
// equally crowded places `fittest` keeps the first, where Optuna keeps the last.
#include "math/pareto.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool equal(std::span<const double> a, std::span<const double> b) {
  return std::equal(a.begin(), a.end(), b.begin());
}

/// The points in lexical order: none is dominated by one that comes later.
std::vector<std::size_t> lexical_order(const PointsView& points) {
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    const auto a = points[i];
    const auto b = points[j];
    return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
  });
  return order;
}

/// The fronts that were found so far, of points in lexical order.
class Fronts {
 public:
  explicit Fronts(const PointsView& points) : points_(points) {}

  /// Puts the next point in the first front where nothing dominates it; the front's rank. Whatever
  /// dominates a point of a front is dominated by a point of the front before, hence the bisection.
  int add(std::size_t point) {
    const auto front = std::partition_point(fronts_.begin(), fronts_.end(), [&](const auto& other) {
      return dominated_by(other, point);
    });
    const auto rank = static_cast<int>(front - fronts_.begin());
    if (front == fronts_.end()) {
      fronts_.push_back({point});
    } else if (points_.dims <= 2) {
      front->back() = point;
    } else {
      front->push_back(point);
    }
    return rank;
  }

 private:
  bool dominated_by(const std::vector<std::size_t>& front, std::size_t point) const {
    const auto p = points_[point];
    // In two dimensions the point that came last has the smallest second coordinate.
    if (points_.dims <= 2) return points_[front.back()].back() <= p.back();
    // Points that came late are close, and the most likely to dominate.
    return std::any_of(front.rbegin(), front.rend(), [&](std::size_t other) {
      const auto q = points_[other];
      for (std::size_t i = 1; i < q.size(); ++i) {
        if (q[i] > p[i]) return false;
      }
      return true;
    });
  }

  PointsView points_;
  std::vector<std::vector<std::size_t>> fronts_;
};

}  // namespace

bool dominates(std::span<const double> a, std::span<const double> b) {
  bool smaller = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    smaller = smaller || a[i] < b[i];
  }
  return smaller;
}

std::vector<int> nondominated_ranks(const PointsView& points) {
  std::vector<int> ranks(points.size());
  const auto order = lexical_order(points);
  Fronts fronts(points);
  for (std::size_t k = 0; k < order.size(); ++k) {
    const bool repeated = k > 0 && equal(points[order[k]], points[order[k - 1]]);
    ranks[order[k]] = repeated ? ranks[order[k - 1]] : fronts.add(order[k]);
  }
  return ranks;
}

std::vector<int> nondominated_ranks(const PointsView& points, std::span<const double> penalties) {
  if (std::ranges::all_of(penalties, [](double penalty) { return penalty <= 0; })) {
    return nondominated_ranks(points);
  }
  HT_ASSERT(penalties.size() == points.size());
  std::vector<double> feasible;
  std::vector<double> violations;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (penalties[i] > 0) {
      violations.push_back(penalties[i]);
    } else {
      feasible.insert(feasible.end(), points[i].begin(), points[i].end());
    }
  }
  const auto feasible_ranks = nondominated_ranks({feasible, points.dims});
  const auto violation_ranks = nondominated_ranks({violations, 1});
  const int worst = feasible_ranks.empty() ? -1 : *std::ranges::max_element(feasible_ranks);
  std::vector<int> ranks;
  std::size_t next_feasible = 0;
  std::size_t next_violation = 0;
  for (const double penalty : penalties) {
    ranks.push_back(penalty > 0 ? worst + 1 + violation_ranks[next_violation++]
                                : feasible_ranks[next_feasible++]);
  }
  return ranks;
}

std::vector<std::size_t> nondominated(const PointsView& points) {
  const auto order = lexical_order(points);
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    const bool dominated = std::any_of(front.rbegin(), front.rend(), [&](std::size_t member) {
      return dominates(points[member], points[i]);
    });
    if (!dominated) front.push_back(i);
  }
  std::ranges::sort(front);
  return front;
}

std::vector<double> crowding_distances(const PointsView& points) {
  std::vector<double> distances(points.size());
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t axis = 0; axis < points.dims && !order.empty(); ++axis) {
    const auto at = [&](std::size_t k) { return points[order[k]][axis]; };
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return points[i][axis]; });
    if (at(0) == at(order.size() - 1)) continue;

    double smallest = kInfinity;
    double largest = -kInfinity;
    for (const std::size_t i : order) {
      const double value = points[i][axis];
      if (value > -kInfinity) smallest = std::min(smallest, value);
      if (value < kInfinity) largest = std::max(largest, value);
    }
    // In halves: the difference of two huge numbers may be infinite.
    const double half = largest / 2 - smallest / 2;
    const double width = half > 0 ? half : 0.5;
    for (std::size_t k = 0; k < order.size(); ++k) {
      const double before = k == 0 ? -kInfinity : at(k - 1);
      const double after = k + 1 == order.size() ? kInfinity : at(k + 1);
      // The distance between two equal infinities is none.
      if (before != after) distances[order[k]] += (after / 2 - before / 2) / width;
    }
  }
  return distances;
}

std::vector<std::size_t> fittest(const PointsView& points, std::span<const double> penalties,
                                 std::size_t count) {
  const auto ranks = nondominated_ranks(points, penalties);
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return ranks[i]; });
  std::vector<double> front;
  std::vector<double> distances(points.size());
  std::size_t sorted = 0;
  while (sorted < order.size() && sorted < count) {
    const auto begin = order.begin() + static_cast<std::ptrdiff_t>(sorted);
    const auto end =
        std::find_if(begin, order.end(), [&](std::size_t i) { return ranks[i] != ranks[*begin]; });
    front.clear();
    for (auto i = begin; i != end; ++i) {
      front.insert(front.end(), points[*i].begin(), points[*i].end());
    }
    const auto of_front = crowding_distances({front, points.dims});
    for (std::size_t k = 0; k < of_front.size(); ++k) distances[order[sorted + k]] = of_front[k];
    std::stable_sort(begin, end,
                     [&](std::size_t i, std::size_t j) { return distances[i] > distances[j]; });
    sorted += of_front.size();
  }
  order.resize(std::min(order.size(), count));
  return order;
}

}  // namespace hypertune

// Niches: Deb and Jain, "An evolutionary many-objective optimization algorithm using
// reference-point-based nondominated sorting approach, part I", IEEE TEVC 2014 (NSGA-III).
//
// Deviation: where the plane through the extreme points meets an axis behind the ideal point, the
// largest coordinates take the place of the intercepts; Optuna goes on with the negative one.
#include "math/niching.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>

#include "base/assert.h"

namespace hypertune {
namespace {

/// How far beyond the finite range infinite coordinates are put, in units of it.
constexpr double kBeyond = 3;

/// Weight of the coordinates across the axis whose extreme point is sought.
constexpr double kAcross = 1e6;

void append_directions(std::vector<double>& rows, std::vector<double>& prefix, std::size_t dims,
                       int left) {
  if (prefix.size() + 1 == dims) {
    rows.insert(rows.end(), prefix.begin(), prefix.end());
    rows.push_back(left);
    return;
  }
  for (int part = left; part >= 0; --part) {
    prefix.push_back(part);
    append_directions(rows, prefix, dims, left - part);
    prefix.pop_back();
  }
}

/// Solves matrix * x = (1, ..., 1) by elimination; nothing when the matrix is singular.
std::optional<std::vector<double>> solve_for_ones(std::vector<std::vector<double>> matrix) {
  const std::size_t n = matrix.size();
  double largest = 0;
  for (auto& row : matrix) {
    for (const double value : row) largest = std::max(largest, std::abs(value));
    row.push_back(1);
  }
  const double negligible =
      largest * static_cast<double>(n) * std::numeric_limits<double>::epsilon();
  for (std::size_t k = 0; k < n; ++k) {
    const auto size_at_k = [k](const auto& row) { return std::abs(row[k]); };
    const auto below = matrix.begin() + static_cast<std::ptrdiff_t>(k);
    std::iter_swap(below, std::ranges::max_element(below, matrix.end(), {}, size_at_k));
    if (size_at_k(matrix[k]) <= negligible) return std::nullopt;
    for (std::size_t i = 0; i < n; ++i) {
      if (i == k) continue;
      const double factor = matrix[i][k] / matrix[k][k];
      for (std::size_t j = k; j <= n; ++j) matrix[i][j] -= factor * matrix[k][j];
    }
  }
  std::vector<double> x(n);
  for (std::size_t k = 0; k < n; ++k) x[k] = matrix[k][n] / matrix[k][k];
  return x;
}

/// What to multiply each axis by, given points whose ideal point is 0.
std::vector<double> axis_scales(const PointsView& points) {
  std::vector<std::vector<double>> extremes;
  for (std::size_t axis = 0; axis < points.dims; ++axis) {
    // The point that is nearest to the axis.
    std::size_t nearest = 0;
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < points.size(); ++i) {
      double farthest = 0;
      for (std::size_t j = 0; j < points.dims; ++j) {
        farthest = std::max(farthest, points[i][j] * (j == axis ? 1 : kAcross));
      }
      if (farthest < least) {
        least = farthest;
        nearest = i;
      }
    }
    extremes.emplace_back(points[nearest].begin(), points[nearest].end());
  }
  const auto plane = solve_for_ones(std::move(extremes));
  if (plane && std::ranges::all_of(*plane, [](double x) { return x > 0 && std::isfinite(x); })) {
    return *plane;
  }
  std::vector<double> scales(points.dims, 0);
  for (std::size_t i = 0; i < points.values.size(); ++i) {
    scales[i % points.dims] = std::max(scales[i % points.dims], points.values[i]);
  }
  for (double& scale : scales) scale = scale > 0 ? 1 / scale : 1;
  return scales;
}

/// Any of the items, by chance.
std::size_t any_of_these(std::span<const std::size_t> items, Rng& rng) {
  return items[rng.below(items.size())];
}

/// Takes `count` of the candidates one by one; `crowd` says how many each niche has already.
std::vector<std::size_t> niche_by_niche(std::vector<std::size_t> candidates,
                                        const std::vector<Niche>& of_point, std::vector<int> crowd,
                                        std::size_t count, Rng& rng) {
  std::vector<std::size_t> taken;
  std::vector<std::size_t> equals;
  while (taken.size() < count) {
    int fewest = std::numeric_limits<int>::max();
    equals.clear();
    for (const std::size_t i : candidates) {
      const std::size_t direction = of_point[i].direction;
      if (crowd[direction] < fewest) {
        fewest = crowd[direction];
        equals.clear();
      }
      const bool listed = std::ranges::find(equals, direction) != equals.end();
      if (crowd[direction] == fewest && !listed) equals.push_back(direction);
    }
    const std::size_t niche = any_of_these(equals, rng);
    equals.clear();
    for (const std::size_t i : candidates) {
      if (of_point[i].direction == niche) equals.push_back(i);
    }
    const std::size_t chosen =
        fewest > 0 ? any_of_these(equals, rng)
                   : *std::ranges::min_element(equals, {},
                                               [&](std::size_t i) { return of_point[i].distance; });
    ++crowd[niche];
    taken.push_back(chosen);
    std::erase(candidates, chosen);
  }
  return taken;
}

}  // namespace

std::vector<double> niche_directions(std::size_t dims, int divisions) {
  HT_ASSERT(dims >= 1 && divisions >= 1);
  std::vector<double> rows;
  std::vector<double> prefix;
  append_directions(rows, prefix, dims, divisions);
  return rows;
}

int most_divisions(std::size_t dims, std::size_t count) {
  // There are (divisions + dims - 1) over (dims - 1) directions; one dimension has only one.
  if (dims == 1) return 1;
  int divisions = 1;
  double directions = static_cast<double>(dims);
  for (;;) {
    directions *= static_cast<double>(dims) + divisions;
    directions /= divisions + 1;
    if (directions > static_cast<double>(count)) return divisions;
    ++divisions;
  }
}

std::vector<double> normalized_objectives(const PointsView& points) {
  std::vector<double> values(points.values.begin(), points.values.end());
  for (std::size_t axis = 0; axis < points.dims; ++axis) {
    double low = std::numeric_limits<double>::infinity();
    double high = -low;
    for (std::size_t i = axis; i < values.size(); i += points.dims) {
      if (!std::isfinite(values[i])) continue;
      low = std::min(low, values[i]);
      high = std::max(high, values[i]);
    }
    if (low > high) low = high = 0;
    const double margin = kBeyond * (high - low);
    double ideal = std::numeric_limits<double>::infinity();
    for (std::size_t i = axis; i < values.size(); i += points.dims) {
      values[i] = std::clamp(values[i], low - margin, high + margin);
      ideal = std::min(ideal, values[i]);
    }
    for (std::size_t i = axis; i < values.size(); i += points.dims) values[i] -= ideal;
  }
  if (values.empty()) return values;
  const auto scales = axis_scales({values, points.dims});
  for (std::size_t i = 0; i < values.size(); ++i) values[i] *= scales[i % points.dims];
  return values;
}

std::vector<Niche> niches(const PointsView& normalized, const PointsView& directions) {
  std::vector<Niche> all;
  for (std::size_t i = 0; i < normalized.size(); ++i) {
    const auto point = normalized[i];
    Niche nearest{0, std::numeric_limits<double>::infinity()};
    for (std::size_t k = 0; k < directions.size(); ++k) {
      const auto line = directions[k];
      const double along = std::inner_product(point.begin(), point.end(), line.begin(), 0.0) /
                           std::inner_product(line.begin(), line.end(), line.begin(), 0.0);
      double squares = 0;
      for (std::size_t j = 0; j < point.size(); ++j) {
        const double off = point[j] - along * line[j];
        squares += off * off;
      }
      if (squares < nearest.distance) nearest = {k, squares};
    }
    nearest.distance = std::sqrt(nearest.distance);
    all.push_back(nearest);
  }
  return all;
}

std::vector<std::size_t> fittest_by_niche(const PointsView& points,
                                          std::span<const double> penalties, std::size_t count,
                                          const PointsView& directions, Rng& rng) {
  const auto ranks = nondominated_ranks(points, penalties);
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return ranks[i]; });
  if (order.size() <= count) return order;
  const int last_rank = ranks[order[count]];
  const auto rank_of = [&](std::size_t i) { return ranks[i]; };
  const auto last_begin = std::ranges::lower_bound(order, last_rank, {}, rank_of);
  const auto last_end = std::ranges::upper_bound(order, last_rank, {}, rank_of);
  std::vector<std::size_t> kept(order.begin(), last_begin);
  if (kept.size() == count) return kept;

  std::vector<double> concerned;
  for (auto i = order.begin(); i != last_end; ++i) {
    concerned.insert(concerned.end(), points[*i].begin(), points[*i].end());
  }
  const auto of_place =
      niches({normalized_objectives({concerned, points.dims}), points.dims}, directions);
  std::vector<Niche> of_point(points.size());
  for (std::size_t k = 0; k < of_place.size(); ++k) of_point[order[k]] = of_place[k];
  std::vector<int> crowd(directions.size());
  for (const std::size_t i : kept) ++crowd[of_point[i].direction];
  const auto taken =
      niche_by_niche({last_begin, last_end}, of_point, std::move(crowd), count - kept.size(), rng);
  kept.insert(kept.end(), taken.begin(), taken.end());
  return kept;
}

}  // namespace hypertune

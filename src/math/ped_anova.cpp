// PED-ANOVA: Watanabe, Bansal and Hutter, "PED-ANOVA: efficiently quantifying hyperparameter
// importance in arbitrary subspaces", IJCAI 2023. Bandwidth: Scott, "Multivariate density
// estimation", 1992.
//
// Deviations from Optuna: none.
#include "math/ped_anova.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/assert.h"
#include "math/truncated_normal.h"

namespace hypertune {
namespace {

/// Nine tenths of the narrowest kernel lie inside one cell.
constexpr double kLeastDeviation = 0.5 / 1.64;

/// Keeps the quotient of two probabilities finite.
constexpr double kLeastProbability = 1e-12;

/// The first occupied cell up to which more than `least` observations lie, the last one at most.
double quantile_cell(std::span<const std::size_t> counts, std::size_t least) {
  std::size_t seen = 0;
  std::size_t cell = 0;
  for (std::size_t i = 0; i < counts.size() && seen <= least; ++i) {
    if (counts[i] == 0) continue;
    seen += counts[i];
    cell = i;
  }
  return static_cast<double>(cell);
}

double scott_deviation(std::span<const std::size_t> counts, std::size_t total) {
  const auto n = static_cast<double>(total);
  double mean = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    mean += static_cast<double>(i) * static_cast<double>(counts[i]) / n;
  }
  double squares = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    squares += std::pow(static_cast<double>(i) - mean, 2) * static_cast<double>(counts[i]);
  }
  const double deviation = std::sqrt(squares / std::max(1.0, n - 1));
  // "At least a quarter" is "more than a quarter less one".
  const std::size_t quarter = total / 4;
  const double low = quantile_cell(counts, quarter == 0 ? 0 : quarter - 1);
  const double high = quantile_cell(counts, total * 3 / 4);
  const double scott = 1.059 * std::min((high - low) / 1.34, deviation) * std::pow(n, -0.2);
  return std::max(scott, kLeastDeviation);
}

/// Adds `weight` times a normal kernel that is cut off at the ends of the grid.
void add_kernel(std::vector<double>& cells, double weight, double mean, double deviation) {
  const auto edge = [&](std::size_t i) {
    return (static_cast<double>(i) - 0.5 - mean) / deviation;
  };
  const double whole = log_normal_mass(edge(0), edge(cells.size()));
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] += weight * std::exp(log_normal_mass(edge(i), edge(i + 1)) - whole);
  }
}

}  // namespace

std::vector<double> smoothed_cells(std::span<const std::size_t> counts) {
  const std::size_t total = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  HT_ASSERT(total > 0);
  const double weight = 1 / (static_cast<double>(total) + 1);
  const double deviation = scott_deviation(counts, total);
  const auto size = static_cast<double>(counts.size());
  std::vector<double> cells(counts.size());
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    add_kernel(cells, weight * static_cast<double>(counts[i]), static_cast<double>(i), deviation);
  }
  add_kernel(cells, weight, (size - 1) / 2, size);
  return cells;
}

std::vector<double> smoothed_categories(std::span<const std::size_t> counts) {
  const std::size_t total = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
  HT_ASSERT(total > 0);
  const double weight = 1 / (static_cast<double>(total) + 1);
  const auto size = static_cast<double>(counts.size());
  // Each category that was seen has a kernel, and one observation is spread over all.
  const auto seen = std::ranges::count_if(counts, [](std::size_t count) { return count > 0; });
  const double share = 1 / (static_cast<double>(seen) + 1);
  const double everywhere =
      weight * (static_cast<double>(total) * share / (size * share + 1) + 1 / size);
  std::vector<double> categories;
  for (const std::size_t count : counts) {
    categories.push_back(everywhere + weight * static_cast<double>(count) / (size * share + 1));
  }
  return categories;
}

double pearson_divergence(std::span<const double> good, std::span<const double> all) {
  HT_ASSERT(good.size() == all.size());
  double sum = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double q = all[i] + kLeastProbability;
    sum += q * std::pow((good[i] + kLeastProbability) / q - 1, 2);
  }
  return sum;
}

}  // namespace hypertune

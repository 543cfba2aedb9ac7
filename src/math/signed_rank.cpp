// Wilcoxon's signed-rank test. Wilcoxon, "Individual comparisons by ranking methods", 1945.
//
// Deviations from SciPy's `wilcoxon(d, alternative="greater", zero_method="zsplit")`:
// - with ties and 14 to 50 differences SciPy falls back to the normal approximation; here the
//   distribution given the ties is enumerated;
// - in the normal approximation zeros add nothing to the variance, for their share never varies.
#include "math/signed_rank.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostExact = 50;

/// Twice the ranks of the sizes of the differences, whole numbers also where equal sizes share
/// their mean rank. In the order of the differences.
std::vector<std::size_t> doubled_ranks(std::span<const double> differences) {
  const std::size_t n = differences.size();
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto size_of = [&](std::size_t i) { return std::abs(differences[i]); };
  std::ranges::sort(order, {}, size_of);
  std::vector<std::size_t> ranks(n);
  for (std::size_t first = 0; first < n;) {
    std::size_t end = first + 1;
    while (end < n && size_of(order[end]) == size_of(order[first])) ++end;
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = first + 1 + end;
    first = end;
  }
  return ranks;
}

/// Share of the sign patterns whose sum of positive ranks is at least `sum`.
double exact_tail(std::span<const std::size_t> ranks, std::size_t sum) {
  const std::size_t most = std::accumulate(ranks.begin(), ranks.end(), std::size_t{0});
  std::vector<double> probability(most + 1, 0.0);
  probability[0] = 1;
  std::size_t reached = 0;
  for (const std::size_t rank : ranks) {
    reached += rank;
    for (std::size_t s = reached + 1; s-- > 0;) {
      probability[s] = (probability[s] + (s >= rank ? probability[s - rank] : 0)) / 2;
    }
  }
  return std::accumulate(probability.begin() + static_cast<std::ptrdiff_t>(sum), probability.end(),
                         0.0);
}

double normal_tail(std::span<const std::size_t> ranks, std::size_t sum) {
  double mean = 0;
  double variance = 0;
  for (const std::size_t rank : ranks) {
    const auto r = static_cast<double>(rank);
    mean += r / 2;
    variance += r * r / 4;
  }
  return std::erfc((static_cast<double>(sum) - mean) / std::sqrt(2 * variance)) / 2;
}

}  // namespace

double signed_rank_p(std::span<const double> differences) {
  const std::vector<std::size_t> all = doubled_ranks(differences);
  std::vector<std::size_t> ranks;  // of what is not zero: half a zero's rank moves no comparison
  std::size_t positive = 0;
  for (std::size_t i = 0; i < differences.size(); ++i) {
    HT_ASSERT(std::isfinite(differences[i]));
    if (differences[i] == 0) continue;
    ranks.push_back(all[i]);
    if (differences[i] > 0) positive += all[i];
  }
  if (ranks.empty()) return 1;
  return differences.size() <= kMostExact ? exact_tail(ranks, positive)
                                          : normal_tail(ranks, positive);
}

}  // namespace hypertune

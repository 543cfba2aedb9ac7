// Expected improvements in logarithms. Ament, Daulton, Eriksson, Balandat and Bakshy, "Unexpected
// improvements to expected improvement for Bayesian optimization", arXiv:2310.20708.
//
// Deviations: far out the asymptotic series takes the place of the scaled error function.
#include "math/log_improvement.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <vector>

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Below this, z Phi(z) + phi(z) cancels by more than three digits.
constexpr double kFarTail = -25;

double log_density(double z) {
  static const double kLogSqrtTwoPi = 0.5 * std::log(2 * std::numbers::pi);
  return -0.5 * z * z - kLogSqrtTwoPi;
}

/// Sums of the asymptotic series of h(z) z^2 / phi(z) = 1 - 3/z^2 + 15/z^4 - ..., and of
/// -Phi(z) z / phi(z) = 1 - 1/z^2 + 3/z^4 - ... Eight terms leave 1e-13 at the edge of the tail.
LogImprovement in_far_tail(double z) {
  const double step = -1 / (z * z);
  double improvement = 0;
  double chance = 0;
  double term = 1;
  for (int odd = 1; odd <= 17; odd += 2) {
    chance += term;
    term *= odd;
    improvement += term;
    term *= step;
  }
  return {log_density(z) - 2 * std::log(-z) + std::log(improvement), -z * chance / improvement};
}

/// One side of a box along one coordinate: log of E[min(max(upper - Y, 0), upper - lower)].
struct Side {
  double log_length = 0;
  double by_mean = 0;  ///< derivatives of the logarithm
  double by_deviation = 0;
};

Side side(double lower, double upper, double mean, double deviation) {
  const LogExpectedImprovement above = log_expected_improvement(mean, deviation, upper);
  if (lower == -kInfinity) return {above.value, above.by_mean, above.by_deviation};
  const LogExpectedImprovement below = log_expected_improvement(mean, deviation, lower);
  const double share = std::exp(below.value - above.value);
  // What narrow sides lose by cancellation must not leave the range of logarithms.
  const double rest = std::max(-std::expm1(below.value - above.value), 1e-15);
  return {above.value + std::log(rest), (above.by_mean - share * below.by_mean) / rest,
          (above.by_deviation - share * below.by_deviation) / rest};
}

}  // namespace

LogImprovement log_improvement(double z) {
  if (z < kFarTail) return in_far_tail(z);
  const double chance = 0.5 * std::erfc(-z * (0.5 * std::numbers::sqrt2));
  const double improvement = z * chance + std::exp(log_density(z));
  return {std::log(improvement), chance / improvement};
}

LogExpectedImprovement log_expected_improvement(double mean, double deviation, double best) {
  const double z = (best - mean) / deviation;
  const LogImprovement standard = log_improvement(z);
  return {standard.value + std::log(deviation), -standard.slope / deviation,
          (1 - z * standard.slope) / deviation};
}

double log_expected_hypervolume(std::span<const double> means, std::span<const double> deviations,
                                const Boxes& boxes, std::span<double> by_means,
                                std::span<double> by_deviations) {
  const std::size_t dims = boxes.dims;
  const std::size_t count = boxes.size();
  std::vector<Side> sides(count * dims);
  std::vector<double> logs(count);
  double largest = -kInfinity;
  for (std::size_t k = 0; k < count; ++k) {
    for (std::size_t d = 0; d < dims; ++d) {
      const std::size_t i = k * dims + d;
      sides[i] = side(boxes.lower[i], boxes.upper[i], means[d], deviations[d]);
      logs[k] += sides[i].log_length;
    }
    largest = std::max(largest, logs[k]);
  }
  double sum = 0;
  for (double& log : logs) sum += log = std::exp(log - largest);
  std::ranges::fill(by_means, 0.0);
  std::ranges::fill(by_deviations, 0.0);
  for (std::size_t k = 0; !by_means.empty() && k < count; ++k) {
    for (std::size_t d = 0; d < dims; ++d) {
      by_means[d] += logs[k] / sum * sides[k * dims + d].by_mean;
      by_deviations[d] += logs[k] / sum * sides[k * dims + d].by_deviation;
    }
  }
  return largest + std::log(sum);
}

}  // namespace hypertune

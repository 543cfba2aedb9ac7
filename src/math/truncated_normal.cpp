// The standard normal distribution cut off at both ends.
//
// Probabilities far out are smaller than rounding errors of those near 1. Everything is therefore
// computed in the left tail, by symmetry, and in logarithms.
#include "math/truncated_normal.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr double kSqrtHalf = 0.5 * std::numbers::sqrt2;
const double kLogSqrtTwoPi = 0.5 * std::log(2 * std::numbers::pi);

/// Below this, erfc comes near the smallest double.
constexpr double kFarTail = -30;

/// log(1 - exp(-x)) for x > 0.
double log_one_minus_exp(double x) {
  return x < std::numbers::ln2 ? std::log(-std::expm1(-x)) : std::log1p(-std::exp(-x));
}

double log_sum_exp(double a, double b) {
  const double larger = std::max(a, b);
  return larger + std::log1p(std::exp(std::min(a, b) - larger));
}

/// Where the difference of two distribution functions would cancel.
bool is_narrow(double middle, double width) {
  return width < 0.1 && width * std::abs(middle) < 0.5;
}

/// By the Taylor series of the density around the middle of the interval. The first term left out
/// is below 1e-10 for narrow ones.
double log_narrow_mass(double middle, double width) {
  const double z2 = middle * middle;
  const double w2 = width * width;
  const double second = (z2 - 1) / 24;
  const double fourth = ((z2 - 6) * z2 + 3) / 1920;
  const double sixth = (((z2 - 15) * z2 + 45) * z2 - 15) / 322560;
  const double t = w2 * (second + w2 * (fourth + w2 * sixth));  // less than 0.011
  const double log_one_plus_t = t * (1 - t * (0.5 - t * (1.0 / 3 - t * (0.25 - t * 0.2))));
  return -0.5 * z2 - kLogSqrtTwoPi + std::log(width) + log_one_plus_t;
}

}  // namespace

double log_normal_cdf(double x) {
  if (x > 0) return std::log1p(-0.5 * std::erfc(x * kSqrtHalf));
  if (x > kFarTail) return std::log(0.5 * std::erfc(-x * kSqrtHalf));
  if (std::isinf(x)) return x;
  // The asymptotic series of the tail: 1 - 1/x^2 + 3/x^4 - 15/x^6 + ...
  const double step = -1 / (x * x);
  double term = 1;
  double sum = 1;
  for (int odd = 1; odd <= 15; odd += 2) {
    term *= odd * step;
    sum += term;
  }
  return -0.5 * x * x - std::log(-x) - kLogSqrtTwoPi + std::log(sum);
}

namespace {

/// The quantile of probabilities below about one half, by Halley's method: there the logarithm
/// bends enough to converge fast.
double left_quantile(double log_p) {
  // To start with: the tail's leading term, or the logistic distribution of the same variance.
  double x = log_p < -5 ? -std::sqrt(-2 * (log_p + kLogSqrtTwoPi))
                        : -std::sqrt(3.0) / std::numbers::pi * std::log(std::expm1(-log_p));
  constexpr int kMaxSteps = 50;
  for (int i = 0; i < kMaxSteps; ++i) {
    const double value = log_normal_cdf(x);
    const double slope = std::exp(-0.5 * x * x - kLogSqrtTwoPi - value);
    const double newton = (value - log_p) / slope;
    const double step = newton / std::max(0.5, 1 + 0.5 * newton * (x + slope));
    x -= step;
    // What is left is about the third power.
    if (std::abs(step) <= 1e-4 * std::max(std::abs(x), 1e-2)) break;
  }
  return x;
}

}  // namespace

double log_normal_quantile(double log_p) {
  HT_ASSERT(log_p < 0);
  return log_p > -std::numbers::ln2 ? -left_quantile(log_one_minus_exp(-log_p))
                                    : left_quantile(log_p);
}

double log_normal_mass(double a, double b) {
  HT_ASSERT(a < b);
  if (a > 0) return log_normal_mass(-b, -a);
  const double width = b - a;
  const double middle = 0.5 * (a + b);
  if (is_narrow(middle, width)) return log_narrow_mass(middle, width);
  if (b > 0) return std::log(0.5 * (std::erf(b * kSqrtHalf) - std::erf(a * kSqrtHalf)));
  if (b > kFarTail) {
    return std::log(0.5 * (std::erfc(-b * kSqrtHalf) - std::erfc(-a * kSqrtHalf)));
  }
  const double log_b = log_normal_cdf(b);
  return log_b + log_one_minus_exp(log_b - log_normal_cdf(a));
}

double log_normal_mass_around(double middle, double width) {
  HT_ASSERT(width > 0);
  if (is_narrow(middle, width)) return log_narrow_mass(middle, width);
  return log_normal_mass(middle - width / 2, middle + width / 2);
}

double truncated_normal_quantile(double q, double a, double b) {
  HT_ASSERT(a < b && q >= 0 && q <= 1);
  if (q == 0) return a;
  if (q == 1) return b;
  if (a >= 0) return -truncated_normal_quantile(1 - q, -b, -a);
  if (a > kFarTail && b > 0) {  // nothing cancels, nor becomes too small
    const double below = 0.5 * std::erfc(-a * kSqrtHalf);
    const double above = 0.5 * std::erfc(b * kSqrtHalf);
    const double inside = 1 - below - above;
    const double left = below + q * inside;
    const double x = left < 0.5 ? left_quantile(std::log(left))
                                : -left_quantile(std::log(above + (1 - q) * inside));
    return std::clamp(x, a, b);
  }
  const double log_p = log_sum_exp(log_normal_cdf(a), std::log(q) + log_normal_mass(a, b));
  return log_p < 0 ? std::clamp(log_normal_quantile(log_p), a, b) : b;
}

}  // namespace hypertune

// The standard normal distribution cut off at both ends.
//
// Probabilities far out are smaller than rounding errors of those near 1. Everything is therefore
// computed in the left tail, by symmetry, and in logarithms.
#include "math/truncated_normal.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
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

/// Taylor series of the upper tail's probability around 0, 1/32, ..., 8; at most 1/64 away, what is
/// left out is below 1e-14 of it up to 4, and 1e-11 at 8.
class TailTable {
 public:
  static constexpr double kEnd = 8;

  TailTable() {
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const double z = static_cast<double>(i) / kPerUnit;
      Row& row = rows_[i];
      row[0] = 0.5 * std::erfc(z * kSqrtHalf);
      // The derivatives of the density are its products with Hermite polynomials.
      double hermite = 1;
      double before = 0;
      double factor = -std::exp(-0.5 * z * z - kLogSqrtTwoPi);  // with 1 / factorial and the sign
      for (std::size_t n = 1; n < row.size(); ++n) {
        row[n] = factor * hermite;
        const double next = z * hermite - static_cast<double>(n - 1) * before;
        before = hermite;
        hermite = next;
        factor /= -static_cast<double>(n + 1);
      }
    }
  }

  /// Requires 0 <= z <= kEnd.
  double at(double z) const {
    const auto i = static_cast<std::size_t>(z * kPerUnit + 0.5);
    const double t = z - static_cast<double>(i) / kPerUnit;
    const Row& c = rows_[i];
    const double t2 = t * t;
    const double low = (c[0] + c[1] * t) + (c[2] + c[3] * t) * t2;
    const double high = (c[4] + c[5] * t) + (c[6] + c[7] * t) * t2;
    return low + high * (t2 * t2);
  }

 private:
  static constexpr double kPerUnit = 32;
  using Row = std::array<double, 8>;
  std::array<Row, static_cast<std::size_t>(kEnd* kPerUnit) + 1> rows_{};
};

const TailTable kTail;

/// The probability beyond z >= 0, to 1e-15: none beyond 8. Without a branch, for nobody could guess
/// which way it goes.
double tail(double z) {
  constexpr std::array<double, 2> kShare = {0, 1};
  return kTail.at(std::min(z, TailTable::kEnd)) * kShare[z <= TailTable::kEnd ? 1 : 0];
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

/// The quantile of the probability 1/2 + q, |q| <= 0.425, to about 1e-15: Wichura, "Algorithm AS
/// 241: The percentage points of the normal distribution", Applied Statistics 37, 1988.
double central_quantile(double q) {
  constexpr std::array<double, 8> kAbove = {3.3871328727963666080,   1.3314166789178437745e2,
                                            1.9715909503065514427e3, 1.3731693765509461125e4,
                                            4.5921953931549871457e4, 6.7265770927008700853e4,
                                            3.3430575583588128105e4, 2.5090809287301226727e3};
  constexpr std::array<double, 8> kBelow = {1.0,
                                            4.2313330701600911252e1,
                                            6.8718700749205790830e2,
                                            5.3941960214247511077e3,
                                            2.1213794301586595867e4,
                                            3.9307895800092710610e4,
                                            2.8729085735721942674e4,
                                            5.2264952788528545610e3};
  const double r = 0.180625 - q * q;
  const double r2 = r * r;
  const auto sum = [&](const std::array<double, 8>& c) {
    const double low = (c[0] + c[1] * r) + (c[2] + c[3] * r) * r2;
    const double high = (c[4] + c[5] * r) + (c[6] + c[7] * r) * r2;
    return low + high * (r2 * r2);
  };
  return q * sum(kAbove) / sum(kBelow);
}

/// The point beyond which probability p lies, 0 < p <= 1/2.
double tail_quantile(double p) {
  if (p >= 0.075) return central_quantile(0.5 - p);
  constexpr double kLeast = 1e-14;  // the tail's own error matters beyond
  if (p < kLeast) return -left_quantile(std::log(p));
  // To 4.5e-4: Abramowitz and Stegun, 26.2.23. The inverse function's series then leaves about the
  // fourth power.
  const double t = std::sqrt(-2 * std::log(p));
  const double near = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
                              (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  const double x = std::max(near, 0.0);
  const double u = (tail(x) - p) * std::exp(0.5 * x * x + kLogSqrtTwoPi);
  return x + u * (1 + u * (x / 2 + u * (2 * x * x + 1) / 6));
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
  if (b > 0) return std::log((0.5 - tail(-a)) + (0.5 - tail(b)));
  if (a >= -TailTable::kEnd) return std::log(tail(-b) - tail(-a));
  if (b > kFarTail) {
    return std::log(0.5 * (std::erfc(-b * kSqrtHalf) - std::erfc(-a * kSqrtHalf)));
  }
  const double log_b = log_normal_cdf(b);
  return log_b + log_one_minus_exp(log_b - log_normal_cdf(a));
}

double normal_mass_inside(double a, double b) {
  HT_ASSERT(a <= 0 && b >= 0);
  return 1 - tail(-a) - tail(b);
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
    const double below = tail(-a);
    const double above = tail(b);
    const double inside = 1 - below - above;
    const double left = below + q * inside;
    const std::array<double, 2> tails = {left, above + (1 - q) * inside};
    constexpr std::array<double, 2> kSigns = {-1, 1};
    const std::size_t side = left < 0.5 ? 0 : 1;  // an index, for a branch would be guessed wrongly
    return std::clamp(kSigns[side] * tail_quantile(tails[side]), a, b);
  }
  const double log_p = log_sum_exp(log_normal_cdf(a), std::log(q) + log_normal_mass(a, b));
  return log_p < 0 ? std::clamp(log_normal_quantile(log_p), a, b) : b;
}

}  // namespace hypertune

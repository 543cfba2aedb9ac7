// The functions after Hansen, Finck, Ros and Auger, "Real-parameter black-box optimization
// benchmarking 2009: noiseless functions definitions", RR-6829; names of transformations as there.
#include "quality/bbob.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/assert.h"

namespace hypertune::bench {
namespace {

using Row = std::vector<double>;
constexpr double kTwoPi = 2 * std::numbers::pi;

double squared(double x) { return x * x; }
double squared_norm(const Row& x) { return std::inner_product(x.begin(), x.end(), x.begin(), 0.0); }

Row all_but_first(const Row& z) { return {z.begin() + 1, z.end()}; }

double sum_of_cosines(const Row& z) {
  double sum = 0;
  for (const double x : z) sum += std::cos(kTwoPi * x);
  return sum;
}

/// T_osz: small waves around the identity.
double oscillated(double x) {
  if (x == 0) return 0;
  const double level = std::log(std::abs(x));
  const double slow = x > 0 ? 10 : 5.5;
  const double fast = x > 0 ? 7.9 : 3.1;
  const double waves = 0.049 * (std::sin(slow * level) + std::sin(fast * level));
  return std::copysign(std::exp(level + waves), x);
}
Row oscillated(Row x) {
  for (double& each : x) each = oscillated(each);
  return x;
}

/// T_asy: what is positive grows faster.
Row skewed(Row x, double beta) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i] <= 0) continue;
    x[i] = std::pow(x[i], 1 + beta * share_of_axes(i, x.size()) * std::sqrt(x[i]));
  }
  return x;
}

/// Lambda: the axes are stretched by 1 up to `last`.
Row stretched(Row x, double last) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::pow(last, share_of_axes(i, x.size()));
  return x;
}

/// f_pen: how far outside of [-5, 5].
double penalty(const Row& x) {
  double sum = 0;
  for (const double each : x) sum += squared(std::max(0.0, std::abs(each) - 5));
  return sum;
}

Row minus(Row x, const Row& y) {
  for (std::size_t i = 0; i < x.size(); ++i) x[i] -= y[i];
  return x;
}

/// The squares, weighted by 1 up to `condition`.
double ellipsoid(const Row& z, double condition) {
  double sum = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    sum += std::pow(condition, share_of_axes(i, z.size())) * squared(z[i]);
  }
  return sum;
}

double rastrigin(const Row& z) {
  return 10 * (static_cast<double>(z.size()) - sum_of_cosines(z)) + squared_norm(z);
}

/// f4
double bueche_rastrigin(const Row& x, Row z) {
  for (std::size_t i = 0; i < z.size(); i += 2) {
    if (z[i] > 0) z[i] *= 10;
  }
  return rastrigin(stretched(std::move(z), std::sqrt(10.0))) + 100 * penalty(x);
}

/// f5
double linear_slope(const Row& x, const Row& optimum) {
  double sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double slope = std::copysign(std::pow(10, share_of_axes(i, x.size())), optimum[i]);
    const double z = x[i] * optimum[i] < 25 ? x[i] : optimum[i];
    sum += 5 * std::abs(slope) - slope * z;
  }
  return sum;
}

/// f6
double attractive_sector(Row z, const Row& optimum) {
  for (std::size_t i = 0; i < z.size(); ++i) {
    if (z[i] * optimum[i] > 0) z[i] *= 100;
  }
  return std::pow(oscillated(squared_norm(z)), 0.9);
}

/// f7
double step_ellipsoid(const Row& x, Row steps, const RowMatrix& rotation) {
  const double first = std::abs(steps.front());
  for (double& z : steps) {
    z = std::abs(z) > 0.5 ? std::floor(0.5 + z) : std::floor(0.5 + 10 * z) / 10;
  }
  return 0.1 * std::max(first / 1e4, ellipsoid(rotation.times(steps), 100)) + penalty(x);
}

double rosenbrock_term(double a, double b) { return 100 * squared(a * a - b) + squared(a - 1); }

/// f8 and f9, in coordinates with their optimum at 1.
double rosenbrock(const Row& z) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < z.size(); ++i) sum += rosenbrock_term(z[i], z[i + 1]);
  return sum;
}

/// f19
double griewank_rosenbrock(const Row& z) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < z.size(); ++i) {
    const double s = rosenbrock_term(z[i], z[i + 1]);
    sum += s / 4000 - std::cos(s);
  }
  return 10 * sum / static_cast<double>(z.size() - 1) + 10;
}

/// What f8, f9 and f19 multiply their coordinates by.
double valley_scale(const Row& x) {
  return std::max(1.0, std::sqrt(static_cast<double>(x.size())) / 8);
}
Row in_valley(Row z, double shift) {
  const double scale = valley_scale(z);
  for (double& each : z) each = scale * each + shift;
  return z;
}

/// f14
double different_powers(const Row& z) {
  double sum = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    sum += std::pow(std::abs(z[i]), 2 + 4 * share_of_axes(i, z.size()));
  }
  return std::sqrt(sum);
}

/// f16
double weierstrass(const Row& x, const Row& z) {
  double sum = 0;
  double least = 0;
  for (int k = 0; k < 12; ++k) {
    const double height = std::pow(0.5, k);
    const double frequency = kTwoPi * std::pow(3, k);
    for (const double each : z) sum += height * std::cos(frequency * (each + 0.5));
    least += height * std::cos(frequency * 0.5);
  }
  const auto n = static_cast<double>(z.size());
  return 10 * std::pow(sum / n - least, 3) + 10 / n * penalty(x);
}

/// f17 and f18
double schaffers(const Row& x, const Row& z) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < z.size(); ++i) {
    const double s = std::hypot(z[i], z[i + 1]);
    sum += std::sqrt(s) * (1 + squared(std::sin(50 * std::pow(s, 0.2))));
  }
  return squared(sum / static_cast<double>(z.size() - 1)) + 10 * penalty(x);
}

/// f20
double schwefel(const Row& x, const Row& optimum) {
  Row middle(x.size());
  Row z(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    middle[i] = 2 * std::abs(optimum[i]);
    z[i] = std::copysign(2, optimum[i]) * x[i];
  }
  const Row mirrored = z;
  for (std::size_t i = 1; i < z.size(); ++i) z[i] += 0.25 * (mirrored[i - 1] - middle[i - 1]);
  z = stretched(minus(std::move(z), middle), std::sqrt(10.0));
  double sum = 0;
  for (std::size_t i = 0; i < z.size(); ++i) {
    z[i] += middle[i];
    sum += 100 * z[i] * std::sin(std::sqrt(std::abs(100 * z[i])));
  }
  return 4.189828872724339 - sum / (100 * static_cast<double>(x.size())) + 100 * penalty(z);
}

/// f21 and f22
double gallagher(const Row& x, const Row& turned, const std::vector<Peak>& peaks) {
  double highest = 0;
  for (const Peak& peak : peaks) {
    double distance = 0;
    for (std::size_t i = 0; i < turned.size(); ++i) {
      distance += peak.steepness[i] * squared(turned[i] - peak.center[i]);
    }
    const double dims = static_cast<double>(turned.size());
    highest = std::max(highest, peak.height * std::exp(-distance / (2 * dims)));
  }
  return squared(oscillated(10 - highest)) + penalty(x);
}

/// f23
double katsuura(const Row& x, const Row& z) {
  const auto n = static_cast<double>(z.size());
  double product = 1;
  for (std::size_t i = 0; i < z.size(); ++i) {
    double sum = 0;
    for (int j = 1; j <= 32; ++j) {
      const double power = std::ldexp(1, j);
      sum += std::abs(power * z[i] - std::nearbyint(power * z[i])) / power;
    }
    product *= std::pow(1 + static_cast<double>(i + 1) * sum, 10 / std::pow(n, 1.2));
  }
  return 10 / (n * n) * (product - 1) + penalty(x);
}

/// f24
double lunacek(const Row& x, const BbobInstance& instance) {
  constexpr double kBetter = 2.5;
  const auto n = static_cast<double>(x.size());
  const double s = 1 - 1 / (2 * std::sqrt(n + 20) - 8.2);
  const double worse = -std::sqrt((kBetter * kBetter - 1) / s);
  Row away(x.size());
  double to_better = 0;
  double to_worse = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double mirrored = std::copysign(2, instance.optimum[i]) * x[i];
    away[i] = mirrored - kBetter;
    to_better += squared(mirrored - kBetter);
    to_worse += squared(mirrored - worse);
  }
  const double waves = n - sum_of_cosines(instance.transformation.times(away));
  return std::min(to_better, n + s * to_worse) + 10 * waves + 1e4 * penalty(x);
}

}  // namespace

bool bbob_optimum_is_free(int function) {
  return function <= 18 && function != 4 && function != 5 && function != 9;
}

double bbob_excess(const BbobInstance& instance, const Row& x) {
  HT_ASSERT(x.size() == instance.optimum.size());
  const Row away = minus(x, instance.optimum);
  const auto turned = [&] { return instance.rotation.times(away); };
  const auto transformed = [&](const Row& z) { return instance.transformation.times(z); };
  const double ten = std::sqrt(10.0);
  switch (instance.function) {
    case 1:
      return squared_norm(away);
    case 2:
      return ellipsoid(oscillated(away), 1e6);
    case 3:
      return rastrigin(stretched(skewed(oscillated(away), 0.2), ten));
    case 4:
      return bueche_rastrigin(x, oscillated(away));
    case 5:
      return linear_slope(x, instance.optimum);
    case 6:
      return attractive_sector(transformed(away), instance.optimum);
    case 7:
      return step_ellipsoid(x, transformed(away), instance.rotation);
    case 8:
      return rosenbrock(in_valley(away, 1));
    case 9:
      return rosenbrock(in_valley(instance.rotation.times(x), 0.5));
    case 10:
      return ellipsoid(oscillated(turned()), 1e6);
    case 11: {
      const Row z = oscillated(turned());
      return squared_norm(z) + (1e6 - 1) * squared(z.front());
    }
    case 12: {
      const Row z = instance.rotation.times(skewed(turned(), 0.5));
      return squared(z.front()) + 1e6 * squared_norm(all_but_first(z));
    }
    case 13: {
      const Row z = transformed(away);
      return squared(z.front()) + 100 * std::sqrt(squared_norm(all_but_first(z)));
    }
    case 14:
      return different_powers(turned());
    case 15:
      return rastrigin(transformed(skewed(oscillated(turned()), 0.2)));
    case 16:
      return weierstrass(x, transformed(oscillated(turned())));
    case 17:
    case 18:
      return schaffers(x, transformed(skewed(turned(), 0.5)));
    case 19:
      return griewank_rosenbrock(in_valley(instance.rotation.times(x), 0.5));
    case 20:
      return schwefel(x, instance.optimum);
    case 21:
    case 22:
      return gallagher(x, instance.rotation.times(x), instance.peaks);
    case 23:
      return katsuura(x, transformed(away));
    case 24:
      return lunacek(x, instance);
    default:
      HT_ASSERT(false);
      return std::numeric_limits<double>::quiet_NaN();
  }
}

}  // namespace hypertune::bench

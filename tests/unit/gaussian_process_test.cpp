// Gaussian processes and expected improvements against numbers that Optuna computed
// (tests/interop/gp_golden.py) and against what they must be by definition.
#include "math/gaussian_process.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "hypertune/rng.h"
#include "math/box_decomposition.h"
#include "math/cholesky.h"
#include "math/hypervolume.h"
#include "math/lbfgs.h"
#include "math/log_improvement.h"

namespace hypertune {
namespace {

using Rows = std::vector<std::vector<double>>;

Json golden(const char* part) {
  return parse_json(read_file(HYPERTUNE_SOURCE_DIR "/tests/unit/golden/gp.json")).at(part);
}

GpPlaces columns_of(const Rows& rows) {
  const std::size_t dims = rows.front().size();
  GpPlaces places{dims, std::vector<double>(dims * rows.size())};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t d = 0; d < dims; ++d) places.columns[d * rows.size() + i] = rows[i][d];
  }
  return places;
}

/// A process of the golden file.
struct Process {
  Json row;
  Rows rows = row["places"].get<Rows>();
  GpPlaces places = columns_of(rows);
  GpCategories categories = row["categories"].get<GpCategories>();
  std::vector<double> values = row["values"].get<std::vector<double>>();
  GpKernel kernel = {row["weights"].get<std::vector<double>>(), row["scale"], row["noise"]};

  GaussianProcess model() const { return {places, categories, values, kernel}; }
};

std::vector<Process> processes() {
  std::vector<Process> all;
  for (const Json& row : golden("processes")) all.push_back(Process{row});
  return all;
}

/// Within this share of the value or of 1.
void expect_close(double ours, double theirs, double share, const std::string& what) {
  EXPECT_NEAR(ours, theirs, share * std::max(1.0, std::abs(theirs))) << what;
}

/// The derivative of `f` in coordinate `d`.
double difference(const std::function<double(const std::vector<double>&)>& f, std::vector<double> x,
                  std::size_t d, double step = 1e-5) {
  x[d] += step;
  const double above = f(x);
  x[d] -= 2 * step;
  return (above - f(x)) / (2 * step);
}

TEST(Matern, IsThatOfOptunaForNumbersAndCategories) {
  for (const Process& p : processes()) {
    const Rows theirs = p.row["kernel"].get<Rows>();
    for (std::size_t i = 0; i < p.rows.size(); ++i) {
      for (std::size_t j = 0; j < p.rows.size(); ++j) {
        double squared = 0;
        for (std::size_t d = 0; d < p.places.dims; ++d) {
          const double difference = p.rows[i][d] - p.rows[j][d];
          squared += p.kernel.weights[d] *
                     (p.categories[d] ? (difference != 0 ? 1 : 0) : difference * difference);
        }
        expect_close(p.kernel.scale * matern52(squared), theirs[i][j], 1e-12, "kernel");
      }
    }
  }
}

TEST(Matern, VanishesFarAway) {
  EXPECT_EQ(matern52(0), 1);
  EXPECT_GE(matern52(1e12), 0);
  EXPECT_LT(matern52(1e12), 1e-290);
}

TEST(Evidence, IsThatOfOptunaWithItsGradient) {
  for (const Process& p : processes()) {
    std::vector<double> gradient(p.places.dims + 2);
    const double ours = log_evidence(p.places, p.categories, p.values, p.kernel, gradient);
    expect_close(ours, p.row["log_evidence"], 1e-9, "evidence");
    EXPECT_EQ(log_evidence(p.places, p.categories, p.values, p.kernel, {}), ours);
    const auto theirs = p.row["log_evidence_gradient"].get<std::vector<double>>();
    for (std::size_t d = 0; d < gradient.size(); ++d) {
      expect_close(gradient[d], theirs[d], 1e-7, "gradient " + std::to_string(d));
    }
  }
}

TEST(Evidence, IsFittedAsWellAsByOptuna) {
  for (const Process& p : processes()) {
    const auto starts = first_kernels(p.places.dims);
    const GpKernel kernel = fit_kernel(p.places, p.categories, p.values, starts);
    const double ours = log_evidence(p.places, p.categories, p.values, kernel, {});
    EXPECT_GT(ours, p.row["fitted_log_evidence"].get<double>() - 0.01);
    EXPECT_GE(kernel.noise, kLeastNoise);
  }
}

TEST(Evidence, HasTheLeastNoiseWhereThereIsNone) {
  const Process p = processes().front();
  const auto starts = first_kernels(p.places.dims);
  const GpKernel kernel =
      fit_kernel(p.places, p.categories, p.values, starts, {.deterministic = true});
  EXPECT_EQ(kernel.noise, kLeastNoise);
}

TEST(Process, PredictsAsOptunaDoes) {
  for (const Process& p : processes()) {
    const Rows queries = p.row["queries"].get<Rows>();
    const auto means = p.row["means"].get<std::vector<double>>();
    const auto variances = p.row["variances"].get<std::vector<double>>();
    const GaussianProcess model = p.model();
    std::vector<double> loadings;
    const auto predictions = model.predict(columns_of(queries), loadings);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      expect_close(predictions[i].mean, means[i], 1e-8, "mean");
      expect_close(predictions[i].variance, variances[i], 1e-8, "variance");
      const auto local = model.at(queries[i]);
      expect_close(local.prediction.mean, means[i], 1e-8, "mean of one");
      expect_close(local.prediction.variance, variances[i], 1e-8, "variance of one");
    }
  }
}

TEST(Process, ImprovesAsExpectedByOptunaWithTheSameGradient) {
  for (const Process& p : processes()) {
    const Rows queries = p.row["queries"].get<Rows>();
    const Rows slopes = p.row["log_ei_gradient"].get<Rows>();
    const auto logs = p.row["log_ei"].get<std::vector<double>>();
    const GaussianProcess model = p.model();
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const auto local = model.at(queries[i]);
      const double deviation = std::sqrt(local.prediction.variance + 1e-12);
      const auto ei = log_expected_improvement(local.prediction.mean, deviation, p.row["best"]);
      expect_close(ei.value, logs[i], 1e-7, "log EI");
      std::vector<double> gradient(p.places.dims);
      model.add_gradient(local, ei.by_mean, ei.by_deviation / (2 * deviation), {}, gradient);
      for (std::size_t d = 0; d < gradient.size(); ++d) {
        if (!p.categories[d]) expect_close(gradient[d], slopes[i][d], 1e-6, "gradient");
      }
    }
  }
}

TEST(Process, DrawsPendingValuesFromTheirJointDistribution) {
  // A draw is the mean and a triangular matrix times z; that matrix squared is the covariance.
  for (const Process& p : processes()) {
    const Rows queries = p.row["queries"].get<Rows>();
    const Rows joint = p.row["joint"].get<Rows>();
    const auto means = p.row["means"].get<std::vector<double>>();
    Rows all = p.rows;
    all.insert(all.end(), queries.begin(), queries.end());
    const GaussianProcess model(columns_of(all), p.categories, p.values, p.kernel);
    ASSERT_EQ(model.pending(), queries.size());
    const std::size_t q = queries.size();
    Rows draws;
    for (std::size_t t = 0; t <= q; ++t) {
      std::vector<double> z(q, 0.0);
      if (t < q) z[t] = 1;
      draws.push_back(model.fantasy(z));
    }
    for (std::size_t i = 0; i < q; ++i) {
      expect_close(draws[q][i], means[i], 1e-7, "mean");
      for (std::size_t j = 0; j < q; ++j) {
        double covariance = 0;
        for (std::size_t t = 0; t < q; ++t) {
          covariance += (draws[t][i] - draws[q][i]) * (draws[t][j] - draws[q][j]);
        }
        expect_close(covariance, joint[i][j] + (i == j ? kLeastNoise : 0), 1e-7, "covariance");
      }
    }
  }
}

TEST(Process, SaysWithPendingValuesWhatAProcessThatKnowsThemSays) {
  const Process p = processes()[1];
  const Rows queries = p.row["queries"].get<Rows>();
  Rows all = p.rows;
  all.push_back(queries[0]);
  all.push_back(queries[1]);
  // All noise alike, so that a fantasy can be told as an observation.
  GpKernel kernel = p.kernel;
  kernel.noise = kLeastNoise;
  const GaussianProcess waiting(columns_of(all), p.categories, p.values, kernel);
  const std::vector<double> z = {0.7, -1.3};
  std::vector<double> values = p.values;
  for (const double value : waiting.fantasy(z)) values.push_back(value);
  const GaussianProcess knowing(columns_of(all), p.categories, values, kernel);
  std::vector<double> loadings;
  std::vector<double> none;
  const auto before = waiting.predict(columns_of(queries), loadings);
  const auto after = knowing.predict(columns_of(queries), none);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    const double moved = before[i].loadings[0] * z[0] + before[i].loadings[1] * z[1];
    EXPECT_NEAR(before[i].mean + moved, after[i].mean, 1e-7);
    EXPECT_NEAR(before[i].variance, after[i].variance, 1e-9);
  }
}

TEST(Process, KnowsTheDerivativesOfItsLoadings) {
  const Process p = processes()[1];
  Rows all = p.rows;
  all.push_back({0.2, 0.5, 0.6});
  const GaussianProcess model(columns_of(all), p.categories, p.values, p.kernel);
  const std::vector<double> x = {0.4, 0.3, 0.5};
  const std::vector<double> by_loadings = {1.7};
  std::vector<double> gradient(3);
  model.add_gradient(model.at(x), 0, 0, by_loadings, gradient);
  for (std::size_t d = 0; d < 3; ++d) {
    const double expected = difference(
        [&](const std::vector<double>& at) { return 1.7 * model.at(at).prediction.loadings[0]; }, x,
        d);
    EXPECT_NEAR(gradient[d], expected, 1e-6);
  }
}

TEST(Process, ToleratesEqualPlacesWithoutNoise) {
  const Rows same(5, {0.5, 0.5});
  const std::vector<double> values = {1, 1, 1, 1, 1};
  const GaussianProcess model(columns_of(same), {false, false}, values, {{1, 1}, 1, kLeastNoise});
  EXPECT_NEAR(model.at(same[0]).prediction.mean, 1, 1e-3);
}

TEST(Improvement, IsThatOfOptunaInTheTailsToo) {
  const Json row = golden("improvements");
  const auto z = row["z"].get<std::vector<double>>();
  const auto theirs = row["log"].get<std::vector<double>>();
  for (std::size_t i = 0; i < z.size(); ++i) {
    // Beyond -1000 theirs loses digits to 1 - 1, of a number near -z^2 / 2.
    const double share = z[i] < -1000 ? 1e-8 : 1e-10;
    expect_close(log_improvement(z[i]).value, theirs[i], share, std::to_string(z[i]));
  }
}

TEST(Improvement, HasASlopeThatIsItsDerivative) {
  for (const double z : {-1000.0, -25.1, -24.9, -8.0, -1.0, 0.0, 1.0, 6.0}) {
    const double step = 1e-4;
    const double expected =
        (log_improvement(z + step).value - log_improvement(z - step).value) / (2 * step);
    EXPECT_NEAR(log_improvement(z).slope, expected, 1e-6 * std::max(1.0, std::abs(z))) << z;
  }
  // The series and the formula meet.
  EXPECT_NEAR(log_improvement(std::nextafter(-25, -26)).value, log_improvement(-25).value, 1e-10);
  EXPECT_NEAR(log_improvement(std::nextafter(-25, -26)).slope, log_improvement(-25).slope, 1e-8);
}

TEST(HypervolumeImprovement, IsThatOfOptunasSamples) {
  for (const Json& row : golden("hypervolumes")) {
    const Rows front = row["front"].get<Rows>();
    std::vector<double> points;
    for (const auto& point : front) points.insert(points.end(), point.begin(), point.end());
    const auto reference = row["reference"].get<std::vector<double>>();
    const auto means = row["means"].get<std::vector<double>>();
    const auto deviations = row["deviations"].get<std::vector<double>>();
    const Boxes boxes = nondominated_boxes({points, reference.size()}, reference);
    // 2^17 quasi-random samples: about a thousandth.
    EXPECT_NEAR(log_expected_hypervolume(means, deviations, boxes, {}, {}),
                row["log"].get<double>(), 2e-3);
  }
}

TEST(HypervolumeImprovement, HasDerivativesAlsoWhereItIsHopeless) {
  const std::vector<double> points = {0.1, 0.9, 0.4, 0.5, 0.8, 0.2};
  const std::vector<double> reference = {1.2, 1.2};
  const Boxes boxes = nondominated_boxes({points, 2}, reference);
  for (const std::vector<double>& x :
       {std::vector<double>{0.3, 0.4, 0.2, 0.1}, {2.0, 1.5, 0.05, 0.02}}) {
    const auto value = [&](const std::vector<double>& at) {
      const std::span<const double> all(at);
      return log_expected_hypervolume(all.first(2), all.subspan(2), boxes, {}, {});
    };
    std::vector<double> gradient(4);
    const std::span<double> slopes(gradient);
    log_expected_hypervolume(std::span(x).first(2), std::span(x).subspan(2), boxes, slopes.first(2),
                             slopes.subspan(2));
    for (std::size_t d = 0; d < 4; ++d) {
      const double expected = difference(value, x, d, 1e-6);
      EXPECT_NEAR(gradient[d], expected, 1e-4 * std::max(1.0, std::abs(expected))) << d;
    }
  }
}

/// Of all below the reference and not below minus 1.
double volume(const Boxes& boxes) {
  double sum = 0;
  for (std::size_t k = 0; k < boxes.size(); ++k) {
    double product = 1;
    for (std::size_t d = 0; d < boxes.dims; ++d) {
      product *= boxes.upper[k * boxes.dims + d] - std::max(-1.0, boxes.lower[k * boxes.dims + d]);
    }
    sum += product;
  }
  return sum;
}

TEST(Boxes, FillWhatNoPointDominates) {
  Rng rng(4);
  for (const std::size_t dims : {1UL, 2UL, 3UL, 4UL}) {
    for (int round = 0; round < 30; ++round) {
      // Few different coordinates, so that many are equal.
      const bool coarse = round % 2 == 0;
      std::vector<double> points;
      const std::size_t count = 1 + rng.below(12);
      for (std::size_t i = 0; i < count * dims; ++i) {
        points.push_back(coarse ? 0.2 * static_cast<double>(rng.below(7)) : 1.2 * rng.uniform());
      }
      const std::vector<double> reference(dims, 1.0);
      const Boxes boxes = nondominated_boxes({points, dims}, reference);
      const double whole = std::pow(2.0, static_cast<double>(dims));
      ASSERT_NEAR(volume(boxes), whole - hypervolume({points, dims}, reference), 1e-9)
          << dims << " dimensions, round " << round;
      if (dims == 2) {
        EXPECT_LE(boxes.size(), count + 1);
      }
      if (dims == 3) {
        EXPECT_LE(boxes.size(), 2 * count + 1);
      }
    }
  }
}

TEST(Cholesky, SolvesWithMatricesOfAnySize) {
  Rng rng(1);
  for (const std::size_t n : {1UL, 2UL, 7UL, 8UL, 9UL, 16UL, 37UL}) {
    std::vector<double> root(n * n);
    for (double& x : root) x = rng.normal();
    std::vector<double> a(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t k = 0; k < n; ++k) a[i * n + j] += root[i * n + k] * root[j * n + k];
      }
      a[i * n + i] += 1;
    }
    std::vector<double> u = a;
    ASSERT_TRUE(cholesky(u, n));
    const std::vector<double> inverted = inverse(u, n);
    std::vector<double> x(n);
    for (double& each : x) each = rng.normal();
    std::vector<double> b(n);
    std::vector<double> pair(2 * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        b[i] += a[i * n + j] * x[j];
        const double entry = i >= j ? inverted[i * n + j] : inverted[j * n + i];
        pair[2 * i] += entry * a[j * n];  // the first column of the unit matrix
      }
    }
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(pair[2 * i], i == 0 ? 1 : 0, 1e-8) << n;
    std::vector<double> both(2 * n);
    for (std::size_t i = 0; i < n; ++i) both[2 * i] = both[2 * i + 1] = b[i];
    solve_lower(u, n, b, 1);
    solve_lower(u, n, both, 2);
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(both[2 * i + 1], b[i], 1e-9) << n;
    solve_upper(u, n, b);
    for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(b[i], x[i], 1e-8) << n;
  }
}

TEST(Cholesky, RefusesWhatIsNotPositiveDefinite) {
  std::vector<double> singular = {1, 1, 1, 1};
  EXPECT_FALSE(cholesky(singular, 2));
  std::vector<double> broken = {1, std::nan(""), 0, 1};
  EXPECT_FALSE(cholesky(broken, 2));
}

TEST(Lbfgs, FindsTheMinimumOfRosenbrocksValley) {
  const SmoothFunction valley = [](std::span<const double> x, std::span<double> g) {
    const double a = 1 - x[0];
    const double b = x[1] - x[0] * x[0];
    g[0] = -2 * a - 400 * x[0] * b;
    g[1] = 200 * b;
    return a * a + 100 * b * b;
  };
  const std::vector<double> lower(2, -5.0);
  const std::vector<double> upper(2, 5.0);
  const Minimum found = minimize_lbfgs(valley, {-1.2, 1}, lower, upper, {.value_tolerance = 0});
  EXPECT_NEAR(found.x[0], 1, 1e-4);
  EXPECT_NEAR(found.x[1], 1, 1e-4);
  EXPECT_LE(found.evaluations, 200);
}

TEST(Lbfgs, StopsAtTheWallsOfTheBox) {
  // The minimum (2, -3) lies outside; the parameters are tied to each other.
  const SmoothFunction bowl = [](std::span<const double> x, std::span<double> g) {
    const double a = x[0] - 2;
    const double b = x[1] + 3;
    g[0] = 2 * a + b;
    g[1] = 20 * b + a;
    return a * a + 10 * b * b + a * b;
  };
  const std::vector<double> lower = {0, 0};
  const std::vector<double> upper = {1, 1};
  const Minimum found = minimize_lbfgs(bowl, {0.9, 0.8}, lower, upper);
  // On the wall x1 = 0 the slope in x0 is 2 (x0 - 2) + 3, zero at 0.5.
  EXPECT_NEAR(found.x[0], 0.5, 1e-4);
  EXPECT_EQ(found.x[1], 0);
}

TEST(Lbfgs, DoesNotGoWhereTheValueIsNotANumber) {
  const SmoothFunction cliff = [](std::span<const double> x, std::span<double> g) {
    g[0] = -1 / x[0] + 2;
    return x[0] <= 0 ? std::nan("") : -std::log(x[0]) + 2 * x[0];
  };
  const std::vector<double> lower = {-10};
  const std::vector<double> upper = {10};
  EXPECT_NEAR(minimize_lbfgs(cliff, {6}, lower, upper).x[0], 0.5, 1e-4);
}

}  // namespace
}  // namespace hypertune

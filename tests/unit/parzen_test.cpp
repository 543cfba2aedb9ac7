// Parzen estimators and truncated normals against numbers that Optuna computed
// (tests/interop/tpe_golden.py) and against what they must be by definition.
#include "math/parzen.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <string>

#include "base/files.h"
#include "base/json.h"
#include "math/truncated_normal.h"

namespace hypertune {
namespace {

using Columns = std::vector<std::vector<double>>;

Json golden(const char* part) {
  return parse_json(read_file(HYPERTUNE_SOURCE_DIR "/tests/unit/golden/tpe.json")).at(part);
}

std::vector<double> observed_weights(std::size_t n) {
  return parzen_weights(std::vector<double>(n, 1.0));
}

std::vector<ParzenAxis> axes_of(const Json& rows) {
  std::vector<ParzenAxis> axes;
  for (const Json& row : rows) {
    if (row.contains("choices")) {
      axes.emplace_back(ParzenCategory{row["choices"].get<std::size_t>()});
    } else {
      axes.emplace_back(ParzenNumber{row["low"], row["high"], row["log"], row["step"]});
    }
  }
  return axes;
}

ParzenMixture mixture_of(const Json& row, const Json& observed) {
  const auto columns = observed.get<Columns>();
  return {axes_of(row["axes"]), columns, observed_weights(columns.front().size()),
          row["prior_weight"]};
}

/// Within a billionth, of the value or of 1.
void expect_close(std::span<const double> ours, const std::vector<double>& theirs,
                  const std::string& what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_NEAR(ours[i], theirs[i], 1e-9 * std::max(1.0, std::abs(theirs[i]))) << what << " " << i;
  }
}

TEST(ParzenWeights, AreThoseOfOptuna) {
  const Json rows = golden("weights");
  for (const auto& [n, weights] : rows.items()) {
    expect_close(observed_weights(std::stoul(n)), weights.get<std::vector<double>>(), n);
  }
}

TEST(ParzenWeights, OfObservationsThatStandForSeveralAddUpToTheSame) {
  std::vector<double> counts(80, 5.0);
  counts.insert(counts.end(), 100, 1.0);
  const std::vector<double> few = parzen_weights(counts);
  const std::vector<double> all = observed_weights(500);
  double sum_few = 0;
  double sum_all = 0;
  for (const double weight : few) sum_few += weight;
  for (const double weight : all) sum_all += weight;
  EXPECT_NEAR(sum_few, sum_all, 1e-9);
  EXPECT_EQ(few.back(), 1);
  EXPECT_NEAR(few[0], 5 * all[2], 1e-12);  // the middle one of the first five
}

TEST(TruncatedNormal, AgreesWithOptuna) {
  for (const Json& row : golden("truncated_normals")) {
    const double a = row["a"];
    const double b = row["b"];
    const double mass = row["log_mass"];
    SCOPED_TRACE(row.dump());
    EXPECT_NEAR(log_normal_mass(a, b), mass, 1e-9 * std::max(1.0, std::abs(mass)));
    EXPECT_NEAR(truncated_normal_quantile(row["q"], a, b), row["quantile"], 2e-7);
    const double x = row["quantile"];
    const double log_density =
        -0.5 * x * x - 0.5 * std::log(2 * std::numbers::pi) - log_normal_mass(a, b);
    EXPECT_NEAR(log_density, row["log_density"], 1e-8);
  }
}

TEST(TruncatedNormal, QuantileInvertsTheDistributionFunctionFromTailToTail) {
  for (double x = -60; x < 7; x += 0.37) {
    EXPECT_NEAR(log_normal_quantile(log_normal_cdf(x)), x, 1e-7 * std::max(1.0, std::abs(x))) << x;
  }
}

TEST(TruncatedNormal, MassIsSymmetricAndAdditiveAcrossTheMethodsThatComputeIt) {
  // Edges on either side of where the method changes: narrow, left tail, center, far tail.
  const std::vector<double> edges = {-45, -31, -30.01, -29.99, -12, -0.05, 0, 0.04, 0.05, 3, 30};
  for (std::size_t i = 0; i + 2 < edges.size(); ++i) {
    const double a = edges[i];
    const double b = edges[i + 1];
    const double c = edges[i + 2];
    EXPECT_DOUBLE_EQ(log_normal_mass(a, b), log_normal_mass(-b, -a));
    const double whole = log_normal_mass(a, c);
    const double sum =
        std::exp(log_normal_mass(a, b) - whole) + std::exp(log_normal_mass(b, c) - whole);
    EXPECT_NEAR(sum, 1, 1e-9) << a << " " << b << " " << c;
  }
}

TEST(TruncatedNormal, QuantileHasItsShareOfTheMassBelowIt) {
  const std::vector<double> edges = {-40, -29, -8, -2, -0.3, 0, 0.2, 1, 6, 29, 40};
  for (std::size_t i = 0; i < edges.size(); ++i) {
    for (std::size_t j = i + 1; j < edges.size(); ++j) {
      for (const double q : {1e-9, 0.01, 0.3, 0.5, 0.8, 0.999}) {
        const double x = truncated_normal_quantile(q, edges[i], edges[j]);
        ASSERT_TRUE(x > edges[i] && x < edges[j]);
        const double share =
            std::exp(log_normal_mass(edges[i], x) - log_normal_mass(edges[i], edges[j]));
        EXPECT_NEAR(share, q, 2e-7 * q + 1e-12) << q << " of " << edges[i] << " " << edges[j];
      }
    }
  }
}

TEST(ParzenMixture, HasTheLargerGapAsDeviationHoweverObservationsLie) {
  Rng rng(5);
  for (const std::size_t n : {1, 2, 3, 30, 99, 100, 400}) {
    for (const double spread : {1.0, 0.1, 1e-3, 0.0}) {
      std::vector<double> observed(n);
      for (std::size_t i = 0; i < n; ++i) {  // some lie together, some are equal, some at a bound
        observed[i] = std::min(5.0, static_cast<double>(rng.below(5)) + spread * rng.uniform());
        if (rng.below(4) == 0) observed[i] = observed[rng.below(i + 1)];
        if (rng.below(20) == 0) observed[i] = rng.below(2) == 0 ? 0 : 5;
      }
      const ParzenMixture mixture({ParzenNumber{0, 5}}, {observed}, std::vector<double>(n, 1), 1);
      std::vector<std::size_t> order(n);
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, {}, [&](std::size_t i) { return observed[i]; });
      const double smallest = 5 / std::min(100.0, static_cast<double>(n + 2));
      for (std::size_t i = 0; i < n; ++i) {
        const double x = observed[order[i]];
        const double left = x - (i > 0 ? observed[order[i - 1]] : 0);
        const double right = (i + 1 < n ? observed[order[i + 1]] : 5) - x;
        const double gap = n > 1 && i == 0       ? right
                           : n > 1 && i + 1 == n ? left
                                                 : std::max(left, right);
        EXPECT_DOUBLE_EQ(mixture.deviations(0)[order[i]], std::max(smallest, gap))
            << n << " " << spread << " " << i;
      }
    }
  }
}

TEST(ParzenMixture, MassesOfManyStepsAddUpToOneOnAndBetweenThem) {
  for (const double away : {0.0, 0.3}) {  // observations may lie between the steps
    std::vector<double> observed;
    for (int i = 0; i < 120; ++i) observed.push_back(1 + i % 59 + away);
    const ParzenMixture mixture({ParzenNumber{1, 60, false, 1}}, {observed},
                                std::vector<double>(observed.size(), 1), 1);
    Columns points(1);
    for (int x = 1; x <= 60; ++x) points[0].push_back(x);
    const std::vector<double> together = mixture.log_density(points);
    double sum = 0;
    for (std::size_t i = 0; i < together.size(); ++i) {
      sum += std::exp(together[i]);
      EXPECT_NEAR(together[i], mixture.log_density({{points[0][i]}}).front(), 1e-12);
    }
    EXPECT_NEAR(sum, 1, 1e-9);
  }
}

TEST(ParzenMixture, HasTheWeightsMeansAndDeviationsOfOptuna) {
  for (const Json& row : golden("mixtures")) {
    for (const char* group : {"good", "bad"}) {
      const std::string what = row["name"].get<std::string>() + ", " + group;
      const ParzenMixture ours = mixture_of(row, row[group]);
      const Json& theirs = row[std::string(group) + "_mixture"];
      expect_close(ours.weights(), theirs["weights"].get<std::vector<double>>(), what);
      for (std::size_t d = 0; d < row["axes"].size(); ++d) {
        if (row["axes"][d].contains("choices")) continue;
        expect_close(ours.means(d), theirs["means"][d].get<std::vector<double>>(), what);
        expect_close(ours.deviations(d), theirs["deviations"][d].get<std::vector<double>>(), what);
      }
    }
  }
}

TEST(ParzenMixture, HasTheDensitiesAndGainsOfOptuna) {
  for (const Json& row : golden("mixtures")) {
    const std::string name = row["name"];
    const auto points = row["points"].get<Columns>();
    const std::vector<double> good = mixture_of(row, row["good"]).log_density(points);
    const std::vector<double> bad = mixture_of(row, row["bad"]).log_density(points);
    expect_close(good, row["log_density_good"].get<std::vector<double>>(), name + ", good");
    expect_close(bad, row["log_density_bad"].get<std::vector<double>>(), name + ", bad");
    std::vector<double> gain;
    for (std::size_t i = 0; i < good.size(); ++i) gain.push_back(good[i] - bad[i]);
    expect_close(gain, row["gain"].get<std::vector<double>>(), name + ", gain");
  }
}

TEST(ParzenMixture, DrawsAsItsDensitySays) {
  // 20,000 draws in 8 equal cells: each share within five standard errors (at most 0.018) of the
  // density's integral by the midpoint rule, whose own error is below 1e-3.
  const ParzenMixture mixture({ParzenNumber{0, 8}}, {{1.0, 1.4, 6.3}}, {1, 1, 1}, 1);
  constexpr int kDraws = 20'000;
  std::vector<double> shares(8, 0);
  Rng rng(7);
  for (int i = 0; i < kDraws; ++i) {
    const double x = mixture.draw(mixture.draw_kernel(rng), 0, rng);
    ASSERT_TRUE(x >= 0 && x <= 8) << x;
    shares[std::min<std::size_t>(7, static_cast<std::size_t>(x))] += 1.0 / kDraws;
  }
  for (std::size_t cell = 0; cell < 8; ++cell) {
    constexpr int kParts = 50;
    double mass = 0;
    for (int part = 0; part < kParts; ++part) {
      const double x = static_cast<double>(cell) + (part + 0.5) / kParts;
      mass += std::exp(mixture.log_density({{x}}).front()) / kParts;
    }
    EXPECT_NEAR(shares[cell], mass, 0.019) << cell;
  }
}

TEST(ParzenMixture, MassesOfStepsAndCategoriesAddUpToOne) {
  const std::vector<ParzenAxis> axes = {ParzenNumber{1, 9, false, 2}, ParzenCategory{3},
                                        ParzenNumber{1, 6, true, 1}};
  const ParzenMixture mixture(axes, {{3, 3, 9, 1}, {0, 2, 2, 2}, {1, 5, 6, 6}}, {1, 1, 0.5, 1}, 1);
  double sum = 0;
  for (double i = 1; i <= 9; i += 2) {
    for (double c = 0; c < 3; ++c) {
      for (double k = 1; k <= 6; ++k) {
        sum += std::exp(mixture.log_density({{i}, {c}, {k}}).front());
      }
    }
  }
  EXPECT_NEAR(sum, 1, 1e-9);
}

TEST(ParzenMixture, DrawsEverySteppedValueAndCategoryInsideTheAxis) {
  const std::vector<ParzenAxis> axes = {ParzenNumber{0, 0.5, false, 0.25}, ParzenCategory{3}};
  const ParzenMixture mixture(axes, {{0.25}, {1}}, {1}, 1);
  Rng rng(3);
  std::array<int, 3> steps{};
  std::array<int, 3> categories{};
  for (int i = 0; i < 2'000; ++i) {
    const std::size_t kernel = mixture.draw_kernel(rng);
    ++steps.at(static_cast<std::size_t>(std::round(mixture.draw(kernel, 0, rng) / 0.25)));
    ++categories.at(static_cast<std::size_t>(mixture.draw(kernel, 1, rng)));
  }
  for (const int count : steps) EXPECT_GT(count, 300);
  // By definition: half of the time the prior, otherwise 1 has 3/5 and the others 1/5 each. Five
  // standard errors of 2,000 draws are 0.056.
  EXPECT_NEAR(categories[1] / 2'000.0, 0.5 / 3 + 0.5 * 0.6, 0.056);
}

TEST(ParzenMixture, HasMassesOfStepsTooNarrowForArithmetic) {
  // Half a step is lost in the value, and every step has about the same small mass.
  for (const bool log : {false, true}) {
    const ParzenMixture mixture({ParzenNumber{1, 9e18, log, 1}}, {{4e18, 5e18}}, {1, 1}, 1);
    const double mass = mixture.log_density({{4.5e18}}).front();
    EXPECT_LT(mass, -40);
    EXPECT_GT(mass, -48);
  }
}

TEST(ParzenMixture, StaysFiniteWhereNoObservationIsNear) {
  const ParzenMixture mixture({ParzenNumber{0, 1}}, {std::vector<double>(200, 0.001)},
                              std::vector<double>(200, 1.0), 1);
  EXPECT_TRUE(std::isfinite(mixture.log_density({{1.0}}).front()));
}

}  // namespace
}  // namespace hypertune

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

/// `observations[d][i]` is coordinate d of observation i.
ParzenMixture mixture_around(const std::vector<ParzenAxis>& axes, const Columns& observations,
                             std::vector<double> weights, double prior_weight) {
  ParzenObservations prepared(axes.size(), weights.size());
  std::vector<double> row(axes.size() + 1);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    for (std::size_t d = 0; d < axes.size(); ++d) row[d] = observations[d][i];
    prepare_observation(axes, row);
    prepared.set(i, row);
  }
  return {axes, std::move(prepared), std::move(weights), prior_weight};
}

ParzenMixture mixture_of(const Json& row, const Json& observed) {
  const auto columns = observed.get<Columns>();
  return mixture_around(axes_of(row["axes"]), columns, observed_weights(columns.front().size()),
                        row["prior_weight"]);
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
      const ParzenMixture mixture =
          mixture_around({ParzenNumber{0, 5}}, {observed}, std::vector<double>(n, 1), 1);
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
        EXPECT_DOUBLE_EQ(mixture.deviation(0, order[i]), std::max(smallest, gap))
            << n << " " << spread << " " << i;
      }
    }
  }
}

TEST(ParzenMixture, MassesOfManyStepsAddUpToOneOnAndBetweenThem) {
  for (const double away : {0.0, 0.3}) {  // observations may lie between the steps
    std::vector<double> observed;
    for (int i = 0; i < 120; ++i) observed.push_back(1 + i % 59 + away);
    const ParzenMixture mixture = mixture_around({ParzenNumber{1, 60, false, 1}}, {observed},
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
        std::vector<double> deviations;
        for (std::size_t k = 0; k < ours.weights().size(); ++k) {
          deviations.push_back(ours.deviation(d, k));
        }
        expect_close(deviations, theirs["deviations"][d].get<std::vector<double>>(), what);
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
  const ParzenMixture mixture =
      mixture_around({ParzenNumber{0, 8}}, {{1.0, 1.4, 6.3}}, {1, 1, 1}, 1);
  constexpr int kDraws = 20'000;
  std::vector<double> shares(8, 0);
  Rng rng(7);
  for (int i = 0; i < kDraws; ++i) {
    const std::size_t kernel = mixture.draw_kernel(rng);
    const double x = mixture.draw({&kernel, 1}, 0, rng).front();
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
  const ParzenMixture mixture =
      mixture_around(axes, {{3, 3, 9, 1}, {0, 2, 2, 2}, {1, 5, 6, 6}}, {1, 1, 0.5, 1}, 1);
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
  const ParzenMixture mixture = mixture_around(axes, {{0.25}, {1}}, {1}, 1);
  Rng rng(3);
  std::array<int, 3> steps{};
  std::array<int, 3> categories{};
  for (int i = 0; i < 2'000; ++i) {
    const std::size_t kernel = mixture.draw_kernel(rng);
    ++steps.at(
        static_cast<std::size_t>(std::round(mixture.draw({&kernel, 1}, 0, rng).front() / 0.25)));
    ++categories.at(static_cast<std::size_t>(mixture.draw({&kernel, 1}, 1, rng).front()));
  }
  for (const int count : steps) EXPECT_GT(count, 300);
  // By definition: half of the time the prior, otherwise 1 has 3/5 and the others 1/5 each. Five
  // standard errors of 2,000 draws are 0.056.
  EXPECT_NEAR(categories[1] / 2'000.0, 0.5 / 3 + 0.5 * 0.6, 0.056);
}

TEST(ParzenMixture, HasMassesOfStepsTooNarrowForArithmetic) {
  // Half a step is lost in the value, and every step has about the same small mass.
  for (const bool log : {false, true}) {
    const ParzenMixture mixture =
        mixture_around({ParzenNumber{1, 9e18, log, 1}}, {{4e18, 5e18}}, {1, 1}, 1);
    const double mass = mixture.log_density({{4.5e18}}).front();
    EXPECT_LT(mass, -40);
    EXPECT_GT(mass, -48);
  }
}

/// By definition: what the kernels give at a point, one after the other.
double plain_log_density(const ParzenMixture& mixture, const std::vector<ParzenAxis>& axes,
                         const std::vector<double>& point, double prior_weight) {
  const std::size_t kernels = mixture.weights().size();
  const double smoothing = prior_weight / static_cast<double>(kernels);
  std::vector<double> logs;
  for (std::size_t k = 0; k < kernels; ++k) {
    double sum = std::log(mixture.weights()[k]);
    for (std::size_t d = 0; d < axes.size(); ++d) {
      const double mean = mixture.means(d)[k];
      if (const auto* category = std::get_if<ParzenCategory>(&axes[d])) {
        const auto choices = static_cast<double>(category->choices);
        const double share = mean == point[d] ? 1 + smoothing : smoothing;
        sum += k + 1 == kernels ? -std::log(choices) : std::log(share / (1 + smoothing * choices));
        continue;
      }
      const auto& axis = std::get<ParzenNumber>(axes[d]);
      const auto place = [&](double x) {
        return ((axis.log ? std::log(x) : x) - mean) / mixture.deviation(d, k);
      };
      const double half = axis.step / 2;
      const double inside = log_normal_mass(place(axis.low - half), place(axis.high + half));
      const double t = place(point[d]);
      sum -= inside;
      sum += half > 0 ? log_normal_mass(place(point[d] - half), place(point[d] + half))
                      : -0.5 * (t * t + std::log(2 * std::numbers::pi)) -
                            std::log(mixture.deviation(d, k));
    }
    logs.push_back(sum);
  }
  const double largest = *std::ranges::max_element(logs);
  double sum = 0;
  for (const double each : logs) sum += std::exp(each - largest);
  return largest + std::log(sum);
}

TEST(ParzenMixture, LeavesOutNoKernelThatMatters) {
  const std::vector<ParzenAxis> all = {ParzenNumber{-5, 5},
                                       ParzenNumber{1, 100, false, 1},
                                       ParzenNumber{1e-5, 0.1, true},
                                       ParzenNumber{1, 64, true, 1},
                                       ParzenNumber{0, 0.5, false, 0.05},
                                       ParzenCategory{3}};
  Rng rng(11);
  // Coordinates between 0 and 1 become such of an axis.
  const auto at = [](const ParzenAxis& axis, double u) {
    if (const auto* category = std::get_if<ParzenCategory>(&axis)) {
      return std::floor(u * 0.999 * static_cast<double>(category->choices));
    }
    const auto& number = std::get<ParzenNumber>(axis);
    const double x = number.log ? number.low * std::pow(number.high / number.low, u)
                                : number.low + u * (number.high - number.low);
    return number.step > 0 ? number.low + std::round((x - number.low) / number.step) * number.step
                           : x;
  };
  for (const std::size_t first : {0, 1, 3}) {  // all axes, some, and no straight ones
    std::vector<ParzenAxis> axes(all.begin() + static_cast<std::ptrdiff_t>(first), all.end());
    if (first == 3) axes = {all[1], all[3]};
    for (const double spread : {1.0, 0.2, 0.01}) {
      for (const std::size_t n : {20, 300}) {
        Columns observed(axes.size(), std::vector<double>(n));
        Columns points(axes.size(), std::vector<double>(30));
        for (std::size_t d = 0; d < axes.size(); ++d) {
          for (double& x : observed[d]) x = at(axes[d], 0.3 + spread * 0.7 * (rng.uniform() - 0.4));
          for (double& x : points[d]) x = at(axes[d], rng.uniform());
          for (std::size_t i = 0; i < 15; ++i) points[d][i] = observed[d][i];
        }
        std::vector<double> weights(n);
        for (double& weight : weights) weight = 0.01 + rng.uniform();
        const ParzenMixture mixture = mixture_around(axes, observed, weights, 0.5);
        const std::vector<double> ours = mixture.log_density(points);
        std::vector<std::size_t> which(ours.size());
        std::iota(which.rbegin(), which.rend(), 0);
        const auto ranges = mixture.log_density_ranges(points, which);
        for (std::size_t i = 0; i < ours.size(); ++i) {
          const ParzenMixture::Range range = ranges[which[i]];
          EXPECT_TRUE(range.low <= ours[i] && ours[i] <= range.high) << range.low << " " << ours[i];
          EXPECT_LE(mixture.log_prior(points, i), ours[i] + 1e-9);
          std::vector<double> point;
          for (const auto& column : points) point.push_back(column[i]);
          EXPECT_NEAR(ours[i], plain_log_density(mixture, axes, point, 0.5), 1e-9)
              << first << " " << spread << " " << n << " " << i;
        }
      }
    }
  }
}

/// A row of coordinates from a part of the axes, some of them equal to others.
std::vector<double> some_row(const std::vector<ParzenAxis>& axes, Rng& rng) {
  std::vector<double> row(axes.size() + 1);
  const double width = rng.below(3) == 0 ? 1.0 : 0.2;
  for (std::size_t d = 0; d < axes.size(); ++d) {
    if (const auto* category = std::get_if<ParzenCategory>(&axes[d])) {
      row[d] = static_cast<double>(rng.below(category->choices));
      continue;
    }
    const auto& number = std::get<ParzenNumber>(axes[d]);
    const double share = width * (rng.below(4) == 0 ? 0.5 : rng.uniform());
    row[d] = number.low + share * (number.high - number.low);
    if (number.step > 0) row[d] = std::round(row[d]);
  }
  prepare_observation(axes, row);
  return row;
}

ParzenMixture mixture_of_rows(const std::vector<ParzenAxis>& axes, const Columns& rows,
                              std::vector<double> weights, std::size_t room) {
  ParzenObservations prepared(axes.size(), rows.size(), room);
  for (std::size_t i = 0; i < rows.size(); ++i) prepared.set(i, rows[i]);
  return {axes, std::move(prepared), std::move(weights), 0.7};
}

TEST(ParzenMixture, IsTheSameHoweverItsObservationsCameAndWent) {
  const std::vector<ParzenAxis> axes = {ParzenNumber{-5, 5}, ParzenNumber{1e-3, 1, true},
                                        ParzenNumber{1, 30, false, 1}, ParzenCategory{3},
                                        ParzenNumber{1, 200, true, 1}};
  Rng rng(21);
  Columns rows(120);
  for (auto& row : rows) row = some_row(axes, rng);
  ParzenMixture changed = mixture_of_rows(axes, rows, std::vector<double>(120, 1.0), 60);
  Columns points(axes.size(), std::vector<double>(12));
  for (std::size_t i = 0; i < 12; ++i) {
    const std::vector<double> row = some_row(axes, rng);
    for (std::size_t d = 0; d < axes.size(); ++d) points[d][i] = row[d];
    for (const std::size_t d : {1, 4}) points[d][i] = std::exp(row[d]);
    points[4][i] = std::round(points[4][i]);
  }
  std::vector<std::size_t> which(12);
  std::iota(which.begin(), which.end(), 0);
  for (int round = 0; round < 150; ++round) {
    for (std::size_t gone = rng.below(4); gone-- > 0 && rows.size() > 100;) {
      const std::size_t k = rng.below(rows.size());
      changed.erase(k);
      rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(k));
    }
    for (std::size_t more = rng.below(4); more-- > 0 && changed.can_become(rows.size() + 1);) {
      const std::size_t k = rng.below(2) == 0 ? rows.size() : rng.below(rows.size());
      rows.insert(rows.begin() + static_cast<std::ptrdiff_t>(k), some_row(axes, rng));
      changed.insert(k, rows[k]);
    }
    std::vector<double> weights(rows.size());
    for (double& weight : weights) weight = 0.01 + rng.uniform();
    changed.weigh(weights);
    const ParzenMixture made = mixture_of_rows(axes, rows, weights, 0);
    ASSERT_TRUE(std::ranges::equal(changed.weights(), made.weights()));
    for (std::size_t d = 0; d < axes.size(); ++d) {
      ASSERT_TRUE(std::ranges::equal(changed.means(d), made.means(d))) << round << " " << d;
      for (std::size_t k = 0; d != 3 && k <= rows.size(); ++k) {
        ASSERT_EQ(changed.deviation(d, k), made.deviation(d, k)) << round << " " << d << " " << k;
      }
    }
    ASSERT_EQ(changed.log_density(points), made.log_density(points)) << round;
    const auto ranges = changed.log_density_ranges(points, which);
    const auto expected = made.log_density_ranges(points, which);
    for (const std::size_t i : which) {
      ASSERT_EQ(ranges[i].low, expected[i].low) << round;
      ASSERT_EQ(ranges[i].high, expected[i].high) << round;
      ASSERT_EQ(changed.log_prior(points, i), made.log_prior(points, i)) << round;
    }
  }
}

TEST(ParzenMixture, HasNarrowRangesWhereStepsAreNotWide) {
  const std::vector<ParzenAxis> axes = {ParzenNumber{0, 1}, ParzenNumber{1e-3, 1, true},
                                        ParzenNumber{1, 1'000, false, 1}, ParzenCategory{4}};
  Rng rng(2);
  Columns observed(4, std::vector<double>(200));
  for (std::size_t i = 0; i < 200; ++i) {
    observed[0][i] = rng.uniform();
    observed[1][i] = 1e-3 + 0.999 * rng.uniform();
    observed[2][i] = static_cast<double>(1 + rng.below(1'000));
    observed[3][i] = static_cast<double>(rng.below(4));
  }
  const ParzenMixture mixture = mixture_around(axes, observed, std::vector<double>(200, 1), 1);
  const std::vector<std::size_t> which = {0, 7, 8, 9, 150};
  for (const auto& range : mixture.log_density_ranges(observed, which)) {
    EXPECT_LT(range.high - range.low, 0.1);
  }
}

TEST(ParzenMixture, HasRangesThatHoldHoweverLightThePriorIs) {
  for (const double prior_weight : {1e-6, 1e-30, 1e-300, 1e12}) {
    const ParzenMixture mixture = mixture_around({ParzenNumber{0, 1}, ParzenNumber{0, 1}},
                                                 {{0.2, 0.21}, {0.2, 0.9}}, {1, 1}, prior_weight);
    const Columns points = {{0.2, 0.9, 0.0}, {0.2, 0.1, 1.0}};
    const std::vector<double> exact = mixture.log_density(points);
    const auto ranges = mixture.log_density_ranges(points, std::vector<std::size_t>{0, 1, 2});
    for (std::size_t i = 0; i < exact.size(); ++i) {
      EXPECT_TRUE(ranges[i].low <= exact[i] && exact[i] <= ranges[i].high) << prior_weight;
    }
  }
}

TEST(ParzenMixture, StaysFiniteWhereNoObservationIsNear) {
  const ParzenMixture mixture = mixture_around(
      {ParzenNumber{0, 1}}, {std::vector<double>(200, 0.001)}, std::vector<double>(200, 1.0), 1);
  EXPECT_TRUE(std::isfinite(mixture.log_density({{1.0}}).front()));
}

}  // namespace
}  // namespace hypertune

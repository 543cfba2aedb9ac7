// Intervals: known values, data that tell nothing, and coverage against simulation.
#include "math/statistics.h"

#include <gtest/gtest.h>

#include <boost/math/distributions/binomial.hpp>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "hypertune/rng.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool covers(const Estimated& interval, double truth) {
  return interval.low <= truth && truth <= interval.high;
}

TEST(Median, IsTheMiddleOrTheMeanOfTheTwoInTheMiddle) {
  EXPECT_DOUBLE_EQ(median_of(std::vector{3.0, 1.0, 2.0}), 2);
  EXPECT_DOUBLE_EQ(median_of(std::vector{4.0, 1.0, 2.0, 10.0}), 3);
}

TEST(MeanT, AgreesWithTheTextbook) {
  // Mean 3, standard deviation sqrt(2.5), t(4; 0.975) = 2.776445.
  const Estimated mean = mean_t(std::vector{1.0, 2.0, 3.0, 4.0, 5.0});
  EXPECT_DOUBLE_EQ(mean.value.value(), 3);
  EXPECT_NEAR(mean.high - 3, 2.776445 * std::sqrt(2.5 / 5), 1e-5);
  EXPECT_NEAR(3 - mean.low, mean.high - 3, 1e-12);
}

TEST(MeanT, GivesNoIntervalForNoneOneOrEqualValues) {
  EXPECT_FALSE(mean_t({}).value);
  for (const auto& values : {std::vector{0.97}, std::vector{0.97, 0.97, 0.97, 0.97, 0.97}}) {
    const Estimated mean = mean_t(values);
    EXPECT_DOUBLE_EQ(mean.value.value(), 0.97);
    EXPECT_EQ(mean.low, -kInfinity);
    EXPECT_EQ(mean.high, kInfinity);
  }
}

struct Population {
  std::string name;
  double mean;
  std::function<double(Rng&)> draw;
};

TEST(MeanT, CoversTheTruthForNormalBoundedAndModeratelySkewedValues) {
  const auto exponential = [](Rng& rng) { return -std::log(1 - rng.uniform()); };
  const std::vector<Population> populations = {
      {"normal", 0, [](Rng& rng) { return rng.normal(); }},
      {"uniform", 0.5, [](Rng& rng) { return rng.uniform(); }},
      {"gamma of skewness 1", 4,
       [&](Rng& rng) {
         return exponential(rng) + exponential(rng) + exponential(rng) + exponential(rng);
       }},
      {"accuracies near 1", 0.95,
       [](Rng& rng) { return 1 - 0.15 * rng.uniform() * std::sqrt(rng.uniform()); }}};
  // 8000 studies: the standard error of a coverage of 95 % is 0.24 points, a third of the distance
  // between the least expected (93.3 % for the gamma at n = 5) and the bound of 92.5 %.
  constexpr int kStudies = 8000;
  for (const Population& population : populations) {
    for (const int n : {5, 10, 20, 40}) {
      Rng rng(1, static_cast<std::uint64_t>(n));
      int covered = 0;
      for (int study = 0; study < kStudies; ++study) {
        std::vector<double> values;
        for (int i = 0; i < n; ++i) values.push_back(population.draw(rng));
        covered += covers(mean_t(values), population.mean) ? 1 : 0;
      }
      const double coverage = static_cast<double>(covered) / kStudies;
      EXPECT_GT(coverage, n == 5 ? 0.925 : 0.93) << population.name << ", n = " << n;
      EXPECT_LT(coverage, 0.97) << population.name << ", n = " << n;
    }
  }
}

TEST(MeanT, CoversTheTruthTooSeldomWhereFewValuesAreBimodalAsItsHeaderSays) {
  // A quarter of the networks collapses. Small samples often hold none of these, and then look as
  // if there were none. 8000 studies: the standard error is 0.55 points at most; the bounds are the
  // documented percentages and four of them on either side.
  constexpr int kStudies = 8000;
  const double truth = 0.75 * 0.97 + 0.25 * 0.05;
  const std::map<int, double> documented = {{3, 0.58},  {4, 0.68},  {5, 0.76},
                                            {10, 0.94}, {20, 0.89}, {40, 0.95}};
  for (const auto& [n, expected] : documented) {
    Rng rng(3, static_cast<std::uint64_t>(n));
    int covered = 0;
    for (int study = 0; study < kStudies; ++study) {
      std::vector<double> values;
      for (int i = 0; i < n; ++i) {
        values.push_back(rng.uniform() < 0.25 ? 0.05 : 0.97 + 0.01 * rng.normal());
      }
      covered += covers(mean_t(values), truth) ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(covered) / kStudies, expected, 0.022) << "n = " << n;
  }
}

TEST(ShareMidP, AgreesWithPublishedIntervals) {
  // 0 of 10: the upper end solves (1 - p)^10 / 2 = 0.025; 10 of 10 mirrors it.
  const double end = 1 - std::pow(0.05, 0.1);
  const Estimated none = share_mid_p(0, 10);
  EXPECT_EQ(none.low, 0);
  EXPECT_NEAR(none.high, end, 1e-9);
  const Estimated all = share_mid_p(10, 10);
  EXPECT_NEAR(all.low, 1 - end, 1e-9);
  EXPECT_EQ(all.high, 1);
  EXPECT_FALSE(share_mid_p(0, 0).value);
  EXPECT_FALSE(share_mid_p(0, 0).bounded());
}

TEST(ShareMidP, CoversTheTruthOnAverageAndErrsAtMostFivePercentOnEitherSide) {
  // No simulation: every outcome of every study is weighed by its probability.
  for (int n = 5; n <= 40; n += 5) {
    std::vector<Estimated> intervals;
    for (int k = 0; k <= n; ++k) intervals.push_back(share_mid_p(k, n));
    double average = 0;
    constexpr int kShares = 199;
    for (int i = 1; i <= kShares; ++i) {
      const double truth = static_cast<double>(i) / (kShares + 1);
      const boost::math::binomial seen(n, truth);
      double too_high = 0;
      double too_low = 0;
      for (int k = 0; k <= n; ++k) {
        if (intervals[static_cast<std::size_t>(k)].low > truth) too_high += pdf(seen, k);
        if (intervals[static_cast<std::size_t>(k)].high < truth) too_low += pdf(seen, k);
      }
      EXPECT_LE(too_high, 0.05) << n << " " << truth;
      EXPECT_LE(too_low, 0.05) << n << " " << truth;
      average += (1 - too_high - too_low) / kShares;
    }
    EXPECT_GT(average, 0.93) << n;
    EXPECT_LT(average, n == 5 ? 0.98 : 0.97) << n;  // six outcomes leave little choice of ends
  }
}

std::vector<Response> responses(const std::vector<double>& without,
                                const std::vector<double>& with) {
  std::vector<Response> all;
  for (const double at : without) all.push_back({at, false});
  for (const double at : with) all.push_back({at, true});
  return all;
}

TEST(Onset, OfSeparatedResponsesIsTheMiddleOfTheGap) {
  const Estimated estimate = onset(responses({-4, -3.7, -3.4, -3, -2.6, -2.2}, {-1.8, -1.4, -1}));
  EXPECT_DOUBLE_EQ(estimate.value.value(), -2);
  EXPECT_GT(estimate.low, -4);
  EXPECT_LT(estimate.low, -2);
  EXPECT_GT(estimate.high, -2);
}

TEST(Onset, OfOverlappingResponsesAgreesWithLogisticRegression) {
  // Symmetric about 0, so that the median of the fitted curve is 0 whatever its slope.
  const Estimated estimate = onset(responses({-5, -4, -3, -2, -1, 0.5}, {-0.5, 1, 2, 3, 4, 5}));
  EXPECT_NEAR(estimate.value.value(), 0, 1e-6);
  EXPECT_GT(estimate.low, -5);
  EXPECT_NEAR(estimate.low, -estimate.high, 1e-6);
}

TEST(Onset, HasNoUpperBoundWhenTheConditionNeverHeld) {
  const Estimated never = onset(responses({-4, -3.5, -3, -2.5, -2, -1.5, -1}, {}));
  EXPECT_FALSE(never.value);
  EXPECT_GT(never.low, -4);
  EXPECT_LT(never.low, -1);
  EXPECT_EQ(never.high, kInfinity);
}

TEST(Onset, HasNoLowerBoundWhenTheConditionAlwaysHeld) {
  const Estimated always = onset(responses({}, {-4, -3.5, -3, -2.5, -2, -1.5, -1}));
  EXPECT_FALSE(always.value);
  EXPECT_EQ(always.low, -kInfinity);
  EXPECT_GT(always.high, -4);
  EXPECT_LT(always.high, -1);
}

TEST(Onset, IsUnboundedWhereTheDataSayNothing) {
  EXPECT_FALSE(onset({}).bounded());
  EXPECT_FALSE(onset(responses({1}, {2})).bounded());
  EXPECT_FALSE(onset(responses({1, 1, 1}, {1, 1})).bounded());
  EXPECT_FALSE(onset(responses({1, 2, 3, 4}, {1, 2, 3, 4})).bounded());
}

TEST(Onset, OfAFallingConditionIsNotInsideTheData) {
  const Estimated falling = onset(responses({3, 4, 5, 6, 7}, {0, 1, 2}));
  EXPECT_FALSE(falling.value);
}

TEST(Onset, CoversTheTruthAtAnySteepness) {
  // Rates spread over three decades, the true onset in the middle or near the end; steepness in
  // trials on the rise, from a few to all. 600 studies for each case: the standard error of a
  // coverage of 95 % is 0.9 points, so that 91 % is four of them below nominal; the average over
  // 24 cases has one of 0.2 points.
  constexpr int kStudies = 600;
  double average = 0;
  int cases = 0;
  for (const int n : {8, 10, 20, 40}) {
    for (const double truth : {-2.5, -1.6}) {
      for (const double steepness : {0.1 * n, 0.2 * n, 0.4 * n}) {
        Rng rng(5, static_cast<std::uint64_t>(++cases));
        int covered = 0;
        for (int study = 0; study < kStudies; ++study) {
          std::vector<Response> data;
          for (int i = 0; i < n; ++i) {
            const double at = -4 + 3 * rng.uniform();
            const double p = 1 / (1 + std::exp(-steepness * (at - truth)));
            data.push_back({at, rng.uniform() < p});
          }
          covered += covers(onset(data), truth) ? 1 : 0;
        }
        const double coverage = static_cast<double>(covered) / kStudies;
        EXPECT_GT(coverage, 0.91) << n << " " << truth << " " << steepness;
        average += coverage;
      }
    }
  }
  EXPECT_GT(average / cases, 0.94);
  EXPECT_LT(average / cases, 0.97);
}

}  // namespace
}  // namespace hypertune

// Ranks, crowding distances and hypervolumes: against Optuna's, and by hand.
#include "math/pareto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "base/files.h"
#include "base/json.h"
#include "math/hypervolume.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What tests/interop/optuna_pareto.py wrote.
Json optuna_cases() {
  const std::filesystem::path file =
      std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" / "unit" / "golden" / "pareto.json";
  return parse_json(read_file(file)).at("cases");
}

std::vector<double> numbers(const Json& json) { return json.get<std::vector<double>>(); }

TEST(Pareto, RanksAreThoseOfOptuna) {
  for (const Json& given : optuna_cases()) {
    const auto values = numbers(given.at("points"));
    const auto penalties = numbers(given.value("penalties", Json::array()));
    EXPECT_EQ(nondominated_ranks({values, given.at("dims")}, penalties),
              given.at("ranks").get<std::vector<int>>())
        << given.dump();
  }
}

TEST(Pareto, CrowdingDistancesAreThoseOfOptuna) {
  for (const Json& given : optuna_cases()) {
    const auto values = numbers(given.at("points"));
    const auto distances = crowding_distances({values, given.at("dims")});
    const auto expected = numbers(given.at("crowding"));
    ASSERT_EQ(distances.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_DOUBLE_EQ(distances[i], expected[i]) << given.dump();
    }
  }
}

TEST(Pareto, TheFittestAreThoseThatOptunaKeeps) {
  int compared = 0;
  for (const Json& given : optuna_cases()) {
    if (!given.contains("elite")) continue;
    ++compared;
    const auto values = numbers(given.at("points"));
    const auto expected = given.at("elite").get<std::vector<std::size_t>>();
    auto kept = fittest({values, given.at("dims")}, {}, expected.size());
    std::ranges::sort(kept);
    EXPECT_EQ(kept, expected) << given.dump();
  }
  EXPECT_EQ(compared, 5);
}

TEST(Pareto, TheFittestComeByRankThenByRoomAndEqualsInOrder) {
  // Two ends, a crowded and a roomy place between them, and two equal points behind.
  const std::vector<double> values = {9, 9, 0, 10, 1, 9.5, 4, 4, 10, 0, 9, 9};
  EXPECT_THAT(fittest({values, 2}, {}, 5), ElementsAre(1, 4, 3, 2, 0));
  EXPECT_EQ(fittest({values, 2}, {}, 50).size(), 6U);
}

TEST(Hypervolume, IsThatOfOptuna) {
  int compared = 0;
  for (const Json& given : optuna_cases()) {
    if (!given.contains("reference")) continue;
    ++compared;
    const auto values = numbers(given.at("points"));
    const double expected = given.at("hypervolume").get<double>();
    // The sums run in another order: a few units of rounding.
    EXPECT_NEAR(hypervolume({values, given.at("dims")}, numbers(given.at("reference"))), expected,
                1e-12 * expected);
  }
  EXPECT_GT(compared, 20);
}

TEST(Pareto, AnEmptySetHasNoRanksNoFrontAndNoVolume) {
  EXPECT_THAT(nondominated_ranks({{}, 2}), IsEmpty());
  EXPECT_THAT(nondominated({{}, 2}), IsEmpty());
  EXPECT_THAT(crowding_distances({{}, 2}), IsEmpty());
  EXPECT_EQ(hypervolume({{}, 2}, std::vector<double>{1, 1}), 0);
}

TEST(Pareto, CrowdingIsAShareOfTheWidthEvenWhereTheWidthIsInfinite) {
  const std::vector<double> values = {-1.6e308, 0, 0.8e308, 1.6e308};
  EXPECT_THAT(crowding_distances({values, 1}), ElementsAre(kInfinity, 0.75, 0.5, kInfinity));
}

TEST(Pareto, EqualPointsDoNotDominateEachOther) {
  const std::vector<double> point = {1, 2};
  EXPECT_FALSE(dominates(point, point));
  const std::vector<double> twice = {1, 2, 1, 2, 2, 2};
  EXPECT_THAT(nondominated_ranks({twice, 2}), ElementsAre(0, 0, 1));
  EXPECT_THAT(nondominated({twice, 2}), ElementsAre(0, 1));
}

TEST(Pareto, WhatViolatesLessComesBeforeWhatViolatesMoreHoweverGood) {
  const std::vector<double> values = {0, 0, 5, 5, 1, 1};
  const std::vector<double> penalties = {2, 0, 0.5};
  EXPECT_THAT(nondominated_ranks({values, 2}, penalties), ElementsAre(2, 0, 1));
}

TEST(Hypervolume, CountsOverlapsOnceAndWhatLiesBeyondTheReferenceNotAtAll) {
  const std::vector<double> values = {0, 1, 1, 0, 1, 1, 3, -5};
  EXPECT_DOUBLE_EQ(hypervolume({values, 2}, std::vector<double>{2, 2}), 3);
}

TEST(Hypervolume, OfAnInfinitelyGoodPointIsInfinite) {
  const std::vector<double> values = {-kInfinity, 0};
  EXPECT_EQ(hypervolume({values, 2}, std::vector<double>{1, 1}), kInfinity);
  EXPECT_EQ(hypervolume({values, 2}, std::vector<double>{1, 0}), 0);
}

TEST(HypervolumeSubset, TakesWhatAddsMostToWhatIsTaken) {
  // The middle point alone dominates most; of the ends, the first adds more to it.
  const std::vector<double> values = {0, 3.5, 2, 2, 3.8, 0};
  const std::vector<double> reference = {4, 4};
  EXPECT_THAT(hypervolume_subset({values, 2}, reference, 1), ElementsAre(1));
  EXPECT_THAT(hypervolume_subset({values, 2}, reference, 2), ElementsAre(1, 0));
  EXPECT_EQ(hypervolume_subset({values, 2}, reference, 9).size(), 3U);
  EXPECT_THAT(hypervolume_subset({values, 2}, reference, 0), IsEmpty());
}

TEST(HypervolumeSubset, TakesRepeatedPointsLast) {
  const std::vector<double> values = {1, 1, 1, 1, 0, 2, 2, 0};
  const std::vector<double> reference = {3, 3};
  EXPECT_THAT(hypervolume_subset({values, 2}, reference, 4), ElementsAre(2, 0, 3, 1));
}

TEST(HypervolumeSubset, GoesByOrderWhereVolumesAreInfinite) {
  const std::vector<double> values = {2, 0, 0, 2, 1, 1};
  const std::vector<double> reference = {kInfinity, 3};
  EXPECT_THAT(hypervolume_subset({values, 2}, reference, 2), ElementsAre(1, 2));
}

TEST(ReferenceBeyond, IsATenthWorseThanTheWorstOfEachCoordinate) {
  const std::vector<double> values = {1, -4, 0, 10, -2, 0};
  EXPECT_THAT(
      reference_beyond({values, 3}),
      ElementsAre(testing::DoubleEq(11), testing::DoubleEq(-1.8), testing::DoubleEq(1e-12)));
}

}  // namespace
}  // namespace hypertune

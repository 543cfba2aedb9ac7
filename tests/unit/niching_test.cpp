// Niches of NSGA-III: against Optuna's, and by hand.
#include "math/niching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/files.h"
#include "base/json.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::IsSupersetOf;

/// What tests/interop/optuna_niching.py wrote.
Json optuna_cases() {
  const std::filesystem::path file =
      std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" / "unit" / "golden" / "niching.json";
  return parse_json(read_file(file)).at("cases");
}

std::vector<double> numbers(const Json& json) { return json.get<std::vector<double>>(); }

TEST(Niching, NormalizedObjectivesAreThoseOfOptuna) {
  for (const Json& given : optuna_cases()) {
    const auto points = numbers(given.at("points"));
    const auto normalized = normalized_objectives({points, given.at("dims")});
    const auto expected = numbers(given.at("normalized"));
    ASSERT_EQ(normalized.size(), expected.size());
    // Elimination in another order: the plane's coordinates span four decades.
    for (std::size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(normalized[i], expected[i], 1e-9) << given.dump();
    }
  }
}

TEST(Niching, NichesAndDistancesAreThoseOfOptuna) {
  for (const Json& given : optuna_cases()) {
    const std::size_t dims = given.at("dims");
    const auto directions = niche_directions(dims, given.at("divisions"));
    EXPECT_EQ(directions.size() / dims, given.at("directions").get<std::size_t>());
    const auto normalized = numbers(given.at("normalized"));
    const auto found = niches({normalized, dims}, {directions, dims});
    const auto closest = numbers(given.at("closest"));
    const auto distances = numbers(given.at("distances"));
    ASSERT_EQ(found.size(), distances.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(found[i].distance, distances[i], 1e-9);
      // Of a point that is as near to two lines either may be named.
      const PointsView expected{closest, dims};
      const auto other = niches({expected[i], dims}, {directions, dims})[0].direction;
      const double to_other = niches({PointsView{normalized, dims}[i], dims},
                                     {PointsView{directions, dims}[other], dims})[0]
                                  .distance;
      EXPECT_NEAR(found[i].distance, to_other, 1e-9);
    }
  }
}

TEST(Niching, DirectionsAreAllCompositionsOfTheDivisions) {
  EXPECT_THAT(niche_directions(2, 2), ElementsAre(2, 0, 1, 1, 0, 2));
  EXPECT_THAT(niche_directions(1, 4), ElementsAre(4));
  const auto directions = niche_directions(4, 5);
  const PointsView view{directions, 4};
  std::set<std::vector<double>> different;
  for (std::size_t i = 0; i < view.size(); ++i) {
    different.emplace(view[i].begin(), view[i].end());
  }
  EXPECT_EQ(different.size(), 56U);  // 8 over 3
  EXPECT_EQ(view.size(), 56U);
}

TEST(Niching, TheMostDivisionsAreThoseThatStillFit) {
  EXPECT_EQ(most_divisions(1, 20), 1);
  EXPECT_EQ(most_divisions(2, 20), 19);
  EXPECT_EQ(most_divisions(3, 20), 4);  // 15, and 21 for five
  EXPECT_EQ(most_divisions(3, 21), 5);
  EXPECT_EQ(most_divisions(3, 91), 12);  // the setting of Deb and Jain
  EXPECT_EQ(most_divisions(8, 2), 1);
}

TEST(Niching, APlaneBehindTheIdealPointIsNotUsed) {
  // The plane through the three extreme points meets the second axis at a negative coordinate.
  const std::vector<double> points = {1, 2, 1, 0, 1, 1, 4, 0, 0, 2, 1, 3};
  EXPECT_THAT(normalized_objectives({points, 3}),
              ElementsAre(0.25, 1, 1.0 / 3, 0, 0.5, 1.0 / 3, 1, 0, 0, 0.5, 0.5, 1));
}

TEST(Niching, TheLastFrontFillsTheEmptyNichesFirst) {
  // One front. Three of its points crowd near one axis; one lies in the middle, one at the other.
  const std::vector<double> points = {0, 1, 0.01, 0.98, 0.02, 0.96, 0.5, 0.5, 1, 0};
  const auto directions = niche_directions(2, 2);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    auto kept = fittest_by_niche({points, 2}, {}, 3, {directions, 2}, rng);
    std::ranges::sort(kept);
    EXPECT_THAT(kept, ElementsAre(0, 3, 4));
    // A fourth can only come out of the crowd.
    const auto four = fittest_by_niche({points, 2}, {}, 4, {directions, 2}, rng);
    EXPECT_THAT(four, IsSupersetOf({0U, 3U, 4U}));
  }
}

TEST(Niching, BetterRanksComeFirstWhateverTheirNiche) {
  const std::vector<double> points = {2, 2, 0, 0.1, 0.1, 0, 3, 3};
  const auto directions = niche_directions(2, 1);
  Rng rng;
  EXPECT_THAT(fittest_by_niche({points, 2}, {}, 3, {directions, 2}, rng), ElementsAre(1, 2, 0));
  EXPECT_THAT(fittest_by_niche({points, 2}, {}, 9, {directions, 2}, rng), ElementsAre(1, 2, 0, 3));
  const std::vector<double> penalties = {0, 1, 0, 0};
  EXPECT_THAT(fittest_by_niche({points, 2}, penalties, 2, {directions, 2}, rng), ElementsAre(2, 0));
}

}  // namespace
}  // namespace hypertune

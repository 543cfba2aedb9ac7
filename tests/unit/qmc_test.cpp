// Quasi-random search: which point a trial gets, and how it falls on conditions and grids.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "hypertune/sampler.h"
#include "hypertune/study.h"

namespace hypertune {
namespace {

constexpr std::uint64_t kSeed = 3;
/// The first draw of trials that are not part of a plan.
constexpr std::uint64_t kFirstOwnDraw = std::uint64_t{1} << 32;

History drawn(std::uint64_t seed, std::uint64_t draw) {
  return {.objectives = {}, .trials = {}, .seed = seed, .draw = draw};
}

Params sampled(const SearchSpace& space, std::uint64_t draw, const QmcOptions& options = {}) {
  return qmc_sampler(options)->sample(space, drawn(kSeed, draw), Rng());
}

SearchSpace two_numbers() {
  return SearchSpace()
      .add("lr", FloatDomain{1e-4, 1, true})
      .add("width", IntDomain{.low = 0, .high = 15});
}

/// The fourth of the axis in which the learning rate lies.
int decade(const Params& params) {
  return static_cast<int>(std::floor(std::log10(std::get<double>(params.at("lr"))))) + 4;
}

class BothSequences : public testing::TestWithParam<QmcSequence> {};
INSTANTIATE_TEST_SUITE_P(Qmc, BothSequences,
                         testing::Values(QmcSequence::Sobol, QmcSequence::Halton));

TEST_P(BothSequences, NoTwoTrialsOfAStudyGetOnePoint) {
  std::set<Params> seen;
  const SearchSpace space = SearchSpace().add("x", FloatDomain{}).add("y", FloatDomain{});
  for (std::uint64_t draw = 0; draw < 1000; ++draw) {
    EXPECT_TRUE(seen.insert(sampled(space, draw, {.sequence = GetParam()})).second) << draw;
  }
}

TEST_P(BothSequences, AnotherSeedMovesEveryPointUnlessScramblingIsOff) {
  const SearchSpace space = two_numbers();
  const auto with_seed = [&](std::uint64_t seed, bool scramble) {
    return qmc_sampler({.sequence = GetParam(), .scramble = scramble})
        ->sample(space, drawn(seed, 5), Rng());
  };
  EXPECT_NE(with_seed(1, true), with_seed(2, true));
  EXPECT_EQ(with_seed(1, false), with_seed(2, false));
}

TEST_P(BothSequences, HundredsOfParametersAreEachEven) {
  SearchSpace space;
  for (int i = 0; i < 300; ++i) space.add("p" + std::to_string(i), FloatDomain{});
  // The first two Sobol points, padded coordinates included, have one in each half.
  const Params first = sampled(space, 0, {.sequence = GetParam()});
  const Params second = sampled(space, 1, {.sequence = GetParam()});
  for (const auto& [name, value] : first) {
    const double a = std::get<double>(value);
    const double b = std::get<double>(second.at(name));
    EXPECT_NE(a, b) << name;
    if (GetParam() == QmcSequence::Sobol) {
      EXPECT_NE(a < 0.5, b < 0.5) << name;
    }
  }
}

TEST(Qmc, SixteenTrialsFillEveryCellOfFourByFour) {
  std::set<std::pair<int, std::int64_t>> cells;
  for (std::uint64_t draw = 0; draw < 16; ++draw) {
    const Params params = sampled(two_numbers(), draw);
    cells.insert({decade(params), std::get<std::int64_t>(params.at("width")) / 4});
  }
  EXPECT_EQ(cells.size(), 16U);
}

TEST(Qmc, UnscrambledPointsAreTheTextbookOnes) {
  const SearchSpace space = SearchSpace().add("x", FloatDomain{}).add("y", FloatDomain{});
  const QmcOptions sobol{.scramble = false};
  EXPECT_EQ(sampled(space, 0, sobol), (Params{{"x", 0.0}, {"y", 0.0}}));
  EXPECT_EQ(sampled(space, 1, sobol), (Params{{"x", 0.5}, {"y", 0.5}}));
  EXPECT_EQ(sampled(space, 2, sobol), (Params{{"x", 0.25}, {"y", 0.75}}));
  const QmcOptions halton{.sequence = QmcSequence::Halton, .scramble = false};
  EXPECT_EQ(sampled(space, 3, halton), (Params{{"x", 0.75}, {"y", 1.0 / 9}}));
}

TEST(Qmc, AConditionalParameterDoesNotMoveTheOthers) {
  const CategoricalDomain optimizers{{std::string("sgd"), std::string("adam")}};
  SearchSpace space;
  space.add("optimizer", optimizers)
      .add("momentum", FloatDomain{}, Condition("optimizer == 'sgd'"))
      .add("lr", FloatDomain{});
  SearchSpace always;
  always.add("optimizer", optimizers).add("momentum", FloatDomain{}).add("lr", FloatDomain{});
  int with_momentum = 0;
  for (std::uint64_t draw = 0; draw < 64; ++draw) {
    const Params params = sampled(space, draw);
    const Params expected = sampled(always, draw);
    EXPECT_EQ(params.at("lr"), expected.at("lr"));
    if (!params.contains("momentum")) continue;
    ++with_momentum;
    EXPECT_EQ(params.at("momentum"), expected.at("momentum"));
  }
  EXPECT_EQ(with_momentum, 32);
}

TEST(Qmc, FixedGridAxesAndConstantsLeaveThePointsOfSampledParametersAsTheyWere) {
  SearchSpace space;
  space.grid("bn", {true, false}).constant("epochs", std::int64_t{3});
  const SearchSpace numbers = two_numbers();
  for (const Parameter& parameter : numbers.parameters()) space.add(parameter);
  for (std::uint64_t draw = 0; draw < 32; ++draw) {
    const Params free = sampled(space, draw);
    const Params planned = sampled(space.without({{"bn", true}}), draw);
    EXPECT_EQ(free.at("lr"), planned.at("lr"));
    EXPECT_EQ(free.at("width"), planned.at("width"));
  }
}

TEST(Qmc, ParametersAskedForOneByOneAreEvenAndNotTiedTogether) {
  std::map<std::string, std::set<int>> sixteenths;
  std::set<std::pair<bool, bool>> quadrants;
  for (std::uint64_t draw = kFirstOwnDraw; draw < kFirstOwnDraw + 16; ++draw) {
    std::map<std::string, double> x;
    for (const std::string name : {"a", "b"}) {
      x[name] = std::get<double>(sampled(SearchSpace().add(name, FloatDomain{}), draw).at(name));
      sixteenths[name].insert(static_cast<int>(x[name] * 16));
    }
    quadrants.insert({x["a"] < 0.5, x["b"] < 0.5});
  }
  EXPECT_EQ(sixteenths["a"].size(), 16U);
  EXPECT_EQ(sixteenths["b"].size(), 16U);
  EXPECT_EQ(quadrants.size(), 4U);
}

TEST(Qmc, TheCellsOfAPairedSampleShareItsPoint) {
  SearchSpace space = two_numbers();
  space.grid("bn", {true, false});
  Study study({.name = "s", .objectives = {{"loss"}}, .space = space, .seed = kSeed},
              memory_storage(), qmc_sampler());
  study.plan(16, true);
  std::map<std::pair<int, std::int64_t>, std::set<Value>> cells;
  while (auto trial = study.next({})) {
    const Params& params = trial->params();
    cells[{decade(params), std::get<std::int64_t>(params.at("width")) / 4}].insert(params.at("bn"));
  }
  EXPECT_EQ(cells.size(), 16U);
  for (const auto& [cell, normalized] : cells) EXPECT_EQ(normalized.size(), 2U);
}

}  // namespace
}  // namespace hypertune

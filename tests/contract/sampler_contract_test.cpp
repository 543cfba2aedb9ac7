// What every sampler promises, on every kind of space. A new sampler adds one line at the end.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <ostream>

#include "hypertune/sampler.h"

namespace hypertune {
namespace {

struct Row {
  const char* name;
  std::unique_ptr<Sampler> (*make)();
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class SamplerContract : public testing::TestWithParam<Row> {
 protected:
  std::unique_ptr<Sampler> sampler_ = GetParam().make();
};

/// What a trial of the first draws of a plan sees when no other has begun.
History nothing_known(std::uint64_t seed, std::uint64_t draw) {
  return {
      .objectives = {}, .trials = {}, .seed = seed, .number = static_cast<int>(draw), .draw = draw};
}

SearchSpace every_kind() {
  SearchSpace space;
  space.grid("bn", {true, false})
      .constant("epochs", std::int64_t{10})
      .add("lr", FloatDomain{1e-4, 1e-1, true})
      .add("drop", FloatDomain{.low = 0, .high = 0.5, .step = 0.1})
      .add("width", IntDomain{8, 128, true})
      .add("layers", IntDomain{.low = 1, .high = 9, .step = 2})
      .add("optimizer", CategoricalDomain{{std::string("sgd"), std::string("adam")}})
      .add("momentum", FloatDomain{0.5, 0.99}, Condition("optimizer == 'sgd'"));
  return space;
}

TEST_P(SamplerContract, DecidesEveryActiveParameterInsideItsDomainAndNoOther) {
  const SearchSpace space = every_kind();
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const Params params = sampler_->sample(space, nothing_known(1, draw), Rng::for_trial(1, draw));
    for (const Parameter& p : space.parameters()) {
      ASSERT_EQ(params.contains(p.name), space.active(p, params)) << p.name;
      if (!params.contains(p.name)) continue;
      ASSERT_TRUE(contains(p.domain, params.at(p.name))) << p.name;
    }
  }
}

TEST_P(SamplerContract, LeavesFixedParametersAlone) {
  const SearchSpace space =
      every_kind().without({{"optimizer", std::string("adam")}, {"bn", true}});
  const Params params = sampler_->sample(space, {}, Rng::for_trial(1, 1));
  EXPECT_FALSE(params.contains("optimizer"));
  EXPECT_FALSE(params.contains("bn"));
  EXPECT_FALSE(params.contains("momentum"));
  EXPECT_TRUE(params.contains("lr"));
}

TEST_P(SamplerContract, GivesTheSameAnswerForTheSameTrialAndAnotherForAnother) {
  const SearchSpace space = every_kind();
  const auto params = [&](std::uint64_t draw) {
    return sampler_->sample(space, nothing_known(5, draw), Rng::for_trial(5, draw));
  };
  EXPECT_EQ(params(7), params(7));
  EXPECT_NE(params(7), params(8));
}

TEST_P(SamplerContract, StaysInsideTheSpaceWhenTrialsOfEveryStateAreKnown) {
  const SearchSpace space = every_kind();
  const std::vector<Objective> objectives = {{"loss", Direction::Minimize}};
  std::vector<TrialRecord> trials;
  for (int number = 0; number < 80; ++number) {
    const auto draw = static_cast<std::uint64_t>(number);
    const History history{objectives, trials, 1, number, draw};
    const Params params = sampler_->sample(space, history, Rng::for_trial(1, draw));
    ASSERT_EQ(params, sampler_->sample(space, history, Rng::for_trial(1, draw))) << number;
    TrialRecord trial;
    trial.number = number;
    trial.params = params;
    for (const Parameter& p : space.parameters()) {
      ASSERT_EQ(params.contains(p.name), space.active(p, params)) << p.name;
      if (!params.contains(p.name)) continue;
      ASSERT_TRUE(contains(p.domain, params.at(p.name))) << p.name;
      trial.domains.set(p.name, p.domain);
    }
    trial.state = number % 7 == 3   ? TrialState::Pruned
                  : number % 7 == 5 ? TrialState::Failed
                  : number % 7 == 6 ? TrialState::Running
                                    : TrialState::Complete;
    trial.reports = {{1, {{"loss", std::cos(number)}}}};
    if (trial.state == TrialState::Complete) trial.metrics = trial.reports.front().metrics;
    trials.push_back(std::move(trial));
  }
}

TEST_P(SamplerContract, AnswersAnEmptySpaceWithNothing) {
  EXPECT_TRUE(sampler_->sample(SearchSpace(), {}, Rng()).empty());
}

INSTANTIATE_TEST_SUITE_P(
    All, SamplerContract,
    testing::Values(
        Row{"random", &random_sampler}, Row{"nsga2", [] { return nsga2_sampler(); }},
        Row{"nsga3", [] { return nsga3_sampler(); }}, Row{"cmaes", [] { return cmaes_sampler(); }},
        Row{"auto", [] { return auto_sampler(); }}, Row{"qmc", [] { return qmc_sampler(); }},
        Row{"tpe", [] { return tpe_sampler(); }}, Row{"gp", [] { return gp_sampler(); }},
        Row{"tpe_apart", [] { return tpe_sampler({.multivariate = false}); }},
        Row{"qmc_halton", [] { return qmc_sampler({.sequence = QmcSequence::Halton}); }}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(RandomSearch, IsUniformInTheLogarithm) {
  // 10,000 draws over three decades: each holds a third, within five standard errors (0.024).
  const SearchSpace space = SearchSpace().add("lr", FloatDomain{1e-4, 1e-1, true});
  std::map<int, int> decades;
  constexpr int kDraws = 10'000;
  for (int i = 0; i < kDraws; ++i) {
    const Params params =
        random_sampler()->sample(space, {}, Rng::for_trial(42, static_cast<std::uint64_t>(i)));
    ++decades[static_cast<int>(std::floor(std::log10(std::get<double>(params.at("lr")))))];
  }
  for (const int decade : {-4, -3, -2})
    EXPECT_NEAR(decades[decade] / double{kDraws}, 1.0 / 3, 0.024);
}

TEST(RandomSearch, IsUniformOverIntegersCategoriesAndSteps) {
  // 9,000 draws: each of three values holds a third, within five standard errors (0.025).
  SearchSpace space;
  space.add("i", IntDomain{1, 3})
      .add("s", FloatDomain{.low = 0, .high = 1, .step = 0.5})
      .add("c", CategoricalDomain{{0.0, 0.5, 1.0}});
  std::map<std::string, std::map<double, int>> counts;
  constexpr int kDraws = 9'000;
  for (int i = 0; i < kDraws; ++i) {
    for (const auto& [name, value] :
         random_sampler()->sample(space, {}, Rng::for_trial(1, static_cast<std::uint64_t>(i)))) {
      ++counts[name][*as_number(value)];
    }
  }
  for (const auto& [name, histogram] : counts) {
    ASSERT_EQ(histogram.size(), 3U) << name;
    for (const auto& [value, count] : histogram) {
      EXPECT_NEAR(count / double{kDraws}, 1.0 / 3, 0.025) << name << " = " << value;
    }
  }
}

}  // namespace
}  // namespace hypertune

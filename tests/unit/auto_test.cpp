// The auto sampler: which method answers when, what it says of it, and that it hands over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "hypertune/error.h"
#include "hypertune/sampler.h"
#include "support/sampled_study.h"

namespace hypertune {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using testing_support::finished_trial;

const std::vector<Objective> kLoss = {{"loss"}};
const std::vector<Objective> kTwo = {{"loss"}, {"latency"}};
const std::vector<Objective> kFour = {{"loss"}, {"latency"}, {"size"}, {"power"}};
constexpr std::uint64_t kSeed = 3;

SearchSpace numbers(int count) {
  SearchSpace space;
  for (int i = 0; i < count; ++i) space.add("x" + std::to_string(i), FloatDomain{0, 1});
  return space;
}

SearchSpace categories(int count) {
  SearchSpace space;
  for (int i = 0; i < count; ++i) {
    std::vector<Value> choices;
    for (std::int64_t c = 0; c < 9; ++c) choices.emplace_back(c);
    space.add("c" + std::to_string(i), CategoricalDomain{choices});
  }
  return space;
}

/// So many Complete trials, drawn at random.
std::vector<TrialRecord> ended(const SearchSpace& space, int count) {
  std::vector<TrialRecord> trials;
  for (int i = 0; i < count; ++i) {
    const Params params =
        random_sampler()->sample(space, {}, Rng::for_trial(kSeed, static_cast<std::uint64_t>(i)));
    const double loss = std::cos(i);
    trials.push_back(finished_trial(
        space, i, params,
        {{"loss", loss}, {"latency", -loss}, {"size", std::sin(i)}, {"power", 0.1 * i}}));
  }
  return trials;
}

std::string explained(const AutoOptions& options, const SearchSpace& space,
                      const std::vector<Objective>& objectives = kLoss, int known = 0) {
  const auto trials = ended(space, known);
  return auto_sampler(options)->explain(
      space, testing_support::history_before_next(objectives, trials, kSeed));
}

TEST(Auto, TakesGpForFewNumbersAndHandsOverWhenItBecomesSlow) {
  EXPECT_EQ(
      explained({.budget = 100}, numbers(4)),
      "qmc for trials 0 to 9, then gp from trial 10 on, because the study has 4 parameters, one "
      "objective and a budget of 100 trials");
  EXPECT_THAT(explained({.budget = 300}, numbers(4)), HasSubstr("then tpe from trial 200 on"));
  EXPECT_THAT(explained({.budget = 400}, numbers(4)),
              StartsWith("qmc for trials 0 to 9, then gp for trials 10 to 199, then cmaes from "
                         "trial 200 on, because"));
}

TEST(Auto, TakesTpeWhereGpHasLittleToHoldOnTo) {
  EXPECT_THAT(explained({}, numbers(30)),
              AllOf(HasSubstr("then tpe from trial 10 on"), HasSubstr("too many for gp")));
  EXPECT_THAT(explained({.workers = 64}, numbers(3)),
              AllOf(HasSubstr("then tpe"), HasSubstr("64 workers")));
}

TEST(Auto, TakesGpForCategoriesAndConditionsToo) {
  EXPECT_THAT(
      explained({.budget = 1'000}, categories(9)),
      AllOf(HasSubstr("then gp for trials 10 to 199"), HasSubstr("then tpe from trial 200")));
  SearchSpace tree;
  tree.add("kind", CategoricalDomain{{std::string("a"), std::string("b")}});
  for (const char* name : {"x", "y", "z"}) {
    tree.add(name, FloatDomain{0, 1}, Condition("kind == 'a'"));
  }
  EXPECT_THAT(explained({.budget = 1'000}, tree), AllOf(HasSubstr("then gp for trials 10 to 199"),
                                                        HasSubstr("then tpe from trial 200")));
}

TEST(Auto, DrawsFromASpaceWithFewPointsAtRandom) {
  EXPECT_EQ(explained({.budget = 81}, categories(2)),
            "random, because the space has no more points than the 81 trials that are planned");
  EXPECT_THAT(explained({.budget = 80}, categories(2)), StartsWith("qmc"));
}

TEST(Auto, ChoosesForSeveralObjectivesByTheBudget) {
  EXPECT_THAT(explained({.budget = 200}, numbers(3), kTwo), HasSubstr("then gp from"));
  EXPECT_THAT(explained({.budget = 201}, numbers(3), kTwo), HasSubstr("then tpe from"));
  EXPECT_THAT(explained({.budget = 501}, numbers(3), kTwo), HasSubstr("then nsga2 from"));
  EXPECT_THAT(explained({.budget = 100}, numbers(3), kFour), HasSubstr("then tpe from"));
  EXPECT_THAT(explained({.budget = 201}, numbers(3), kFour), HasSubstr("then nsga3 from"));
}

TEST(Auto, DoesNotTakeASamplerThatIgnoresTheConstraints) {
  EXPECT_THAT(explained({.budget = 1'000, .constraints = {"size"}}, numbers(4)),
              AllOf(Not(HasSubstr("cmaes")), HasSubstr("then tpe from trial 200 on")));
}

TEST(Auto, SpeaksOfWhatIsStillToCome) {
  EXPECT_THAT(explained({.budget = 400}, numbers(4), kLoss, 50),
              StartsWith("gp for trials 10 to 199, then cmaes"));
  EXPECT_THAT(explained({.budget = 400}, numbers(4), kLoss, 250),
              StartsWith("cmaes from trial 200 on, because"));
  std::vector<TrialRecord> running = ended(numbers(4), 20);
  for (TrialRecord& trial : running) trial.state = TrialState::Running;
  EXPECT_THAT(auto_sampler()->explain(numbers(4),
                                      testing_support::history_before_next(kLoss, running, kSeed)),
              StartsWith("qmc until 10 trials have ended, then gp from trial 10 on"));
}

TEST(Auto, NeedsNoStartupWhereEarlierTrialsAreKnown) {
  const auto earlier = ended(numbers(4), 10);
  const History history{
      .objectives = kLoss, .trials = {}, .seed = kSeed, .number = 0, .earlier = earlier};
  EXPECT_THAT(auto_sampler()->explain(numbers(4), history), StartsWith("gp, because"));
}

Params answer(const Sampler& sampler, const SearchSpace& space, const History& history) {
  return sampler.sample(space, history, Rng::for_trial(kSeed, history.draw));
}

TEST(Auto, AnswersAsTheMethodThatItNames) {
  const SearchSpace space = numbers(3);
  const auto trials = ended(space, 260);
  const auto at = [&](int number) {
    return History{kLoss, std::span(trials).first(static_cast<std::size_t>(number)), kSeed, number,
                   static_cast<std::uint64_t>(number)};
  };
  const auto sampler = auto_sampler({.budget = 400});
  EXPECT_EQ(answer(*sampler, space, at(2)), answer(*qmc_sampler(), space, at(2)));
  EXPECT_EQ(answer(*sampler, space, at(20)),
            answer(*gp_sampler({.n_startup_trials = 10}), space, at(20)));
  // cmaes counts from trial 200 and begins where the trials before were best.
  History later = at(230);
  later.earlier = later.trials.first(200);
  later.trials = later.trials.subspan(200);
  EXPECT_EQ(answer(*sampler, space, at(230)), answer(*cmaes_sampler(), space, later));
  EXPECT_NE(answer(*sampler, space, at(230)), answer(*cmaes_sampler(), space, at(230)));
}

TEST(Auto, TakesTpeForAProgramThatSuggestsOneParameterAfterTheOther) {
  const SearchSpace space = numbers(2);
  const auto trials = ended(space, 30);
  const SearchSpace one = SearchSpace().add("x1", FloatDomain{0, 1});
  const History history = testing_support::history_before_next(kLoss, trials, kSeed);
  EXPECT_THAT(auto_sampler()->explain(one, history), StartsWith("tpe from trial 10 on"));
  // A space of one parameter that was declared is no such program.
  const auto alone = ended(one, 30);
  EXPECT_THAT(
      auto_sampler()->explain(one, testing_support::history_before_next(kLoss, alone, kSeed)),
      StartsWith("gp from trial 10 on"));
}

TEST(Auto, LearnsForSuchAProgramAlsoWhereAParameterHasFewValues) {
  const auto trials = ended(categories(2), 30);
  const SearchSpace one = SearchSpace().add(categories(2).parameters().back());
  const History history = testing_support::history_before_next(kLoss, trials, kSeed);
  EXPECT_THAT(auto_sampler()->explain(one, history), StartsWith("tpe from trial 10 on"));
}

TEST(Auto, FindsTheBottomOfABowl) {
  const SearchSpace space = numbers(3);
  const auto bowl = [](const Params& params) {
    double sum = 0;
    for (const auto& [name, value] : params) sum += std::pow(*as_number(value) - 0.3, 2);
    return Metrics{{"loss", sum}};
  };
  const auto trials =
      testing_support::sampled_study(*auto_sampler({.budget = 40}), space, kLoss, bowl, 40, kSeed);
  // Of 40 random points the best lies about 0.18 away from the bottom, a loss of 0.03.
  EXPECT_LT(best_trial(kLoss.front(), trials)->metrics.at("loss"), 0.003);
}

TEST(Auto, RefusesOptionsOutOfRange) {
  EXPECT_THROW(auto_sampler({.budget = 0}), ConfigError);
  EXPECT_THROW(auto_sampler({.workers = 0}), ConfigError);
}

}  // namespace
}  // namespace hypertune

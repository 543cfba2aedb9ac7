// NSGA-II: generations, children, constraints, and that it finds what random search does not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "hypertune/error.h"
#include "math/hypervolume.h"
#include "support/sampled_study.h"

namespace hypertune {
namespace {

using testing_support::finished_trial;
using testing_support::history_before_next;
using testing_support::sampled_study;

const std::vector<Objective> kTwo = {{"f", Direction::Minimize}, {"g", Direction::Minimize}};
const std::vector<Objective> kOne = {{"f", Direction::Minimize}};

SearchSpace unit_cube(int dims) {
  SearchSpace space;
  for (int i = 0; i < dims; ++i) space.add("x" + std::to_string(i), FloatDomain{0, 1});
  return space;
}

double at(const Params& params, const std::string& name) {
  return std::get<double>(params.at(name));
}

/// Zitzler, Deb and Thiele, 2000. The front of the first is convex, that of the second is not; on
/// both fronts all parameters but the first are 0.
Metrics zdt(const Params& params, bool convex) {
  const double f = at(params, "x0");
  double sum = 0;
  for (const auto& [name, value] : params) sum += std::get<double>(value);
  const double g = 1 + 9 * (sum - f) / static_cast<double>(params.size() - 1);
  return {{"f", f}, {"g", g * (1 - (convex ? std::sqrt(f / g) : (f / g) * (f / g)))}};
}

double volume(const std::vector<TrialRecord>& trials) {
  std::vector<double> values;
  for (const TrialRecord& trial : trials) {
    values.push_back(trial.metrics.at("f"));
    values.push_back(trial.metrics.at("g"));
  }
  return hypervolume({values, 2}, std::vector<double>{1.1, 6});
}

TEST(Nsga2, CoversMoreOfTheFrontsOfZdtThanRandomSearch) {
  // Of five seeds the worst of NSGA-II must beat the best of random search.
  const SearchSpace space = unit_cube(6);
  for (const bool convex : {true, false}) {
    const auto evaluate = [&](const Params& params) { return zdt(params, convex); };
    double worst = 100;
    double best_of_random = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      worst = std::min(worst, volume(sampled_study(*nsga2_sampler({.population = 20}), space, kTwo,
                                                   evaluate, 400, seed)));
      best_of_random =
          std::max(best_of_random,
                   volume(sampled_study(*random_sampler(), space, kTwo, evaluate, 400, seed)));
    }
    EXPECT_GT(worst, best_of_random) << (convex ? "ZDT1" : "ZDT2");
  }
}

TEST(Nsga2, FindsABetterOptimumOfOneObjectiveThanRandomSearchEitherWay) {
  const SearchSpace space = unit_cube(5);
  for (const Direction direction : {Direction::Minimize, Direction::Maximize}) {
    const double sign = direction == Direction::Minimize ? 1 : -1;
    const std::vector<Objective> objectives = {{"f", direction}};
    const auto evaluate = [&](const Params& params) {
      double sum = 0;
      for (const auto& [name, value] : params) sum += std::pow(std::get<double>(value) - 0.3, 2);
      return Metrics{{"f", sign * sum}};
    };
    const auto loss = [&](const Sampler& sampler, std::uint64_t seed) {
      const auto trials = sampled_study(sampler, space, objectives, evaluate, 300, seed);
      return sign * best_trial(objectives[0], trials)->metrics.at("f");
    };
    // Five seeds: the worst of NSGA-II against the best of random search.
    double worst = 0;
    double best_of_random = 100;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      worst = std::max(worst, loss(*nsga2_sampler({.population = 20}), seed));
      best_of_random = std::min(best_of_random, loss(*random_sampler(), seed));
    }
    EXPECT_LT(worst, best_of_random);
  }
}

/// Trials with one number each, `f` being that number.
std::vector<TrialRecord> numbered(const SearchSpace& space, std::initializer_list<double> values) {
  std::vector<TrialRecord> trials;
  for (const double value : values) {
    trials.push_back(finished_trial(space, static_cast<int>(trials.size()), {{"x0", value}},
                                    {{"f", value}, {"excess", 0.5 - value}}));
  }
  return trials;
}

/// Children without mutation blend two survivors, so that many of them show the survivors' range.
std::pair<double, double> range_of_children(const Nsga2Options& options, const SearchSpace& space,
                                            const std::vector<TrialRecord>& trials) {
  const auto sampler = nsga2_sampler(options);
  double low = 1;
  double high = 0;
  for (std::uint64_t draw = 0; draw < 300; ++draw) {
    const double x =
        at(sampler->sample(space, history_before_next(kOne, trials, 1), Rng::for_trial(1, draw)),
           "x0");
    low = std::min(low, x);
    high = std::max(high, x);
  }
  return {low, high};
}

Nsga2Options blending(int population) {
  return {.population = population,
          .crossover = Crossover::Blx,
          .crossover_probability = 1,
          .mutation_probability = 0};
}

TEST(Nsga2, ChildrenDescendFromTheBestOfAllWholeGenerations) {
  const SearchSpace space = unit_cube(1);
  // Two generations of two: 0.40 and 0.44 survive. The half generation behind them has no say.
  const auto trials = numbered(space, {0.9, 0.4, 0.44, 0.8, 0.1});
  const auto [low, high] = range_of_children(blending(2), space, trials);
  // Half the distance of the parents beyond either.
  EXPECT_NEAR(low, 0.38, 0.002);
  EXPECT_NEAR(high, 0.46, 0.002);
}

TEST(Nsga2, DrawsAtRandomUntilTheFirstGenerationIsWhole) {
  const SearchSpace space = unit_cube(1);
  auto trials = numbered(space, {0.4, 0.42, 0.41});
  trials[1].state = TrialState::Failed;
  trials[2].metrics["f"] = std::nan("");
  const auto [low, high] = range_of_children(blending(2), space, trials);
  EXPECT_LT(low, 0.05);
  EXPECT_GT(high, 0.95);
}

TEST(Nsga2, WhatViolatesAConstraintSurvivesOnlyBehindWhatDoesNot) {
  const SearchSpace space = unit_cube(1);
  // `excess` is positive below 0.5, and the one that was not measured counts as the worst.
  auto trials = numbered(space, {0.1, 0.6, 0.3, 0.64, 0.2, 0.55});
  trials[5].metrics.erase("excess");
  Nsga2Options options = blending(2);
  options.constraints = {"excess"};
  const auto [low, high] = range_of_children(options, space, trials);
  EXPECT_NEAR(low, 0.58, 0.002);
  EXPECT_NEAR(high, 0.66, 0.002);
}

TEST(Nsga2, NeverRepeatsATrialWhileThereIsAnotherAnswer) {
  SearchSpace space;
  space.add("a", IntDomain{1, 5}).add("b", CategoricalDomain{{true, false}});
  const auto evaluate = [](const Params& params) {
    return Metrics{{"f", *as_number(params.at("a"))}};
  };
  const auto trials =
      sampled_study(*nsga2_sampler({.population = 4}), space, kOne, evaluate, 10, 3);
  std::set<Params> seen;
  for (const TrialRecord& trial : trials) seen.insert(trial.params);
  EXPECT_EQ(seen.size(), 10U);
  // The space is exhausted; what comes now repeats, and still comes.
  const auto next =
      nsga2_sampler({.population = 4})->sample(space, history_before_next(kOne, trials, 3), Rng());
  EXPECT_EQ(next.size(), 2U);
}

TEST(Nsga2, EveryCrossoverAndMutationStaysInsideTheDomains) {
  SearchSpace space;
  space.add("lr", FloatDomain{1e-4, 1e-1, true})
      .add("drop", FloatDomain{.low = 0, .high = 0.5, .step = 0.1})
      .add("width", IntDomain{8, 128, true})
      .add("optimizer", CategoricalDomain{{std::string("sgd"), std::string("adam")}})
      .add("momentum", FloatDomain{0.5, 0.99}, Condition("optimizer == 'sgd'"));
  const auto evaluate = [](const Params& params) {
    return Metrics{{"f", std::abs(std::log(at(params, "lr") * 100))},
                   {"g", at(params, "drop") + *as_number(params.at("width"))}};
  };
  for (const Crossover crossover : {Crossover::Uniform, Crossover::Sbx, Crossover::Blx}) {
    for (const Mutation mutation : {Mutation::Uniform, Mutation::Polynomial}) {
      const auto sampler =
          nsga2_sampler({.population = 10, .crossover = crossover, .mutation = mutation});
      for (const TrialRecord& trial : sampled_study(*sampler, space, kTwo, evaluate, 120, 5)) {
        for (const Parameter& p : space.parameters()) {
          ASSERT_EQ(trial.params.contains(p.name), space.active(p, trial.params)) << p.name;
          if (!trial.params.contains(p.name)) continue;
          ASSERT_TRUE(contains(p.domain, trial.params.at(p.name))) << p.name;
        }
      }
    }
  }
}

TEST(Nsga2, ParentsOutsideOfAChangedDomainLendNothing) {
  const SearchSpace space = unit_cube(1);
  const auto trials = numbered(space, {0.1, 0.2});
  const SearchSpace moved = SearchSpace().add("x0", FloatDomain{5, 6});
  const auto params =
      nsga2_sampler({.population = 2})->sample(moved, history_before_next(kOne, trials, 1), Rng());
  EXPECT_GE(at(params, "x0"), 5);
}

TEST(Nsga2, RefusesOptionsOutOfTheirRange) {
  EXPECT_THROW(nsga2_sampler({.population = 1}), ConfigError);
  EXPECT_THROW(nsga2_sampler({.crossover_probability = 1.5}), ConfigError);
  EXPECT_THROW(nsga2_sampler({.swap_probability = -0.1}), ConfigError);
  EXPECT_THROW(nsga2_sampler({.crossover_eta = -1}), ConfigError);
  EXPECT_THROW(nsga2_sampler({.mutation_probability = 2}), ConfigError);
  EXPECT_THROW(nsga2_sampler({.mutation_eta = std::nan("")}), ConfigError);
}

}  // namespace
}  // namespace hypertune

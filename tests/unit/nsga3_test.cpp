// NSGA-III: it finds fronts of many objectives, and repeats itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "hypertune/error.h"
#include "math/hypervolume.h"
#include "support/sampled_study.h"

namespace hypertune {
namespace {

using testing_support::history_before_next;
using testing_support::sampled_study;

std::vector<Objective> objectives(int count) {
  std::vector<Objective> all;
  for (int i = 0; i < count; ++i) all.push_back({"f" + std::to_string(i), Direction::Minimize});
  return all;
}

SearchSpace unit_cube(int dims) {
  SearchSpace space;
  for (int i = 0; i < dims; ++i) space.add("x" + std::to_string(i), FloatDomain{0, 1});
  return space;
}

/// Deb, Thiele, Laumanns and Zitzler, 2002: the front is the unit sphere in the positive orthant,
/// reached when all but the first parameters are one half.
Metrics dtlz2(const Params& params, int count) {
  std::vector<double> x;
  for (const auto& [name, value] : params) x.push_back(std::get<double>(value));
  const auto angles = static_cast<std::size_t>(count) - 1;
  double radius = 1;
  for (std::size_t i = angles; i < x.size(); ++i) radius += (x[i] - 0.5) * (x[i] - 0.5);
  Metrics metrics;
  for (std::size_t k = 0; k <= angles; ++k) {
    double f = radius;
    for (std::size_t i = 0; i < angles - k; ++i) f *= std::cos(x[i] * std::numbers::pi / 2);
    if (k > 0) f *= std::sin(x[angles - k] * std::numbers::pi / 2);
    metrics["f" + std::to_string(k)] = f;
  }
  return metrics;
}

double volume(const std::vector<TrialRecord>& trials, std::size_t dims) {
  std::vector<double> values;
  for (const TrialRecord& trial : trials) {
    for (const auto& [name, value] : trial.metrics) values.push_back(value);
  }
  return hypervolume({values, dims}, std::vector<double>(dims, 1.1));
}

TEST(Nsga3, CoversMoreOfTheFrontsOfManyObjectivesThanRandomSearch) {
  // The mean of five seeds, one of which may end in a corner, against the best of random search.
  for (const int count : {3, 4}) {
    const SearchSpace space = unit_cube(count + 5);
    const auto evaluate = [&](const Params& params) { return dtlz2(params, count); };
    const auto covered = [&](const Sampler& sampler, std::uint64_t seed) {
      return volume(sampled_study(sampler, space, objectives(count), evaluate, 300, seed),
                    static_cast<std::size_t>(count));
    };
    constexpr int kSeeds = 5;
    double sum = 0;
    double best_of_random = 0;
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
      sum += covered(*nsga3_sampler(), seed);
      best_of_random = std::max(best_of_random, covered(*random_sampler(), seed));
    }
    EXPECT_GT(sum / kSeeds, best_of_random) << count;
  }
}

TEST(Nsga3, BreaksTiesAlikeAtEveryQuestion) {
  const SearchSpace space = unit_cube(8);
  const auto evaluate = [](const Params& params) { return dtlz2(params, 3); };
  const auto three = objectives(3);
  const auto trials = sampled_study(*nsga3_sampler(), space, three, evaluate, 70, 1);
  const auto history = history_before_next(three, trials, 1);
  EXPECT_EQ(nsga3_sampler()->sample(space, history, Rng(5)),
            nsga3_sampler()->sample(space, history, Rng(5)));
  EXPECT_NE(nsga3_sampler()->sample(space, history, Rng(5)),
            nsga3_sampler()->sample(space, history, Rng(6)));
}

TEST(Nsga3, MinimizesOneObjectiveToo) {
  const SearchSpace space = unit_cube(3);
  const auto one = objectives(1);
  const auto evaluate = [](const Params& params) {
    double sum = 0;
    for (const auto& [name, value] : params) sum += std::pow(std::get<double>(value) - 0.3, 2);
    return Metrics{{"f0", sum}};
  };
  const auto best = [&](const Sampler& sampler) {
    const auto trials = sampled_study(sampler, space, one, evaluate, 200, 1);
    return best_trial(one[0], trials)->metrics.at("f0");
  };
  EXPECT_LT(best(*nsga3_sampler()), best(*random_sampler()));
}

TEST(Nsga3, ManyDivisionsOfManyObjectivesFillNoMemory) {
  const SearchSpace space = unit_cube(10);
  const auto ten = objectives(10);
  const auto evaluate = [](const Params& params) { return dtlz2(params, 10); };
  const auto trials = sampled_study(*random_sampler(), space, ten, evaluate, 10, 1);
  const auto params = nsga3_sampler({.population = 5, .divisions = 100})
                          ->sample(space, history_before_next(ten, trials, 1), Rng());
  EXPECT_EQ(params.size(), 10U);
}

TEST(Nsga3, RefusesOptionsOutOfTheirRange) {
  EXPECT_THROW(nsga3_sampler({.population = 1}), ConfigError);
  EXPECT_THROW(nsga3_sampler({.divisions = 0}), ConfigError);
  EXPECT_THROW(nsga3_sampler({.divisions = 1000}), ConfigError);
  EXPECT_THROW(nsga3_sampler({.mutation_probability = -1}), ConfigError);
}

}  // namespace
}  // namespace hypertune

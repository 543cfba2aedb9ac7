// What genetic samplers keep between questions changes no answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "hypertune/sampler.h"
#include "samplers/lineage.h"
#include "support/sampled_study.h"

namespace hypertune {
namespace {

using testing_support::finished_trial;

const std::vector<Objective> kTwo = {{"f", Direction::Minimize}, {"g", Direction::Minimize}};

SearchSpace plane() {
  SearchSpace space;
  space.add("x", FloatDomain{0, 1}).add("n", IntDomain{1, 4});
  return space;
}

Metrics measured(const Params& params) {
  const double x = std::get<double>(params.at("x"));
  const auto n = static_cast<double>(std::get<std::int64_t>(params.at("n")));
  return {{"f", x * x + n}, {"g", (x - 0.7) * (x - 0.7) + 1 / n}};
}

/// As a store gives it: with the time at which it ended.
TrialRecord stored(const SearchSpace& space, int number, const Params& params) {
  TrialRecord trial = finished_trial(space, number, params, measured(params));
  trial.ended = TimePoint(std::chrono::seconds(100 + number));
  return trial;
}

TrialRecord running(int number) {
  TrialRecord trial;
  trial.id = number + 1;
  trial.number = number;
  trial.state = TrialState::Running;
  return trial;
}

std::vector<TrialRecord> some_trials(int count, std::uint64_t seed) {
  const SearchSpace space = plane();
  std::vector<TrialRecord> trials;
  for (int number = 0; number < count; ++number) {
    Rng rng(seed, static_cast<std::uint64_t>(number));
    const auto n = static_cast<std::int64_t>(1 + rng.below(4));
    trials.push_back(stored(space, number, {{"x", Value(rng.uniform())}, {"n", Value(n)}}));
  }
  return trials;
}

using Maker = std::unique_ptr<Sampler> (*)();
std::unique_ptr<Sampler> small_nsga2() { return nsga2_sampler({.population = 4}); }
std::unique_ptr<Sampler> small_nsga3() { return nsga3_sampler({.population = 4}); }

class MemoOf : public ::testing::TestWithParam<Maker> {
 protected:
  Params ask(const Sampler& sampler, std::span<const TrialRecord> trials, int number) const {
    const History history{kTwo, trials, 7, number, static_cast<std::uint64_t>(number)};
    return sampler.sample(space_, history, Rng::for_trial(7, history.draw));
  }
  /// Asks the sampler that was asked before, and one that never was.
  void expect_same(const Sampler& used, std::span<const TrialRecord> trials, int number) const {
    EXPECT_EQ(ask(used, trials, number), ask(*GetParam()(), trials, number)) << number;
  }
  SearchSpace space_ = plane();
};

TEST_P(MemoOf, AStudyGivesTheSameTrialsWithItAndWithout) {
  const auto sampler = GetParam()();
  std::vector<TrialRecord> trials;
  for (int number = 0; number < 60; ++number) {
    expect_same(*sampler, trials, number);
    trials.push_back(stored(space_, number, ask(*sampler, trials, number)));
  }
}

TEST_P(MemoOf, TrialsThatStillRunCountOnceTheyEnd) {
  const auto sampler = GetParam()();
  const auto all = some_trials(40, 1);
  std::vector<TrialRecord> trials = all;
  trials[10] = running(10);
  trials[25] = running(25);
  expect_same(*sampler, trials, 40);
  trials[25] = all[25];
  expect_same(*sampler, trials, 41);
  trials[10] = all[10];
  expect_same(*sampler, trials, 42);
  expect_same(*sampler, trials, 43);
}

TEST_P(MemoOf, AShorterHistoryIsAnsweredAsIfItWereAlone) {
  const auto sampler = GetParam()();
  const auto trials = some_trials(40, 2);
  const std::span<const TrialRecord> all = trials;
  for (const std::size_t count : {40U, 13U, 4U, 40U, 0U, 39U}) {
    expect_same(*sampler, all.first(count), 50);
  }
}

TEST_P(MemoOf, AnotherHistoryIsAnsweredFromItsOwnTrials) {
  const auto sampler = GetParam()();
  auto trials = some_trials(40, 3);
  expect_same(*sampler, trials, 40);
  // Another trial of the same number, which ended at another time.
  trials[5] = stored(space_, 5, {{"x", Value(0.7)}, {"n", Value(std::int64_t{1})}});
  trials[5].ended = TimePoint(std::chrono::seconds(1));
  expect_same(*sampler, trials, 40);
  // Records without times are never taken for known ones.
  auto untimed = some_trials(40, 4);
  for (TrialRecord& trial : untimed) trial.ended.reset();
  expect_same(*sampler, untimed, 40);
  untimed[5].metrics = {{"f", -5}, {"g", -5}};
  expect_same(*sampler, untimed, 40);
}

INSTANTIATE_TEST_SUITE_P(Samplers, MemoOf, ::testing::Values(small_nsga2, small_nsga3));

TEST(Lineage, KnowsTheParametersOfAllOtherTrials) {
  const auto trials = some_trials(30, 5);
  const Lineage lineage(4, {});
  const auto first = [](const PointsView& points, std::span<const double>, std::size_t count, int) {
    return fittest(points, {}, count);
  };
  // The second time from what was kept.
  for (const int number : {30, 31}) {
    const History history{kTwo, trials, 7, number, 0};
    const Past past = lineage.past(history, first);
    EXPECT_TRUE(past.contains(trials[3].params));
    EXPECT_TRUE(past.contains({{"x", trials[3].params.at("x")}}));
    EXPECT_FALSE(past.contains({{"x", Value(0.123)}, {"n", trials[3].params.at("n")}}));
    EXPECT_FALSE(past.contains({{"x", Value(0.123)}}));
    EXPECT_EQ(past.parents().size(), 4U);
  }
  // The trial that is decided about does not count, wherever it stands.
  const History own{kTwo, trials, 7, 3, 0};
  const Lineage other(4, {});
  const Past past = other.past(own, first);
  EXPECT_FALSE(past.contains(trials[3].params));
  EXPECT_TRUE(past.contains(trials[4].params));
}

}  // namespace
}  // namespace hypertune

// Best trials and Pareto fronts.
#include "hypertune/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace hypertune {
namespace {

TrialRecord trial(int number, Metrics metrics, TrialState state = TrialState::Complete) {
  TrialRecord record;
  record.number = number;
  record.state = state;
  record.metrics = std::move(metrics);
  return record;
}

TEST(BestTrial, IsTheEarliestOfTheBestCompleteOnes) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  const std::vector<TrialRecord> trials = {
      trial(0, {{"acc", kNaN}}),  trial(1, {{"acc", 0.5}}),
      trial(2, {{"acc", 0.9}}),   trial(3, {{"acc", 0.9}}),
      trial(4, {{"other", 1.0}}), trial(5, {{"acc", 0.99}}, TrialState::Pruned)};
  EXPECT_EQ(best_trial({"acc", Direction::Maximize}, trials)->number, 2);
  EXPECT_EQ(best_trial({"acc", Direction::Minimize}, trials)->number, 1);
  EXPECT_EQ(best_trial({"missing", Direction::Minimize}, trials), nullptr);
}

TEST(BestTrial, LetsAnInfiniteValueWinOverNothing) {
  const std::vector<TrialRecord> trials = {
      trial(0, {{"loss", std::numeric_limits<double>::infinity()}})};
  EXPECT_EQ(best_trial({"loss", Direction::Minimize}, trials)->number, 0);
}

TEST(ParetoFront, HoldsWhatNoOtherTrialDominates) {
  const std::vector<Objective> objectives = {{"loss", Direction::Minimize},
                                             {"speed", Direction::Maximize}};
  const std::vector<TrialRecord> trials = {
      trial(0, {{"loss", 1}, {"speed", 1}}), trial(1, {{"loss", 2}, {"speed", 2}}),
      trial(2, {{"loss", 2}, {"speed", 1}}), trial(3, {{"loss", 1}}),
      trial(4, {{"loss", 0.5}, {"speed", 1}})};
  const auto front = pareto_front({objectives, trials});
  ASSERT_EQ(front.size(), 2U);
  EXPECT_EQ(front[0]->number, 1);
  EXPECT_EQ(front[1]->number, 4);
}

}  // namespace
}  // namespace hypertune

// Workers that join a study which another process planned.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "hypertune/error.h"
#include "hypertune/tune.h"
#include "support/manual_clock.h"
#include "support/quadratic.h"

namespace hypertune {
namespace {

using testing_support::ManualClock;
using testing_support::quadratic;
using testing_support::quadratic_spec;

constexpr int kPlanned = 4;

/// A planned study of which another process, on another machine, runs the first trial.
class JoinedStudy : public testing::Test {
 protected:
  JoinedStudy() {
    study_.plan(kPlanned / 2);
    elsewhere_ = *study_.storage().claim(study_.id(), {"elsewhere", std::chrono::seconds(60)});
  }

  TuneSummary join(TuneOptions options) {
    options.num_samples = kPlanned / 2;
    options.joins = true;
    return tune(study_, *executor_, options);
  }

  ManualClock clock_;
  Study study_{quadratic_spec(), memory_storage(clock_.function())};
  TrialRecord elsewhere_;
  std::unique_ptr<Executor> executor_ = function_executor(quadratic);
};

TEST_F(JoinedStudy, AWorkerStaysAndRepeatsATrialWhoseWorkerFellSilent) {
  int asked = 0;
  TuneOptions options;
  options.clock = [&] {
    // Asked for the second time when nothing waits any more.
    if (++asked == 2) clock_.advance(std::chrono::seconds(61));
    return std::chrono::steady_clock::time_point{};
  };
  const TuneSummary summary = join(options);
  EXPECT_EQ(summary.planned, kPlanned);
  EXPECT_EQ(summary.complete, kPlanned);
  EXPECT_EQ(summary.failed, 0);
  EXPECT_FALSE(summary.left);
  const auto trials = study_.trials();
  EXPECT_EQ(trials.at(0).failure, Failure::WorkerLost);
  EXPECT_EQ(trials.back().plan.retry_of, 0);
  EXPECT_EQ(trials.back().state, TrialState::Complete);
}

TEST_F(JoinedStudy, AWorkerLeavesWhenItWasIdleForTooLong) {
  int minutes = 0;
  TuneOptions options;
  options.idle_timeout = std::chrono::seconds(60);
  options.clock = [&] {
    return std::chrono::steady_clock::time_point(std::chrono::minutes(++minutes));
  };
  const TuneSummary summary = join(options);
  EXPECT_TRUE(summary.left);
  EXPECT_EQ(summary.complete, kPlanned - 1);
  EXPECT_EQ(summary.elsewhere, 1);
  EXPECT_FALSE(study_.storage().attributes(study_.id()).contains("hypertune:stopped"));
}

TEST_F(JoinedStudy, AWorkerLeavesAfterAsManyTrialsAsItMayBegin) {
  TuneOptions options;
  options.max_trials = 2;
  options.workers = 2;
  const TuneSummary summary = join(options);
  EXPECT_TRUE(summary.left);
  EXPECT_EQ(summary.complete, 2);
  EXPECT_EQ(study_.storage().counts(study_.id()).waiting, 1);
  options.max_trials = 0;
  EXPECT_THROW(join(options), ConfigError);
}

TEST(Join, AWorkerPlansNothingAndHasNothingToDoBeforeSomebodyElseDoes) {
  Study study(quadratic_spec());
  const auto executor = function_executor(quadratic);
  TuneOptions options;
  options.joins = true;
  const TuneSummary summary = tune(study, *executor, options);
  EXPECT_EQ(summary.planned, 0);
  EXPECT_TRUE(study.trials().empty());
}

}  // namespace
}  // namespace hypertune

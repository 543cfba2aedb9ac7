// The worker loop: concurrency, failures, interruption, recovery.
#include "hypertune/tune.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>

#include "hypertune/error.h"
#include "support/quadratic.h"

namespace hypertune {
namespace {

using testing_support::quadratic;
using testing_support::quadratic_spec;

std::map<int, TrialRecord> by_number(const Study& study) {
  std::map<int, TrialRecord> all;
  for (const auto& trial : study.trials()) all[trial.number] = trial;
  return all;
}

TEST(Tune, RunsThePlanToItsEnd) {
  Study study(quadratic_spec());
  const auto executor = function_executor(quadratic);
  const TuneSummary summary = tune(study, *executor, {.num_samples = 5, .workers = 3});
  EXPECT_EQ(summary.planned, 10);
  EXPECT_EQ(summary.complete, 10);
  EXPECT_EQ(summary.failed, 0);
  EXPECT_FALSE(summary.interrupted);
  for (const auto& trial : study.trials()) EXPECT_EQ(trial.reports.size(), 3U);
}

TEST(Tune, GivesTheSameTrialsForAnyNumberOfWorkers) {
  std::map<int, Params> reference;
  for (const int workers : {1, 2, 4, 8}) {
    Study study(quadratic_spec());
    const auto executor = function_executor(quadratic);
    tune(study, *executor, {.num_samples = 10, .paired = true, .workers = workers});
    std::map<int, Params> params;
    for (const auto& [number, trial] : by_number(study)) params[number] = trial.params;
    if (reference.empty()) reference = params;
    EXPECT_EQ(params, reference) << workers << " workers";
  }
  EXPECT_EQ(reference.size(), 20U);
}

TEST(Tune, RunningAgainRunsOnlyWhatIsMissing) {
  Study study(quadratic_spec());
  std::atomic<int> calls = 0;
  const auto executor = function_executor([&](Trial& trial) {
    ++calls;
    return quadratic(trial);
  });
  tune(study, *executor, {.num_samples = 2});
  tune(study, *executor, {.num_samples = 2});
  EXPECT_EQ(calls, 4);
  tune(study, *executor, {.num_samples = 3});
  EXPECT_EQ(calls, 6);
}

TEST(Tune, AnExceptionFailsItsTrialAndNoOther) {
  Study study(quadratic_spec());
  const auto executor = function_executor([](Trial& trial) -> Outcome {
    if (trial.number() == 1) throw std::runtime_error("out of luck");
    if (trial.number() == 2) throw 5;
    return quadratic(trial);
  });
  const TuneSummary summary = tune(study, *executor, {.num_samples = 2});
  EXPECT_EQ(summary.complete, 2);
  EXPECT_EQ(summary.failed, 2);
  EXPECT_EQ(by_number(study).at(1).reason, "out of luck");
}

TEST(Tune, AnInterruptedRunRepeatsItsTrialsNextTime) {
  Study study(quadratic_spec());
  std::stop_source source;
  const auto executor = function_executor([&](Trial& trial) {
    if (trial.number() == 1) source.request_stop();
    return quadratic(trial);
  });
  const TuneSummary first = tune(study, *executor, {.num_samples = 2}, source.get_token());
  EXPECT_TRUE(first.interrupted);
  EXPECT_EQ(first.complete, 1);
  EXPECT_EQ(first.failed, 0);
  EXPECT_EQ(by_number(study).at(1).failure, Failure::Interrupted);

  const auto again = function_executor(quadratic);
  const TuneSummary second = tune(study, *again, {.num_samples = 2});
  EXPECT_EQ(second.planned, 4);
  EXPECT_EQ(second.complete, 4);
  const auto trials = by_number(study);
  ASSERT_EQ(trials.size(), 5U);
  EXPECT_EQ(trials.at(4).plan.retry_of, 1);
  EXPECT_EQ(trials.at(4).params, trials.at(1).params);
}

TEST(Tune, AnObjectiveThatInterruptsItselfFailsAndIsNotRepeatedForever) {
  Study study(quadratic_spec());
  std::atomic<int> calls = 0;
  const auto executor = function_executor([&](Trial&) {
    ++calls;
    return Outcome::interrupted("out of time");
  });
  const TuneSummary summary = tune(study, *executor, {.num_samples = 1});
  EXPECT_EQ(calls, 2);
  EXPECT_EQ(summary.failed, 2);
}

TEST(Tune, AStopBeforeTheStartRunsNothing) {
  Study study(quadratic_spec());
  std::stop_source source;
  source.request_stop();
  const auto executor = function_executor(quadratic);
  const TuneSummary summary = tune(study, *executor, {.num_samples = 2}, source.get_token());
  EXPECT_TRUE(summary.interrupted);
  EXPECT_EQ(summary.complete, 0);
  EXPECT_EQ(summary.planned, 4);
}

TEST(Tune, EventsTellTheStoryOfEachTrialInOrder) {
  Study study(quadratic_spec());
  std::map<int, std::string> stories;
  TuneOptions options{.num_samples = 3, .workers = 2};
  options.on_event = [&](const Event& event) {
    constexpr std::string_view kLetters = "SRFL";
    stories[event.record.number] += kLetters[static_cast<std::size_t>(event.kind)];
  };
  const auto executor = function_executor(quadratic);
  tune(study, *executor, options);
  ASSERT_EQ(stories.size(), 6U);
  for (const auto& [number, story] : stories) EXPECT_EQ(story, "SRRRF") << "trial " << number;
}

TEST(Tune, TakesOverTrialsWhoseWorkerIsGone) {
  TimePoint now{std::chrono::hours(1'000)};
  Study study(quadratic_spec(), memory_storage([&] { return now; }));
  study.plan(1);
  ASSERT_TRUE(study.next({"elsewhere:1", std::chrono::seconds(60)}));
  now += std::chrono::seconds(61);
  std::set<int> lost;
  TuneOptions options;
  options.on_event = [&](const Event& event) {
    if (event.kind == Event::Kind::Lost) lost.insert(event.record.number);
  };
  const auto executor = function_executor(quadratic);
  const TuneSummary summary = tune(study, *executor, options);
  EXPECT_EQ(lost, std::set<int>{0});
  EXPECT_EQ(summary.complete, 2);
  EXPECT_EQ(summary.planned, 2);
  EXPECT_EQ(summary.failed, 0);
}

TEST(Tune, AWorkerThatWasGivenUpDoesNotOverwriteItsTwin) {
  std::mutex mutex;  // guards now
  TimePoint now{std::chrono::hours(1'000)};
  Study study(quadratic_spec(), memory_storage([&] {
                const std::scoped_lock lock(mutex);
                return now;
              }));
  std::atomic<int> calls = 0;
  const auto executor = function_executor([&](Trial& trial) {
    if (calls++ == 0) {  // fall silent beyond the lease; another worker notices
      {
        const std::scoped_lock lock(mutex);
        now += std::chrono::seconds(3'600);
      }
      study.storage().fail_stale(study.id());
      study.plan_retries();
    }
    return quadratic(trial);
  });
  const TuneSummary summary = tune(study, *executor, {.num_samples = 1});
  EXPECT_EQ(summary.complete, 2);
  EXPECT_EQ(summary.planned, 2);
  EXPECT_EQ(by_number(study).at(0).failure, Failure::WorkerLost);
}

TEST(Tune, RefusesImpossibleNumbers) {
  Study study(quadratic_spec());
  const auto executor = function_executor(quadratic);
  EXPECT_THROW(tune(study, *executor, {.num_samples = 0}), ConfigError);
  EXPECT_THROW(tune(study, *executor, {.workers = 0}), ConfigError);
  EXPECT_TRUE(study.trials().empty());
}

}  // namespace
}  // namespace hypertune

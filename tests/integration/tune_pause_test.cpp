// Runs whose trials pause: any number of workers, interruptions, several processes, deaths.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>

#include "hypertune/tune.h"
#include "support/child_process.h"
#include "support/halving.h"
#include "support/record_text.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using testing::Each;
using testing::SizeIs;
using namespace testing_support;

constexpr int kTrials = 8;
// Each runs step 1, the better half step 2, the better half of that step 3.
constexpr int kSteps = kTrials + kTrials / 2 + kTrials / 4;

Study halving_study(std::shared_ptr<Storage> storage = memory_storage()) {
  return Study(halving_spec(), std::move(storage), random_sampler(),
               std::make_unique<Halving>(kTrials));
}

/// What a trial's result is, whoever ran it.
std::vector<std::string> results(const Study& study) {
  std::vector<std::string> texts;
  for (const TrialRecord& trial : study.trials()) {
    Json json = record_json(trial);
    for (const char* key : {"worker", "started", "ended"}) json.erase(key);
    texts.push_back(dump_json(json));
  }
  return texts;
}

void expect_halved(const Study& study) {
  std::map<std::size_t, int> trials_with_steps;
  for (const TrialRecord& trial : study.trials()) {
    if (trial.state == TrialState::Failed) continue;
    const bool is_best = trial.reports.back().step == 3;
    EXPECT_EQ(trial.state, is_best ? TrialState::Complete : TrialState::Pruned);
    EXPECT_EQ(trial.reason, is_best ? "" : "not promoted");
    EXPECT_TRUE(trial.metrics.contains("loss"));
    ++trials_with_steps[static_cast<std::size_t>(trial.reports.back().step)];
  }
  EXPECT_EQ(trials_with_steps, (std::map<std::size_t, int>{{1, 4}, {2, 2}, {3, 2}}));
}

TEST(TunePause, GivesTheSameTrialsForAnyNumberOfWorkers) {
  std::vector<std::string> reference;
  for (const int workers : {1, 4}) {
    Study study = halving_study();
    std::atomic<int> steps = 0;
    std::map<int, std::string> stories;
    TuneOptions options{.num_samples = kTrials, .workers = workers};
    options.on_event = [&](const Event& event) {
      constexpr std::string_view kLetters = "SRFLP";
      stories[event.record.number] += kLetters[static_cast<std::size_t>(event.kind)];
      if (event.kind == Event::Kind::Reported) ++steps;
    };
    const auto executor = function_executor(descend);
    const TuneSummary summary = tune(study, *executor, options);
    EXPECT_EQ(summary.planned, kTrials);
    EXPECT_EQ(summary.complete, 2);
    EXPECT_EQ(summary.pruned, 6);
    EXPECT_EQ(summary.paused, 0);
    EXPECT_EQ(steps, kSteps);
    std::map<std::string, int> count;
    for (const auto& [number, story] : stories) ++count[story];
    EXPECT_EQ(count, (std::map<std::string, int>{{"SRPF", 4}, {"SRPSRPF", 2}, {"SRPSRPSRF", 2}}));
    expect_halved(study);
    if (reference.empty()) reference = results(study);
    EXPECT_EQ(results(study), reference) << workers << " workers";
  }
}

TEST(TunePause, AnObjectiveWithoutCheckpointsGivesTheSameResults) {
  Study reference = halving_study();
  const auto saving = function_executor(descend);
  tune(reference, *saving, {.num_samples = kTrials});

  Study study = halving_study();
  const auto forgetful = function_executor([](Trial& trial) {
    const double x = trial.suggest_float("x", {-10, 10});
    const double loss = (x - 2) * (x - 2);
    for (int step = 1; step <= 3; ++step) {
      const Decision decision = trial.report(step, {{"loss", loss + 1.0 / step}});
      if (decision != Decision::Continue) return Outcome::pruned();
    }
    return Outcome::complete({{"loss", loss}});
  });
  tune(study, *forgetful, {.num_samples = kTrials});
  EXPECT_EQ(results(study), results(reference));
}

TEST(TunePause, AnInterruptedRunIsContinuedWithWhatIsPaused) {
  Study reference = halving_study();
  const auto executor = function_executor(descend);
  tune(reference, *executor, {.num_samples = kTrials});

  const TemporaryFolder folder;
  for (const int pauses_before_stop : {1, 8, 10, 12}) {
    const auto file = folder / std::to_string(pauses_before_stop);
    {
      Study study = halving_study(sqlite_storage(file));
      std::stop_source source;
      int pauses = 0;
      TuneOptions options{.num_samples = kTrials};
      options.on_event = [&](const Event& event) {
        if (event.kind == Event::Kind::Paused && ++pauses == pauses_before_stop) {
          source.request_stop();
        }
      };
      const TuneSummary summary = tune(study, *executor, options, source.get_token());
      EXPECT_TRUE(summary.interrupted);
      EXPECT_GT(summary.paused, 0);
      EXPECT_EQ(summary.pruned, 0);
      EXPECT_EQ(summary.failed, 0);
    }
    Study study = halving_study(sqlite_storage(file));
    const TuneSummary summary = tune(study, *executor, {.num_samples = kTrials});
    EXPECT_EQ(summary.complete, 2);
    EXPECT_EQ(summary.paused, 0);
    EXPECT_EQ(results(study), results(reference)) << pauses_before_stop << " pauses";
  }
}

TEST(TunePause, TwoProcessesShareOneStudy) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  const auto run = [&] {
    Study study = halving_study(sqlite_storage(file));
    const auto executor = function_executor(descend);
    const TuneSummary summary = tune(study, *executor, {.num_samples = kTrials, .workers = 2});
    return std::to_string(summary.failed + summary.paused);
  };
  {
    ChildProcess first(run);
    ChildProcess second(run);
    EXPECT_EQ(first.answer(), "0");
    EXPECT_EQ(second.answer(), "0");
  }
  Study study = halving_study(sqlite_storage(file));
  EXPECT_THAT(study.trials(), SizeIs(kTrials));
  expect_halved(study);
}

TEST(TunePause, WhatAKilledProcessRanGoesOnFromItsCheckpoint) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  Flag goes_on;
  Flag never;
  ChildProcess worker([&] {
    Study study = halving_study(sqlite_storage(file));
    const auto executor = function_executor([&](Trial& trial) {
      if (trial.checkpoint()) {
        goes_on.raise();
        never.wait();
      }
      return descend(trial);
    });
    tune(study, *executor, {.num_samples = kTrials});
    return std::string("not reached");
  });
  goes_on.wait();
  worker.kill();

  Study study = halving_study(sqlite_storage(file));
  const auto executor = function_executor(descend);
  const TuneSummary summary = tune(study, *executor, {.num_samples = kTrials});
  EXPECT_EQ(summary.complete, 2);
  EXPECT_EQ(summary.failed, 0);
  const std::vector<TrialRecord> trials = study.trials();
  ASSERT_THAT(trials, SizeIs(kTrials + 1));
  const TrialRecord& repetition = trials.back();
  ASSERT_EQ(repetition.plan.parent, repetition.plan.retry_of);
  const TrialRecord& lost = trials.at(static_cast<std::size_t>(repetition.plan.parent.value()));
  EXPECT_EQ(lost.failure, Failure::WorkerLost);
  EXPECT_EQ(lost.reports.back().step, 1);
  EXPECT_EQ(repetition.reports.front().step, 1);
  EXPECT_EQ(repetition.reports.at(1).step, 2);
  EXPECT_EQ(repetition.params, lost.params);
}

}  // namespace
}  // namespace hypertune

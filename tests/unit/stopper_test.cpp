// Stoppers: when they end a study, what they say, and that studies obey.
#include "hypertune/stopper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "hypertune/error.h"
#include "hypertune/tune.h"

namespace hypertune {
namespace {

using testing::Optional;

const std::vector<Objective> kLoss = {{"loss", Direction::Minimize}};
const std::vector<Objective> kTwo = {{"loss", Direction::Minimize},
                                     {"accuracy", Direction::Maximize}};

/// Complete trials with these losses.
std::vector<TrialRecord> trials_with(const std::vector<double>& losses) {
  std::vector<TrialRecord> trials;
  for (const double loss : losses) {
    TrialRecord& trial = trials.emplace_back();
    trial.number = static_cast<int>(trials.size()) - 1;
    trial.state = TrialState::Complete;
    trial.metrics = {{"loss", loss}};
  }
  return trials;
}

std::optional<std::string> reason(const Stopper& stopper, const std::vector<TrialRecord>& trials,
                                  const std::vector<Objective>& objectives = kLoss) {
  return stopper.reason_to_stop({}, {objectives, trials, 0, static_cast<int>(trials.size())});
}

TEST(TrialsStopper, CountsWhatEndedAndNotWhatFailedOrRuns) {
  const auto stopper = trials_stopper(2);
  auto trials = trials_with({1, 2, 3, 4});
  trials[0].state = TrialState::Failed;
  trials[1].state = TrialState::Running;
  trials[3].state = TrialState::Running;
  EXPECT_EQ(reason(*stopper, trials), std::nullopt);
  trials[3].state = TrialState::Pruned;
  EXPECT_THAT(reason(*stopper, trials), Optional(std::string("2 trials have ended")));
}

TEST(TargetStopper, NamesTheFirstTrialThatIsAsGood) {
  EXPECT_EQ(reason(*target_stopper(0.5), trials_with({1, 0.6})), std::nullopt);
  EXPECT_THAT(reason(*target_stopper(0.5), trials_with({1, 0.5, 0.1})),
              Optional(std::string("loss reached 0.5 in trial 1")));
}

TEST(TargetStopper, FollowsTheDirectionAndCompleteTrialsAlone) {
  const std::vector<Objective> maximize = {{"loss", Direction::Maximize}};
  EXPECT_TRUE(reason(*target_stopper(0.5), trials_with({0.1, 0.7}), maximize));
  EXPECT_FALSE(reason(*target_stopper(0.5), trials_with({0.1, 0.4}), maximize));
  auto pruned = trials_with({0.1});
  pruned[0].state = TrialState::Pruned;
  EXPECT_FALSE(reason(*target_stopper(0.5), pruned));
  EXPECT_FALSE(reason(*target_stopper(0.5), trials_with({std::nan("")})));
}

TEST(NoImprovementStopper, NeedsSoManyTrialsAfterTheBest) {
  EXPECT_FALSE(reason(*no_improvement_stopper(3), trials_with({3, 1, 2, 2})));
  EXPECT_THAT(reason(*no_improvement_stopper(3), trials_with({3, 1, 2, 2, 1})),
              Optional(std::string("none of the last 3 trials improved loss")));
  EXPECT_FALSE(reason(*no_improvement_stopper(3), trials_with({3, 1, 2, 2, 0.9})));
  EXPECT_FALSE(reason(*no_improvement_stopper(3), trials_with({3, 1, 2})));
}

TEST(NoImprovementStopper, TakesNoNoticeOfImprovementsThatAreTooSmall) {
  const auto trials = trials_with({3, 1, 0.95, 0.91});
  EXPECT_FALSE(reason(*no_improvement_stopper(2), trials));
  EXPECT_THAT(reason(*no_improvement_stopper(2, 0.1), trials),
              Optional(std::string("none of the last 2 trials improved loss by more than 0.1")));
  EXPECT_FALSE(reason(*no_improvement_stopper(2, 0.05), trials));
}

TEST(NoImprovementStopper, LeavesOutWhatFailedOrRuns) {
  auto trials = trials_with({1, 2, 2, 2});
  trials[1].state = TrialState::Failed;
  trials[2].state = TrialState::Running;
  EXPECT_FALSE(reason(*no_improvement_stopper(2), trials));
  trials[2].state = TrialState::Pruned;
  EXPECT_TRUE(reason(*no_improvement_stopper(2), trials));
}

TEST(NoImprovementStopper, WatchesTheFrontOfSeveralObjectives) {
  auto trials = trials_with({1, 2, 3, 3});
  const double accuracies[] = {1, 2, 1, 1};
  for (std::size_t i = 0; i < trials.size(); ++i) trials[i].metrics["accuracy"] = accuracies[i];
  EXPECT_TRUE(reason(*no_improvement_stopper(2), trials, kTwo));
  trials[3].metrics["accuracy"] = 4;
  EXPECT_FALSE(reason(*no_improvement_stopper(2), trials, kTwo));
  trials[3].metrics = trials[0].metrics;  // equals what is there
  EXPECT_TRUE(reason(*no_improvement_stopper(2), trials, kTwo));
}

TEST(Stoppers, RefuseImpossibleOptions) {
  EXPECT_THROW(trials_stopper(0), ConfigError);
  EXPECT_THROW(target_stopper(std::nan("")), ConfigError);
  EXPECT_THROW(no_improvement_stopper(0), ConfigError);
  EXPECT_THROW(no_improvement_stopper(1, -1), ConfigError);
}

StudySpec spec() {
  StudySpec spec;
  spec.name = "s";
  spec.objectives = kLoss;
  spec.space.add("x", FloatDomain{0, 1});
  return spec;
}

/// The loss is the trial's number; less is better.
Outcome counting_down(Trial& trial) {
  return Outcome::complete({{"loss", -static_cast<double>(trial.number())}});
}

std::vector<std::unique_ptr<Stopper>> only(std::unique_ptr<Stopper> stopper) {
  std::vector<std::unique_ptr<Stopper>> stoppers;
  stoppers.push_back(std::move(stopper));
  return stoppers;
}

TEST(StoppedStudy, BeginsNoMoreTrialsAndLeavesThemWaiting) {
  Study study(spec());
  study.set_stoppers(only(target_stopper(-3)));
  const auto executor = function_executor(counting_down);
  const TuneSummary summary = tune(study, *executor, {.num_samples = 10});
  EXPECT_EQ(summary.complete, 4);
  EXPECT_EQ(summary.planned, 10);
  EXPECT_FALSE(summary.interrupted);
  EXPECT_EQ(summary.stopped, "loss reached -3 in trial 3");
  EXPECT_EQ(study.stopped(), summary.stopped);
  EXPECT_EQ(study.storage().next_waiting(study.id()), 4);
}

TEST(StoppedStudy, SaysTheSameInTheNextRunAndGoesOnWithoutTheStopper) {
  const auto storage = memory_storage();
  const auto executor = function_executor(counting_down);
  for (int i = 0; i < 2; ++i) {
    Study study(spec(), storage);
    study.set_stoppers(only(trials_stopper(3)));
    const TuneSummary summary = tune(study, *executor, {.num_samples = 10});
    EXPECT_EQ(summary.complete, 3);
    EXPECT_EQ(summary.stopped, "3 trials have ended");
    EXPECT_EQ(storage->attributes(study.id()).at("hypertune:stopped"), "\"3 trials have ended\"");
  }
  Study study(spec(), storage);
  const TuneSummary summary = tune(study, *executor, {.num_samples = 10});
  EXPECT_EQ(summary.complete, 10);
  EXPECT_EQ(summary.stopped, "");
  EXPECT_EQ(storage->attributes(study.id()).at("hypertune:stopped"), "null");
}

TEST(StoppedStudy, IsNoneWhenItsPlanIsDoneAllTheSame) {
  Study study(spec());
  study.set_stoppers(only(trials_stopper(3)));
  const auto executor = function_executor(counting_down);
  EXPECT_EQ(tune(study, *executor, {.num_samples = 3}).stopped, "");
}

TEST(StoppedStudy, AskEndsWithTheReason) {
  Study study(spec());
  study.set_stoppers(only(trials_stopper(1)));
  Trial trial = study.ask();
  study.tell(trial, counting_down(trial));
  try {
    study.ask();
    FAIL() << "no exception";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("1 trial has ended"));
  }
}

TEST(StoppedStudy, EndsAtTheSameTrialForAnyNumberOfWorkersWhenItHasALag) {
  for (const int workers : {1, 2, 5}) {
    Study study(spec());
    study.set_stoppers(only(no_improvement_stopper(4)));
    const auto executor = function_executor([](Trial& trial) {
      // Improves now and then: an end at trial 9 must not be overlooked because trial 10 improves.
      const int number = trial.number();
      return Outcome::complete({{"loss", number == 10 ? -1.0 : 1.0}});
    });
    tune(study, *executor, {.num_samples = 40, .workers = workers, .lag = 4});
    EXPECT_EQ(study.storage().next_waiting(study.id()), 9) << workers;
    EXPECT_EQ(study.storage().begun_trials(study.id()).size(), 9U) << workers;
  }
}

TEST(TimeLimit, LetsNoTrialBeginLaterAndRunningOnesEnd) {
  Study study(spec());
  std::chrono::steady_clock::time_point now;
  const auto executor = function_executor([&](Trial& trial) {
    now += std::chrono::seconds(4);
    return counting_down(trial);
  });
  const TuneSummary summary = tune(
      study, *executor,
      {.num_samples = 10, .time_limit = std::chrono::seconds(10), .clock = [&] { return now; }});
  EXPECT_EQ(summary.complete, 3);
  EXPECT_EQ(summary.failed, 0);
  EXPECT_EQ(summary.stopped, "the time limit of 10 s is over");
}

}  // namespace
}  // namespace hypertune

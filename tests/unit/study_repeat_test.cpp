// Trials that repeat failed ones: what they take over, what others see of them, and what becomes of
// checkpoints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "hypertune/study.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

const Lease kLease{"worker", std::chrono::seconds(60)};

StudySpec spec() {
  StudySpec spec;
  spec.name = "repeats";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.space.add("x", FloatDomain{0, 100});
  return spec;
}

std::vector<std::int64_t> steps(const TrialRecord& trial) {
  std::vector<std::int64_t> steps;
  for (const Report& report : trial.reports) steps.push_back(report.step);
  return steps;
}

class StudyRepeat : public testing::Test {
 protected:
  Trial next() { return study_.next(kLease).value(); }
  TrialRecord stored(int number) { return study_.trials().at(static_cast<std::size_t>(number)); }
  void lose(const Trial& trial) {
    study_.storage().finish({trial.record().id, trial.record().lease},
                            {TrialState::Failed, {}, "lost", Failure::WorkerLost});
    study_.plan_retries(100);
  }
  bool has_checkpoint(int number) {
    return study_.storage().checkpoint(study_.id(), number).has_value();
  }
  void report(Trial& trial, std::int64_t step, double loss) {
    trial.report(step, {{"loss", loss}});
    trial.save_checkpoint("after step " + std::to_string(step));
  }

  Study study_{spec()};
};

TEST_F(StudyRepeat, ARepetitionTakesOverWhatWasReportedBeforeItsFirstStep) {
  Trial first = study_.ask();
  for (int step = 1; step <= 3; ++step) report(first, step, 10.0 - step);
  first.report(4, {{"loss", 1}});  // the checkpoint is that of step 3
  lose(first);
  Trial again = next();
  EXPECT_TRUE(again.goes_on());
  EXPECT_EQ(again.checkpoint(), "after step 3");
  EXPECT_THAT(again.record().reports, IsEmpty());
  again.report(4, {{"loss", 1}});
  ASSERT_THAT(steps(stored(1)), ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(stored(1).reports[1].metrics.at("loss"), 8);
  EXPECT_THAT(steps(again.record()), ElementsAre(1, 2, 3, 4));
}

TEST_F(StudyRepeat, ARepetitionThatBeginsAnewTakesNothingOver) {
  Trial first = study_.ask();
  first.report(1, {{"loss", 3}});
  first.report(2, {{"loss", 2}});
  lose(first);
  Trial again = next();
  EXPECT_FALSE(again.goes_on());
  again.report(1, {{"loss", 3.5}});
  ASSERT_THAT(steps(stored(1)), ElementsAre(1));
  EXPECT_EQ(stored(1).reports[0].metrics.at("loss"), 3.5);
}

TEST_F(StudyRepeat, ReportsAreTakenOverFromAllThatTheTrialRepeats) {
  Trial first = study_.ask();
  report(first, 1, 9);
  report(first, 2, 8);
  lose(first);
  lose(next());  // it died before its first report
  Trial third = next();
  EXPECT_TRUE(third.goes_on());
  EXPECT_EQ(third.checkpoint(), "after step 2");
  report(third, 3, 7);
  lose(third);
  Trial fourth = next();
  fourth.report(4, {{"loss", 6}});
  EXPECT_THAT(steps(stored(3)), ElementsAre(1, 2, 3, 4));
}

TEST_F(StudyRepeat, WhatWasBrokenOffAtItsVeryEndHasAllReports) {
  Trial first = study_.ask();
  report(first, 1, 9);
  report(first, 2, 8);
  lose(first);
  Trial again = next();
  study_.tell(again, Outcome::complete({{"loss", 8}}));  // nothing was left to do
  EXPECT_THAT(steps(stored(1)), ElementsAre(1, 2));
}

TEST_F(StudyRepeat, AChildOfAnotherTrialDoesNotTakeOverItsReports) {
  Trial parent = study_.ask();
  report(parent, 1, 9);
  study_.enqueue_plans({{.parent = 0}});
  Trial child = next();
  EXPECT_FALSE(child.goes_on());
  child.report(2, {{"loss", 5}});
  lose(child);
  Trial again = next();
  EXPECT_FALSE(again.goes_on());
  again.report(2, {{"loss", 5}});
  EXPECT_THAT(steps(stored(2)), ElementsAre(2));
}

TEST_F(StudyRepeat, CheckpointsAreForgottenWhenTheWorkIsDone) {
  Trial first = study_.ask();
  report(first, 1, 9);
  lose(first);
  Trial again = next();
  report(again, 2, 8);
  EXPECT_TRUE(has_checkpoint(0));
  study_.tell(again, Outcome::complete({{"loss", 8}}));
  EXPECT_FALSE(has_checkpoint(0));
  EXPECT_FALSE(has_checkpoint(1));
}

TEST_F(StudyRepeat, TheCheckpointOfAParentStaysForItsChild) {
  Trial parent = study_.ask();
  report(parent, 1, 9);
  study_.enqueue_plans({{.parent = 0}});
  study_.tell(parent, Outcome::complete({{"loss", 9}}));
  EXPECT_TRUE(has_checkpoint(0));
  EXPECT_EQ(next().checkpoint(), "after step 1");
}

TEST_F(StudyRepeat, TheCheckpointOfAFailedTrialStaysForItsRepetition) {
  Trial trial = study_.ask();
  report(trial, 1, 9);
  study_.tell(trial, Outcome::interrupted("stopped"));
  EXPECT_TRUE(has_checkpoint(0));
}

// --- Decisions ---

constexpr int kSteps = 9;

/// Falls by half from step to step, so that a later report looks better than all earlier ones.
double loss_at(const Trial& trial, std::int64_t step) {
  return *as_number(trial.params().at("x")) * 100 / static_cast<double>(1 << step);
}

/// Runs the trial; breaks off, as a lost worker does, after this step.
bool run(Study& study, Trial& trial, std::int64_t breaks_off_after) {
  for (int step = std::stoi(trial.checkpoint().value_or("0")) + 1; step <= kSteps; ++step) {
    const Decision decision = trial.report(step, {{"loss", loss_at(trial, step)}});
    if (decision == Decision::Stop) {
      study.tell(trial, Outcome::pruned());
      return true;
    }
    trial.save_checkpoint(std::to_string(step));
    if (step == breaks_off_after) {
      study.storage().finish({trial.record().id, trial.record().lease},
                             {TrialState::Failed, {}, "lost", Failure::WorkerLost});
      return false;
    }
  }
  study.tell(trial, Outcome::complete({{"loss", loss_at(trial, kSteps)}}));
  return true;
}

/// How each trial of the plan ended, and why, when some of them (by draw) break off.
std::map<std::uint64_t, std::string> decisions(std::unique_ptr<Scheduler> scheduler,
                                               const std::map<std::uint64_t, int>& broken_off) {
  Study study(spec(), memory_storage(), random_sampler(), std::move(scheduler));
  const std::vector<double> xs = {40, 20, 30, 10, 35, 25, 5, 50, 15, 45, 8, 12};
  for (std::uint64_t draw = 0; draw < xs.size(); ++draw) {
    study.enqueue_plans({{.fixed = {{"x", xs[draw]}}, .draw = draw}});
    Trial trial = study.next(kLease).value();
    const auto broken = broken_off.find(draw);
    if (run(study, trial, broken == broken_off.end() ? 0 : broken->second)) continue;
    study.plan_retries();
    Trial again = study.next(kLease).value();
    run(study, again, 0);
  }
  std::map<std::uint64_t, std::string> ends;
  for (const TrialRecord& trial : study.trials()) {
    if (trial.state == TrialState::Failed) continue;
    ends[trial.draw()] = std::string(to_string(trial.state)) + " at step " +
                         std::to_string(trial.reports.back().step) + ": " + trial.reason;
  }
  return ends;
}

TEST(StudyRepeatDecisions, AreThoseOfAStudyInWhichNothingBrokeOff) {
  const auto schedulers = [](int which) {
    if (which == 0) return asha_scheduler({.reduction_factor = 2});
    if (which == 1) return hyperband_scheduler({.max_resource = kSteps});
    return median_scheduler({.startup_trials = 2});
  };
  for (int which = 0; which < 3; ++which) {
    const auto undisturbed = decisions(schedulers(which), {});
    ASSERT_THAT(undisturbed, SizeIs(12));
    EXPECT_EQ(decisions(schedulers(which), {{0, 3}, {1, 5}, {3, 8}, {6, 1}, {10, 4}}), undisturbed)
        << which;
  }
}

}  // namespace
}  // namespace hypertune

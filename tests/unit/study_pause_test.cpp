// Studies whose trials pause, go on from checkpoints, and are succeeded by others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>

#include "hypertune/error.h"
#include "hypertune/study.h"

namespace hypertune {
namespace {

using std::chrono::seconds;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Lease kLease{"worker", seconds(60)};

/// What the scheduler of a test answers, by step, and which trial it resumes.
struct Script {
  std::map<std::int64_t, Ruling> rulings;
  std::optional<int> resumed = {};
  std::optional<std::int64_t> checkpoint_step = {};
  bool pauses = true;
  bool replaces = false;
};

class Scripted final : public Scheduler {
 public:
  explicit Scripted(const Script& script) : script_(script) {}
  Ruling on_report(const TrialRecord& trial, const History&) const override {
    const auto ruling = script_.rulings.find(trial.reports.back().step);
    return ruling == script_.rulings.end() ? Ruling() : ruling->second;
  }
  bool pauses() const override { return script_.pauses; }
  bool replaces() const override { return script_.replaces; }
  std::optional<int> resume(const History&) const override { return script_.resumed; }
  bool wants_checkpoint(const TrialRecord& trial) const override {
    return trial.reports.back().step == script_.checkpoint_step;
  }

 private:
  const Script& script_;
};

class StudyPause : public testing::Test {
 protected:
  static StudySpec spec() {
    StudySpec spec;
    spec.name = "pausing";
    spec.objectives = {{"loss", Direction::Minimize}};
    spec.space.add("x", FloatDomain{0, 1});
    return spec;
  }
  Trial next() { return study_.next(kLease).value(); }
  TrialRecord stored(int number) { return study_.trials().at(static_cast<std::size_t>(number)); }
  void pause(Trial& trial, std::int64_t step) {
    script_.rulings[step] = {Decision::Pause, "a rung"};
    ASSERT_EQ(trial.report(step, {{"loss", 1}}), Decision::Pause);
    study_.tell(trial, Outcome::paused());
    ASSERT_EQ(stored(trial.number()).state, TrialState::Paused);
  }

  TimePoint now_{std::chrono::hours(1'000)};
  Script script_;
  Study study_{spec(), memory_storage([this] { return now_; }), random_sampler(),
               std::make_unique<Scripted>(script_)};
};

TEST_F(StudyPause, APausedTrialGoesOnFromItsCheckpointWhenTheSchedulerWantsIt) {
  study_.enqueue_plans(std::vector<TrialPlan>(2));
  Trial first = next();
  EXPECT_EQ(first.checkpoint(), std::nullopt);
  script_.rulings[1] = {Decision::Pause, "a rung"};
  EXPECT_FALSE(first.wants_checkpoint());
  EXPECT_EQ(first.report(1, {{"loss", 1}}), Decision::Pause);
  EXPECT_TRUE(first.wants_checkpoint());
  first.save_checkpoint("after step 1");
  study_.tell(first, Outcome::paused());
  EXPECT_EQ(first.record().state, TrialState::Paused);
  EXPECT_EQ(stored(0).state, TrialState::Paused);
  EXPECT_THAT(stored(0).metrics, IsEmpty());

  EXPECT_EQ(next().number(), 1);
  script_.resumed = 0;
  Trial again = next();
  script_.resumed = {};
  EXPECT_EQ(again.number(), 0);
  EXPECT_EQ(again.params(), first.params());
  EXPECT_EQ(again.checkpoint(), "after step 1");
  EXPECT_EQ(again.report(2, {{"loss", 0.5}}), Decision::Continue);
  study_.tell(again, Outcome::complete({{"loss", 0.5}}));
  EXPECT_EQ(stored(0).state, TrialState::Complete);
  EXPECT_THAT(stored(0).reports, SizeIs(2));
}

TEST_F(StudyPause, PrunedMeansPausedWhenTheSchedulerSaidPause) {
  Trial trial = study_.ask();
  script_.rulings[1] = {Decision::Pause, "a rung"};
  trial.report(1, {{"loss", 1}});
  study_.tell(trial, Outcome::pruned("stopped"));
  EXPECT_EQ(stored(0).state, TrialState::Paused);
  EXPECT_EQ(stored(0).reason, "");
}

TEST_F(StudyPause, AnObjectiveMayGoOnAllTheSame) {
  Trial trial = study_.ask();
  script_.rulings[1] = {Decision::Pause, "a rung"};
  trial.report(1, {{"loss", 1}});
  EXPECT_EQ(trial.report(2, {{"loss", 0.5}}), Decision::Continue);
  EXPECT_FALSE(trial.wants_checkpoint());
  study_.tell(trial, Outcome::complete({{"loss", 0.5}}));
  EXPECT_EQ(stored(0).state, TrialState::Complete);
}

TEST_F(StudyPause, PausedMeansPrunedWhenTheSchedulerSaidStop) {
  Trial trial = study_.ask();
  script_.rulings[1] = {Decision::Stop, "hopeless"};
  trial.report(1, {{"loss", 1}});
  study_.tell(trial, Outcome::paused());
  EXPECT_EQ(stored(0).state, TrialState::Pruned);
  EXPECT_EQ(stored(0).reason, "hopeless");
}

TEST_F(StudyPause, PausedMeansInterruptedWhenTheRunWasStopped) {
  std::stop_source source;
  study_.enqueue({});
  Trial trial = study_.next(kLease, {.stop = source.get_token()}).value();
  source.request_stop();
  EXPECT_EQ(trial.report(1, {{"loss", 1}}), Decision::Stop);
  study_.tell(trial, Outcome::paused());
  EXPECT_EQ(stored(0).failure, Failure::Interrupted);
}

TEST_F(StudyPause, ATrialThatPausesUnaskedFails) {
  Trial trial = study_.ask();
  trial.report(1, {{"loss", 1}});
  study_.tell(trial, Outcome::paused());
  EXPECT_EQ(stored(0).state, TrialState::Failed);
  EXPECT_THAT(stored(0).reason, HasSubstr("no scheduler had asked"));
}

TEST_F(StudyPause, StepsFromBeforeAPauseAreNotRecordedAgain) {
  Trial first = study_.ask();
  first.report(1, {{"loss", 3}});
  pause(first, 3);
  script_.resumed = 0;
  Trial again = next();
  script_.rulings[1] = {Decision::Stop, "not to be asked"};
  EXPECT_EQ(again.report(1, {{"loss", 100}}), Decision::Continue);
  EXPECT_THROW(again.report(1, {{"loss", 100}}), Error);
  EXPECT_EQ(again.report(2, {{"loss", 100}}), Decision::Continue);
  EXPECT_EQ(again.report(3, {{"loss", 100}}), Decision::Continue);
  EXPECT_EQ(again.report(4, {{"loss", 0.5}}), Decision::Continue);
  const std::vector<Report> reports = stored(0).reports;
  ASSERT_THAT(reports, SizeIs(3));
  EXPECT_EQ(reports[0].metrics.at("loss"), 3);
  EXPECT_EQ(reports[1].step, 3);
  EXPECT_EQ(reports[2].step, 4);
}

TEST_F(StudyPause, AnInterruptionIsHeardWhileStepsAreRepeated) {
  Trial first = study_.ask();
  pause(first, 2);
  script_.resumed = 0;
  std::stop_source source;
  Trial again = study_.next(kLease, {.stop = source.get_token()}).value();
  source.request_stop();
  EXPECT_EQ(again.report(1, {{"loss", 1}}), Decision::Stop);
  EXPECT_EQ(again.stop_cause(), StopCause::Interrupted);
}

TEST_F(StudyPause, ACheckpointIsWantedWhereTheSchedulerSaysSoAndOnlyWhereTheTrialGoesOn) {
  script_.checkpoint_step = 2;
  Trial trial = study_.ask();
  trial.report(1, {{"loss", 1}});
  EXPECT_FALSE(trial.wants_checkpoint());
  EXPECT_EQ(trial.report(2, {{"loss", 1}}), Decision::Continue);
  EXPECT_TRUE(trial.wants_checkpoint());
  trial.report(3, {{"loss", 1}});
  EXPECT_FALSE(trial.wants_checkpoint());
  script_.rulings[2] = {Decision::Stop, "hopeless"};
  Trial other = study_.ask();
  other.report(2, {{"loss", 1}});
  EXPECT_FALSE(other.wants_checkpoint());
}

TEST_F(StudyPause, AChildGoesOnFromItsParentUntilItHasACheckpointOfItsOwn) {
  Trial parent = study_.ask();
  parent.save_checkpoint("of the parent");
  study_.enqueue_plans({{.parent = 0}, {.parent = 77}});
  Trial child = next();
  EXPECT_EQ(child.checkpoint(), "of the parent");
  child.save_checkpoint("of the child");
  EXPECT_EQ(child.checkpoint(), "of the child");
  EXPECT_EQ(parent.checkpoint(), "of the parent");
  EXPECT_EQ(next().checkpoint(), std::nullopt);
}

TEST(StudyPauseThreads, AChildWaitsForTheFirstCheckpointOfItsParent) {
  const Script script{.rulings = {}, .checkpoint_step = 1, .pauses = false};
  std::atomic<int> readings = 0;  // of the clock
  const auto clock = [&] {
    ++readings;
    return TimePoint(std::chrono::hours(1'000));
  };
  StudySpec spec;
  spec.name = "family";
  spec.objectives = {{"loss", Direction::Minimize}};
  Study study(spec, memory_storage(clock), random_sampler(), std::make_unique<Scripted>(script));
  study.enqueue_plans({{}, {.parent = 0}});
  Trial parent = study.next(kLease).value();
  ASSERT_EQ(parent.report(1, {{"loss", 1}}), Decision::Continue);
  ASSERT_TRUE(parent.wants_checkpoint());

  const int before = readings;
  std::atomic<bool> began = false;
  std::optional<std::string> found;
  std::jthread child([&] {
    const Trial trial = study.next(kLease).value();
    began = true;
    found = trial.checkpoint();
  });
  // It reads the clock once when it is claimed, and again to renew its lease while it waits.
  while (!began && readings < before + 2) std::this_thread::yield();
  EXPECT_FALSE(began);
  parent.save_checkpoint("after step 1");
  child.join();
  EXPECT_EQ(found, "after step 1");
}

TEST_F(StudyPause, ARepetitionGoesOnFromTheLastCheckpoint) {
  study_.enqueue_plans({{}, {.parent = 0}, {}});
  Trial saved = next();
  saved.save_checkpoint("of trial 0");
  Trial child = next();
  Trial bare = next();
  now_ += seconds(61);
  ASSERT_THAT(study_.storage().fail_stale(study_.id()), SizeIs(3));
  EXPECT_EQ(study_.plan_retries(), 3);
  EXPECT_EQ(study_.plan_retries(), 0);
  EXPECT_EQ(stored(3).plan.parent, 0);
  EXPECT_EQ(stored(4).plan.parent, 0);  // as the one that it repeats
  EXPECT_EQ(stored(4).plan.retry_of, 1);
  EXPECT_EQ(stored(5).plan.parent, std::nullopt);
  Trial again = next();
  EXPECT_EQ(again.number(), 3);
  EXPECT_EQ(again.checkpoint(), "of trial 0");
  EXPECT_EQ(again.params(), saved.params());
}

TEST_F(StudyPause, WhatIsPrunedGivesItsPlaceToItsSuccessor) {
  script_.rulings[1] = {Decision::Stop, "among the worst", Ruling::Successor{7, {{"x", 0.25}}}};
  Trial trial = study_.ask();
  trial.report(1, {{"loss", 1}});
  EXPECT_THAT(study_.trials(), SizeIs(1));
  study_.tell(trial, Outcome::pruned());
  ASSERT_THAT(study_.trials(), SizeIs(2));
  const TrialRecord successor = stored(1);
  EXPECT_EQ(successor.state, TrialState::Waiting);
  EXPECT_EQ(successor.plan.fixed, (Params{{"x", 0.25}}));
  EXPECT_EQ(successor.plan.parent, 7);
  EXPECT_NE(successor.draw(), trial.record().draw());
  EXPECT_EQ(next().params(), (Params{{"x", 0.25}}));
}

TEST_F(StudyPause, WhatIsCompleteAllTheSameHasNoSuccessor) {
  script_.rulings[1] = {Decision::Stop, "among the worst", Ruling::Successor{7, {{"x", 0.25}}}};
  Trial trial = study_.ask();
  trial.report(1, {{"loss", 1}});
  study_.tell(trial, Outcome::complete({{"loss", 1}}));
  EXPECT_THAT(study_.trials(), SizeIs(1));
}

TEST_F(StudyPause, ATrialIsNotRepeatedWhenItsSuccessorIsPlanned) {
  // Its worker died after it had planned the successor, and before it told the end.
  script_.replaces = true;
  script_.rulings[1] = {Decision::Stop, "among the worst", Ruling::Successor{7, {{"x", 0.25}}}};
  study_.enqueue_plans(std::vector<TrialPlan>(2));
  Trial ended = next();
  ended.report(1, {{"loss", 1}});
  const Trial other = next();
  now_ += seconds(61);
  study_.storage().fail_stale(study_.id());
  EXPECT_THROW(study_.tell(ended, Outcome::pruned()), TrialFinished);
  EXPECT_EQ(stored(2).plan.parent, 7);
  EXPECT_EQ(study_.plan_retries(), 1);
  EXPECT_EQ(stored(3).plan.retry_of, other.number());
}

TEST_F(StudyPause, ASuccessorKeepsOfItsParentWhatTheConstraintsWouldForbid) {
  StudySpec bounded = spec();
  bounded.space.add("y", FloatDomain{0, 1}).add("z", FloatDomain{0, 1});
  bounded.space.constraint(Condition("x + y <= 1"));
  Study study(bounded, memory_storage(), random_sampler(), std::make_unique<Scripted>(script_));
  study.enqueue({{"x", 0.5}, {"y", 0.25}, {"z", 0.5}});
  study.enqueue({{"x", 0.25}, {"y", 0.25}, {"z", 0.25}});
  Trial parent = study.next(kLease).value();
  Trial replaced = study.next(kLease).value();
  script_.rulings[1] = {Decision::Stop, "worse",
                        Ruling::Successor{0, {{"x", 0.625}, {"y", 0.5}, {"z", 0.75}}}};
  EXPECT_EQ(replaced.report(1, {{"loss", 1}}), Decision::Stop);
  study.tell(replaced, Outcome::pruned(""));
  EXPECT_EQ(study.trials()[1].reason,
            "worse; it keeps y of trial 0, for the constraint x + y <= 1");

  const Trial successor = study.next(kLease).value();
  EXPECT_EQ(successor.record().plan.parent, 0);
  EXPECT_EQ(successor.params(), (Params{{"x", 0.625}, {"y", 0.25}, {"z", 0.75}}));
}

TEST_F(StudyPause, NoLagGoesWithASchedulerThatPauses) {
  try {
    study_.set_lag(2);
    ADD_FAILURE() << "a lag was accepted";
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(), HasSubstr("drop lag"));
  }
  EXPECT_NO_THROW(study_.set_lag({}));
  script_.pauses = false;
  EXPECT_NO_THROW(study_.set_lag(2));
}

TEST_F(StudyPause, AskBeginsANewTrialWhileOthersRun) {
  Trial first = study_.ask();
  Trial second = study_.ask();  // the scheduler might want it to wait for the first
  EXPECT_EQ(second.number(), 1);
  pause(first, 1);
  script_.resumed = 0;
  EXPECT_EQ(study_.ask().number(), 0);
}

TEST_F(StudyPause, NothingIsLeftWhenNoTrialRunsAndNoneIsToGoOn) {
  Trial trial = study_.ask();
  pause(trial, 1);
  EXPECT_FALSE(study_.next(kLease));
}

TEST_F(StudyPause, ASchedulerCannotResumeWhatIsNotPaused) {
  Trial trial = study_.ask();
  script_.resumed = 0;
  EXPECT_THROW(study_.next(kLease), Error);
  script_.resumed = 5;
  EXPECT_THROW(study_.next(kLease), Error);
}

TEST_F(StudyPause, PausedTrialsEndWhenNothingElseIsLeft) {
  study_.enqueue_plans(std::vector<TrialPlan>(2));
  Trial first = next();
  pause(first, 1);
  EXPECT_THAT(study_.end_paused(), IsEmpty()) << "one waits";
  Trial second = next();
  EXPECT_THAT(study_.end_paused(), IsEmpty()) << "one runs";
  study_.tell(second, Outcome::complete({{"loss", 1}}));
  const std::vector<TrialRecord> ended = study_.end_paused();
  ASSERT_THAT(ended, SizeIs(1));
  EXPECT_EQ(ended[0].number, 0);
  EXPECT_EQ(ended[0].state, TrialState::Pruned);
  EXPECT_EQ(ended[0].reason, "not promoted");
  EXPECT_EQ(ended[0].metrics, (Metrics{{"loss", 1}}));
  EXPECT_EQ(stored(0).state, TrialState::Pruned);
  EXPECT_THAT(study_.end_paused(), IsEmpty());
}

}  // namespace
}  // namespace hypertune

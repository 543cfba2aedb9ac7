// What other processes do with a study, as a run that follows it shows it.
#include "cli/follow.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "support/quadratic.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing_support::quadratic_spec;

constexpr std::chrono::seconds kLease{60};

class Follower : public testing::Test {
 protected:
  Follower() { study_.plan(2); }

  TrialRecord claim(const std::string& worker) {
    return *storage_->claim(study_.id(), {worker, kLease});
  }
  static Claim claim_of(const TrialRecord& trial) { return {trial.id, trial.lease}; }

  /// `started 0 @0`, `reported 0 @0 step 1`, ...
  std::vector<std::string> poll(StudyFollower& follower) {
    std::vector<std::string> events;
    follower.poll([&](const Event& event) {
      constexpr std::array kNames = {"started", "reported", "finished", "lost", "paused"};
      std::string text = fmt::format("{} {} @{}", kNames.at(static_cast<std::size_t>(event.kind)),
                                     event.record.number, event.worker);
      if (event.kind == Event::Kind::Reported) {
        text += fmt::format(" step {}", event.record.reports.back().step);
      }
      events.push_back(std::move(text));
    });
    return events;
  }

  std::shared_ptr<Storage> storage_ = memory_storage();
  Study study_{quadratic_spec(), storage_};
};

TEST_F(Follower, TellsEachStepOfATrialOnce) {
  StudyFollower follower(*storage_, study_.id(), 3);
  EXPECT_THAT(poll(follower), IsEmpty());
  const TrialRecord first = claim("a:1:0:0");
  const TrialRecord second = claim("a:2:0:0");
  storage_->add_report(claim_of(second), {1, {{"loss", 0.5}}});
  EXPECT_THAT(poll(follower), ElementsAre("started 0 @0", "started 1 @1", "reported 1 @1 step 1"));
  EXPECT_EQ(follower.running(), 2);
  EXPECT_EQ(follower.processes(), 2);
  storage_->add_report(claim_of(second), {2, {{"loss", 0.4}}});
  storage_->add_report(claim_of(second), {3, {{"loss", 0.3}}});
  storage_->finish(claim_of(second), Outcome::complete({{"loss", 0.3}}));
  EXPECT_THAT(poll(follower),
              ElementsAre("reported 1 @1 step 2", "reported 1 @1 step 3", "finished 1 @1"));
  EXPECT_THAT(poll(follower), IsEmpty());
  storage_->finish(claim_of(first), Outcome::failed("bad"));
  claim("a:2:0:0");
  EXPECT_THAT(poll(follower), ElementsAre("finished 0 @0", "started 2 @0"));
}

TEST_F(Follower, WhatIsStoredWhenItBeginsIsNoNewsButForWhatRuns) {
  storage_->finish(claim_of(claim("a:1:0:0")), Outcome::complete({{"loss", 1}}));
  const TrialRecord running = claim("a:1:0:0");
  storage_->add_report(claim_of(running), {1, {{"loss", 0.5}}});
  StudyFollower follower(*storage_, study_.id(), 3);
  EXPECT_THAT(poll(follower), ElementsAre("started 1 @0", "reported 1 @0 step 1"));
}

TEST_F(Follower, ATrialThatBeganAndEndedBetweenTwoLooksIsStartedAndFinished) {
  StudyFollower follower(*storage_, study_.id(), 3);
  storage_->finish(claim_of(claim("a:1:0:0")), Outcome::complete({{"loss", 1}}));
  EXPECT_THAT(poll(follower), ElementsAre("started 0 @0", "finished 0 @0"));
  EXPECT_EQ(follower.running(), 0);
}

TEST_F(Follower, ALostWorkerLosesItsTrialAndTheLastAttemptFinishesIt) {
  StudyFollower twice(*storage_, study_.id(), 2);
  StudyFollower once(*storage_, study_.id(), 1);
  const TrialRecord trial = claim("a:1:0:0");
  poll(twice);
  poll(once);
  storage_->finish(claim_of(trial), {TrialState::Failed, {}, "gone", Failure::WorkerLost});
  EXPECT_THAT(poll(twice), ElementsAre("lost 0 @0"));
  EXPECT_THAT(poll(once), ElementsAre("finished 0 @0"));
}

TEST_F(Follower, ATrialThatPausesGoesOnWithoutTellingItsReportsAgain) {
  StudyFollower follower(*storage_, study_.id(), 3);
  const TrialRecord trial = claim("a:1:0:0");
  storage_->add_report(claim_of(trial), {1, {{"loss", 0.5}}});
  storage_->pause(claim_of(trial));
  EXPECT_THAT(poll(follower), ElementsAre("started 0 @0", "reported 0 @0 step 1", "paused 0 @0"));
  EXPECT_TRUE(follower.has_paused());
  EXPECT_THAT(poll(follower), IsEmpty());
  const auto resumed = storage_->resume(claim_of(trial), {"b:1:0:0", kLease});
  ASSERT_TRUE(resumed);
  storage_->add_report(claim_of(*resumed), {2, {{"loss", 0.4}}});
  EXPECT_THAT(poll(follower), ElementsAre("started 0 @0", "reported 0 @0 step 2"));
}

TEST_F(Follower, ATrialThatIsGivenBackIsStartedAgainAndNoOther) {
  StudyFollower follower(*storage_, study_.id(), 3);
  const TrialRecord first = claim("a:1:0:0");
  storage_->finish(claim_of(claim("a:2:0:0")), Outcome::complete({{"loss", 1}}));
  poll(follower);
  storage_->release(claim_of(first));
  EXPECT_THAT(poll(follower), ElementsAre("lost 0 @0"));
  claim("a:1:0:0");
  EXPECT_THAT(poll(follower), ElementsAre("started 0 @0"));
}

}  // namespace
}  // namespace hypertune

// Running trials in the hands of another process than the one that claimed them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypertune/error.h"
#include "hypertune/study.h"

namespace hypertune {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

Study open(const std::shared_ptr<Storage>& storage) {
  return Study({.name = "s",
                .objectives = {{"loss", Direction::Minimize}},
                .space = SearchSpace().add("x", FloatDomain{0, 1})},
               storage, random_sampler(), threshold_scheduler({.upper = 10}));
}

TEST(StudyAttach, ATrialGoesOnWhereAnotherProcessLeftIt) {
  const auto storage = memory_storage();
  Study first = open(storage);
  Trial asked = first.ask();
  EXPECT_EQ(asked.report(1, {{"loss", 2}}), Decision::Continue);
  Study second = open(storage);
  Trial attached = second.attach(asked.number(), asked.record().lease);
  EXPECT_EQ(attached.params(), asked.params());
  EXPECT_EQ(attached.seed(), asked.seed());
  EXPECT_EQ(attached.report(2, {{"loss", 20}}), Decision::Stop);
  second.tell(attached, Outcome::pruned());
  const TrialRecord told = first.trials().front();
  EXPECT_EQ(told.state, TrialState::Pruned);
  EXPECT_EQ(told.reports.size(), 2U);
}

TEST(StudyAttach, OnlyARunningTrialUnderItsPresentLeaseIsGivenOut) {
  const auto storage = memory_storage();
  Study study = open(storage);
  Trial trial = study.ask();
  study.enqueue({});
  EXPECT_THROW(study.attach(0, 7), LeaseLost);
  EXPECT_THAT([&] { study.attach(1); }, ThrowsMessage<Error>(HasSubstr("trial 1 is waiting")));
  EXPECT_THAT([&] { study.attach(2); }, ThrowsMessage<Error>(HasSubstr("has no trial 2")));
  EXPECT_THAT([&] { study.attach(-1); }, ThrowsMessage<Error>(HasSubstr("has no trial -1")));
  study.tell(trial, Outcome::complete({{"loss", 1}}));
  EXPECT_THROW(study.attach(0), TrialFinished);
}

}  // namespace
}  // namespace hypertune

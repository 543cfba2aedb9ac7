// Studies outside of a store: what is copied, and how lines and tables are read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "hypertune/error.h"
#include "report/study_copy.h"
#include "report/study_lines.h"
#include "report/trials_csv.h"

namespace hypertune {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

const Domain kX = FloatDomain{0, 1};

StudySpec spec() {
  return {.name = "s",
          .objectives = {{"loss", Direction::Minimize}},
          .space = SearchSpace().add("x", kX),
          .seed = std::numeric_limits<std::uint64_t>::max()};
}

TrialRecord trial(int number, double x, Metrics metrics) {
  TrialRecord record;
  record.number = number;
  record.state = TrialState::Complete;
  record.params = {{"x", x}};
  record.domains = Domains{{"x", kX}};
  record.metrics = std::move(metrics);
  return record;
}

/// One of each state, with all that a record may hold.
StudyCopy full_copy() {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  StudyCopy copy{.spec = spec(), .attributes = {{"hypertune:lag", "3"}}, .trials = {}};
  copy.trials.push_back(trial(0, 0.1, {{"loss", -kInf}, {"nan", std::nan("")}}));
  copy.trials[0].reports = {{-4, {{"loss", kInf}}}, {9, {{"loss", 1}, {"other", 1e-300}}}};
  copy.trials[0].started = TimePoint(std::chrono::microseconds(1'700'000'000'000'001));
  copy.trials[0].ended = TimePoint(std::chrono::microseconds(1'700'000'000'500'000));
  copy.trials[0].plan = {.key = "grid/0/0", .fixed = {{"x", 0.1}}, .draw = ~std::uint64_t{0}};
  copy.trials.push_back(trial(1, 1.0 / 3, {}));
  copy.trials[1].state = TrialState::Failed;
  copy.trials[1].failure = Failure::Crash;
  copy.trials[1].reason = "signal 11\n\"x\" \x01";
  copy.trials[1].worker = "host:1:2:3";
  TrialRecord waiting;
  waiting.number = 2;
  waiting.plan = {.fixed = {{"x", 1.0 / 3}}, .draw = 1, .retry_of = 1, .attempt = 2, .parent = 1};
  copy.trials.push_back(waiting);
  copy.trials.push_back(trial(3, 0.5, {{"loss", 2}}));
  copy.trials[3].state = TrialState::Pruned;
  copy.trials[3].params.insert_or_assign("kind", std::string("b,\"c\""));
  copy.trials[3].domains.set("kind", CategoricalDomain{{std::string("b,\"c\""), true, 2.5}});
  return copy;
}

TEST(StudyLines, ReadBackTheSameToTheLastBit) {
  const std::string lines = study_lines(full_copy());
  const StudyCopy read = study_from_lines(lines, "f");
  EXPECT_EQ(study_lines(read), lines);
  EXPECT_EQ(read.spec.seed, spec().seed);
  EXPECT_EQ(read.trials[1].params, full_copy().trials[1].params);
  EXPECT_EQ(read.trials[0].plan.draw, ~std::uint64_t{0});
  EXPECT_EQ(read.trials[0].started, full_copy().trials[0].started);
  EXPECT_EQ(read.trials[3].domains, full_copy().trials[3].domains);
  EXPECT_EQ(read.attributes, full_copy().attributes);
}

TEST(StudyLines, SurviveAStore) {
  const StudyCopy copy = full_copy();
  const auto storage = memory_storage();
  const StudyId study = store_copy(*storage, copy);
  EXPECT_EQ(study_lines(copy_of(*storage, study)), study_lines(copy));
}

TEST(StudyLines, FaultsAreSaidWithTheirLine) {
  const std::string lines = study_lines(full_copy());
  const std::string first = lines.substr(0, lines.find('\n') + 1);
  const auto reading = [&](const std::string& rest) {
    return [text = first + rest] { study_from_lines(text, "f"); };
  };
  EXPECT_THAT(reading("\n{\"number\": 0}\n"),
              ThrowsMessage<ConfigError>(HasSubstr("f:3: the trial has no \"state\"")));
  EXPECT_THAT(reading("{\"number\": 0, \"state\": \"waiting\", \"plan\": {\"key\": \"a\"}}\n"
                      "{\"number\": 1, \"state\": \"waiting\", \"plan\": {\"key\": \"a\"}}\n"),
              ThrowsMessage<ConfigError>(HasSubstr("f:3: an earlier trial has its key")));
  EXPECT_THAT(reading("{\"number\": 0, \"state\": \"waiting\", \"plan\": {\"parent\": 0}}"),
              ThrowsMessage<ConfigError>(HasSubstr("f:2: it names trial 0")));
}

TEST(StudyCopy, WhatHasNotEndedBeginsAnewWithItsParameters) {
  StudyCopy copy = full_copy();
  copy.trials[0].state = TrialState::Running;
  copy.trials[3].state = TrialState::Paused;
  EXPECT_EQ(put_to_rest(copy), 2);
  EXPECT_EQ(copy.trials[0].state, TrialState::Waiting);
  EXPECT_EQ(copy.trials[0].plan.draw, ~std::uint64_t{0});
  EXPECT_TRUE(copy.trials[0].reports.empty());
  EXPECT_EQ(copy.trials[3].plan.fixed.at("x"), Value(0.5));
}

TEST(StudyCopy, AStudyWithTrialsIsNeverChanged) {
  const auto storage = memory_storage();
  store_copy(*storage, full_copy());
  EXPECT_THAT([&] { store_copy(*storage, full_copy()); },
              ThrowsMessage<StudyMismatch>(HasSubstr("with 4 trials is there already")));
}

TEST(StudyCopy, OfAStudyWithoutASpaceTheTrialsShowIt) {
  std::vector<TrialRecord> trials = {trial(0, 0.5, {}), trial(1, 0.5, {})};
  trials[1].domains = Domains{{"x", FloatDomain{-3, 0.5}}, {"n", IntDomain{1, 4}}};
  const SearchSpace space = space_of(trials);
  EXPECT_EQ(space.find("x")->domain, Domain(FloatDomain{-3, 1}));
  EXPECT_EQ(space.find("n")->domain, Domain(IntDomain{1, 4}));
}

TEST(Csv, ReadsBackWhatItWrites) {
  StudyCopy copy = full_copy();
  const std::string csv = trials_csv(copy.spec, copy.trials);
  const StudyCopy read =
      study_from_csv(csv, "f", {.name = "s", .objectives = copy.spec.objectives});
  EXPECT_EQ(read.trials[0].params, copy.trials[0].params);
  EXPECT_EQ(read.trials[3].params, copy.trials[3].params);
  EXPECT_EQ(read.trials[0].metrics.at("loss"), copy.trials[0].metrics.at("loss"));
  EXPECT_EQ(read.trials[2].plan.parent, 1);
  EXPECT_EQ(read.spec.space.find("x")->domain, Domain(FloatDomain{0.1, 0.5}));
}

TEST(Csv, ColumnsHaveTheNarrowestTypeThatFits) {
  const StudyCopy read = study_from_csv(
      "number,state,i,f,b,t,loss,duration_s\r\n"
      "0,complete,1,1,true,true,0.5,1\r\n"
      "1,complete,-7,2.5,false,\"a\nb\",0.25,\r\n",
      "f", {.name = "s", .objectives = {{"loss", Direction::Minimize}}});
  EXPECT_EQ(read.trials[1].params.at("i"), Value(std::int64_t{-7}));
  EXPECT_EQ(read.trials[0].params.at("f"), Value(1.0));
  EXPECT_EQ(read.trials[0].params.at("b"), Value(true));
  EXPECT_EQ(read.trials[0].params.at("t"), Value(std::string("true")));
  EXPECT_EQ(read.trials[1].params.at("t"), Value(std::string("a\nb")));
  EXPECT_FALSE(read.trials[0].metrics.contains("duration_s"));
}

}  // namespace
}  // namespace hypertune

// Which trials tpe takes for good: against Optuna (tests/interop/tpe_golden.py), and by hand.
#include "samplers/tpe_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/files.h"
#include "base/json.h"

namespace hypertune {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Objectives f0, f1, ... in these directions.
std::vector<Objective> objectives_of(const Json& directions) {
  std::vector<Objective> objectives;
  for (const Json& direction : directions) {
    objectives.push_back({"f" + std::to_string(objectives.size()),
                          direction == "minimize" ? Direction::Minimize : Direction::Maximize});
  }
  return objectives;
}

TrialRecord trial_of(const Json& given, int number) {
  TrialRecord trial;
  trial.number = number;
  trial.state = given["state"] == "complete" ? TrialState::Complete
                : given["state"] == "pruned" ? TrialState::Pruned
                                             : TrialState::Running;
  trial.params = {{"x", 0.5}};
  for (std::size_t i = 0; i < given["values"].size(); ++i) {
    trial.metrics["f" + std::to_string(i)] = given["values"][i];
  }
  for (std::size_t i = 0; i < given["constraints"].size(); ++i) {
    trial.metrics["c" + std::to_string(i)] = given["constraints"][i];
  }
  for (const Json& report : given["reports"]) {
    trial.reports.push_back({report[0], {{"f0", report[1]}}});
  }
  return trial;
}

TpeGroups groups_of(const History& history, std::span<const std::string> constraints) {
  TpeRows nothing_kept;
  std::vector<TpeTrial> trials;
  look_at(history.trials, trials);
  return tpe_groups(history, trials, constraints, true, nothing_kept);
}

TEST(TpeGroups, AreThoseOfOptuna) {
  const Json golden =
      parse_json(read_file(HYPERTUNE_SOURCE_DIR "/tests/unit/golden/tpe.json")).at("splits");
  ASSERT_EQ(golden.size(), 10U);
  for (const Json& row : golden) {
    SCOPED_TRACE(row["directions"].dump() + " " + std::to_string(row["trials"].size()));
    const std::vector<Objective> objectives = objectives_of(row["directions"]);
    std::vector<TrialRecord> trials;
    std::vector<std::string> constraints;
    for (const Json& given : row["trials"]) {
      for (std::size_t i = constraints.size(); i < given["constraints"].size(); ++i) {
        constraints.push_back("c" + std::to_string(i));
      }
      trials.push_back(trial_of(given, static_cast<int>(trials.size())));
    }
    const TpeGroups groups = groups_of({.objectives = objectives, .trials = trials}, constraints);
    EXPECT_EQ(groups.good, row["good"].get<std::vector<std::size_t>>());
    EXPECT_EQ(groups.bad, row["bad"].get<std::vector<std::size_t>>());
    EXPECT_LE(groups.finished, trials.size());
  }
}

TrialRecord ended(TrialState state, Metrics metrics) {
  TrialRecord trial;
  trial.state = state;
  trial.params = {{"x", 0.5}};
  trial.metrics = std::move(metrics);
  return trial;
}

const std::vector<Objective> kLoss = {{"loss"}};
const std::vector<std::string> kSize = {"size"};

TEST(TpeGroups, ACompleteTrialWithoutItsConstraintCountsAsViolatingItAndAPrunedOneDoesNot) {
  std::vector<TrialRecord> trials = {ended(TrialState::Complete, {{"loss", 1.0}}),
                                     ended(TrialState::Complete, {{"loss", 5.0}, {"size", 3.0}}),
                                     ended(TrialState::Pruned, {})};
  const History history{.objectives = kLoss, .trials = trials, .number = 9};
  EXPECT_THAT(groups_of(history, kSize).good, ElementsAre(2));
  trials.pop_back();
  const History complete{.objectives = kLoss, .trials = trials, .number = 9};
  EXPECT_THAT(groups_of(complete, kSize).good, ElementsAre(1));
  EXPECT_THAT(groups_of(complete, {}).good, ElementsAre(0));
}

TEST(TpeGroups, APrunedTrialViolatesWhatItReportedLast) {
  std::vector<TrialRecord> trials(2, ended(TrialState::Pruned, {}));
  trials[0].reports = {{1, {{"loss", 1.0}, {"size", -1.0}}}, {9, {{"loss", 1.0}, {"size", 2.0}}}};
  trials[1].reports = {{1, {{"loss", 1.0}, {"size", 2.0}}}, {2, {{"loss", 1.0}, {"size", -1.0}}}};
  const History history{.objectives = kLoss, .trials = trials, .number = 9};
  EXPECT_THAT(groups_of(history, kSize).good, ElementsAre(1));
  EXPECT_THAT(groups_of(history, {}).good, ElementsAre(0));  // stopped later
}

TEST(TpeGroups, WithSeveralObjectivesAreAHundredGoodAtMost) {
  const std::vector<Objective> both = {{"f"}, {"g"}};
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 1'500; ++i) {
    trials.push_back(ended(TrialState::Complete, {{"f", i}, {"g", -i}}));
  }
  const TpeGroups groups = groups_of({.objectives = both, .trials = trials}, {});
  EXPECT_EQ(groups.good.size(), 100U);
  EXPECT_EQ(groups.bad.size(), 1'400U);
}

TEST(TpeGroups, OfAStudyWithoutObjectivesAreEmpty) {
  const std::vector<TrialRecord> trials = {ended(TrialState::Complete, {{"loss", 1.0}})};
  const TpeGroups groups = groups_of({.objectives = {}, .trials = trials}, {});
  EXPECT_THAT(groups.good, IsEmpty());
  EXPECT_EQ(groups.finished, 0U);
}

}  // namespace
}  // namespace hypertune

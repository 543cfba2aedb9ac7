// Constraints and [stop] in study files: what they mean, and their faults.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const std::string kStudy =
    "[study]\n"
    "name = \"s\"\n"
    "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]\n";
const std::string kSpace =
    "[space]\n"
    "batch_size = { grid = [16, 64] }\n"
    "epochs = { int = [1, 8] }\n";

StudyFile parse(const std::string& more) { return parse_study_file(kStudy + more, "study.toml"); }

std::string fault_of(const std::string& more) {
  try {
    parse(more);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(ConstraintInAStudyFile, IsATextOrAListWhereverItStands) {
  const auto expected = [](std::vector<std::string> texts) {
    SearchSpace space = parse(kSpace).spec.space;
    for (const std::string& text : texts) space.constraint(Condition(text));
    return space;
  };
  EXPECT_EQ(parse(kSpace + "constraint = 'batch_size * epochs < 99'\n").spec.space,
            expected({"batch_size * epochs < 99"}));
  EXPECT_EQ(parse("[space]\nconstraint = ['epochs > 1', 'batch_size > 1']\n" + kSpace.substr(8))
                .spec.space,
            expected({"epochs > 1", "batch_size > 1"}));
}

TEST(ConstraintInAStudyFile, IsRefusedWithPlaceReasonAndRemedy) {
  EXPECT_THAT(fault_of(kSpace + "constraint = 'epoch > 1'\n"),
              testing::AllOf(HasSubstr("study.toml:7:14: "), HasSubstr("column 1"),
                             HasSubstr("did you mean \"epochs\"?")));
  EXPECT_THAT(fault_of(kSpace + "constraint = ['epochs > 1', 'epochs > ']\n"),
              HasSubstr("study.toml:7:29: "));
  EXPECT_THAT(fault_of(kSpace + "constraint = 'epochs > 8'\n"), HasSubstr("no point of the space"));
  EXPECT_THAT(fault_of(kSpace + "constraint = { int = [1, 2] }\n"),
              HasSubstr("no parameter can have this name"));
  EXPECT_THAT(fault_of(kSpace + "constraint = 3\n"), HasSubstr("study.toml:7:14: "));
  EXPECT_THAT(fault_of(kSpace + "constraints = 'epochs > 1'\n"),
              HasSubstr("did you mean \"constraint\"?"));
}

TEST(ConstraintInAStudyFile, HasANameThatNoOptionOfTheTrainerHas) {
  for (const TrainerOption& option : trainer_options()) EXPECT_NE(option.name, "constraint");
}

TEST(StopInAStudyFile, IsEmptyUnlessItIsThere) {
  const StudyFile file = parse("");
  EXPECT_THAT(make_stoppers(file.stop), IsEmpty());
  EXPECT_THAT(stop_rules(file), IsEmpty());
  EXPECT_EQ(file.tune.time_limit, std::nullopt);
}

TEST(StopInAStudyFile, GivesAStopperForEachRule) {
  const StudyFile file = parse(
      "[stop]\ntrials = 20\ntarget = 0.9\nno_improvement = 5\nmin_improvement = 0.01\n"
      "expected_improvement = 0.001\ntime_s = 1.5\n");
  EXPECT_THAT(make_stoppers(file.stop), SizeIs(4));
  EXPECT_THAT(stop_rules(file), ElementsAre("trials = 20", "target = 0.9", "no_improvement = 5",
                                            "min_improvement = 0.01",
                                            "expected_improvement = 0.001", "time_s = 1.5"));
  EXPECT_EQ(file.tune.time_limit, std::chrono::duration<double>(1.5));
}

TEST(StopInAStudyFile, IsRefusedWithPlaceAndReason) {
  EXPECT_THAT(fault_of("[stop]\ntrials = 0\n"), HasSubstr("study.toml:5:10: "));
  EXPECT_THAT(fault_of("[stop]\ntarget = nan\n"), HasSubstr("stop.target"));
  EXPECT_THAT(fault_of("[stop]\ntime_s = 0\n"), HasSubstr("stop.time_s"));
  EXPECT_THAT(fault_of("[stop]\nexpected_improvement = 0\n"),
              HasSubstr("stop.expected_improvement"));
  EXPECT_THAT(fault_of("[stop]\ntrial = 3\n"), HasSubstr("\"trials\"?"));
  EXPECT_THAT(fault_of("[stop]\nmin_improvement = 0.1\n"), HasSubstr("no_improvement"));
  EXPECT_THAT(parse_study_file("[study]\nname = 's'\nobjectives = [{ metric = 'val_accuracy', "
                               "direction = 'maximize' }, { metric = 'epochs', direction = "
                               "'minimize' }]\n[stop]\nno_improvement = 3\n",
                               "study.toml")
                  .stop.no_improvement,
              3);
}

}  // namespace
}  // namespace hypertune

// Schedulers of a study file: what they take from other sections, and schedulers within schedulers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

const std::string kStudy =
    "[study]\n"
    "name = \"s\"\n"
    "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]\n";

StudyFile parse(const std::string& more) { return parse_study_file(kStudy + more, "s.toml"); }

std::string scheduler_of(const std::string& more) { return to_string(parse(more).scheduler); }

std::string fault_of(const std::string& more) {
  try {
    parse(more);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(MaxResource, IsTheTrainersEpochsUnlessTheFileSaysOtherwise) {
  for (const std::string name : {"asha", "hyperband", "bohb", "pbt", "pb2"}) {
    const std::string section = "[scheduler]\nname = \"" + name + "\"\n";
    EXPECT_EQ(scheduler_of(section), name + " (max_resource = 10)");
    EXPECT_EQ(scheduler_of("[trainer]\nepochs = 30\n" + section), name + " (max_resource = 30)");
    EXPECT_EQ(scheduler_of(section + "max_resource = 8\n"), name + " (max_resource = 8)");
  }
}

TEST(MaxResource, IsTheMostEpochsThatTheSpaceGives) {
  const std::string asha = "[scheduler]\nname = \"asha\"\n";
  const auto of_epochs = [&](const std::string& epochs) {
    return scheduler_of("[space]\nepochs = " + epochs + "\n" + asha);
  };
  EXPECT_EQ(of_epochs("{ int = [3, 40] }"), "asha (max_resource = 40)");
  EXPECT_EQ(of_epochs("{ grid = [5, 25, 15] }"), "asha (max_resource = 25)");
  EXPECT_EQ(of_epochs("12"), "asha (max_resource = 12)");
}

TEST(MaxResource, IsNamedWhereItDoesNotGoWithTheOtherOptions) {
  EXPECT_THAT(fault_of("[trainer]\nepochs = 1\n[scheduler]\nname = \"hyperband\"\n"),
              AllOf(StartsWith("s.toml:6:1: "), HasSubstr("1 <= 1"),
                    HasSubstr("(max_resource is the trainer's epochs)")));
  EXPECT_THAT(fault_of("[scheduler]\nname = \"asha\"\nmin_resource = 9\nmax_resource = 4\n"),
              AllOf(HasSubstr("4 <= 9"), Not(HasSubstr("epochs"))));
}

TEST(Scheduler, ReadsItsMode) {
  EXPECT_EQ(scheduler_of("[scheduler]\nname = \"asha\"\nmode = \"promote\"\n"),
            "asha (max_resource = 10, mode = \"promote\")");
  const StudyFile file = parse("[scheduler]\nname = \"hyperband\"\nmode = \"synchronous\"\n");
  EXPECT_TRUE(file.scheduler.make()->pauses());
  EXPECT_FALSE(parse("[scheduler]\nname = \"hyperband\"\n").scheduler.make()->pauses());
}

TEST(Bohb, SearchesWithTpe) {
  const StudyFile file = parse("[scheduler]\nname = \"bohb\"\n");
  EXPECT_EQ(to_string(file.sampler), "tpe");
  EXPECT_TRUE(file.sampler.make()->uses_history());
  const StudyFile set =
      parse("[sampler]\nname = \"tpe\"\nn_startup_trials = 4\n[scheduler]\nname = \"bohb\"\n");
  EXPECT_EQ(to_string(set.sampler), "tpe (n_startup_trials = 4)");
}

TEST(Bohb, RefusesAnotherSampler) {
  EXPECT_THAT(fault_of("[sampler]\nname = \"qmc\"\n[scheduler]\nname = \"bohb\"\n"),
              AllOf(StartsWith("s.toml:4:1: "), HasSubstr("remove [sampler]"),
                    HasSubstr("scheduler.name = \"hyperband\"")));
}

TEST(WrappedScheduler, IsMadeWithItsOptions) {
  const StudyFile file = parse(
      "[scheduler]\nname = \"patience\"\npatience = 3\n"
      "wrapped = { name = \"asha\", reduction_factor = 2 }\n");
  EXPECT_EQ(to_string(file.scheduler),
            "patience (patience = 3, wrapped = { name = \"asha\", max_resource = 10, "
            "reduction_factor = 2 })");
  EXPECT_TRUE(file.scheduler.make()->uses_history());
  EXPECT_FALSE(parse("[scheduler]\nname = \"patience\"\n").scheduler.make()->uses_history());
}

TEST(WrappedScheduler, IsCheckedLikeAnyOther) {
  const std::string patience = "[scheduler]\nname = \"patience\"\nwrapped = ";
  EXPECT_THAT(fault_of(patience + "{ name = \"medain\" }\n"),
              AllOf(StartsWith("s.toml:6:"), HasSubstr("no scheduler.wrapped \"medain\""),
                    HasSubstr("\"median\"?")));
  EXPECT_THAT(fault_of(patience + "{ name = \"median\", startup = 3 }\n"),
              AllOf(StartsWith("s.toml:6:"), HasSubstr("\"startup\"")));
  EXPECT_THAT(fault_of(patience + "\"median\"\n"),
              AllOf(StartsWith("s.toml:6:11: "), HasSubstr("scheduler.wrapped")));
}

TEST(PopulationParameters, AreSampledParametersOfTheSpace) {
  const std::string space =
      "[space]\nlearning_rate = { float = [1e-4, 1e-1], log = true }\n"
      "batch_norm = { grid = [true, false] }\n[scheduler]\nname = \"pbt\"\nparameters = ";
  EXPECT_EQ(scheduler_of(space + "[\"learning_rate\"]\n"),
            "pbt (max_resource = 10, parameters = [\"learning_rate\"])");
  EXPECT_THAT(fault_of(space + "[\"learning_rat\"]\n"),
              AllOf(StartsWith("s.toml:9:15: "), HasSubstr("no sampled parameter"),
                    HasSubstr("\"learning_rate\"?")));
  EXPECT_THAT(fault_of(space + "[\"batch_norm\"]\n"), HasSubstr("no sampled parameter"));
}

TEST(Scheduler, GoesWithALagUnlessItPausesOrReplacesTrials) {
  const std::string lag = "[tune]\nlag = 2\n[scheduler]\nname = ";
  for (const std::string name : {"\"pbt\"", "\"pb2\"", "\"asha\"\nmode = \"promote\"",
                                 "\"patience\"\nwrapped = { name = \"pbt\" }"}) {
    EXPECT_THAT(fault_of(lag + name + "\n"),
                AllOf(StartsWith("s.toml:5:7: "), HasSubstr("drop lag")))
        << name;
  }
  EXPECT_EQ(fault_of(lag + "\"asha\"\n"), "no fault");
}

}  // namespace
}  // namespace hypertune

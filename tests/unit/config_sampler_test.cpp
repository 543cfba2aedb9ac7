// Which sampler a study file gets: the default, what auto is told, and what it learns from first.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using ::testing::HasSubstr;

StudyFile parse(const std::string& more, const Overrides& overrides = {}) {
  return parse_study_file(
      "[study]\nname = \"s\"\n"
      "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]\n" +
          more,
      "study.toml", overrides);
}

const std::string kTpe = "[sampler]\nname = \"tpe\"\n";
const std::string kRate = "[space]\nlearning_rate = { float = [1e-4, 1], log = true }\n";

std::string explained(const StudyFile& file) {
  return file.sampler.make()->explain(
      file.spec.space, {.objectives = file.spec.objectives, .trials = {}, .number = 0});
}

TEST(DefaultSampler, IsAutoFromThirtyOneTrialsOn) {
  EXPECT_EQ(parse(kRate + "[tune]\nnum_samples = 30\n").sampler.name, "random");
  EXPECT_EQ(parse(kRate + "[tune]\nnum_samples = 31\n").sampler.name, "auto");
  const std::string grid = kRate + "batch_norm = { grid = [true, false] }\n[tune]\nnum_samples = ";
  EXPECT_EQ(parse(grid + "15\n").sampler.name, "random");
  EXPECT_EQ(parse(grid + "16\n").sampler.name, "auto");
}

TEST(DefaultSampler, IsRandomWhereNothingIsDrawnOrClaimsAreJudged) {
  EXPECT_EQ(parse("[tune]\nnum_samples = 100\n").sampler.name, "random");
  const std::string claims =
      "[[experiment.claims]]\ntext = \"t\"\nestimate = { mean = \"val_loss\" }\nexpect = \"< 1\"\n";
  const StudyFile judged = parse(kRate + "[tune]\nnum_samples = 100\n" + claims);
  EXPECT_EQ(judged.sampler.name, "random");
  EXPECT_THAT(judged.why_sampler, HasSubstr("bias the estimates of the claims"));
  // Nothing is to be explained where it would not be auto anyway, or the file names another one.
  const std::string few = "[tune]\nnum_samples = 30\n";
  const std::string named = "[tune]\nnum_samples = 100\n[sampler]\nname = \"qmc\"\n";
  EXPECT_EQ(parse(kRate + few + claims).why_sampler, "");
  EXPECT_EQ(parse(kRate + named + claims).why_sampler, "");
}

TEST(DefaultSampler, GivesWayToTheOneThatIsNamed) {
  const std::string many = kRate + "[tune]\nnum_samples = 100\n";
  EXPECT_EQ(parse(many + "[sampler]\nname = \"qmc\"\n").sampler.name, "qmc");
}

TEST(Auto, IsToldTheTrialsThatArePlannedAndTheWorkers) {
  const std::string chosen = "[sampler]\nname = \"auto\"\n[tune]\nnum_samples = 40\nworkers = ";
  EXPECT_THAT(explained(parse(kRate + chosen + "2\n")), HasSubstr("a budget of 40 trials"));
  EXPECT_THAT(explained(parse(kRate + "batch_norm = { grid = [true, false] }\n" + chosen + "2\n")),
              HasSubstr("a budget of 80 trials"));
  EXPECT_THAT(explained(parse(kRate + chosen + "40\n")), HasSubstr("40 workers"));
}

TEST(Auto, IsToldTheLagInPlaceOfTheWorkers) {
  const std::string lag = "[sampler]\nname = \"auto\"\n[tune]\nnum_samples = 40\nlag = 31\n";
  EXPECT_EQ(explained(parse(kRate + lag)), explained(parse(kRate + lag + "workers = 20\n")));
  EXPECT_THAT(explained(parse(kRate + lag)), HasSubstr("32 workers"));
}

TEST(Auto, IsToldAgainWhenTheNumberOfWorkersChanges) {
  StudyFile file = parse(kRate + "[sampler]\nname = \"auto\"\n[tune]\nnum_samples = 40\n");
  file.tune.workers = 30;
  size_sampler(file);
  EXPECT_THAT(explained(file), HasSubstr("30 workers"));
}

TEST(WarmStart, IsReadAndHasDefaults) {
  EXPECT_FALSE(parse("").warm_start.has_value());
  const WarmStart small = *parse(kTpe + "[warm_start]\nstudy = \"old\"\n").warm_start;
  EXPECT_EQ(small.study, "old");
  EXPECT_EQ(small.store, "");
  EXPECT_EQ(small.trials, WarmStart().trials);
  const WarmStart whole =
      *parse(kTpe + "[warm_start]\nstudy = \"old\"\nstore = \"runs/a\"\ntrials = 7\n").warm_start;
  EXPECT_EQ(whole.store, "runs/a");
  EXPECT_EQ(whole.trials, 7);
}

std::string fault_of(const std::string& more) {
  try {
    parse(more);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(WarmStart, IsRefusedWhereTheSamplerLearnsNothingFromIt) {
  const std::string section = "[warm_start]\nstudy = \"old\"\n";
  EXPECT_THAT(fault_of(kRate + section), HasSubstr("the sampler random learns nothing from other"));
  EXPECT_THAT(fault_of(kRate + "[sampler]\nname = \"nsga2\"\n" + section),
              HasSubstr("the sampler nsga2 learns nothing from other"));
  EXPECT_EQ(fault_of(kRate + "[tune]\nnum_samples = 31\n" + section), "") << "auto learns";
  EXPECT_EQ(fault_of(kRate + "[scheduler]\nname = \"bohb\"\n[trainer]\nepochs = 9\n" + section),
            "");
}

TEST(Cmaes, IsRefusedWithSeveralObjectives) {
  const std::string sampler = "[sampler]\nname = \"cmaes\"\n";
  EXPECT_EQ(fault_of(kRate + sampler), "");
  const std::string two =
      "[study]\nname = \"s\"\nobjectives = [{ metric = \"val_accuracy\", direction = "
      "\"maximize\" }, { metric = \"epochs\", direction = \"minimize\" }]\n";
  try {
    parse_study_file(two + kRate + sampler, "study.toml", {});
    FAIL() << "nothing was thrown";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("takes one objective, and there are 2"));
  }
}

TEST(WarmStart, NeedsAStudyOrAStore) {
  try {
    parse(kTpe + "[warm_start]\ntrials = 5\n");
    FAIL() << "nothing was thrown";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("names no study to learn from; add study ="));
  }
  EXPECT_THROW(parse(kTpe + "[warm_start]\nstudy = \"old\"\ntrials = 0\n"), ConfigError);
}

}  // namespace
}  // namespace hypertune

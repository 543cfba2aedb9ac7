// [launcher]: what starts the workers of a study.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kStudy =
    "[study]\n"
    "name = \"s\"\n"
    "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]\n"
    "[space]\n"
    "learning_rate = { float = [1e-4, 1e-1] }\n"
    "[launcher]\n";

StudyFile read(const std::string& launcher, const Overrides& overrides = {}) {
  return parse_study_file(kStudy + launcher, "s.toml", overrides);
}

std::string fault(const std::string& launcher) {
  try {
    read(launcher);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(LauncherSection, SaysWhatWorkersAreToHave) {
  const LauncherChoice choice =
      read(
          "name = \"slurm\"\ncpus = 2\ngpus = 1\nmemory_mb = 4000\ntime_limit_min = 90\n"
          "partition = \"short\"\naccount = \"me\"\nextra = [\"--qos=high\"]\n")
          .launcher;
  EXPECT_EQ(choice.name, "slurm");
  EXPECT_EQ(choice.cpus, 2);
  EXPECT_EQ(choice.gpus, 1);
  EXPECT_EQ(choice.memory_mb, 4000);
  EXPECT_EQ(choice.time_limit, std::chrono::minutes(90));
  EXPECT_EQ(choice.partition, "short");
  EXPECT_EQ(choice.account, "me");
  EXPECT_THAT(choice.extra, ElementsAre("--qos=high"));
  EXPECT_EQ(read("name = \"ray\"\naddress = \"https://head:8265\"\n").launcher.address,
            "https://head:8265");
}

TEST(LauncherSection, ThreadsAreNoLauncher) {
  EXPECT_EQ(read("name = \"threads\"\n").launcher.name, "");
  EXPECT_EQ(launcher_name("threads"), "");
}

TEST(LauncherSection, FaultsHaveTheirPlace) {
  EXPECT_THAT(fault("cpus = 2\n"), HasSubstr("launcher has no \"name\""));
  EXPECT_THAT(fault("name = \"slum\"\n"), HasSubstr("s.toml:7:8: unknown launcher \"slum\""));
  EXPECT_THAT(fault("name = \"local\"\npartition = \"x\"\n"), HasSubstr("s.toml:8:1: "));
  EXPECT_THAT(fault("name = \"slurm\"\npartition = \"-x\"\n"), HasSubstr("s.toml:8:13: "));
  EXPECT_THAT(fault("name = \"slurm\"\nextra = [\"qos\"]\n"), HasSubstr("--qos=high"));
  EXPECT_THAT(fault("name = \"ray\"\naddress = \"head\"\n"), HasSubstr("http://"));
  EXPECT_THAT(fault("name = \"local\"\ncpus = 0\n"), HasSubstr("s.toml:8:8: "));
}

TEST(StudySource, TheSameFileCanBeHadFromItsTextAndOverrides) {
  const StudyFile file = read("name = \"local\"\n", {"tune.num_samples=7"});
  const StudyFile again =
      parse_study_file(file.source.text, file.source.name, file.source.overrides);
  EXPECT_EQ(again.tune.num_samples, 7);
  EXPECT_EQ(again.launcher.name, "local");
  EXPECT_EQ(again.experiment.study_file_sha256, file.experiment.study_file_sha256);
}

}  // namespace
}  // namespace hypertune

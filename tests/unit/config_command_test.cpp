// [command] of study files: what it means, and where it is wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::StartsWith;

const std::string kStudy =
    "[study]\n"
    "name = \"s\"\n"
    "objectives = [{ metric = \"my/loss\", direction = \"minimize\" }]\n"
    "[space]\n"
    "rate = { float = [1e-3, 1], log = true }\n"
    "mode = { choice = [\"fast\", \"-slow\"] }\n"
    "[command]\n";  // what a test adds begins on line 8

StudyFile parse(const std::string& text) { return parse_study_file(kStudy + text, "s.toml"); }

std::string fault_of(const std::string& text) {
  try {
    parse(text);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no fault";
}

TEST(CommandSection, IsReadWhole) {
  const StudyFile file = parse(R"(
argv = ["./t", "--rate={rate}", "{seed}"]
working_directory = "sub"
environment = { OMP_NUM_THREADS = "1" }
patterns = { loss = 'loss (\S+)' }
step_pattern = 'epoch (\d+)'
answers = true
grace_s = 2.5
time_limit_s = 60
memory_limit_mb = 100
cpus = 2
gpus = 1
gpu_ids = [0, "GPU-1a"]
keep_output_kb = 0
)");
  ASSERT_TRUE(file.command);
  const CommandOptions& command = *file.command;
  EXPECT_THAT(command.argv, ElementsAre("./t", "--rate={rate}", "{seed}"));
  EXPECT_EQ(command.working_directory, "sub");
  EXPECT_THAT(command.environment, ElementsAre(Pair("OMP_NUM_THREADS", "1")));
  EXPECT_THAT(command.patterns, ElementsAre(Pair("loss", "loss (\\S+)")));
  EXPECT_EQ(command.step_pattern, "epoch (\\d+)");
  EXPECT_TRUE(command.answers);
  EXPECT_EQ(command.grace.count(), 2.5);
  EXPECT_EQ(command.time_limit->count(), 60);
  EXPECT_EQ(command.memory_limit_bytes, 100 << 20);
  EXPECT_EQ(command.cpus, 2);
  EXPECT_EQ(command.gpus, 1);
  EXPECT_THAT(command.gpu_ids, ElementsAre("0", "GPU-1a"));
  EXPECT_EQ(command.keep_output_bytes, 0);
}

TEST(CommandSection, HasTheDefaultsOfItsOptions) {
  const CommandOptions command = *parse("argv = [\"t\"]\n").command;
  const CommandOptions plain;
  EXPECT_EQ(command.grace, plain.grace);
  EXPECT_EQ(command.time_limit, plain.time_limit);
  EXPECT_EQ(command.memory_limit_bytes, plain.memory_limit_bytes);
  EXPECT_EQ(command.keep_output_bytes, plain.keep_output_bytes);
}

TEST(CommandSection, LetsClaimsAndStoppersNameAnyMetric) {
  EXPECT_EQ(
      fault_of("argv = [\"t\"]\n"
               "[experiment]\n"
               "claims = [{ text = \"c\", estimate = { mean = \"size\" }, expect = \"< 1\" }]\n"),
      "no fault");
}

struct Fault {
  std::string text;
  std::string place;
  std::string words;
};

TEST(CommandSection, SaysWhereItIsWrongAndHowToMendIt) {
  const std::vector<Fault> faults = {
      {"", "7:1", "has no \"argv\""},
      {"argv = []", "8:8", "name the program"},
      {"argv = \"t\"", "8:8", "a list"},
      {"argv = [\"t\", 3]", "8:14", "text in quotes"},
      {"argv = [\"t\", \"{rat}\"]", "8:14", "did you mean \"rate\""},
      {"argv = [\"t\", \"{rate\"]", "8:14", "written twice"},
      {"argv = [\"t\", \"a\", \"{mode}\"]", "8:19", "an option of its own"},
      {"argv = [\"t\"]\nargs = []", "9:1", "unknown key \"args\""},
      {"argv = [\"t\"]\npatterns = { loss = \"(\" }", "9:21", "no regular expression"},
      {"argv = [\"t\"]\npatterns = { loss = \"x\" }", "9:21", "no group"},
      {"argv = [\"t\"]\nstep_pattern = \"(x)\"", "9:1", "goes with patterns"},
      {"argv = [\"t\"]\nenvironment = { HYPERTUNE_SEED = \"1\" }", "9:17", "another name"},
      {"argv = [\"t\"]\nenvironment = { \"A=B\" = \"1\" }", "9:17", "cannot name a variable"},
      {"argv = [\"t\"]\ngrace_s = -1", "9:11", "0 or more"},
      {"argv = [\"t\"]\ntime_limit_s = 0", "9:16", "above 0"},
      {"argv = [\"t\"]\ngpu_ids = [\"a,b\"]", "9:12", "names no GPU"},
      {"argv = [\"t\"]\n[trainer]\nepochs = 1", "7:1", "remove one of the two"},
      {"argv = [\"t\"]\n[ask]", "9:1", "remove one of the two"},
      {"argv = [\"t\"]\n[scheduler]\nname = \"asha\"", "9:1", "max_resource"}};
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.text);
    const std::string message = fault_of(fault.text + "\n");
    EXPECT_THAT(message, StartsWith("s.toml:" + fault.place + ": "));
    EXPECT_THAT(message, HasSubstr(fault.words));
  }
}

}  // namespace
}  // namespace hypertune

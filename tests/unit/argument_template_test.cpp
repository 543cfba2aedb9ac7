// Values in the arguments of a program.
#include "exec/argument_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hypertune/command.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Arguments = std::vector<std::string>;

TrialFacts facts() {
  return {.study = "s",
          .number = 7,
          .attempt = 2,
          .seed = 11,
          .trial_dir = "/runs/s/trials/7",
          .checkpoint_dir = "/runs/s/checkpoints/7"};
}

std::vector<std::string> filled(const Arguments& argv, const Params& params) {
  return ArgumentTemplate(argv).fill(params, facts());
}

/// The message of the ConfigError; empty when there is none.
std::string refusal(const Arguments& argv, const Params& params = {}) {
  try {
    filled(argv, params);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

TEST(ArgumentTemplate, PutsValuesAndFactsInTheirPlaces) {
  EXPECT_THAT(
      filled({"./train", "--lr={rate}", "{n}x{flag}", "{{{word}}}", "{trial}/{attempt}", "{seed}",
              "--out={trial_dir}/m", "{checkpoint_dir}", "{study}"},
             {{"rate", 1e-05}, {"n", std::int64_t{3}}, {"flag", true}, {"word", "a b$(c)"}}),
      ElementsAre("./train", "--lr=1e-05", "3xtrue", "{a b$(c)}", "7/2", "11",
                  "--out=/runs/s/trials/7/m", "/runs/s/checkpoints/7", "s"));
}

TEST(ArgumentTemplate, LeavesOutArgumentsOfParametersThatTheTrialDoesNotHave) {
  EXPECT_THAT(filled({"./train", "--momentum={momentum}", "--lr={rate}"}, {{"rate", 0.5}}),
              ElementsAre("./train", "--lr=0.5"));
}

TEST(ArgumentTemplate, KeepsAValueFromBecomingAnOption) {
  EXPECT_THAT(refusal({"./train", "{mode}"}, {{"mode", "--rm"}}), HasSubstr("option"));
  EXPECT_THAT(refusal({"./train", "{mode}x"}, {{"mode", "-"}}), HasSubstr("--mode={mode}"));
  EXPECT_THAT(filled({"./train", "--mode={mode}"}, {{"mode", "--rm"}}),
              ElementsAre("./train", "--mode=--rm"));
  EXPECT_THAT(filled({"./train", "{x}"}, {{"x", -1.5}}), ElementsAre("./train", "-1.5"));
}

TEST(ArgumentTemplate, KeepsAValueFromBecomingAPathElsewhere) {
  for (const char* value : {"/etc/passwd", "../x", "..", "a/b"}) {
    const Params params = {{"v", value}};
    EXPECT_THAT(refusal({"{v}"}, params), HasSubstr("path")) << value;
    EXPECT_THAT(refusal({"./train", "{trial_dir}{v}"}, params), HasSubstr("path")) << value;
    EXPECT_THAT(refusal({"./train", "--out=results/{v}.txt"}, params), HasSubstr("path")) << value;
    EXPECT_EQ(refusal({"./train", "--data={v}"}, params), "") << value;
  }
  EXPECT_THAT(filled({"./bin/{v}"}, {{"v", "fast"}}), ElementsAre("./bin/fast"));
}

TEST(ArgumentTemplate, RefusesWhatNoArgumentCanHold) {
  const Params params = {{"v", std::string("a\0b", 3)}};
  EXPECT_THAT(refusal({"./train", "--v={v}"}, params), HasSubstr("NUL"));
}

TEST(ArgumentTemplate, RefusesUnbalancedBracesAndNoProgram) {
  for (const Arguments& argv : std::vector<Arguments>{
           {}, {""}, {"./t", "{rate"}, {"./t", "rate}"}, {"./t", "{}"}, {"./t", "{{}"}}) {
    EXPECT_NE(refusal(argv), "") << (argv.empty() ? "nothing" : argv.back());
  }
  EXPECT_NE(refusal({"{program}"}), "") << "a program that the trial does not have";
}

TEST(CheckCommand, FindsPlaceholdersThatNameNothing) {
  SearchSpace space;
  space.add("learning_rate", FloatDomain{.low = 0, .high = 1});
  EXPECT_NO_THROW(check_command({.argv = {"./t", "{learning_rate}", "{seed}"}}, space));
  try {
    check_command({.argv = {"./t", "{learning_rat}"}}, space);
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean \"learning_rate\""));
  }
}

TEST(CheckCommand, FindsValuesThatCanNeverBeGivenAndReservedNames) {
  SearchSpace space;
  space.grid("mode", {Value("fast"), Value("-x")});
  EXPECT_THROW(check_command({.argv = {"./t", "{mode}"}}, space), ConfigError);
  EXPECT_NO_THROW(check_command({.argv = {"./t", "--mode={mode}"}}, space));
  SearchSpace reserved;
  reserved.constant("seed", Value(std::int64_t{1}));
  EXPECT_THROW(check_command({.argv = {"./t"}}, reserved), ConfigError);
}

TEST(CheckCommand, RefusesImpossibleNumbers) {
  using Seconds = std::chrono::duration<double>;
  EXPECT_THROW(check_command({.argv = {"t"}, .grace = Seconds(-1)}, {}), ConfigError);
  EXPECT_THROW(check_command({.argv = {"t"}, .time_limit = Seconds(0)}, {}), ConfigError);
  EXPECT_THROW(check_command({.argv = {"t"}, .memory_limit_bytes = -1}, {}), ConfigError);
  EXPECT_THROW(check_command({.argv = {"t"}, .cpus = -1}, {}), ConfigError);
}

}  // namespace
}  // namespace hypertune

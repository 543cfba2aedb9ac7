// Trials in processes that train: what is told to them, what is believed of them, and how they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "hypertune/tune.h"
#include "train/training_messages.h"
#include "train/training_process.h"

namespace hypertune {
namespace {

using ::testing::HasSubstr;

StudySpec spec() {
  StudySpec spec;
  spec.name = "processes";
  spec.objectives = {{"val_loss", Direction::Minimize}};
  spec.space.add("learning_rate", FloatDomain{0.1, 0.2});
  return spec;
}

/// The trials of a study that shell scripts train for: they read from 3 and write to 4, and have
/// functions for that.
std::vector<TrialRecord> run(const std::string& script, int trials = 1, int max_attempts = 2) {
  const std::string functions =
      "get() { read -r line <&3 || exit 0; }\n"
      "say() { printf '%s\\n' \"$1\" >&4; }\n"
      "ready() { get; say '{\"kind\": \"ready\"}'; }\n"
      "report() { say \"{\\\"kind\\\": \\\"report\\\", \\\"step\\\": $1, \\\"metrics\\\": "
      "{\\\"val_loss\\\": $2}}\"; get; }\n"
      "complete() { say \"{\\\"kind\\\": \\\"end\\\", \\\"state\\\": \\\"complete\\\", "
      "\\\"metrics\\\": {\\\"val_loss\\\": $1}, \\\"reason\\\": \\\"\\\", "
      "\\\"failure\\\": \\\"none\\\"}\"; }\n";
  const auto executor =
      training_processes(TrainerOptions(), 1, {"/bin/sh", "-c", functions + script});
  Study study(spec(), memory_storage(), random_sampler(), fifo_scheduler());
  tune(study, *executor, {.num_samples = trials, .max_attempts = max_attempts});
  return study.trials();
}

TEST(TrainingProcess, ServesOneTrialAfterAnother) {
  const auto trials = run("ready; while :; do get; report 1 0.5; complete $$; done", 3);
  ASSERT_EQ(trials.size(), 3U);
  std::set<double> processes;
  for (const TrialRecord& trial : trials) {
    EXPECT_EQ(trial.state, TrialState::Complete) << trial.reason;
    EXPECT_EQ(trial.reports.size(), 1U);
    processes.insert(trial.metrics.at("val_loss"));
  }
  EXPECT_EQ(processes.size(), 1U);
}

TEST(TrainingProcess, ThatDiesFailsItsTrialWhichIsRepeatedByAnother) {
  for (const auto& [command, words] :
       std::vector<std::pair<std::string, std::string>>{{"kill -SEGV $$", "ended with signal 11"},
                                                        {"kill -KILL $$", "memory"},
                                                        {"exit 7", "ended with exit code 7"}}) {
    SCOPED_TRACE(command);
    const auto trials = run("ready; get; report 3 0.5; " + command, 2);
    ASSERT_EQ(trials.size(), 4U);  // each is tried twice
    for (const TrialRecord& trial : trials) {
      EXPECT_EQ(trial.state, TrialState::Failed);
      EXPECT_EQ(trial.failure, Failure::Crash);
      EXPECT_THAT(trial.reason, HasSubstr(words));
      EXPECT_THAT(trial.reason, HasSubstr("after epoch 3"));
    }
  }
}

TEST(TrainingProcess, ThatSendsNonsenseFailsItsTrialAlone) {
  const std::string end = R"({"kind": "end", "state": "S", "metrics": {}, "reason": "",)";
  for (const std::string& line : std::vector<std::string>{
           "nonsense", "[]", "1", "{}", R"({"kind": 1})", R"({"kind": "dance"})",
           R"({"kind": "report"})", R"({"kind": "report", "step": "1", "metrics": {}})",
           R"({"kind": "report", "step": 1, "metrics": [1]})",
           R"({"kind": "checkpoint", "bytes": 1})"
           "\nx",
           R"({"kind": "checkpoint", "bytes": -1})", R"({"kind": "checkpoint", "bytes": 1e300})",
           R"({"kind": "end"})", end + R"("failure": "none"})",
           R"({"kind": "end", "state": "paused", "metrics": {}, "reason": "", "failure": "none"})",
           R"({"kind": "end", "state": "pruned", "metrics": {}, "reason": "", "failure": "none"})",
           R"({"kind": "end", "state": "failed", "metrics": {}, "reason": "", )"
           R"("failure": "interrupted"})",
           R"({"a": {"b": {"c": NaN}}})", "{\"kind\": \"\xff\"}"}) {
    SCOPED_TRACE(line);
    const auto trials = run("ready; get; say '" + line + "'; get; sleep 100", 1, 1);
    ASSERT_EQ(trials.size(), 1U);
    EXPECT_EQ(trials[0].state, TrialState::Failed);
    EXPECT_EQ(trials[0].failure, Failure::Crash);
    EXPECT_THAT(trials[0].reason, HasSubstr("the process that trained it sent "));
  }
}

TEST(TrainingProcess, ThatNeverEndsALineIsNotReadForever) {
  const auto trials = run("ready; get; tr '\\0' x < /dev/zero >&4", 1, 1);
  EXPECT_THAT(trials.at(0).reason, HasSubstr("a line that does not end"));
}

TEST(TrainingProcess, WithoutItsDataSaysWhyAndIsNotTriedAgain) {
  const auto trials = run(R"(get; say '{"kind": "fault", "reason": "no data here"}')");
  ASSERT_EQ(trials.size(), 1U);
  EXPECT_EQ(trials[0].failure, Failure::Error);
  EXPECT_EQ(trials[0].reason, "no data here");
}

TEST(TrainingProcess, ThatCannotBeStartedFailsTheTrialWithTheReason) {
  const auto executor = training_processes(TrainerOptions(), 1, {"/nowhere/at/all"});
  Study study(spec(), memory_storage(), random_sampler(), fifo_scheduler());
  tune(study, *executor);
  EXPECT_THAT(study.trials().at(0).reason, HasSubstr("/nowhere/at/all"));
}

TEST(TrainingMessages, KeepEveryBit) {
  TrainerOptions options{.dataset = {"fashion-mnist", "gestures"},
                         .channels = {4, 8},
                         .learning_rate = 0.1 + 0.2,
                         .checkpoint_s = 1e-300};
  const Json sent = parse_json(dump_json({{"options", to_json(options)}}));
  const TrainerOptions read = options_in(sent);
  for (const TrainerOption& option : trainer_options()) {
    EXPECT_EQ(read.get(option.name), options.get(option.name)) << option.name;
  }
  const TrialStart start{.params = {{"a", true},
                                    {"b", std::int64_t{-3}},
                                    {"c", 3.0},
                                    {"d", 1.0 / 3},
                                    {"e", std::string("4,8")}},
                         .seed = 0xffff'ffff'ffff'fffeULL,
                         .goes_on = true};
  const TrialStart got = start_in({parse_json(dump_json(to_json(start))), "\n{\0"});
  EXPECT_EQ(got.params, start.params);
  EXPECT_EQ(got.seed, start.seed);
  EXPECT_TRUE(got.goes_on);
  EXPECT_FALSE(got.may_save_checkpoint);
}

}  // namespace
}  // namespace hypertune

// Programs as trials: small shell scripts that report, crash, hang and misbehave.
#include "hypertune/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "hypertune/error.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using testing_support::TemporaryFolder;
using Seconds = std::chrono::duration<double>;

/// Answers the report at `step` with `decision`.
class DecidingScheduler final : public Scheduler {
 public:
  DecidingScheduler(std::int64_t step, Decision decision) : step_(step), decision_(decision) {}
  Ruling on_report(const TrialRecord& trial, const History&) const override {
    const bool now = trial.reports.back().step == step_;
    return {now ? decision_ : Decision::Continue, now ? "enough" : "", {}};
  }
  bool pauses() const override { return decision_ == Decision::Pause; }
  std::optional<int> resume(const History& history) const override {
    for (const TrialRecord& trial : history.trials) {
      if (trial.state == TrialState::Paused) return trial.number;
    }
    return std::nullopt;
  }

 private:
  std::int64_t step_;
  Decision decision_;
};

/// As an argument whose braces are no places for values.
std::string literal(const std::string& script) {
  std::string text;
  for (const char c : script) {
    text += c;
    if (c == '{' || c == '}') text += c;
  }
  return text;
}

/// One trial, or a few, of a shell script.
class CommandTest : public ::testing::Test {
 protected:
  StudySpec spec() const {
    StudySpec spec;
    spec.name = "s";
    spec.objectives = {{"loss", Direction::Minimize}};
    spec.seed = 3;
    spec.space.constant("x", 1.5).constant("word", Value("a b'$(exit)"));
    return spec;
  }

  std::vector<TrialRecord> run(const std::string& script, CommandOptions options = {},
                               TuneOptions tuning = {}, std::stop_token stop = {}) {
    options.argv = {"sh", "-c", literal(script)};
    return run_argv(std::move(options), tuning, std::move(stop));
  }

  std::vector<TrialRecord> run_argv(const CommandOptions& options, TuneOptions tuning = {},
                                    std::stop_token stop = {}) {
    Study study(spec(), memory_storage(), random_sampler(),
                scheduler ? std::move(scheduler) : fifo_scheduler());
    const auto executor = command_executor(options, folder.path(), "s", tuning.workers);
    if (tuning.max_attempts == 3) tuning.max_attempts = 1;
    tune(study, *executor, tuning, std::move(stop));
    std::vector<TrialRecord> trials = study.trials();
    std::ranges::sort(trials, {}, &TrialRecord::number);
    return trials;
  }

  /// What is in a file of the first trial's folder.
  std::string text(const std::string& name, int trial = 0) const {
    return read_file(folder.path() / "trials" / std::to_string(trial) / name);
  }

  TemporaryFolder folder;
  std::unique_ptr<Scheduler> scheduler;
};

/// Waits until a file is there that a program writes under another name first.
void wait_for_file(const std::filesystem::path& file) {
  for (int i = 0; i < 6000 && !std::filesystem::exists(file); ++i) ::poll(nullptr, 0, 10);
  ASSERT_TRUE(std::filesystem::exists(file)) << file;
}

TEST_F(CommandTest, ReportsAndAResultMakeACompleteTrial) {
  const auto trials = run(R"sh(
    echo '{"step": 1, "loss": 3}' >&$HYPERTUNE_REPORT_FD
    echo '{"step": 2, "loss": 2, "acc": "nan"}' >&$HYPERTUNE_REPORT_FD
    printf '{"result": {"loss": 1.5}}' >&$HYPERTUNE_REPORT_FD)sh");
  ASSERT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
  ASSERT_EQ(trials[0].reports.size(), 2U);
  EXPECT_EQ(trials[0].reports[1].step, 2);
  EXPECT_EQ(trials[0].reports[1].metrics.at("loss"), 2);
  EXPECT_THAT(trials[0].metrics, ElementsAre(Pair("loss", 1.5)));
}

TEST_F(CommandTest, WithoutAResultTheLastValueOfEachMetricCounts) {
  const auto trials = run(R"sh(
    for l in 3 2; do echo "{\"loss\": $l}" >&3; done; echo '{"size": 7}' >&3)sh");
  EXPECT_THAT(trials[0].metrics, ElementsAre(Pair("loss", 2), Pair("size", 7)));
  EXPECT_EQ(trials[0].reports.back().step, 3) << "steps are counted";
}

TEST_F(CommandTest, TheProgramLearnsItsTrialFromArgumentsEnvironmentAndAFile) {
  const auto trials = run_argv({.argv = {"sh", "-c", literal(R"sh(
          printf '%s\n' "$1" "$HYPERTUNE_PARAMS" "$HYPERTUNE_STUDY" "$HYPERTUNE_TRIAL" \
            "$HYPERTUNE_ATTEMPT" "$MINE" "$HYPERTUNE_SEED" >"$HYPERTUNE_TRIAL_DIR/seen"
          cat "$HYPERTUNE_PARAMS_FILE" >>"$HYPERTUNE_TRIAL_DIR/seen"
          test -d "$HYPERTUNE_CHECKPOINT_DIR" && echo '{"loss": 1}' >&3)sh"),
                                         "sh", "--word={word}"},
                                .environment = {{"MINE", "yes"}}});
  ASSERT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
  const std::string json = R"sh({"word": "a b'$(exit)", "x": 1.5})sh";
  const std::string seed = std::to_string(trials[0].seed(3) >> 33);
  EXPECT_EQ(text("seen"),
            "--word=a b'$(exit)\n" + json + "\ns\n0\n1\nyes\n" + seed + "\n" + json + "\n");
}

TEST_F(CommandTest, SecretsOfTheStoreAreNotHandedOn) {
  ::setenv("HYPERTUNE_STORAGE", "postgresql://u:secret@h/db", 1);
  ::setenv("PGPASSWORD", "secret", 1);
  run("env >\"$HYPERTUNE_TRIAL_DIR/env\"; echo '{\"loss\": 1}' >&3");
  ::unsetenv("HYPERTUNE_STORAGE");
  ::unsetenv("PGPASSWORD");
  EXPECT_THAT(text("env"), HasSubstr("HYPERTUNE_TRIAL=0"));
  EXPECT_THAT(text("env"), Not(HasSubstr("secret")));
}

TEST_F(CommandTest, FoldersAndOutputArePrivate) {
  run("echo hello; echo '{\"loss\": 1}' >&3");
  for (const char* name : {"trials", "trials/0", "checkpoints", "checkpoints/0"}) {
    struct stat status {};
    ASSERT_EQ(::stat((folder.path() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 0777U, 0700U) << name;
  }
  EXPECT_EQ(text("stdout.txt"), "hello\n");
}

TEST_F(CommandTest, TheEndOfTheOutputIsKept) {
  run("seq 1 100000; echo oops >&2; echo '{\"loss\": 1}' >&3", {.keep_output_bytes = 100});
  EXPECT_EQ(text("stdout.txt").size(), 100U);
  EXPECT_THAT(text("stdout.txt"), ::testing::EndsWith("\n99999\n100000\n"));
  EXPECT_EQ(text("stderr.txt"), "oops\n");
}

TEST_F(CommandTest, ExitCodeAndLastLinesBecomeTheReason) {
  const auto trials = run("echo one; printf '\\033[31mwent wrong\\033[0m\\n' >&2; exit 3");
  EXPECT_EQ(trials[0].state, TrialState::Failed);
  EXPECT_EQ(trials[0].failure, Failure::Crash);
  EXPECT_EQ(trials[0].reason, "the program ended with exit code 3; it printed last: went wrong");
}

TEST_F(CommandTest, ASignalIsACrash) {
  const auto trials = run("kill -SEGV $$");
  EXPECT_EQ(trials[0].failure, Failure::Crash);
  EXPECT_THAT(trials[0].reason, HasSubstr("signal 11 (Segmentation fault)"));
}

TEST_F(CommandTest, CrashesAreRepeatedAndWrongCallsAreNot) {
  EXPECT_EQ(run("exit 1", {}, {.max_attempts = 2}).size(), 2U);
  for (const int code : {2, 64, 78, 126, 127}) {
    const auto trials = run("exit " + std::to_string(code), {}, {.max_attempts = 2});
    EXPECT_EQ(trials.size(), 1U) << code;
    EXPECT_EQ(trials[0].failure, Failure::Error) << code;
  }
}

TEST_F(CommandTest, AProgramThatCannotBeStartedFailsWithoutRepetition) {
  const auto trials = run_argv({.argv = {"./no-such-program"}}, {.max_attempts = 2});
  ASSERT_EQ(trials.size(), 1U);
  EXPECT_EQ(trials[0].failure, Failure::Error);
  EXPECT_THAT(trials[0].reason, HasSubstr("./no-such-program"));
}

TEST_F(CommandTest, NoResultAndResultsWithoutTheObjectiveAreErrorsThatSayHowToReport) {
  const auto silent = run("exit 0");
  EXPECT_EQ(silent[0].failure, Failure::Error);
  EXPECT_THAT(silent[0].reason, HasSubstr("HYPERTUNE_REPORT_FD"));
  const auto other = run("echo '{\"result\": {\"acc\": 1}}' >&3");
  EXPECT_EQ(other[0].failure, Failure::Error);
  EXPECT_THAT(other[0].reason, HasSubstr("loss"));
}

TEST_F(CommandTest, NaNEndsTheTrialWithTheNameOfTheMetric) {
  const auto trials = run("echo '{\"step\": 1, \"loss\": NaN}' >&3; exec sleep 1000");
  EXPECT_EQ(trials[0].state, TrialState::Failed);
  EXPECT_THAT(trials[0].reason, HasSubstr("loss"));
}

TEST_F(CommandTest, OutputIsSearchedForReports) {
  CommandOptions options;
  options.patterns = {{"loss", "loss=([^ ]+)"}};
  options.step_pattern = "epoch ([0-9]+)";
  const auto trials = run("echo epoch 10 loss=0.5; printf 'epoch 20 loss=0.25' >&2", options);
  ASSERT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
  ASSERT_EQ(trials[0].reports.size(), 2U);
  EXPECT_EQ(trials[0].metrics.at("loss"), 0.25);
}

TEST_F(CommandTest, LinesThatAreNoReportsAreDroppedCountedAndNamed) {
  const auto good = run(R"sh(
    printf 'garbage\n\0\377\n{"step": 5, "loss": 2}\n{"step": 5, "loss": 1}\n[[[\n' >&3
    head -c 100000 /dev/zero | tr '\0' x >&3; printf '\n{"step": 6, "loss": 0}' >&3)sh");
  ASSERT_EQ(good[0].state, TrialState::Complete) << good[0].reason;
  EXPECT_EQ(good[0].metrics.at("loss"), 0);
  EXPECT_EQ(good[0].reports.size(), 2U);
  EXPECT_THAT(text("dropped.txt"), HasSubstr("5 reports dropped, the first because `garbage`"));
  const auto bad = run("echo nonsense >&3; exit 1");
  EXPECT_THAT(bad[0].reason, HasSubstr("1 report dropped, the first because `nonsense`"));
}

TEST_F(CommandTest, NoStepComesAfterTheLargest) {
  const auto trials = run(R"sh(
    printf '{"step": 9223372036854775807, "loss": 2}\n{"loss": 1}\n' >&3)sh");
  ASSERT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
  EXPECT_EQ(trials[0].metrics.at("loss"), 2);
  EXPECT_THAT(text("dropped.txt"), HasSubstr("no step comes after step 9223372036854775807"));
}

TEST_F(CommandTest, AFloodOfReportsIsTakenWhole) {
  const auto trials =
      run("awk 'BEGIN { for (i = 1; i <= 100000; ++i) print \"{\\\"step\\\": \" i \", "
          "\\\"loss\\\": 1}\" }' >&3");
  ASSERT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
  EXPECT_EQ(trials[0].reports.size(), 100000U);
}

TEST_F(CommandTest, AStopIsSigtermAndTheTrialIsPruned) {
  scheduler = std::make_unique<DecidingScheduler>(2, Decision::Stop);
  const auto trials = run(R"sh(
    trap 'echo "{\"result\": {\"loss\": 0.5}}" >&3; exit 0' TERM
    echo '{"step": 1, "loss": 2}' >&3; echo '{"step": 2, "loss": 1}' >&3
    while :; do sleep 0.01; done)sh");
  EXPECT_EQ(trials[0].state, TrialState::Pruned);
  EXPECT_EQ(trials[0].metrics.at("loss"), 0.5) << "what it told after the signal counts";
}

TEST_F(CommandTest, WhatIgnoresSigtermIsKilledWithItsGrandchildren) {
  scheduler = std::make_unique<DecidingScheduler>(1, Decision::Stop);
  const auto trials = run(R"sh(
    trap '' TERM
    (trap '' TERM; exec sleep 1000) & echo $! >"$HYPERTUNE_TRIAL_DIR/pid"
    echo '{"step": 1, "loss": 2}' >&3
    while :; do sleep 0.01; done)sh",
                          {.grace = Seconds(0.05)});
  EXPECT_EQ(trials[0].state, TrialState::Pruned);
  const pid_t grandchild = std::stoi(text("pid"));
  bool gone = false;
  for (int i = 0; i < 6000 && !gone; ++i) {
    const std::filesystem::path proc = "/proc/" + std::to_string(grandchild);
    gone = !std::filesystem::exists(proc) ||
           read_file(proc / "status").find("State:\tZ") != std::string::npos;
    if (!gone) ::poll(nullptr, 0, 10);
  }
  EXPECT_TRUE(gone);
}

TEST_F(CommandTest, AnswersTellTheProgramToStopWithoutASignal) {
  scheduler = std::make_unique<DecidingScheduler>(2, Decision::Stop);
  const auto trials = run(R"sh(
    trap 'exit 1' TERM
    for i in 1 2 3; do
      echo "{\"step\": $i, \"loss\": 1}" >&$HYPERTUNE_REPORT_FD
      read -r answer <&$HYPERTUNE_ANSWER_FD
      echo "$answer"
      case $answer in *stop*) exit 0;; esac
    done)sh",
                          {.answers = true});
  EXPECT_EQ(trials[0].state, TrialState::Pruned);
  EXPECT_EQ(text("stdout.txt"), "{\"decision\": \"continue\"}\n{\"decision\": \"stop\"}\n");
}

TEST_F(CommandTest, ABadLineIsAnsweredTooAndSaysWhy) {
  run(R"sh(
    echo junk >&3; read -r answer <&4; echo "$answer"
    echo '{"loss": 1}' >&3; read -r answer <&4)sh",
      {.answers = true});
  EXPECT_THAT(text("stdout.txt"), HasSubstr("\"continue\", \"error\": \"`junk` is no JSON"));
}

TEST_F(CommandTest, AProgramThatNeverReadsItsAnswersEndsAllTheSame) {
  const auto trials = run("yes '{\"loss\": 1}' | head -n 50000 >&3", {.answers = true});
  EXPECT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
}

TEST_F(CommandTest, APausedTrialGoesOnInItsFolders) {
  scheduler = std::make_unique<DecidingScheduler>(1, Decision::Pause);
  const auto trials = run(R"sh(
    if test -e "$HYPERTUNE_CHECKPOINT_DIR/saved"; then
      echo '{"step": 2, "loss": 1}' >&3; exit 0
    fi
    trap 'touch "$HYPERTUNE_CHECKPOINT_DIR/saved"; exit 0' TERM
    echo '{"step": 1, "loss": 2}' >&3
    while :; do sleep 0.01; done)sh");
  ASSERT_EQ(trials.size(), 1U);
  EXPECT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
  EXPECT_EQ(trials[0].reports.size(), 2U);
}

TEST_F(CommandTest, ARetryBeginsWithACopyOfTheCheckpointFolder) {
  const auto trials = run(R"sh(
    cd "$HYPERTUNE_CHECKPOINT_DIR"
    echo $HYPERTUNE_ATTEMPT >>attempts
    test $HYPERTUNE_ATTEMPT = 3 || exit 1
    echo "{\"loss\": $(wc -l <attempts)}" >&3)sh",
                          {}, {.max_attempts = 4});
  ASSERT_EQ(trials.size(), 3U);
  EXPECT_EQ(trials[2].metrics.at("loss"), 3);
  EXPECT_EQ(read_file(folder.path() / "checkpoints/0/attempts"), "1\n") << "the first one's stays";
}

TEST_F(CommandTest, TimeIsLimited) {
  const auto trials = run("echo began; exec sleep 1000", {.time_limit = Seconds(0.2)});
  EXPECT_EQ(trials[0].failure, Failure::Timeout);
  EXPECT_THAT(trials[0].reason, HasSubstr("time limit"));
  EXPECT_THAT(trials[0].reason, HasSubstr("began"));
}

TEST_F(CommandTest, MemoryIsLimited) {
  const auto trials = run("ulimit -v; head -c 300000000 /dev/zero | tail -c 299999999 | wc -c",
                          {.memory_limit_bytes = 100 << 20});
  EXPECT_EQ(trials[0].state, TrialState::Failed);
  EXPECT_THAT(text("stdout.txt"), HasSubstr("102400\n"));
  EXPECT_THAT(text("stderr.txt"), HasSubstr("memory"));
}

TEST_F(CommandTest, TrialsAtOnceHaveGpusOfTheirOwn) {
  CommandOptions options;
  options.gpus = 2;
  options.gpu_ids = {"0", "1", "5", "7"};
  const std::string script = R"sh(
    echo $CUDA_VISIBLE_DEVICES >"$HYPERTUNE_TRIAL_DIR/gpus"
    mv "$HYPERTUNE_TRIAL_DIR/gpus" "$HYPERTUNE_TRIAL_DIR/there"
    until test -e "$HYPERTUNE_TRIAL_DIR/../0/there" -a -e "$HYPERTUNE_TRIAL_DIR/../1/there"
    do sleep 0.01; done
    echo '{"loss": 1}' >&3)sh";
  run(script, options, {.num_samples = 2, .workers = 2});
  std::vector<std::string> seen = {text("there", 0), text("there", 1)};
  std::ranges::sort(seen);
  EXPECT_THAT(seen, ElementsAre("0,1\n", "5,7\n"));
  EXPECT_THROW(
      command_executor({.argv = {"t"}, .gpus = 3, .gpu_ids = {"0", "1"}}, folder.path(), "s", 1),
      ConfigError);
  EXPECT_THROW(command_executor({.argv = {"t"}, .cpus = 100'000}, folder.path(), "s", 1),
               ConfigError);
}

TEST_F(CommandTest, AnInterruptedRunEndsItsProgramsAndPlansThemAgain) {
  std::stop_source source;
  const std::jthread interrupter([&] {
    wait_for_file(folder.path() / "trials/0/ready");
    source.request_stop();
  });
  const auto trials =
      run("touch \"$HYPERTUNE_TRIAL_DIR/ready\"; sleep 1000", {}, {}, source.get_token());
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials[0].failure, Failure::Interrupted);
  EXPECT_EQ(trials[1].state, TrialState::Waiting);
}

TEST_F(CommandTest, AProgramEndsWhenOthersHaveEndedItsTrial) {
  const auto storage = memory_storage();
  Study study(spec(), storage, random_sampler(), fifo_scheduler());
  const auto executor =
      command_executor({.argv = {"sh", "-c",
                                 "touch \"$HYPERTUNE_TRIAL_DIR/ready\"; sleep 60; "
                                 "touch \"$HYPERTUNE_TRIAL_DIR/survived\""}},
                       folder.path(), "s", 1);
  const std::jthread other([&] {
    wait_for_file(folder.path() / "trials/0/ready");
    const TrialRecord trial = storage->trials(study.id()).at(0);
    storage->finish({trial.id, trial.lease}, Outcome::pruned("by hand"));
  });
  const TuneSummary summary = tune(study, *executor, {.lease = std::chrono::seconds(1)});
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "trials/0/survived"));
  EXPECT_EQ(summary.pruned, 1);
  EXPECT_FALSE(summary.interrupted) << "the study goes on";
}

TEST_F(CommandTest, ClosedDescriptorsAndDaemonsHoldNobodyUp) {
  const auto trials = run(R"sh(
    echo '{"loss": 1}' >&3
    setsid sh -c 'sleep 5; echo late' &
    exec 1>&- 2>&- 3>&-; sleep 0.05)sh");
  EXPECT_EQ(trials[0].state, TrialState::Complete) << trials[0].reason;
}

TEST_F(CommandTest, TheWorkingDirectoryMayBeTheTrialsFolder) {
  CommandOptions options;
  options.working_directory = "{trial_dir}";
  run("pwd -P >where; echo '{\"loss\": 1}' >&3", options);
  EXPECT_EQ(text("where"), std::filesystem::canonical(folder.path() / "trials/0").string() + "\n");
}

TEST_F(CommandTest, AFolderThatIsALinkElsewhereIsRefused) {
  std::filesystem::create_directory(folder / "elsewhere");
  std::filesystem::create_directory_symlink(folder / "elsewhere", folder / "trials");
  const auto trials = run("echo '{\"loss\": 1}' >&3");
  EXPECT_EQ(trials[0].state, TrialState::Failed);
  EXPECT_TRUE(std::filesystem::is_empty(folder / "elsewhere"));
}

}  // namespace
}  // namespace hypertune

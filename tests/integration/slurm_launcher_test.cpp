// Workers on a real Slurm of four nodes, which the test starts on this host.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

#include "base/files.h"
#include "base/json.h"
#include "base/process.h"
#include "hypertune/error.h"
#include "launch/launcher.h"
#include "support/eventually.h"
#include "support/obedient_program.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::eventually;
using testing_support::ObedientProgram;
using testing_support::TemporaryFolder;

/// A worker that runs until the file `go` is there, and leaves in good order when told to.
constexpr const char* kPatientWorker = R"(
trap 'echo leaving; exit 130' TERM
touch "begun.$SLURM_ARRAY_TASK_ID.${SLURM_RESTART_COUNT:-0}"
until test -e go; do sleep 0.1; done)";

class SlurmLauncher : public ::testing::Test {
 protected:
  void SetUp() override {
    cluster_ = std::make_unique<ObedientProgram>(std::vector<std::string>{
        HYPERTUNE_PYTHON, HYPERTUNE_SOURCE_DIR "/tests/support/slurm_cluster.py"});
    if (cluster_->skipped()) GTEST_SKIP() << cluster_->first_line();
    const Json environment = parse_json(cluster_->first_line());
    for (const auto& [name, value] : environment.items()) {
      ::setenv(name.c_str(), value.get<std::string>().c_str(), 1);
    }
  }

  std::unique_ptr<Launcher> launch(const std::string& script, int workers,
                                   const WorkerResources& resources = {},
                                   SlurmOptions options = {}) {
    options.log_folder = folder_ / "logs";
    auto launcher = slurm_launcher(resources, options);
    launcher->start({.argv = {"sh", "-c", script},
                     .environment = {{"HYPERTUNE_STORAGE", "postgresql://u:sesame@h/d"}},
                     .working_directory = folder_.path()},
                    workers);
    return launcher;
  }

  static bool becomes(Launcher& launcher, const std::function<bool(const WorkerCounts&)>& state) {
    return eventually([&] { return state(launcher.poll()); });
  }
  static bool all_end(Launcher& launcher, int workers) {
    return becomes(launcher, [&](const WorkerCounts& n) { return n.ended == workers; });
  }
  bool exists(const std::string& name) const { return fs::exists(folder_ / name); }
  void let_go() const { write_file(folder_ / "go", ""); }

  static std::string run(std::vector<std::string> argv) {
    return run_program({.argv = std::move(argv)}, "", std::chrono::seconds(30)).output;
  }

  TemporaryFolder folder_;
  std::unique_ptr<ObedientProgram> cluster_;
};

TEST_F(SlurmLauncher, WorkersGetTheirEnvironmentFolderAndLogs) {
  const auto launcher =
      launch("echo said it; echo \"$HYPERTUNE_STORAGE\" > \"got.$SLURM_ARRAY_TASK_ID\"", 5);
  ASSERT_TRUE(all_end(*launcher, 5));
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(read_file(folder_ / ("got." + std::to_string(i))), "postgresql://u:sesame@h/d\n");
  }
  EXPECT_EQ(read_file(folder_ / "logs/1_4.log"), "said it\n");
  EXPECT_EQ(fs::status(folder_ / "logs").permissions(), fs::perms::owner_all);
  EXPECT_EQ(launcher->how_to_stop(), "scancel 1");
}

TEST_F(SlurmLauncher, NobodyReadsSecretsInTheQueueOrTheProcessList) {
  const auto launcher = launch(kPatientWorker, 4);
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.running == 4; }));
  std::string seen = run({"squeue", "-o", "%all"}) + run({"scontrol", "show", "job", "-dd"}) +
                     run({"scontrol", "write", "batch_script", "1", "-"});
  EXPECT_THAT(seen, HasSubstr("hypertune"));
  for (const auto& process : fs::directory_iterator("/proc")) {
    std::ifstream in(process.path() / "cmdline");
    seen.append(std::istreambuf_iterator<char>(in), {});
  }
  EXPECT_THAT(seen, HasSubstr("begun"));
  EXPECT_THAT(seen, Not(HasSubstr("sesame")));
  let_go();
  EXPECT_TRUE(all_end(*launcher, 4));
}

TEST_F(SlurmLauncher, AWorkerGetsTheGpuAndTheMemoryItAsksFor) {
  const auto launcher =
      launch("echo \"$CUDA_VISIBLE_DEVICES $SLURM_CPUS_PER_TASK $SLURM_MEM_PER_NODE\" > got", 1,
             {.cpus = 2, .gpus = 1, .memory_mb = 700, .time_limit = std::chrono::minutes(10)});
  ASSERT_TRUE(all_end(*launcher, 1));
  EXPECT_EQ(read_file(folder_ / "got"), "0 2 700\n");
}

TEST_F(SlurmLauncher, AWorkerThatDiesIsStartedAgainAndThenGivenUp) {
  const auto launcher = launch(
      "echo up >> \"starts.$SLURM_ARRAY_TASK_ID\"\n"
      "test $SLURM_ARRAY_TASK_ID = 0 && exit 0\n"
      "echo out of luck; exit 3",
      2);
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.failed == 1; }));
  EXPECT_EQ(read_file(folder_ / "starts.1"), "up\nup\nup\n");
  EXPECT_EQ(read_file(folder_ / "starts.0"), "up\n");
  const WorkerCounts counts = launcher->poll();
  EXPECT_EQ(counts.ended, 1);
  for (const char* words :
       {"worker 1 died: task ", "FAILED", "exit code 3", "out of luck", "on n"}) {
    EXPECT_THAT(counts.last_failure, HasSubstr(words));
  }
}

TEST_F(SlurmLauncher, AWorkerWithAWrongConfigurationIsNotStartedAgain) {
  const auto launcher = launch("echo up >> starts; echo no such study; exit 2", 1);
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.failed == 1; }));
  EXPECT_EQ(read_file(folder_ / "starts"), "up\n");
  EXPECT_THAT(launcher->poll().last_failure, HasSubstr("no such study"));
}

TEST_F(SlurmLauncher, AStopLetsRunningWorkersLeaveAndTakesTheOthersFromTheQueue) {
  // Two cores each: four fit, two wait.
  const auto launcher = launch(kPatientWorker, 6, {.cpus = 2});
  ASSERT_TRUE(
      becomes(*launcher, [](const WorkerCounts& n) { return n.running == 4 && n.pending == 2; }));
  ASSERT_TRUE(eventually([&] {
    return exists("begun.0.0") && exists("begun.1.0") && exists("begun.2.0") && exists("begun.3.0");
  }));
  launcher->stop();
  ASSERT_TRUE(all_end(*launcher, 6));
  EXPECT_THAT(read_file(folder_ / "logs/1_0.log"), HasSubstr("leaving"));
  EXPECT_FALSE(exists("begun.4.0"));
}

TEST_F(SlurmLauncher, WorkersThatDoNotLeaveAreKilled) {
  const auto launcher = launch("trap '' TERM; touch deaf; while :; do sleep 0.1; done", 1);
  ASSERT_TRUE(eventually([&] { return exists("deaf"); }));
  launcher->stop();
  launcher->kill();
  EXPECT_TRUE(all_end(*launcher, 1));
}

TEST_F(SlurmLauncher, AJobThatSomebodyCancelsIsNotStartedAgain) {
  const auto launcher = launch("touch begun; while :; do sleep 0.1; done", 1);
  ASSERT_TRUE(eventually([&] { return exists("begun"); }));
  run({"scancel", "1"});
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.failed == 1; }));
  EXPECT_THAT(launcher->poll().last_failure, HasSubstr("cancelled by somebody"));
}

TEST_F(SlurmLauncher, TheWorkerOfALostNodeBeginsAgainOnAnother) {
  const auto launcher = launch(kPatientWorker, 1);
  ASSERT_TRUE(eventually([&] { return exists("begun.0.0"); }));
  EXPECT_EQ(cluster_->tell("lose n1"), "done");
  ASSERT_TRUE(eventually([&] {
    launcher->poll();
    return exists("begun.0.1");
  }));
  let_go();
  EXPECT_TRUE(all_end(*launcher, 1));
  EXPECT_EQ(launcher->poll().last_failure, "");
}

TEST_F(SlurmLauncher, AControllerThatIsStartedAgainIsWaitedFor) {
  const auto launcher = launch(kPatientWorker, 2);
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.running == 2; }));
  EXPECT_EQ(cluster_->tell("stop-controller"), "done");
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return !n.trouble.empty(); }));
  EXPECT_THAT(launcher->poll().trouble, HasSubstr("Unable to contact slurm controller"));
  EXPECT_EQ(launcher->poll().running, 2);
  EXPECT_THROW(launcher->stop(), Error);
  EXPECT_EQ(cluster_->tell("start-controller"), "done");
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.trouble.empty(); }));
  let_go();
  EXPECT_TRUE(all_end(*launcher, 2));
}

/// What `start` throws.
std::string refusal(const SlurmOptions& options) {
  try {
    slurm_launcher({}, options)->start({.argv = {"true"}}, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST_F(SlurmLauncher, ARefusedJobIsAnErrorInSlurmsWords) {
  EXPECT_THAT(refusal({.partition = "none", .log_folder = folder_ / "logs"}),
              HasSubstr("invalid partition specified: none"));
}

TEST(SlurmCommands, WithoutThemTheErrorSaysWhereToRun) {
  TemporaryFolder folder;
  ::setenv("PATH", folder.path().c_str(), 1);
  EXPECT_THAT(refusal({.log_folder = folder / "logs"}), HasSubstr("sbatch is not on the PATH"));
  EXPECT_FALSE(fs::exists(folder / "logs"));
}

}  // namespace
}  // namespace hypertune

// The launcher of processes of this machine, with small programs in the place of workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "launch/launcher.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using testing::HasSubstr;
using testing_support::eventually;

class LocalLauncherTest : public testing::Test {
 protected:
  /// Starts workers that run this line of shell.
  void start(const std::string& line, int workers) {
    launcher_->start({.argv = {"sh", "-c", line}, .environment = {{"WORD", "secret"}}}, workers);
  }
  /// As soon as no worker runs.
  WorkerCounts end() {
    WorkerCounts counts;
    EXPECT_TRUE(eventually([&] {
      counts = launcher_->poll();
      return counts.running == 0;
    }));
    return counts;
  }

  testing_support::TemporaryFolder folder_;
  std::filesystem::path logs_ = folder_.path() / "workers";
  std::unique_ptr<Launcher> launcher_ = local_launcher({}, logs_.string());
};

TEST_F(LocalLauncherTest, WorkersThatLeaveInGoodOrderHaveEndedAndAreNotStartedAgain) {
  start("echo \"$WORD\"", 1);
  EXPECT_EQ(end().ended, 1);
  EXPECT_EQ(read_file(logs_ / "0.log"), "secret\n");
  EXPECT_EQ(std::filesystem::status(logs_ / "0.log").permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(std::filesystem::status(logs_).permissions(), std::filesystem::perms::owner_all);
}

TEST_F(LocalLauncherTest, AWorkerThatDiesIsStartedAgainSomeTimesAndThenGivenUp) {
  start("echo begun; echo 'no luck' >&2; exit 3", 2);
  const WorkerCounts counts = end();
  EXPECT_EQ(counts.failed, 2);
  EXPECT_THAT(counts.last_failure, HasSubstr("exit code 3"));
  EXPECT_THAT(counts.last_failure, HasSubstr("no luck"));
  EXPECT_THAT(counts.last_failure, HasSubstr(logs_.string()));
  EXPECT_EQ(read_file(logs_ / "1.log"),
            "begun\nno luck\nbegun\nno luck\nbegun\nno luck\nbegun\nno luck\n");
}

TEST_F(LocalLauncherTest, AWorkerThatIsRefusedIsNotStartedAgain) {
  start("echo refused; exit 2", 1);
  EXPECT_EQ(end().failed, 1);
  EXPECT_EQ(read_file(logs_ / "0.log"), "refused\n");
}

TEST_F(LocalLauncherTest, StoppedWorkersAreNotStartedAgain) {
  start("trap 'exit 130' TERM; echo ready; while :; do sleep 0.1; done", 2);
  ASSERT_TRUE(eventually([&] {
    return read_file(logs_ / "0.log") == "ready\n" && read_file(logs_ / "1.log") == "ready\n";
  }));
  EXPECT_EQ(launcher_->poll().running, 2);
  EXPECT_THAT(launcher_->how_to_stop(), HasSubstr("kill "));
  launcher_->stop();
  EXPECT_EQ(end().ended, 2);
}

TEST_F(LocalLauncherTest, AWorkerThatDoesNotWantToLeaveIsKilled) {
  start("trap '' TERM; echo ready; while :; do sleep 0.1; done", 1);
  ASSERT_TRUE(eventually([&] { return read_file(logs_ / "0.log") == "ready\n"; }));
  launcher_->stop();
  EXPECT_EQ(launcher_->poll().running, 1);
  launcher_->kill();
  EXPECT_EQ(end().running, 0);
}

}  // namespace
}  // namespace hypertune

// Workers on a real Ray, whose head the test starts. The whole program runs in a network of its
// own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "hypertune/error.h"
#include "launch/http_client.h"
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

/// A worker that runs until the file `go` is there, and takes its time to leave when told to.
constexpr const char* kPatientWorker = R"(
trap 'sleep 4; touch left; exit 130' TERM
echo $$ >> begun
until test -e go; do sleep 0.1; done)";

class RayLauncher : public ::testing::Test {
 protected:
  /// One head for all tests: it takes ten seconds to start.
  static void SetUpTestSuite() {
    head_ = std::make_unique<ObedientProgram>(std::vector<std::string>{
        HYPERTUNE_PYTHON, "-B", HYPERTUNE_SOURCE_DIR "/tests/support/ray_head.py"});
    if (head_->skipped()) return;
    const Json told = parse_json(head_->first_line());
    options_ = {.address = told.at("address"), .token = told.at("token")};
  }
  static void TearDownTestSuite() { head_.reset(); }

  void SetUp() override {
    if (head_->skipped()) GTEST_SKIP() << head_->first_line();
  }
  void TearDown() override {
    // For the workers of a test that failed.
    if (fs::exists(folder_.path())) let_go();
  }

  std::unique_ptr<Launcher> launch(const std::string& script, int workers,
                                   const WorkerResources& resources = {}) const {
    auto launcher = ray_launcher(resources, options_);
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
  /// The numbers of the processes that began.
  std::vector<int> begun() const {
    std::vector<int> processes;
    std::ifstream in(folder_ / "begun");
    for (int process = 0; in >> process;) processes.push_back(process);
    return processes;
  }
  void let_go() const { write_file(folder_ / "go", ""); }

  static inline std::unique_ptr<ObedientProgram> head_;
  static inline RayOptions options_;
  TemporaryFolder folder_;
};

TEST_F(RayLauncher, WorkersGetTheirEnvironmentFolderAndGpus) {
  const auto launcher =
      launch("echo \"$HYPERTUNE_STORAGE $CUDA_VISIBLE_DEVICES\" >> got; pwd >> got", 1,
             {.gpus = 1, .memory_mb = 50});
  ASSERT_TRUE(all_end(*launcher, 1));
  EXPECT_EQ(read_file(folder_ / "got"),
            "postgresql://u:sesame@h/d 0\n" + folder_.path().string() + "\n");
}

TEST_F(RayLauncher, AWorkerThatIsKilledIsStartedAgain) {
  const auto launcher = launch(kPatientWorker, 1);
  ASSERT_TRUE(eventually([&] { return begun().size() == 1; }));
  ::kill(begun()[0], SIGKILL);
  ASSERT_TRUE(eventually([&] {
    launcher->poll();
    return begun().size() == 2;
  }));
  EXPECT_THAT(launcher->poll().last_failure, HasSubstr("signal 9"));
  let_go();
  EXPECT_TRUE(all_end(*launcher, 1));
}

TEST_F(RayLauncher, AWorkerThatDiesAgainAndAgainIsGivenUp) {
  const auto launcher = launch("echo up >> starts; echo out of luck; exit 3", 1);
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.failed == 1; }));
  EXPECT_EQ(read_file(folder_ / "starts"), "up\nup\nup\n");
  const std::string failure = launcher->poll().last_failure;
  for (const char* words : {"worker 0 died: job hypertune-", "exit code 3", "out of luck"}) {
    EXPECT_THAT(failure, HasSubstr(words));
  }
  EXPECT_THAT(failure, Not(HasSubstr("sesame")));
}

TEST_F(RayLauncher, AStopGivesWorkersTheTimeToLeave) {
  const auto launcher = launch(kPatientWorker, 2);
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.running == 2; }));
  ASSERT_TRUE(eventually([&] { return begun().size() == 2; }));
  EXPECT_THAT(launcher->how_to_stop(), HasSubstr("ray job stop --address http://127.0.0.1:8265"));
  launcher->stop();
  ASSERT_TRUE(all_end(*launcher, 2));
  EXPECT_TRUE(fs::exists(folder_ / "left"));
}

TEST_F(RayLauncher, AJobThatSomebodyStopsIsNotStartedAgain) {
  const auto launcher = launch("touch begun; while :; do sleep 0.1; done", 1);
  ASSERT_TRUE(eventually([&] { return fs::exists(folder_ / "begun"); }));
  HttpClient http(options_.address, options_.token);
  const Json jobs = parse_json(http.get("/api/jobs/").body);
  for (const Json& job : jobs) {
    if (job.at("status") != "RUNNING") continue;
    http.post("/api/jobs/" + job.at("submission_id").get<std::string>() + "/stop", "{}");
  }
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.failed == 1; }));
  EXPECT_THAT(launcher->poll().last_failure, HasSubstr("was stopped by somebody"));
}

/// What starting a worker throws.
std::string refusal(const RayOptions& options, const WorkerResources& resources = {}) {
  try {
    ray_launcher(resources, options)->start({.argv = {"true"}}, 1);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

TEST_F(RayLauncher, AWrongTokenIsAnErrorThatSaysSo) {
  const std::string told = refusal({.address = options_.address, .token = "open"});
  EXPECT_THAT(told, HasSubstr("it wants a token, or another one"));
  EXPECT_THAT(told, HasSubstr("RAY_AUTH_TOKEN"));
}

TEST_F(RayLauncher, WorkersOfAHeadThatDiedAreStartedOnTheNext) {
  const auto launcher = launch(kPatientWorker, 2);
  ASSERT_TRUE(becomes(*launcher, [](const WorkerCounts& n) { return n.running == 2; }));
  EXPECT_EQ(head_->tell("restart"), "done");
  ASSERT_TRUE(eventually([&] {
    launcher->poll();
    return begun().size() >= 4;
  }));
  EXPECT_THAT(launcher->poll().last_failure, HasSubstr("no longer knows its job"));
  let_go();
  EXPECT_TRUE(all_end(*launcher, 2));
}

TEST(RayAddress, AServerThatIsNoRayHeadIsToldFromOne) {
  const ObedientProgram server(
      {HYPERTUNE_PYTHON, "-B", HYPERTUNE_SOURCE_DIR "/tests/support/odd_server.py"});
  const std::string address = "http://127.0.0.1:" + server.first_line();
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"/html", "HTTP status 200: <html>hello</html>"},
      {"/redirect", "HTTP status 302"},
      {"/teapot", "HTTP status 418: short and stout"},
      {"/cut", "no answer from " + address}};
  for (const auto& [path, words] : expected) {
    const std::string told = refusal({.address = address + path});
    EXPECT_THAT(told, HasSubstr(words));
    EXPECT_THAT(told, HasSubstr(address));
  }
}

TEST(RayAddress, AnAddressWhereNobodyListensIsNamed) {
  const std::string told = refusal({.address = "http://127.0.0.1:1"});
  EXPECT_THAT(told, HasSubstr("no answer from http://127.0.0.1:1"));
  EXPECT_THAT(told, HasSubstr("connect"));
}

TEST(RayAddress, ATimeLimitThatRayDoesNotHaveIsRefused) {
  EXPECT_THAT(refusal({}, {.time_limit = std::chrono::minutes(5)}),
              HasSubstr("launcher.time_limit"));
}

}  // namespace
}  // namespace hypertune

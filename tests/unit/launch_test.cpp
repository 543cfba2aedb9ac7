// What launchers say to Slurm and Ray, what they read, and when they start a worker again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/process.h"
#include "hypertune/error.h"
#include "launch/fleet.h"
#include "launch/http_client.h"
#include "launch/ray_job.h"
#include "launch/slurm_text.h"

namespace hypertune {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::vector<std::string> kHostile = {
    "printf", "%s|",        "a b",         "$HOME",    "`id`", "$(id)", "x;id", "'quoted'",
    "\"x\"",  "two\nlines", "back\\slash", "*",        "-n",   "a=b",   "!",    "~",
    "#",      "",           "&& id",       "\xc3\xa4", "{a,b}"};

/// What the words are when a shell has read them.
std::string words_seen(const std::string& script) {
  return run_program({.argv = {"sh"}}, script, std::chrono::seconds(30)).output;
}

std::string words_meant() {
  std::string text;
  for (std::size_t i = 2; i < kHostile.size(); ++i) text += kHostile[i] + "|";
  return text;
}

TEST(SlurmText, NoArgumentMeansAnythingToTheShellOfTheBatchScript) {
  EXPECT_EQ(words_seen(batch_script(kHostile)), words_meant());
}

TEST(SlurmText, TheJobAsksForWhatAWorkerIsToHave) {
  const auto argv = sbatch_argv(
      {.cpus = 3, .gpus = 2, .memory_mb = 4000, .time_limit = std::chrono::minutes(90)},
      {.partition = "fast", .account = "team", .extra = {"--qos=high"}, .log_folder = "/logs"},
      "/project", "0-3");
  for (const char* option : {"--array=0-3", "--cpus-per-task=3", "--gres=gpu:2", "--mem=4000M",
                             "--time=90", "--partition=fast", "--account=team", "--qos=high",
                             "--chdir=/project", "--requeue", "--output=/logs/%A_%a.log"}) {
    EXPECT_THAT(argv, Contains(option));
  }
}

TEST(SlurmText, WhatIsNotAskedForIsLeftToTheCluster) {
  const auto argv = sbatch_argv({}, {.log_folder = "logs"}, "", "0-0");
  for (const char* option : {"--gres", "--mem", "--time", "--partition", "--account", "--chdir"}) {
    EXPECT_THAT(argv, Not(Contains(StartsWith(option))));
  }
}

TEST(SlurmText, APercentSignInTheFolderOfLogsIsNoPattern) {
  EXPECT_THAT(sbatch_argv({}, {.log_folder = "/50%j"}, "", "0-0"),
              Contains("--output=/50%%j/%A_%a.log"));
}

TEST(SlurmText, OptionsThatAreNoneOrTheLaunchersOwnAreRefused) {
  for (const char* option : {"script.sh", "-N4", "--", "--array=0-9", "--exp=NONE", "--wrap=id"}) {
    EXPECT_THROW(check_sbatch_options({option}), ConfigError) << option;
  }
  EXPECT_NO_THROW(check_sbatch_options({"--qos=high", "--exclusive", "--comment=a b"}));
}

TEST(SlurmText, ListingsOfTasksAreRead) {
  const auto tasks = parse_squeue("17|2|RUNNING|n3|None\nslurm: noise\n17|N/A|CANCELLED||None\n");
  ASSERT_THAT(tasks, SizeIs(2));
  EXPECT_EQ(tasks[0].job, "17");
  EXPECT_EQ(tasks[0].index, "2");
  EXPECT_EQ(tasks[0].state, "RUNNING");
  EXPECT_EQ(tasks[0].node, "n3");
  EXPECT_EQ(tasks[1].index, "N/A");
}

TEST(SlurmText, TheNumberOfAJobIsReadWithAndWithoutACluster) {
  EXPECT_EQ(parse_job_id("17\n"), "17");
  EXPECT_EQ(parse_job_id("17;big\n"), "17");
  EXPECT_EQ(parse_job_id("Submitted batch job 17\n"), std::nullopt);
  EXPECT_EQ(parse_job_id(""), std::nullopt);
}

TEST(SlurmText, TheEndOfATaskIsRead) {
  const auto end = parse_end("JobId=3 ExitCode=130:0 RunTime=1-00:59:10 TimeLimit=1-01:00:00 X=");
  ASSERT_TRUE(end);
  EXPECT_EQ(end->exit_code, 130);
  EXPECT_TRUE(end->at_time_limit);
  EXPECT_EQ(parse_end("JobId=3 ExitCode=0:9 RunTime=00:01:00 TimeLimit=UNLIMITED ")->signal, 9);
  EXPECT_FALSE(parse_end(" ExitCode=0:9 RunTime=00:01:00 TimeLimit=UNLIMITED ")->at_time_limit);
  EXPECT_FALSE(parse_end(" ExitCode=130:0 RunTime=00:10:00 TimeLimit=01:00:00 ")->at_time_limit);
  EXPECT_FALSE(parse_end("slurm_load_jobs error: Invalid job id specified"));
}

TEST(RayJobs, NoArgumentMeansAnythingToTheShellOfTheEntrypoint) {
  const Json request =
      ray_job_request({.argv = kHostile, .environment = {}, .working_directory = "/tmp"}, {}, "id");
  EXPECT_EQ(words_seen(request.at("entrypoint").get<std::string>()), words_meant());
}

TEST(RayJobs, TheJobAsksForWhatAWorkerIsToHave) {
  const Json request =
      ray_job_request({.argv = {"worker"}, .environment = {{"URL", "postgresql://u:secret@h/d"}}},
                      {.cpus = 2, .gpus = 1, .memory_mb = 3}, "id");
  EXPECT_EQ(request.at("submission_id"), "id");
  EXPECT_EQ(request.at("entrypoint_num_cpus"), 2);
  EXPECT_EQ(request.at("entrypoint_num_gpus"), 1);
  EXPECT_EQ(request.at("entrypoint_memory"), 3 * 1024 * 1024);
  EXPECT_EQ(request.at("runtime_env").at("env_vars").at("URL"), "postgresql://u:secret@h/d");
  EXPECT_THAT(request.at("entrypoint").get<std::string>(), Not(HasSubstr("secret")));
}

TEST(RayJobs, ATaleOfAJobIsReadAndAnythingElseIsNone) {
  const auto job = parse_ray_job(
      R"({"status": "FAILED", "message": "it fell", "driver_exit_code": -9, "metadata": null})");
  ASSERT_TRUE(job);
  EXPECT_EQ(job->state, RayJob::State::Failed);
  EXPECT_EQ(job->exit_code, -9);
  EXPECT_EQ(job->message, "it fell");
  for (const char* other : {"", "<html>", "[]", "{}", R"({"status": 3})", R"({"status": "ODD"})"}) {
    EXPECT_FALSE(parse_ray_job(other)) << other;
  }
}

TEST(RayJobs, AnAddressThatIsNoneIsRefusedWithoutShowingItsPassword) {
  for (const char* address :
       {"", "127.0.0.1:8265", "ray://h:10001", "http://h:8265/?a=b", "http"}) {
    EXPECT_THROW(HttpClient(address, ""), ConfigError) << address;
  }
  try {
    const HttpClient client("http://user:sesame@h:8265", "");
    FAIL() << "a password was accepted";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("sesame")));
    EXPECT_THAT(error.what(), HasSubstr("RAY_AUTH_TOKEN"));
  }
  EXPECT_EQ(HttpClient("http://127.0.0.1:8265/", "").address(), "http://127.0.0.1:8265");
}

TEST(Fleet, AWorkerThatDiesIsStartedAgainTwice) {
  Fleet fleet;
  fleet.resize(2);
  FleetWorker& worker = fleet.workers()[1];
  for (const char* job : {"1", "2"}) {
    fleet.submitted(worker, job);
    fleet.died(worker, "it fell");
    EXPECT_TRUE(worker.wants_start);
    EXPECT_EQ(fleet.counts().pending, 2);
  }
  fleet.submitted(worker, "3");
  fleet.died(worker, "it fell");
  EXPECT_FALSE(worker.wants_start);
  EXPECT_EQ(fleet.counts().failed, 1);
  EXPECT_EQ(fleet.counts().last_failure, "worker 1 died: it fell");
}

TEST(Fleet, AWorkerWhoseTimeIsOverIsStartedAgainUnlessAllAreToLeave) {
  Fleet fleet;
  fleet.resize(1);
  FleetWorker& worker = fleet.workers()[0];
  fleet.renew(worker);
  EXPECT_TRUE(worker.wants_start);
  fleet.stop();
  EXPECT_FALSE(worker.wants_start);
  EXPECT_EQ(fleet.counts().ended, 1);
}

TEST(Fleet, LastWordsAreTheEndOnOneLine) {
  EXPECT_EQ(last_words("  one\ntwo\n\n"), "one two");
  EXPECT_THAT(last_words(""), IsEmpty());
  const std::string words =
      last_words(std::string(2000, 'a') + "\n" + std::string(400, 'b') + "\n");
  EXPECT_EQ(words, std::string(400, 'b'));
}

}  // namespace
}  // namespace hypertune

// One SQLite file and several processes: claims, deaths, locks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <sstream>

#include "base/worker_id.h"
#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "support/child_process.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::SizeIs;
using namespace testing_support;

StudySpec spec() {
  StudySpec spec;
  spec.name = "shared";
  spec.objectives = {{"loss", Direction::Minimize}};
  return spec;
}

/// Claims and completes trials until none waits; the numbers that it took.
std::string work_off(const std::filesystem::path& file) {
  const auto store = sqlite_storage(file);
  const StudyId study = store->open_study(spec());
  std::string taken;
  while (const auto trial = store->claim(study, {worker_id(0), seconds(60)})) {
    const Claim claim{trial->id, trial->lease};
    store->add_report(claim, {1, {{"loss", 1}}});
    store->finish(claim, Outcome::complete({{"loss", 1}}));
    taken += std::to_string(trial->number) + " ";
  }
  return taken;
}

std::vector<int> numbers_in(const std::string& text) {
  std::istringstream in(text);
  std::vector<int> numbers;
  for (int number = 0; in >> number;) numbers.push_back(number);
  return numbers;
}

TEST(SqliteProcesses, ClaimEachTrialExactlyOnce) {
  constexpr int kTrials = 400;
  const TemporaryFolder folder;
  {
    const auto store = sqlite_storage(folder / "study.db");
    store->enqueue(store->open_study(spec()), std::vector<TrialPlan>(kTrials));
  }
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(
        std::make_unique<ChildProcess>([&] { return work_off(folder / "study.db"); }));
  }
  std::vector<int> all;
  for (const auto& child : children) {
    const std::string answer = child->answer();
    ASSERT_THAT(answer, testing::Not(HasSubstr("threw")));
    const auto taken = numbers_in(answer);
    all.insert(all.end(), taken.begin(), taken.end());
  }
  std::ranges::sort(all);
  ASSERT_THAT(all, SizeIs(kTrials));
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST(SqliteProcesses, CreateOneFileAndOneStudyTogether) {
  const TemporaryFolder folder;
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 4; ++i) {
    children.push_back(std::make_unique<ChildProcess>([&] {
      const auto store = sqlite_storage(folder / "study.db");
      const StudyId study = store->open_study(spec());
      const std::vector<TrialPlan> plans = {{.key = "a"}, {.key = "b"}, {}};
      return std::to_string(study) + " " + std::to_string(store->enqueue(study, plans));
    }));
  }
  int new_trials = 0;
  for (const auto& child : children) {
    const auto numbers = numbers_in(child->answer());
    ASSERT_THAT(numbers, SizeIs(2));
    EXPECT_EQ(numbers[0], 1);
    new_trials += numbers[1];
  }
  // Two keys once, and a trial without key from each of the four.
  EXPECT_EQ(new_trials, 6);
  const auto store = sqlite_storage(folder / "study.db");
  const auto trials = store->trials(*store->find_study("shared"));
  ASSERT_THAT(trials, SizeIs(6));
  for (std::size_t i = 0; i < trials.size(); ++i) {
    EXPECT_EQ(trials[i].number, static_cast<int>(i));
  }
}

TEST(SqliteProcesses, GiveBackTheTrialOfAKilledProcessAtOnce) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  {
    const auto store = sqlite_storage(file);
    store->enqueue(store->open_study(spec()), std::vector<TrialPlan>(1));
  }
  Flag claimed;
  Flag never;
  ChildProcess worker([&] {
    const auto store = sqlite_storage(file);
    const auto trial = store->claim(store->open_study(spec()), {worker_id(0), seconds(3600)});
    store->add_report({trial->id, trial->lease}, {1, {{"loss", 0.5}}});
    claimed.raise();
    never.wait();
    return std::string("not reached");
  });
  claimed.wait();
  const auto store = sqlite_storage(file);
  const StudyId study = store->open_study(spec());
  EXPECT_THAT(store->fail_stale(study), SizeIs(0));
  worker.kill();
  const auto failed = store->fail_stale(study);
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].failure, Failure::WorkerLost);
  EXPECT_THAT(failed[0].reports, SizeIs(1));
}

TEST(SqliteProcesses, ResumeEachPausedTrialExactlyOnce) {
  constexpr int kTrials = 100;
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  std::vector<Claim> claims;
  {
    const auto store = sqlite_storage(file);
    const StudyId study = store->open_study(spec());
    store->enqueue(study, std::vector<TrialPlan>(kTrials));
    while (const auto trial = store->claim(study, {worker_id(0)})) {
      claims.push_back({trial->id, trial->lease});
      store->pause(claims.back());
    }
  }
  std::vector<std::unique_ptr<ChildProcess>> children;
  for (int i = 0; i < 3; ++i) {
    children.push_back(std::make_unique<ChildProcess>([&] {
      const auto store = sqlite_storage(file);
      std::string taken;
      for (const Claim& claim : claims) {
        if (const auto trial = store->resume(claim, {worker_id(0)})) {
          store->finish({trial->id, trial->lease}, Outcome::complete({{"loss", 1}}));
          taken += std::to_string(trial->number) + " ";
        }
      }
      return taken;
    }));
  }
  std::vector<int> all;
  for (const auto& child : children) {
    const auto taken = numbers_in(child->answer());
    all.insert(all.end(), taken.begin(), taken.end());
  }
  std::ranges::sort(all);
  ASSERT_THAT(all, SizeIs(kTrials));
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

TEST(SqliteProcesses, LeaveAPausedTrialAloneWhenItsProcessIsKilled) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  Flag paused;
  Flag never;
  ChildProcess worker([&] {
    const auto store = sqlite_storage(file);
    const StudyId study = store->open_study(spec());
    store->enqueue(study, std::vector<TrialPlan>(1));
    const auto trial = store->claim(study, {worker_id(0), seconds(3600)});
    store->save_checkpoint({trial->id, trial->lease}, "half way");
    store->pause({trial->id, trial->lease});
    paused.raise();
    never.wait();
    return std::string("not reached");
  });
  paused.wait();
  worker.kill();
  const auto store = sqlite_storage(file);
  const StudyId study = store->open_study(spec());
  EXPECT_THAT(store->fail_stale(study), SizeIs(0));
  EXPECT_EQ(store->checkpoint(study, 0), "half way");
  const TrialRecord left = store->trials(study).at(0);
  EXPECT_TRUE(store->resume({left.id, left.lease}, {worker_id(0)}));
}

TEST(SqliteProcesses, SurviveAKillInTheMiddleOfWriting) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  Flag started;
  ChildProcess writer([&] {
    const auto store = sqlite_storage(file);
    const StudyId study = store->open_study(spec());
    started.raise();
    for (;;) store->enqueue(study, std::vector<TrialPlan>(3));
    return std::string("not reached");
  });
  started.wait();
  const auto store = sqlite_storage(file);
  const StudyId study = store->open_study(spec());
  while (store->trials(study).size() < 30) continue;
  writer.kill();
  const auto trials = store->trials(study);
  EXPECT_EQ(trials.size() % 3, 0U);
  EXPECT_EQ(trials.back().number + 1, static_cast<int>(trials.size()));
  EXPECT_EQ(store->enqueue(study, std::vector<TrialPlan>(1)), 1);
}

TEST(SqliteProcesses, GiveUpOnAFileThatAnotherKeepsLocked) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  const auto store = sqlite_storage(file, {.lock_timeout = milliseconds(20)});
  const StudyId study = store->open_study(spec());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  try {
    store->enqueue(study, std::vector<TrialPlan>(1));
    ADD_FAILURE() << "a locked file was written";
  } catch (const StorageError& e) {
    EXPECT_THAT(e.what(), testing::AllOf(HasSubstr(file.string()), HasSubstr("locked")));
  }
  // Readers go on meanwhile, and so does everything when the lock is gone.
  EXPECT_THAT(store->trials(study), SizeIs(0));
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  EXPECT_EQ(store->enqueue(study, std::vector<TrialPlan>(1)), 1);
  sqlite3_close(other);
}

TEST(SqliteProcesses, GiveUpOnAFileThatIsLockedWhileItIsOpened) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN EXCLUSIVE", nullptr, nullptr, nullptr), SQLITE_OK);
  try {
    sqlite_storage(file, {.lock_timeout = milliseconds(20)});
    ADD_FAILURE() << "a locked file was opened";
  } catch (const StorageError& e) {
    EXPECT_THAT(e.what(), testing::AllOf(HasSubstr(file.string()), HasSubstr("locked")));
  }
  sqlite3_close(other);
  EXPECT_EQ(sqlite_storage(file)->open_study(spec()), 1);
}

}  // namespace
}  // namespace hypertune

// What happens to the store, the clock and the processes of a study while it runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <mutex>
#include <thread>

#include "hypertune/error.h"
#include "hypertune/tune.h"
#include "support/child_process.h"
#include "support/manual_clock.h"
#include "support/small_disk.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using namespace testing_support;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr int kTrials = 4;

StudySpec spec() {
  StudySpec spec;
  spec.name = "faults";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.space.add("x", FloatDomain{0, 1});
  return spec;
}

Outcome complete(Trial& trial) {
  trial.report(1, {{"loss", trial.suggest_float("x", {0, 1})}});
  return Outcome::complete({{"loss", trial.suggest_float("x", {0, 1})}});
}

TuneSummary run(const std::shared_ptr<Storage>& store, std::function<Outcome(Trial&)> objective,
                TuneOptions options = {}) {
  Study study(spec(), store);
  options.num_samples = kTrials;
  return tune(study, *function_executor(std::move(objective)), options);
}

std::string storage_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const StorageError& error) {
    return error.what();
  }
  return "no StorageError";
}

std::vector<TrialRecord> records(Storage& store) {
  return store.trials(store.find_study("faults").value());
}

/// Each trial of the plan is Complete once, and nothing else is.
void expect_done_once(const std::vector<TrialRecord>& trials) {
  std::vector<std::uint64_t> done;
  for (const TrialRecord& trial : trials) {
    EXPECT_TRUE(is_final(trial.state)) << trial.number;
    if (trial.state == TrialState::Complete) done.push_back(trial.draw());
  }
  std::ranges::sort(done);
  EXPECT_EQ(done, (std::vector<std::uint64_t>{0, 1, 2, 3}));
}

// --- The store ---

/// Another program that keeps a transaction open.
class Stranger {
 public:
  explicit Stranger(const std::filesystem::path& file) {
    EXPECT_EQ(sqlite3_open(file.c_str(), &database_), SQLITE_OK);
    run("BEGIN IMMEDIATE");
  }
  ~Stranger() {
    run("ROLLBACK");
    sqlite3_close(database_);
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

 private:
  void run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  }
  sqlite3* database_ = nullptr;
};

TEST(RunFaults, AStudyWaitsWhileAStrangerKeepsItsStoreLocked) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  const auto store = sqlite_storage(file);
  std::jthread releases;
  const TuneSummary summary = run(store, [&](Trial& trial) {
    if (trial.number() == 1) {
      releases = std::jthread([lock = std::make_unique<Stranger>(file)](std::stop_token stop) {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock waiting(mutex);
        constexpr milliseconds kManyRetries{50};
        never.wait_for(waiting, stop, kManyRetries, [] { return false; });
      });
    }
    return complete(trial);
  });
  EXPECT_EQ(summary.complete, kTrials);
  EXPECT_THAT(records(*store), SizeIs(kTrials));
}

TEST(RunFaults, AStudyWhoseStoreStaysLockedSaysSoAndGoesOnLater) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  const auto store = sqlite_storage(file, {.lock_timeout = milliseconds(20)});
  {
    std::unique_ptr<Stranger> stranger;
    const std::string error = storage_error([&] {
      run(store, [&](Trial& trial) {
        if (trial.number() == 2) stranger = std::make_unique<Stranger>(file);
        return complete(trial);
      });
    });
    EXPECT_THAT(error, AllOf(HasSubstr("study.db"), HasSubstr("locked by another program"),
                             HasSubstr("run again")));
  }
  const auto before = records(*store);
  EXPECT_EQ(before.at(0).state, TrialState::Complete);
  EXPECT_EQ(before.at(1).state, TrialState::Complete);
  // The trial whose result could not be stored is not known to be lost before its lease ends, or
  // its process.
  EXPECT_EQ(
      run(sqlite_storage(file, {.clock = [] { return system_clock()() + hours(1); }}), complete)
          .complete,
      kTrials);
  expect_done_once(records(*store));
}

TEST(RunFaults, AStoreThatIsDeletedUnderARunningStudyIsAnErrorThatSaysSo) {
  for (const bool whole_folder : {false, true}) {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "run");
    const auto file = folder.path() / "run" / "study.db";
    const std::string error = storage_error([&] {
      run(sqlite_storage(file), [&](Trial& trial) {
        if (trial.number() == 1) std::filesystem::remove_all(whole_folder ? folder / "run" : file);
        return complete(trial);
      });
    });
    EXPECT_THAT(error, AllOf(HasSubstr(file.string()), HasSubstr("deleted or moved"),
                             HasSubstr("run again")));
  }
}

TEST(RunFaults, AStoreThatIsPutBackGoesOnWhereItWas) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  const auto store = sqlite_storage(file);
  storage_error([&] {
    run(store, [&](Trial& trial) {
      if (trial.number() == 2) std::filesystem::rename(file, folder / "elsewhere.db");
      return complete(trial);
    });
  });
  std::filesystem::rename(folder / "elsewhere.db", file);
  const auto before = records(*store);
  EXPECT_EQ(before.at(1).state, TrialState::Complete);
  EXPECT_EQ(before.at(2).state, TrialState::Running);
  store->enqueue(store->find_study("faults").value(), std::vector<TrialPlan>(1));
  EXPECT_THAT(records(*store), SizeIs(kTrials + 1));
}

/// Runs a study until the disk is full, then frees space and goes on. Returns what went wrong.
std::string fill_the_disk(const TemporaryFolder& folder) {
  constexpr int kKibibytes = 1024;
  if (!mount_small_disk(folder.path(), kKibibytes)) return "skip";
  const auto ballast = folder / "ballast";
  std::ofstream(ballast) << std::string(600 * 1024, 'x');
  const auto file = folder / "study.db";
  const auto objective = [](Trial& trial) {
    if (trial.number() == 2) trial.save_checkpoint(std::string(300 * 1024, 'x'));
    return complete(trial);
  };
  const std::string error = storage_error([&] { run(sqlite_storage(file), objective); });
  if (error.find("free some space") == std::string::npos) return "unexpected: " + error;
  std::filesystem::remove(ballast);
  const auto later = [] { return system_clock()() + hours(1); };
  const auto store = sqlite_storage(file, {.clock = later});
  const auto before = records(*store);
  if (before.at(1).state != TrialState::Complete) return "a result is missing";
  if (store->checkpoint(1, 2)) return "half a checkpoint is there";
  run(store, objective);
  expect_done_once(records(*store));
  return testing::Test::HasFailure() ? "failed" : "fine";
}

TEST(RunFaults, AFullDiskStopsAStudyThatGoesOnWhenThereIsSpace) {
  const TemporaryFolder folder;
  ChildProcess child([&] { return fill_the_disk(folder); });
  const std::string answer = child.answer();
  if (answer == "skip") GTEST_SKIP() << "this machine does not let the test mount a small disk";
  EXPECT_EQ(answer, "fine");
}

// --- The clock ---

class ClockJumps : public testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<Storage> store() {
    if (!GetParam()) return memory_storage(clock_.function());
    return sqlite_storage(folder_ / "study.db", {.clock = clock_.function()});
  }
  ManualClock clock_;
  TemporaryFolder folder_;
};

TEST_P(ClockJumps, ForthCostsWhatRunsAtMostAnAttempt) {
  const auto all = store();
  bool jumped = false;
  const TuneSummary summary = run(all, [&](Trial& trial) {
    if (!jumped) {
      jumped = true;
      clock_.advance(hours(48));
      // As another process would that looks at that moment.
      EXPECT_THAT(all->fail_stale(all->find_study("faults").value()), SizeIs(1));
    }
    return complete(trial);
  });
  EXPECT_EQ(summary.complete, kTrials);
  const auto trials = records(*all);
  ASSERT_THAT(trials, SizeIs(kTrials + 1));
  EXPECT_EQ(trials[0].failure, Failure::WorkerLost);
  EXPECT_THAT(trials[0].reports, IsEmpty()) << "a write of the lost worker was taken";
  expect_done_once(trials);
}

TEST_P(ClockJumps, ForthCostNothingWhereTheWorkerIsHeardFirst) {
  const auto all = store();
  const StudyId study = all->open_study(spec());
  all->enqueue(study, std::vector<TrialPlan>(1));
  const auto trial = all->claim(study, {"worker", seconds(60)});
  const Claim claim{trial->id, trial->lease};
  clock_.advance(hours(48));
  EXPECT_THAT(all->heartbeat({&claim, 1}, seconds(60)), IsEmpty());
  EXPECT_THAT(all->fail_stale(study), IsEmpty());
  all->finish(claim, Outcome::complete({{"loss", 1}}));
}

TEST_P(ClockJumps, BackTakeNothingFromTheLivingAndSpareTheDeadUntilTheirLeaseEnds) {
  const auto all = store();
  const StudyId study = all->open_study(spec());
  all->enqueue(study, std::vector<TrialPlan>(2));
  const auto alive = all->claim(study, {"alive", seconds(60)});
  const auto dead = all->claim(study, {"dead", seconds(60)});
  const Claim claim{alive->id, alive->lease};
  clock_.advance(-hours(2));
  EXPECT_THAT(all->fail_stale(study), IsEmpty());
  EXPECT_THAT(all->heartbeat({&claim, 1}, hours(3)), IsEmpty());
  all->add_report(claim, {1, {{"loss", 1}}});
  clock_.advance(hours(2) + seconds(61));
  const auto failed = all->fail_stale(study);
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].number, dead->number);
  all->finish(claim, Outcome::complete({{"loss", 1}}));
}

TEST_P(ClockJumps, BackLeaveNoTrialThatTookLessThanNoTime) {
  const auto all = store();
  run(all, [&](Trial& trial) {
    clock_.advance(trial.number() % 2 == 0 ? -hours(5) : hours(3));
    return complete(trial);
  });
  for (const TrialRecord& trial : records(*all)) EXPECT_GE(trial.duration_s().value(), 0);
}

INSTANTIATE_TEST_SUITE_P(Store, ClockJumps, testing::Bool(),
                         [](const auto& store) { return store.param ? "Sqlite" : "Memory"; });

// --- Processes ---

TEST(RunFaults, AWorkerThatWasFrozenBeyondItsLeaseIsRefusedWhatItWrites) {
  const TemporaryFolder folder;
  const auto file = folder / "study.db";
  Flag runs;
  Flag goes_on;
  ChildProcess worker([&] {
    std::string story;
    TuneOptions options{.lease = seconds(60)};
    options.on_event = [&](const Event& event) {
      story += event.kind == Event::Kind::Lost ? "lost " : "";
      story += event.kind == Event::Kind::Finished ? "finished " : "";
    };
    run(
        sqlite_storage(file),
        [&](Trial& trial) {
          runs.raise();
          goes_on.wait();
          return complete(trial);
        },
        options);
    return story;
  });
  runs.wait();
  worker.send(SIGSTOP);
  // For this process the lease has run out.
  const auto store = sqlite_storage(file, {.clock = [] { return system_clock()() + hours(1); }});
  EXPECT_EQ(run(store, complete).complete, kTrials);
  const auto before = records(*store);
  goes_on.raise();
  worker.send(SIGCONT);
  EXPECT_EQ(worker.answer(), "lost ");
  const auto trials = records(*store);
  ASSERT_THAT(trials, SizeIs(kTrials + 1));
  EXPECT_EQ(trials[0].failure, Failure::WorkerLost);
  EXPECT_THAT(trials[0].reports, IsEmpty());
  expect_done_once(trials);
}

// --- Kinds of failures ---

int attempts_after(const std::function<Outcome(Trial&)>& objective) {
  const auto store = memory_storage();
  TuneOptions options;
  options.max_attempts = 3;
  run(store, objective, options);
  return static_cast<int>(records(*store).size()) / kTrials;
}

TEST(RunFaults, WhatMayBeChanceIsTriedAgainAndAWrongConfigurationIsNot) {
  for (const Failure failure : {Failure::Crash, Failure::Timeout, Failure::WorkerLost}) {
    const auto fails = [&](Trial&) { return Outcome{TrialState::Failed, {}, "broken", failure}; };
    EXPECT_EQ(attempts_after(fails), 3) << static_cast<int>(failure);
  }
  EXPECT_EQ(attempts_after([](Trial&) { return Outcome::failed("no number"); }), 1);
  EXPECT_EQ(attempts_after([](Trial&) -> Outcome { throw ConfigError("no such option"); }), 1);
}

}  // namespace
}  // namespace hypertune

// Processes that share a study are killed, or asked to stop, at random moments: nothing that was
// told is lost, nothing is done twice, and the plan is done in the end.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <fstream>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "hypertune/error.h"
#include "hypertune/tune.h"
#include "support/child_process.h"
#include "support/shared_store.h"

namespace hypertune {
namespace {

using namespace testing_support;

constexpr int kProcesses = 3;
constexpr int kTrials = 60;
constexpr int kSteps = 5;
constexpr std::chrono::microseconds kStepTakes{1000};
constexpr int kMaxAttempts = 1000;

StudySpec spec() {
  StudySpec spec;
  spec.name = "crashes";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.seed = 20261123;
  spec.space.add("x", FloatDomain{-10, 10});
  return spec;
}

/// Lines that outlive the process that wrote them.
class Log {
 public:
  explicit Log(const std::filesystem::path& file)
      : file_(::open(file.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600)) {}
  ~Log() { ::close(file_); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;
  void write(const std::string& line) const {
    const ssize_t written = ::write(file_, line.data(), line.size());
    if (written != static_cast<ssize_t>(line.size())) throw Error("the log cannot be written");
  }

 private:
  int file_;
};

/// What a step takes, or until the process is told to stop.
void take_time(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, kStepTakes, [] { return false; });
}

/// Goes on from its checkpoint, and saves one after each step.
Outcome descend(Trial& trial, const std::stop_token& stop, const Log& log) {
  const double x = trial.suggest_float("x", {-10, 10});
  const auto loss = [&](int step) { return (x - 2) * (x - 2) + 1.0 / step; };
  for (int step = std::stoi(trial.checkpoint().value_or("0")) + 1; step <= kSteps; ++step) {
    take_time(stop);
    log.write(fmt::format("step {} {}\n", trial.record().draw(), step));
    const Decision decision = trial.report(step, {{"loss", loss(step)}});
    trial.save_checkpoint(std::to_string(step));
    if (step == kSteps) break;
    if (decision == Decision::Pause) return Outcome::paused();
    if (stop.stop_requested()) return Outcome::interrupted("stopped");
    if (decision == Decision::Stop) return Outcome::pruned();
  }
  return Outcome::complete({{"loss", loss(kSteps)}});
}

class DescentExecutor final : public Executor {
 public:
  explicit DescentExecutor(const Log& log) : log_(log) {}
  Outcome run(Trial& trial, std::stop_token stop) override { return descend(trial, stop, log_); }

 private:
  const Log& log_;
};

using MakeScheduler = std::unique_ptr<Scheduler> (*)();

std::unique_ptr<Scheduler> stopping() { return asha_scheduler({.reduction_factor = 2}); }
std::unique_ptr<Scheduler> promoting() {
  return asha_scheduler({.reduction_factor = 2, .mode = AshaMode::Promote});
}

/// Has `source` stopped at the first SIGTERM, which every thread of the process blocks.
class StopAtSignal {
 public:
  explicit StopAtSignal(std::stop_source& source)
      : waiter_([&source](const std::stop_token& done) {
          sigset_t signals;
          sigemptyset(&signals);
          sigaddset(&signals, SIGTERM);
          constexpr timespec kLookAgain{0, 20'000'000};
          while (!done.stop_requested()) {
            if (::sigtimedwait(&signals, nullptr, &kLookAgain) == SIGTERM) source.request_stop();
          }
        }) {}

 private:
  std::jthread waiter_;
};

/// A study that several processes work on, with what they did.
class Campaign {
 public:
  Campaign(const SharedStore& store, MakeScheduler scheduler)
      : store_(store), make_scheduler_(scheduler) {
    store_.prepare(folder_);
    for (int i = 0; i < kProcesses; ++i) start(i);
  }

  /// Plans, and works until nothing is left or the process is told to stop.
  void work(int workers) const {
    std::stop_source source;
    const StopAtSignal stop(source);
    const Log log(log_file());
    Study study = open();
    DescentExecutor executor(log);
    TuneOptions options{.num_samples = kTrials, .workers = workers, .max_attempts = kMaxAttempts};
    options.on_event = [&](const Event& event) {
      if (event.kind != Event::Kind::Finished || event.record.state == TrialState::Failed) return;
      log.write(fmt::format("told {} {} {}\n", event.record.number, to_string(event.record.state),
                            event.record.reports.back().step));
    };
    tune(study, executor, options, source.get_token());
  }

  void start(int index) {
    processes_[index] = std::make_unique<ChildProcess>([this] {
      work(2);
      return std::string("done");
    });
  }

  /// Sends it to a process that still runs. False when none does.
  bool disturb(Rng& rng, int signal) {
    const std::chrono::microseconds pause(
        rng.below(static_cast<std::uint64_t>(store_.start_takes.count())));
    std::vector<int> running;
    for (const auto& [index, process] : processes_) {
      if (process->runs()) running.push_back(index);
    }
    if (running.empty()) return false;
    const int index = running[rng.below(running.size())];
    processes_[index]->ends_within(pause);
    processes_[index]->send(signal);
    const std::string answer = processes_[index]->answer();
    if (answer != "done" && answer != "signal 9") ADD_FAILURE() << answer;
    start(index);
    return true;
  }

  /// Lets the processes end, and does what is left.
  void end() {
    for (const auto& [index, process] : processes_) {
      EXPECT_EQ(process->answer(), "done");
    }
    work(1);
  }

  Study open() const {
    return Study(spec(), store_.open(folder_), random_sampler(), make_scheduler_());
  }
  std::filesystem::path log_file() const { return folder_ / "log"; }

 private:
  SharedStore store_;
  MakeScheduler make_scheduler_;
  TemporaryFolder folder_;
  std::map<int, std::unique_ptr<ChildProcess>> processes_;
};

void expect_told_results_are_stored(const std::vector<TrialRecord>& trials,
                                    const std::filesystem::path& log) {
  std::ifstream in(log);
  std::set<int> told;
  std::string word;
  while (in >> word) {
    std::string state;
    int number = 0;
    std::int64_t step = 0;
    if (word == "step") {
      in >> number >> step;
      continue;
    }
    in >> number >> state >> step;
    EXPECT_TRUE(told.insert(number).second) << "trial " << number << " was told twice";
    ASSERT_LT(static_cast<std::size_t>(number), trials.size());
    const TrialRecord& stored = trials[static_cast<std::size_t>(number)];
    EXPECT_EQ(to_string(stored.state), state) << number;
    EXPECT_EQ(stored.reports.back().step, step) << number;
    EXPECT_TRUE(stored.metrics.contains("loss")) << number;
  }
}

void expect_the_plan_was_done_once(const std::vector<TrialRecord>& trials) {
  std::map<std::uint64_t, int> ends;
  std::map<int, int> repetitions;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const TrialRecord& trial = trials[i];
    EXPECT_EQ(trial.number, static_cast<int>(i));
    ASSERT_TRUE(is_final(trial.state)) << trial.number << ' ' << to_string(trial.state);
    EXPECT_LE(trial.plan.attempt, kMaxAttempts);
    if (trial.plan.retry_of) ++repetitions[*trial.plan.retry_of];
    if (trial.state != TrialState::Failed) ++ends[trial.draw()];
  }
  EXPECT_EQ(ends.size(), static_cast<std::size_t>(kTrials));
  for (const auto& [draw, count] : ends) EXPECT_EQ(count, 1) << "draw " << draw;
  for (const TrialRecord& trial : trials) {
    const bool failed = trial.state == TrialState::Failed;
    EXPECT_EQ(repetitions[trial.number], failed ? 1 : 0) << trial.number << ' ' << trial.reason;
  }
}

/// Whoever ran its parts, the trial that ended has all steps up to its last one.
void expect_whole_curves(const std::vector<TrialRecord>& trials) {
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::Failed) continue;
    std::int64_t step = 0;
    for (const Report& report : trial.reports) EXPECT_EQ(report.step, ++step) << trial.number;
    EXPECT_TRUE(trial.state == TrialState::Pruned || step == kSteps) << trial.number;
  }
}

class CrashRounds : public testing::TestWithParam<SharedStore> {
 protected:
  void SetUp() override {
    sigemptyset(&stop_signal_);
    sigaddset(&stop_signal_, SIGTERM);
    // Also in the processes that are forked, so that none dies of it before it listens.
    pthread_sigmask(SIG_BLOCK, &stop_signal_, nullptr);
  }
  void TearDown() override { pthread_sigmask(SIG_UNBLOCK, &stop_signal_, nullptr); }

 private:
  sigset_t stop_signal_{};
};

TEST_P(CrashRounds, TwoHundredKillsLoseNothingAndDoubleNothing) {
  constexpr int kRounds = 200;
  constexpr int kRoundsPerStudy = 10;
  const std::vector<MakeScheduler> schedulers = {fifo_scheduler, stopping, promoting};
  Rng rng(20261123, 1);
  int lost = 0;
  for (std::size_t study = 0, round = 0; round < kRounds; ++study) {
    SCOPED_TRACE(study);
    Campaign campaign(GetParam(), schedulers[study % schedulers.size()]);
    for (int i = 0; i < kRoundsPerStudy && campaign.disturb(rng, SIGKILL); ++i) ++round;
    campaign.end();
    const std::vector<TrialRecord> trials = campaign.open().trials();
    expect_told_results_are_stored(trials, campaign.log_file());
    expect_the_plan_was_done_once(trials);
    expect_whole_curves(trials);
    lost += static_cast<int>(trials.size()) - kTrials;
    if (HasFailure()) return;
  }
  EXPECT_GT(lost, kRounds / 4) << "the kills hit nothing";
}

/// How often each step of each trial was done, by what the processes wrote on the way.
std::map<std::pair<std::uint64_t, int>, int> steps_done(const std::filesystem::path& log) {
  std::ifstream in(log);
  std::map<std::pair<std::uint64_t, int>, int> done;
  std::string line;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string word;
    std::uint64_t draw = 0;
    int step = 0;
    if (words >> word >> draw >> step && word == "step") ++done[{draw, step}];
  }
  return done;
}

TEST_P(CrashRounds, StoppingAtAnyTimeCostsNotOneStep) {
  constexpr int kRounds = 60;
  constexpr int kRoundsPerStudy = 15;
  Rng rng(20261123, 2);
  int interrupted = 0;
  for (int round = 0; round < kRounds;) {
    Campaign campaign(GetParam(), fifo_scheduler);
    for (int i = 0; i < kRoundsPerStudy && campaign.disturb(rng, SIGTERM); ++i) ++round;
    campaign.end();
    const std::vector<TrialRecord> trials = campaign.open().trials();
    expect_told_results_are_stored(trials, campaign.log_file());
    expect_the_plan_was_done_once(trials);
    expect_whole_curves(trials);
    const auto done = steps_done(campaign.log_file());
    EXPECT_EQ(done.size(), static_cast<std::size_t>(kTrials * kSteps));
    for (const auto& [step, times] : done) {
      EXPECT_EQ(times, 1) << "draw " << step.first << ", step " << step.second;
    }
    interrupted += static_cast<int>(trials.size()) - kTrials;
    if (HasFailure()) return;
  }
  EXPECT_GT(interrupted, kRounds / 4) << "the signals hit nothing";
}

INSTANTIATE_TEST_SUITE_P(Store, CrashRounds, testing::Values(shared_sqlite()),
                         [](const auto& store) { return store.param.name; });
#ifdef HYPERTUNE_HAS_POSTGRES
INSTANTIATE_TEST_SUITE_P(OtherStore, CrashRounds, testing::Values(shared_postgres()),
                         [](const auto& store) { return store.param.name; });
#endif

}  // namespace
}  // namespace hypertune

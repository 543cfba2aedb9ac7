// What samplers and schedulers are shown of a study: by several workers, with a lag, in pairs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "hypertune/error.h"
#include "hypertune/tune.h"
#include "support/manual_clock.h"
#include "support/quadratic.h"

namespace hypertune {
namespace {

using std::chrono::seconds;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing_support::quadratic;
using testing_support::quadratic_spec;

/// The history that was shown for a decision.
struct Seen {
  int number = 0;
  std::vector<int> numbers;
  std::vector<TrialState> states;
};

/// Keeps what it is shown. Thread-safe.
class Witness {
 public:
  void look(const History& history) {
    Seen seen{history.number, {}, {}};
    for (const TrialRecord& trial : history.trials) {
      seen.numbers.push_back(trial.number);
      seen.states.push_back(trial.state);
    }
    const std::scoped_lock lock(mutex_);
    all_.push_back(std::move(seen));
  }
  const std::vector<Seen>& all() const { return all_; }
  const Seen& last() const { return all_.back(); }

 private:
  std::mutex mutex_;  // guards all_ while workers run
  std::vector<Seen> all_;
};

/// As random search, but that what it draws depends on how much it has seen.
class CuriousSampler : public Sampler {
 public:
  explicit CuriousSampler(Witness& witness) : witness_(witness) {}
  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    witness_.look(history);
    return random_sampler()->sample(space, history, rng.fork(std::to_string(calls_++)));
  }

 private:
  Witness& witness_;
  mutable std::atomic<int> calls_ = 0;
};

class CuriousScheduler : public Scheduler {
 public:
  explicit CuriousScheduler(Witness& witness) : witness_(witness) {}
  Ruling on_report(const TrialRecord&, const History& history) const override {
    witness_.look(history);
    return {};
  }

 private:
  Witness& witness_;
};

struct Watched {
  explicit Watched(const std::shared_ptr<Storage>& storage = memory_storage())
      : study(quadratic_spec(), storage, std::make_unique<CuriousSampler>(sampler),
              std::make_unique<CuriousScheduler>(scheduler)) {}
  Witness sampler;
  Witness scheduler;
  Study study;
};

/// Gives way to other threads for a while that differs from trial to trial and from run to run.
Outcome delayed(Trial& trial, int run) {
  Rng rng = Rng::for_trial(static_cast<std::uint64_t>(run), trial.record().draw());
  for (auto turns = rng.below(2000); turns > 0; --turns) std::this_thread::yield();
  return quadratic(trial);
}

TEST(StudyHistory, HoldsEveryTrialThatHasBegunAndNoneThatWaits) {
  Watched watched;
  watched.study.plan(5);
  Trial first = watched.study.ask();
  EXPECT_THAT(watched.sampler.last().numbers, ElementsAre(0));
  Trial second = watched.study.ask();
  EXPECT_THAT(watched.sampler.last().states, ElementsAre(TrialState::Running, TrialState::Running));
  watched.study.tell(second, quadratic(second));
  const Trial third = watched.study.ask();
  EXPECT_THAT(watched.sampler.last().numbers, ElementsAre(0, 1, 2));
  EXPECT_THAT(watched.sampler.last().states,
              ElementsAre(TrialState::Running, TrialState::Complete, TrialState::Running));
  watched.study.tell(first, quadratic(first));
  EXPECT_THAT(watched.scheduler.last().states,
              ElementsAre(TrialState::Running, TrialState::Complete, TrialState::Running));
}

TEST(StudyHistory, HoldsWhatOtherProcessesDidSince) {
  const auto storage = memory_storage();
  Watched here(storage);
  Study elsewhere(quadratic_spec(), storage);
  Trial theirs = elsewhere.ask();
  Trial ours = here.study.ask();
  EXPECT_THAT(here.sampler.last().states, ElementsAre(TrialState::Running, TrialState::Running));
  here.study.tell(ours, quadratic(ours));
  elsewhere.tell(theirs, quadratic(theirs));
  const Trial next = here.study.ask();
  EXPECT_THAT(here.sampler.last().states,
              ElementsAre(TrialState::Complete, TrialState::Complete, TrialState::Running));
}

TEST(StudyHistory, HoldsLostTrialsAndTheirRepetitions) {
  testing_support::ManualClock clock;
  Watched watched(memory_storage(clock.function()));
  watched.study.plan(1);
  const auto lost = watched.study.next({"dead", seconds(10)});
  clock.advance(seconds(11));
  watched.study.storage().fail_stale(watched.study.id());
  EXPECT_EQ(watched.study.plan_retries(), 1);
  const Trial second = watched.study.ask();
  EXPECT_THAT(watched.sampler.last().states, ElementsAre(TrialState::Failed, TrialState::Running));
  const Trial again = watched.study.ask();
  EXPECT_EQ(again.record().plan.retry_of, 0);
  EXPECT_THAT(watched.sampler.last().numbers, ElementsAre(0, 1, 2));
}

TEST(StudyHistory, IsCompleteAndInOrderForEveryWorker) {
  Watched watched;
  const auto executor = function_executor([](Trial& trial) { return delayed(trial, 1); });
  tune(watched.study, *executor, {.num_samples = 50, .workers = 8});
  ASSERT_GE(watched.sampler.all().size(), 100U);
  for (const Seen& seen : watched.sampler.all()) {
    // Trials are taken in order: all before this one have begun.
    ASSERT_GT(std::ssize(seen.numbers), seen.number);
    for (int i = 0; i < std::ssize(seen.numbers); ++i) {
      ASSERT_EQ(seen.numbers[static_cast<std::size_t>(i)], i);
    }
  }
}

void expect_exactly_the_final_trials_before(const std::vector<Seen>& all, int lag) {
  for (const Seen& seen : all) {
    SCOPED_TRACE(seen.number);
    const int count = std::max(0, seen.number - lag);
    ASSERT_EQ(std::ssize(seen.numbers), count);
    for (int i = 0; i < count; ++i) ASSERT_EQ(seen.numbers[static_cast<std::size_t>(i)], i);
    EXPECT_THAT(seen.states, Each(TrialState::Complete));
  }
}

TEST(Lag, ShowsExactlyTheFinalTrialsBefore) {
  for (const int lag : {0, 3}) {
    Watched watched;
    const auto executor = function_executor([](Trial& trial) { return delayed(trial, 2); });
    tune(watched.study, *executor, {.num_samples = 20, .workers = lag + 1, .lag = lag});
    EXPECT_GE(watched.sampler.all().size(), 20U);
    EXPECT_EQ(watched.scheduler.all().size(), 3 * 40U);
    expect_exactly_the_final_trials_before(watched.sampler.all(), lag);
    expect_exactly_the_final_trials_before(watched.scheduler.all(), lag);
  }
}

TEST(Lag, LetsNoMoreThanItAndOneRunAtOnce) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  Study study(quadratic_spec());
  study.set_lag(2);
  study.plan(20);
  const auto executor = function_executor([&](Trial& trial) {
    const int now = ++running;
    if (now > most) most = now;
    const Outcome outcome = delayed(trial, 3);
    --running;
    return outcome;
  });
  std::vector<std::jthread> workers;
  for (int i = 0; i < 6; ++i) {
    workers.emplace_back([&] {
      while (auto trial = study.next({"worker", seconds(60)})) {
        study.tell(*trial, executor->run(*trial, {}));
      }
    });
  }
  workers.clear();
  EXPECT_LE(most, 3);
  for (const TrialRecord& trial : study.trials()) EXPECT_EQ(trial.state, TrialState::Complete);
}

TEST(Lag, WaitsForTrialsOfOtherProcesses) {
  const auto storage = memory_storage();
  Study elsewhere(quadratic_spec(), storage);
  Study here(quadratic_spec(), storage);
  here.plan(1);
  here.set_lag(0);
  elsewhere.set_lag(0);
  Trial theirs = elsewhere.ask();
  std::optional<Trial> ours;
  std::jthread waiting([&] { ours = here.next({"here", seconds(60)}); });
  elsewhere.tell(theirs, quadratic(theirs));
  waiting.join();
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->number(), 1);
}

TEST(Lag, DoesNotWaitForDeadWorkers) {
  testing_support::ManualClock clock;
  Study study(quadratic_spec(), memory_storage(clock.function()));
  study.plan(1);
  study.set_lag(0);
  const auto lost = study.next({"dead", seconds(10)});
  ASSERT_TRUE(lost);
  clock.advance(seconds(11));
  const auto next = study.next({"alive", seconds(10)});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->number(), 1);
  EXPECT_EQ(study.trials()[0].failure, Failure::WorkerLost);
}

TEST(Lag, EndsTheWaitWhenTheRunIsStopped) {
  Study study(quadratic_spec());
  study.plan(1);
  study.set_lag(0);
  const Trial first = study.ask();
  std::stop_source stop;
  std::optional<Trial> second;
  std::jthread waiting([&] {
    second = study.next({"worker", seconds(60)}, {.stop = stop.get_token()});
  });
  stop.request_stop();
  waiting.join();
  EXPECT_FALSE(second);
}

TEST(Lag, StaysWhatItWasWhenTrialsHaveBegun) {
  const auto storage = memory_storage();
  Study study(quadratic_spec(), storage);
  study.set_lag(5);
  study.set_lag(2);
  study.ask();
  study.set_lag(2);
  EXPECT_THROW(study.set_lag(3), StudyMismatch);
  try {
    Study(quadratic_spec(), storage).set_lag({});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const StudyMismatch& error) {
    EXPECT_THAT(error.what(), HasSubstr("with lag = 2, not without lag"));
  }
}

TEST(Lag, RefusesWorkersThatWouldOnlyWait) {
  Study study(quadratic_spec());
  const auto executor = function_executor(quadratic);
  try {
    tune(study, *executor, {.workers = 4, .lag = 2});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("raise lag to 3"));
  }
  EXPECT_THROW(tune(study, *executor, {.lag = -1}), ConfigError);
  EXPECT_TRUE(study.trials().empty());
}

/// Sampled values of each draw, in which -1 stands for a parameter that is not active.
std::map<std::uint64_t, std::set<double>> values_by_draw(const Study& study,
                                                         const std::string& name) {
  std::map<std::uint64_t, std::set<double>> values;
  for (const TrialRecord& trial : study.trials()) {
    const auto value = trial.params.find(name);
    if (value != trial.params.end()) values[trial.draw()].insert(*as_number(value->second));
  }
  return values;
}

StudySpec arms_spec() {
  StudySpec spec;
  spec.name = "arms";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.space.grid("arm", {std::int64_t{0}, std::int64_t{1}, std::int64_t{2}})
      .add("x", FloatDomain{0, 1})
      .add("momentum", FloatDomain{0, 1}, Condition("arm > 0"));
  return spec;
}

TEST(PairedDesign, SharesWhatALearningSamplerDrewFirst) {
  for (const int workers : {1, 2, 6}) {
    Witness witness;
    Study study(arms_spec(), memory_storage(), std::make_unique<CuriousSampler>(witness));
    const auto executor = function_executor([&](Trial& trial) {
      Rng rng = Rng::for_trial(static_cast<std::uint64_t>(workers), 7)
                    .fork(std::to_string(trial.number()));
      for (auto turns = rng.below(2000); turns > 0; --turns) std::this_thread::yield();
      return Outcome::complete({{"loss", *as_number(trial.params().at("x"))}});
    });
    tune(study, *executor, {.num_samples = 20, .paired = true, .workers = workers});
    std::set<double> all;
    for (const auto& [draw, values] : values_by_draw(study, "x")) {
      EXPECT_EQ(values.size(), 1U) << "draw " << draw << ", " << workers << " workers";
      all.insert(values.begin(), values.end());
    }
    EXPECT_EQ(all.size(), 20U);
    // The first cell does not have it: the second one's value counts.
    for (const auto& [draw, values] : values_by_draw(study, "momentum")) {
      EXPECT_EQ(values.size(), 1U) << "draw " << draw << ", " << workers << " workers";
    }
    for (const TrialRecord& trial : study.trials()) {
      EXPECT_EQ(trial.params.contains("momentum"), *as_number(trial.params.at("arm")) > 0);
    }
  }
}

TEST(PairedDesign, GoesOnWithSharedValuesInAnotherProcess) {
  const auto storage = memory_storage();
  Witness witness;
  const auto open = [&] {
    return std::make_unique<Study>(arms_spec(), storage, std::make_unique<CuriousSampler>(witness));
  };
  const auto first = open();
  first->plan(1, true);
  const Trial one = first->ask();
  const auto second = open();
  const Trial two = second->ask();
  EXPECT_EQ(one.params().at("x"), two.params().at("x"));
}

TEST(PairedDesign, UnpairedCellsAreDrawnAfresh) {
  Witness witness;
  Study study(arms_spec(), memory_storage(), std::make_unique<CuriousSampler>(witness));
  study.plan(1);
  const Value first = study.ask().params().at("x");
  EXPECT_NE(study.ask().params().at("x"), first);
}

TEST(PairedDesign, IsNotHeldUpByACellThatWasLostUndecided) {
  testing_support::ManualClock clock;
  const auto storage = memory_storage(clock.function());
  Witness witness;
  Study study(arms_spec(), storage, std::make_unique<CuriousSampler>(witness));
  study.plan(1, true);
  ASSERT_TRUE(storage->claim(study.id(), {"dead", seconds(10)}));
  clock.advance(seconds(11));
  const auto next = study.next({"alive", seconds(10)});
  ASSERT_TRUE(next);
  EXPECT_EQ(next->number(), 1);
  EXPECT_EQ(study.trials()[0].failure, Failure::WorkerLost);
}

}  // namespace
}  // namespace hypertune

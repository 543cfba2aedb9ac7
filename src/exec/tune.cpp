// The worker loop: threads that claim, run and tell, and one that keeps their leases alive.
#include "hypertune/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/text.h"
#include "base/worker_id.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Leases are renewed this many times in their duration.
constexpr int kHeartbeatsPerLease = 3;

class WorkerPool {
 public:
  WorkerPool(Study& study, Executor& executor, const TuneOptions& options, std::stop_token stop)
      : study_(study),
        executor_(executor),
        options_(options),
        began_(options.clock()),
        forward_stop_(std::move(stop), [this] { stop_.request_stop(); }) {}

  /// Returns when nothing is left to claim, the study has ended, or after a stop; rethrows what a
  /// worker could not handle.
  void run() {
    recover();
    do {
      std::jthread heart([this](const std::stop_token& done) { keep_leases(done); });
      run_workers();
    } while (!stop_.stop_requested() && recover() && reason_to_end().empty());
    // What was interrupted just now waits for the next run.
    if (!failure_) study_.plan_retries(options_.max_attempts);
    if (failure_) std::rethrow_exception(failure_);
    if (stop_.stop_requested() || late_) return;
    for (const TrialRecord& ended : study_.end_paused()) {
      notify({Event::Kind::Finished, 0, ended});
    }
  }

  bool interrupted() const { return stop_.stop_requested(); }

  /// Why no trial begins any more; empty while trials may.
  std::string reason_to_end() const {
    if (late_) {
      return fmt::format("the time limit of {} is over",
                         format_duration(options_.time_limit->count()));
    }
    return study_.stopped().value_or("");
  }

 private:
  /// Returns when all of them have ended.
  void run_workers() {
    std::vector<std::jthread> workers;
    try {
      for (int i = 0; i < options_.workers; ++i) workers.emplace_back([this, i] { work(i); });
    } catch (const std::system_error& e) {
      // The system has no more threads; those that run do the work.
      if (workers.empty()) throw Error(fmt::format("cannot start a worker: {}", e.what()));
    }
  }

  /// Fails the trials of dead workers and plans them again. Returns whether any trial waits,
  /// whoever planned it.
  bool recover() {
    for (const TrialRecord& lost : study_.storage().fail_stale(study_.id())) {
      notify({Event::Kind::Lost, 0, lost});
    }
    study_.plan_retries(options_.max_attempts);
    return std::ranges::any_of(study_.trials(), [](const TrialRecord& trial) {
      return trial.state == TrialState::Waiting;
    });
  }

  void work(int index) {
    try {
      while (!stop_.stop_requested()) {
        const TrialHooks hooks{stop_.get_token(),
                               [this, index](const TrialRecord& record) {
                                 notify({Event::Kind::Reported, index, record});
                               },
                               [this] { return is_late(); }};
        auto trial = study_.next({worker_id(index), options_.lease}, hooks);
        if (!trial) return;
        run_one(*trial, index);
      }
    } catch (...) {
      fail(std::current_exception());
    }
  }

  bool is_late() {
    if (options_.time_limit && options_.clock() - began_ >= *options_.time_limit) late_ = true;
    return late_;
  }

  void run_one(Trial& trial, int index) {
    const Holding holding(*this, {trial.record().id, trial.record().lease});
    try {
      notify({Event::Kind::Started, index, trial.record()});
      tell(trial, outcome_of(trial), index);
    } catch (const LeaseLost&) {
      // This process was silent for too long; the trial is planned again or runs elsewhere.
      notify({Event::Kind::Lost, index, trial.record()});
    } catch (const TrialFinished&) {
      notify({Event::Kind::Lost, index, trial.record()});
    }
  }

  void tell(Trial& trial, Outcome outcome, int index) {
    std::unique_lock lock(event_mutex_, std::defer_lock);
    // What pauses may go on elsewhere at once; that it paused is to be heard before that.
    if (trial.last_decision() == Decision::Pause) lock.lock();
    study_.tell(trial, std::move(outcome));
    if (!lock.owns_lock()) lock.lock();
    const bool paused = trial.record().state == TrialState::Paused;
    if (!options_.on_event) return;
    options_.on_event(
        {paused ? Event::Kind::Paused : Event::Kind::Finished, index, trial.record()});
  }

  Outcome outcome_of(Trial& trial) {
    try {
      Outcome outcome = executor_.run(trial, stop_.get_token());
      // Nobody interrupted it: planning it again would never end.
      if (outcome.failure == Failure::Interrupted && !stop_.stop_requested()) {
        outcome.failure = Failure::Error;
      }
      return outcome;
    } catch (const StorageError&) {
      throw;  // not the trial's fault
    } catch (const TrialFinished&) {
      throw;
    } catch (const std::exception& e) {
      return Outcome::failed(e.what());
    } catch (...) {
      return Outcome::failed("the objective threw something that is not a std::exception");
    }
  }

  void keep_leases(const std::stop_token& done) {
    const auto pause = std::max<std::chrono::milliseconds>(
        std::chrono::milliseconds(options_.lease) / kHeartbeatsPerLease,
        std::chrono::milliseconds(1));
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, done, pause, [] { return false; }) && !done.stop_requested()) {
      const std::vector<Claim> claims = held_;
      lock.unlock();
      try {
        study_.storage().heartbeat(claims, options_.lease);
      } catch (...) {
        fail(std::current_exception());
      }
      lock.lock();
    }
  }

  /// Has a lease renewed as long as it lives.
  class Holding {
   public:
    Holding(WorkerPool& pool, Claim claim) : pool_(pool), trial_(claim.trial) {
      const std::scoped_lock lock(pool_.mutex_);
      pool_.held_.push_back(claim);
    }
    ~Holding() {
      const std::scoped_lock lock(pool_.mutex_);
      std::erase_if(pool_.held_, [&](const Claim& held) { return held.trial == trial_; });
    }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;

   private:
    WorkerPool& pool_;
    TrialId trial_;
  };

  void notify(const Event& event) {
    if (!options_.on_event) return;
    const std::scoped_lock lock(event_mutex_);
    options_.on_event(event);
  }

  void fail(std::exception_ptr failure) {
    {
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::move(failure);
    }
    stop_.request_stop();
  }

  Study& study_;
  Executor& executor_;
  const TuneOptions& options_;
  const std::chrono::steady_clock::time_point began_;
  std::atomic<bool> late_ = false;
  std::stop_source stop_;
  std::mutex mutex_;  // guards held_ and failure_
  std::condition_variable_any wake_;
  std::vector<Claim> held_;
  std::exception_ptr failure_;
  std::mutex event_mutex_;                                  // one event at a time
  std::stop_callback<std::function<void()>> forward_stop_;  // last: it may fire while constructed
};

/// Empty when the whole plan was run.
std::string why_it_ended(const WorkerPool& pool, const Study& study) {
  const std::vector<TrialRecord> trials = study.trials();
  const bool all_ran = std::ranges::none_of(trials, [](const TrialRecord& trial) {
    return trial.state == TrialState::Waiting || trial.state == TrialState::Paused;
  });
  return all_ran ? study.stopped().value_or("") : pool.reason_to_end();
}

/// For reports, which are written from the store alone.
void record_end(Study& study, const std::string& reason) {
  constexpr std::string_view kAttribute = "hypertune:stopped";
  const bool noted = study.storage().attributes(study.id()).contains(kAttribute);
  if (reason.empty() && !noted) return;
  study.storage().set_attribute(study.id(), kAttribute,
                                dump_json(reason.empty() ? Json() : Json(reason)));
}

TuneSummary summarize(const std::vector<TrialRecord>& trials) {
  TuneSummary summary;
  std::set<int> repeated;
  for (const TrialRecord& trial : trials) {
    if (trial.plan.retry_of) repeated.insert(*trial.plan.retry_of);
  }
  for (const TrialRecord& trial : trials) {
    if (!trial.plan.retry_of) ++summary.planned;
    if (trial.state == TrialState::Complete) ++summary.complete;
    if (trial.state == TrialState::Pruned) ++summary.pruned;
    if (trial.state == TrialState::Paused) ++summary.paused;
    if (trial.state == TrialState::Running) ++summary.elsewhere;
    if (trial.state == TrialState::Failed && !repeated.contains(trial.number)) ++summary.failed;
  }
  return summary;
}

}  // namespace

void check_options(const TuneOptions& options) {
  if (options.num_samples < 1) throw ConfigError("num_samples must be at least 1");
  if (options.workers < 1) throw ConfigError("workers must be at least 1");
  if (options.lag && *options.lag < 0) throw ConfigError("lag must be at least 0");
  if (options.lag && options.workers - 1 > *options.lag) {
    throw ConfigError(fmt::format(
        "with lag = {} no more than {} at once, and {} workers were asked for; raise lag to {}, or "
        "lower workers",
        *options.lag,
        *options.lag == 0 ? "1 trial runs" : fmt::format("{} trials run", *options.lag + 1),
        options.workers, options.workers - 1));
  }
}

TuneSummary tune(Study& study, Executor& executor, const TuneOptions& options,
                 std::stop_token stop) {
  check_options(options);
  study.set_lag(options.lag);
  study.plan(options.num_samples, options.paired);
  WorkerPool pool(study, executor, options, std::move(stop));
  pool.run();
  TuneSummary summary = summarize(study.trials());
  summary.interrupted = pool.interrupted();
  if (!summary.interrupted) summary.stopped = why_it_ended(pool, study);
  record_end(study, summary.stopped);
  return summary;
}

}  // namespace hypertune

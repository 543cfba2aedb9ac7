// The worker loop: threads that claim, run and tell, and one that keeps their leases alive.
#include "hypertune/tune.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
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
/// How often those who wait for other processes look what became of them.
constexpr std::chrono::milliseconds kLookAgain{1000};

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
    look_after_others();
    do {
      std::jthread heart([this](const std::stop_token& done) { keep_leases(done); });
      run_workers();
    } while (!stop_.stop_requested() && look_after_others() && !left_ && reason_to_end().empty());
    // What was interrupted just now waits for the next run.
    if (!failure_) study_.plan_retries(options_.max_attempts);
    if (failure_) std::rethrow_exception(failure_);
    if (stop_.stop_requested() || late_ || left_) return;
    for (const TrialRecord& ended : study_.end_paused()) {
      notify({Event::Kind::Finished, 0, ended});
    }
  }

  bool interrupted() const { return stop_.stop_requested(); }
  bool left() const { return left_; }

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

  /// Recovers what others lost. Returns whether any trial waits, whoever planned it.
  bool look_after_others() {
    recover(study_, options_.max_attempts, [this](const TrialRecord& lost) {
      notify({Event::Kind::Lost, 0, lost});
    });
    return study_.storage().next_waiting(study_.id()).has_value();
  }

  /// Waits until a trial waits. False when none will, and when it is time to leave.
  bool await_work() {
    const auto idle_since = options_.clock();
    while (options_.joins && !stop_.stop_requested() && !left_ && reason_to_end().empty()) {
      if (look_after_others()) return true;
      constexpr std::array kRunning = {TrialState::Running};
      const auto running = study_.storage().trials_in(study_.id(), kRunning);
      // Another program's have no lease: nobody would notice if it died.
      if (std::ranges::none_of(running, [](const TrialRecord& t) { return t.lease > 0; })) {
        return false;
      }
      if (options_.idle_timeout && options_.clock() - idle_since >= *options_.idle_timeout) {
        left_ = true;
      }
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, stop_.get_token(), kLookAgain, [] { return false; });
    }
    return false;
  }

  /// Whether one more trial may begin here.
  bool may_begin() {
    if (options_.max_trials && begun_.fetch_add(1) >= *options_.max_trials) left_ = true;
    return !left_ && !stop_.stop_requested();
  }

  void work(int index) {
    try {
      const TrialHooks hooks{stop_.get_token(),
                             [this, index](const TrialRecord& record) {
                               notify({Event::Kind::Reported, index, record});
                             },
                             [this] { return is_late(); }};
      while (may_begin()) {
        auto trial = study_.next({worker_id(index), options_.lease}, hooks);
        if (trial) {
          run_one(*trial, index);
        } else {
          if (options_.max_trials) --begun_;
          if (!await_work()) return;
        }
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
    std::stop_source stop;
    const std::stop_callback forward(stop_.get_token(), [&] { stop.request_stop(); });
    const Holding holding(*this, {{trial.record().id, trial.record().lease}, stop});
    try {
      notify({Event::Kind::Started, index, trial.record()});
      tell(trial, outcome_of(trial, stop.get_token()), index);
    } catch (const LeaseLost&) {
      // This process was silent for too long, and the trial is planned again or runs elsewhere; or
      // somebody ended it by hand.
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

  Outcome outcome_of(Trial& trial, std::stop_token stop) {
    try {
      Outcome outcome = executor_.run(trial, std::move(stop));
      // Nobody interrupted the whole: planning it again would never end.
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
      std::vector<Held> held = held_;
      lock.unlock();
      try {
        renew(held);
        if (options_.joins) look_after_others();
      } catch (...) {
        fail(std::current_exception());
      }
      lock.lock();
    }
  }

  /// A trial that runs here.
  struct Held {
    Claim claim;
    std::stop_source stop;
    bool is(Claim other) const { return claim.trial == other.trial && claim.lease == other.lease; }
  };

  /// Stops those that are no longer held: nobody wants what they find.
  void renew(std::vector<Held>& held) {
    std::vector<Claim> claims;
    for (const Held& each : held) claims.push_back(each.claim);
    for (const Claim& lost : study_.storage().heartbeat(claims, options_.lease)) {
      for (Held& each : held) {
        if (each.is(lost)) each.stop.request_stop();
      }
    }
  }

  /// Has a lease renewed as long as it lives.
  class Holding {
   public:
    Holding(WorkerPool& pool, Held held) : pool_(pool), claim_(held.claim) {
      const std::scoped_lock lock(pool_.mutex_);
      pool_.held_.push_back(std::move(held));
    }
    ~Holding() {
      const std::scoped_lock lock(pool_.mutex_);
      // What paused may run here again already, under another lease.
      std::erase_if(pool_.held_, [&](const Held& held) { return held.is(claim_); });
    }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;

   private:
    WorkerPool& pool_;
    Claim claim_;
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
  std::atomic<bool> left_ = false;
  std::atomic<int> begun_ = 0;  // counted only where there is a limit
  std::stop_source stop_;
  std::mutex mutex_;  // guards held_ and failure_
  std::condition_variable_any wake_;
  std::vector<Held> held_;
  std::exception_ptr failure_;
  std::mutex event_mutex_;                                  // one event at a time
  std::stop_callback<std::function<void()>> forward_stop_;  // last: it may fire while constructed
};

/// Empty when the whole plan was run.
std::string why_it_ended(const WorkerPool& pool, const Study& study) {
  const TrialCounts counts = study.storage().counts(study.id());
  const bool all_ran = counts.waiting == 0 && counts.paused == 0;
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

}  // namespace

TuneSummary summarize(const Study& study, int max_attempts) {
  const TrialCounts counts = study.storage().counts(study.id());
  int repeated = 0;  // each by one trial more
  if (counts.failed > 0) {
    constexpr std::array kFailed = {TrialState::Failed};
    repeated = static_cast<int>(std::ranges::count_if(
        study.storage().trials_in(study.id(), kFailed),
        [&](const TrialRecord& trial) { return wants_retry(trial, max_attempts); }));
  }
  return {.planned = counts.total() - repeated,
          .complete = counts.complete,
          .pruned = counts.pruned,
          .paused = counts.paused,
          .failed = counts.failed - repeated,
          .elsewhere = counts.running};
}

void recover(Study& study, int max_attempts,
             const std::function<void(const TrialRecord&)>& on_lost) {
  for (const TrialRecord& lost : study.storage().fail_stale(study.id())) {
    if (on_lost) on_lost(lost);
  }
  study.plan_retries(max_attempts);
}

void check_options(const TuneOptions& options) {
  if (options.num_samples < 1) throw ConfigError("num_samples must be at least 1");
  if (options.max_trials && *options.max_trials < 1) {
    throw ConfigError("max_trials must be at least 1");
  }
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
  if (options.joins) {
    study.join_plan(options.num_samples, options.paired);
  } else {
    study.plan(options.num_samples, options.paired);
  }
  WorkerPool pool(study, executor, options, std::move(stop));
  pool.run();
  TuneSummary summary = summarize(study, options.max_attempts);
  summary.interrupted = pool.interrupted();
  summary.left = pool.left();
  if (!summary.interrupted && !summary.left) summary.stopped = why_it_ended(pool, study);
  // Who leaves early does not know how it ends.
  if (!options.joins || !(summary.interrupted || summary.left)) record_end(study, summary.stopped);
  return summary;
}

}  // namespace hypertune

// Runs the trials of a study on this machine's cores.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "hypertune/study.h"

namespace hypertune {

/// Runs one trial to its end, or until it is to pause (see Decision). Called from several threads
/// at once.
class Executor {
 public:
  virtual ~Executor() = default;
  /// `stop` is requested when the run is interrupted or others have ended the trial; an executor
  /// that then ends early returns Outcome::interrupted. `Trial::report` answers Stop, or throws.
  virtual Outcome run(Trial& trial, std::stop_token stop) = 0;
};

/// Calls a function for each trial. An exception that leaves it fails the trial, not the study.
std::unique_ptr<Executor> function_executor(std::function<Outcome(Trial&)> objective);

/// What happened, as it happens.
struct Event {
  /// Started is also what goes on after a pause.
  enum class Kind : std::uint8_t { Started, Reported, Finished, Lost, Paused };
  Kind kind;
  int worker = 0;  ///< index of the worker thread, from 0
  /// Valid during the call only. After the end: with its outcome, but without the time of it.
  const TrialRecord& record;
};

struct TuneOptions {
  int num_samples = 1;             ///< trials for each grid point
  bool paired = false;             ///< cells of a sample share sampled values and training seed
  int workers = 1;                 ///< threads; each trial runs on one
  int max_attempts = 3;            ///< for trials whose worker died
  std::chrono::seconds lease{60};  ///< silence after which a worker counts as dead
  /// See Study::set_lag; at most lag + 1 workers.
  std::optional<int> lag = {};
  /// No trial begins, or goes on after a pause, later than this after the beginning of the run;
  /// those that run then end as they would have. Which trials are run depends on the machine.
  std::optional<std::chrono::duration<double>> time_limit = {};
  /// For workers that share a study which another process planned: plans nothing, stays while
  /// trials run in other processes, which may have to be repeated, and looks after these all the
  /// time.
  bool joins = false;
  /// Leaves when so many trials have begun here, though there may be more to do.
  std::optional<int> max_trials = {};
  /// Leaves when no trial ran here for so long, though trials may still run elsewhere.
  std::optional<std::chrono::duration<double>> idle_timeout = {};
  /// For the limits of time; tests pass their own.
  std::function<std::chrono::steady_clock::time_point()> clock = std::chrono::steady_clock::now;
  std::function<void(const Event&)> on_event = {};  ///< called by one thread at a time
};

struct TuneSummary {
  int planned = 0;   ///< trials in the study's plan, repeats left out
  int complete = 0;  ///< of these, how many are Complete, whoever ran them
  int pruned = 0;
  int paused = 0;     ///< go on next time
  int failed = 0;     ///< failed for good
  int elsewhere = 0;  ///< still running in other processes
  bool interrupted = false;
  bool left = false;  ///< for `max_trials` or `idle_timeout`
  /// Why trials of the plan were not run, or why the plan holds fewer than `num_samples` asks for:
  /// a stopper's reason, the time limit, or an exhausted space. Empty otherwise.
  std::string stopped = {};
};

/// How a study stands, whoever ran its trials; `interrupted`, `left` and `stopped` are not set.
TuneSummary summarize(const Study& study, int max_attempts);

/// Fails the trials of dead workers, and plans again what is to be repeated. `on_lost` is called
/// for each lost trial. Whoever notices it first does it, in whatever process.
void recover(Study& study, int max_attempts,
             const std::function<void(const TrialRecord&)>& on_lost = {});

/// Throws ConfigError, saying how to mend it, for options that are impossible or contradict each
/// other.
void check_options(const TuneOptions& options);

/// Plans the study's trials and runs those that wait until none is left, the study has ended (see
/// Study::stopped), or `stop` is requested.
/// Trials that other processes already finished, or are running, are not repeated. Trials that are
/// paused when none is left become Pruned; after a stop they stay Paused, and the next run goes on
/// with them.
/// Throws StorageError when the store fails, after the other trials were stopped; what could not be
/// stored runs again next time.
TuneSummary tune(Study& study, Executor& executor, const TuneOptions& options = {},
                 std::stop_token stop = {});

}  // namespace hypertune

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

/// Runs one trial to its end. Called from several threads at once.
class Executor {
 public:
  virtual ~Executor() = default;
  /// `stop` is requested when the run is interrupted; an executor that then ends early returns
  /// Outcome::interrupted. `Trial::report` answers Stop from that moment as well.
  virtual Outcome run(Trial& trial, std::stop_token stop) = 0;
};

/// Calls a function for each trial. An exception that leaves it fails the trial, not the study.
std::unique_ptr<Executor> function_executor(std::function<Outcome(Trial&)> objective);

/// What happened, as it happens.
struct Event {
  enum class Kind : std::uint8_t { Started, Reported, Finished, Lost };
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
  std::function<void(const Event&)> on_event = {};  ///< called by one thread at a time
};

struct TuneSummary {
  int planned = 0;   ///< trials in the study's plan, repeats left out
  int complete = 0;  ///< of these, how many are Complete, whoever ran them
  int pruned = 0;
  int failed = 0;     ///< failed for good
  int elsewhere = 0;  ///< still running in other processes
  bool interrupted = false;
};

/// Throws ConfigError, saying how to mend it, for options that are impossible or contradict each
/// other.
void check_options(const TuneOptions& options);

/// Plans the study's trials and runs those that wait until none is left or `stop` is requested.
/// Trials that other processes already finished, or are running, are not repeated.
/// Throws StorageError when the store fails, after the other trials were stopped; what could not be
/// stored runs again next time.
TuneSummary tune(Study& study, Executor& executor, const TuneOptions& options = {},
                 std::stop_token stop = {});

}  // namespace hypertune

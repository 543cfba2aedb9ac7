// Trials: one evaluation of the objective, its snapshot, and its end.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/domain.h"
#include "hypertune/rng.h"
#include "hypertune/value.h"

namespace hypertune {

using TrialId = std::int64_t;  ///< unique in a store
using StudyId = std::int64_t;
using TimePoint = std::chrono::system_clock::time_point;

enum class TrialState : std::uint8_t { Waiting, Running, Paused, Complete, Pruned, Failed };

/// Complete, Pruned and Failed never change again.
bool is_final(TrialState state);
std::string_view to_string(TrialState state);

/// What was reported at one step; the steps of a trial increase.
struct Report {
  std::int64_t step = 0;
  Metrics metrics;
};

/// Why a Failed trial failed; decides whether its work is planned again.
enum class Failure : std::uint8_t {
  None,         ///< it did not fail
  Error,        ///< the objective threw, or returned a value that is not a number
  Interrupted,  ///< its worker was asked to stop; planned again
  WorkerLost,   ///< its worker died or fell silent; planned again, a limited number of times
};

/// How a trial ended.
struct Outcome {
  TrialState state = TrialState::Complete;
  Metrics metrics = {};
  std::string reason = {};
  Failure failure = Failure::None;

  static Outcome complete(Metrics metrics);
  static Outcome pruned(std::string reason = {}, Metrics metrics = {});
  static Outcome failed(std::string reason);
  static Outcome interrupted(std::string reason);
};

/// Names one lease on one trial. A write under it is refused (LeaseLost) when a newer lease was
/// given out, and (TrialFinished) when the trial is final.
struct Claim {
  TrialId trial = 0;
  int lease = 0;
};

/// A trial that is to be run.
struct TrialPlan {
  /// Unique in the study: planning a key twice plans it once. Empty: always a new trial.
  std::string key = {};
  /// Parameters that are already decided; the sampler fills in the rest.
  Params fixed = {};
  /// What the random numbers are keyed by; trials of one draw share sampled values and training
  /// seed. Default: a draw of the trial's own, which depends on its number.
  std::optional<std::uint64_t> draw = {};
  /// The number of the failed trial that this one repeats, and how often that was done before.
  std::optional<int> retry_of = {};
  int attempt = 1;
};

/// Snapshot of a trial as it is stored.
struct TrialRecord {
  TrialId id = 0;
  int number = 0;  ///< 0, 1, 2, ... in its study
  TrialState state = TrialState::Waiting;
  TrialPlan plan;
  Params params;
  std::map<std::string, Domain, std::less<>> domains;
  std::vector<Report> reports;  ///< by increasing step
  Metrics metrics;              ///< final results, objectives among them
  std::string reason;           ///< why it failed or was pruned
  Failure failure = Failure::None;
  std::string worker;  ///< who runs or ran it
  int lease = 0;       ///< number of the present lease; writes that carry an older one are refused
  std::optional<TimePoint> started;
  std::optional<TimePoint> ended;

  /// What the random numbers of this trial are keyed by.
  std::uint64_t draw() const {
    // Apart from the draws of a study's plan, which count from 0.
    return plan.draw.value_or((std::uint64_t{1} << 32) + static_cast<std::uint64_t>(number));
  }
  /// As Trial::seed, for a study of this seed.
  std::uint64_t seed(std::uint64_t study_seed) const;
  std::optional<double> duration_s() const;
};

/// Whether the trial's work is to be planned again: it was interrupted, or lost its worker fewer
/// than `max_attempts` times.
bool wants_retry(const TrialRecord& trial, int max_attempts);

/// What a scheduler says to a report.
enum class Decision : std::uint8_t { Continue, Stop, Pause };

/// Why a report was answered with Stop.
enum class StopCause : std::uint8_t { None, Scheduler, NotANumber, Interrupted };

/// How whoever runs a trial takes part in it.
struct TrialHooks {
  std::stop_token stop = {};                               ///< the run is interrupted
  std::function<void(const TrialRecord&)> on_report = {};  ///< after each report
};

class Study;

/// A running trial, in the hands of whoever evaluates it. Movable, not thread-safe; it refers to
/// its Study, which must outlive it.
class Trial {
 public:
  int number() const { return record_.number; }
  const Params& params() const { return record_.params; }
  const TrialRecord& record() const { return record_; }

  /// The decided value, or the value sampled from `domain` when `name` is not decided yet. Throws
  /// ParameterConflict when the decided value does not lie in the domain.
  double suggest_float(std::string_view name, FloatDomain domain);
  std::int64_t suggest_int(std::string_view name, IntDomain domain);
  Value suggest_categorical(std::string_view name, std::vector<Value> choices);
  bool suggest_bool(std::string_view name);

  /// Records the metrics of a step and asks the scheduler. Throws Error unless steps increase. Stop
  /// is also the answer when the run was interrupted and when the first objective is NaN.
  Decision report(std::int64_t step, Metrics metrics);

  /// Why `report` answered Stop, if it did.
  StopCause stop_cause() const { return stop_cause_; }
  /// The scheduler's reason for it, in words.
  const std::string& stop_reason() const { return stop_reason_; }

  /// Seed for the evaluation itself (initial weights, order of data). Trials of one draw share it.
  std::uint64_t seed() const;

 private:
  friend class Study;
  Trial(Study& study, TrialRecord record, TrialHooks hooks)
      : study_(&study), record_(std::move(record)), hooks_(std::move(hooks)) {}
  Value suggest(std::string_view name, const Domain& domain);
  Claim claim() const { return {record_.id, record_.lease}; }

  Study* study_;
  TrialRecord record_;
  TrialHooks hooks_;
  StopCause stop_cause_ = StopCause::None;
  std::string stop_reason_;
};

}  // namespace hypertune

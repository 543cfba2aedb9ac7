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
  Crash,        ///< its program died or broke off; planned again, a limited number of times
  Timeout,      ///< it took longer than it may; planned again, a limited number of times
};

/// `error`, `worker-lost`, ...
std::string_view to_string(Failure failure);

/// How a trial ended, or that it paused.
struct Outcome {
  TrialState state = TrialState::Complete;
  Metrics metrics = {};
  std::string reason = {};
  Failure failure = Failure::None;

  static Outcome complete(Metrics metrics);
  static Outcome pruned(std::string reason = {}, Metrics metrics = {});
  static Outcome failed(std::string reason);
  static Outcome interrupted(std::string reason);
  /// What to return when `Trial::report` answered Pause.
  static Outcome paused();
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
  /// The number of the trial from whose checkpoint this one goes on.
  std::optional<int> parent = {};
};

/// Snapshot of a trial as it is stored.
struct TrialRecord {
  TrialId id = 0;
  int number = 0;  ///< 0, 1, 2, ... in its study
  TrialState state = TrialState::Waiting;
  TrialPlan plan;
  Params params;
  Domains domains;              ///< of `params`
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

/// Whether the trial's work is to be planned again: it was interrupted, or this was not yet attempt
/// number `max_attempts` and it lost its worker, crashed or ran out of time.
bool wants_retry(const TrialRecord& trial, int max_attempts);

/// What a scheduler says to a report. Whoever runs the trial returns on anything but Continue: on
/// Pause he may save a checkpoint, and returns Outcome::paused (or Outcome::pruned, which then
/// means the same); the trial is run again when, and if, the scheduler wants it to go on.
enum class Decision : std::uint8_t { Continue, Stop, Pause };
std::string_view to_string(Decision decision);

/// Why a report was answered with Stop.
enum class StopCause : std::uint8_t { None, Scheduler, NotANumber, Interrupted };

/// How whoever runs a trial takes part in it.
struct TrialHooks {
  std::stop_token stop = {};                               ///< the run is interrupted
  std::function<void(const TrialRecord&)> on_report = {};  ///< after each report
  std::function<bool()> too_late = {};                     ///< whether no trial may begin any more
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
  /// is also the answer when the run was interrupted and when the first objective is NaN. Steps up
  /// to the last one from before a pause are not recorded again, and answered with Continue. A
  /// trial that repeats a failed one takes over what that one reported before the first step
  /// reported here.
  Decision report(std::int64_t step, Metrics metrics);

  /// What `report` answered last; Continue before the first one.
  Decision last_decision() const { return decision_; }
  /// Why `report` answered Stop, if it did.
  StopCause stop_cause() const { return stop_cause_; }
  /// The scheduler's reason for it, in words.
  const std::string& stop_reason() const { return stop_reason_; }

  /// From where the evaluation is to go on: what was saved last, before this trial was paused, or
  /// else by its parent (TrialPlan::parent). Nothing: it begins anew.
  std::optional<std::string> checkpoint() const;
  /// Whether `checkpoint` is of the same work: of this trial, or of one that it repeats. Otherwise
  /// it is that of a parent with other parameters.
  bool goes_on() const;
  /// Keeps whatever bytes the evaluation needs to go on from here, in the place of those that were
  /// saved before, until the trial has ended and no planned trial goes on from it. Throws Error for
  /// more than kMaxCheckpointBytes.
  void save_checkpoint(std::string_view bytes);
  /// Whether a checkpoint is to be saved now, after the last report, for this trial or others to go
  /// on from. To be asked before the next report; who cannot save one may ignore it.
  bool wants_checkpoint() const { return wants_checkpoint_; }
  /// Whether one may be saved at any other time as well, for the repetition of this trial to go on
  /// from should it break off. Not where other trials begin where this one was when it was wanted.
  bool may_save_checkpoint() const;

  /// Seed for the evaluation itself (initial weights, order of data). Trials of one draw share it.
  std::uint64_t seed() const;

 private:
  friend class Study;
  Trial(Study& study, TrialRecord record, TrialHooks hooks)
      : study_(&study), record_(std::move(record)), hooks_(std::move(hooks)) {}
  Value suggest(std::string_view name, const Domain& domain);
  Decision record_and_rule(std::int64_t step, Metrics metrics);
  void take_over_reports(std::optional<std::int64_t> first_step);
  bool may_have_checkpoints() const;
  Claim claim() const { return {record_.id, record_.lease}; }

  Study* study_;
  TrialRecord record_;
  TrialHooks hooks_;
  std::optional<std::int64_t> last_step_;  // reported here
  Decision decision_ = Decision::Continue;
  bool wants_checkpoint_ = false;
  bool saved_checkpoint_ = false;  // here
  StopCause stop_cause_ = StopCause::None;
  std::string stop_reason_;
  std::optional<TrialPlan> successor_;  // takes its place when it is pruned
};

}  // namespace hypertune

// Schedulers stop or pause trials on the strength of their reports.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/history.h"

namespace hypertune {

/// What a scheduler says, and why, in words for the user: "worse than the median of 5 trials at
/// step 3". The reason of Continue is empty.
struct Ruling {
  Decision decision = Decision::Continue;
  std::string reason = {};

  /// A trial that is to begin where another one is.
  struct Successor {
    int parent = 0;      ///< number of the trial whose checkpoint it goes on from
    Params params = {};  ///< with every parameter decided
  };
  /// With Stop: the trial that takes the stopped one's place.
  std::optional<Successor> successor = {};
};

/// A pure function of the history. Safe to call from several threads.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// Called once after each report; `trial.reports` ends with it.
  virtual Ruling on_report(const TrialRecord& trial, const History& history) const = 0;

  /// Whether `on_report` reads the history at all; when not, the study does not fetch it.
  virtual bool uses_history() const { return true; }

  /// Whether `on_report` may answer Pause. Only then is `resume` asked.
  virtual bool pauses() const { return false; }

  /// Whether a ruling of `on_report` may have a successor.
  virtual bool replaces() const { return false; }

  /// Asked when a worker is free: the number of the Paused trial that is to go on now; nothing when
  /// a new trial is to begin instead, or when there is none, what runs is to be waited for.
  /// `history.number` is that of the trial that would begin instead, -1 when none waits.
  virtual std::optional<int> resume(const History& /*history*/) const { return std::nullopt; }

  /// Whether other trials may go on from where this one is after its last report, so that it has to
  /// save a checkpoint there even though it continues.
  virtual bool wants_checkpoint(const TrialRecord& /*trial*/) const { return false; }
};

/// Lets every trial run to its end.
std::unique_ptr<Scheduler> fifo_scheduler();

// All others watch the study's first objective, as it is reported. A report that lacks it, or has
// NaN for it, changes nothing. Options out of their range throw ConfigError.

struct MedianOptions {
  /// Complete trials before anything is stopped; more where early trials say little.
  int startup_trials = 5;
  /// No trial is stopped before this step; raise it where early reports are mostly noise.
  std::int64_t warmup_steps = 0;
  /// Steps from one decision to the next; raise it where reports are frequent.
  std::int64_t interval_steps = 1;
  /// Complete trials that must have reported the very step; more makes the median surer.
  int min_trials = 1;
};

/// Stops a trial whose best value so far is worse than the median of the Complete trials at the
/// same step. Golovin et al., "Google Vizier", 2017.
std::unique_ptr<Scheduler> median_scheduler(const MedianOptions& options = {});

struct PercentileOptions {
  /// The best percentage of trials that goes on; smaller stops more.
  double percentile = 25;
  /// The other options are those of the median.
  int startup_trials = 5;
  std::int64_t warmup_steps = 0;
  std::int64_t interval_steps = 1;
  int min_trials = 1;
};

/// As `median_scheduler`, with any percentile in the median's place.
std::unique_ptr<Scheduler> percentile_scheduler(const PercentileOptions& options = {});

struct ThresholdOptions {
  /// A smaller value stops the trial; at least one of the two is needed.
  std::optional<double> lower = {};
  /// A larger value stops the trial.
  std::optional<double> upper = {};
  /// No trial is stopped before this step; raise it where trials start outside of the bounds.
  std::int64_t warmup_steps = 0;
  /// Steps from one decision to the next; raise it where reports are frequent.
  std::int64_t interval_steps = 1;
};

/// Stops a trial that reports a value out of bounds, whatever the direction of the objective.
std::unique_ptr<Scheduler> threshold_scheduler(const ThresholdOptions& options);

struct PatienceOptions {
  /// Reports that may pass without the trial's best value being met again; more where curves are
  /// noisy or rest on plateaus.
  int patience = 5;
  /// How much worse than its best still counts as met; raise it where curves are noisy.
  double tolerance = 0;
};

/// Stops a trial that has got worse and stayed worse. With `wrapped`, the trial is stopped when
/// that scheduler says so as well: patience then protects trials that still improve.
std::unique_ptr<Scheduler> patience_scheduler(const PatienceOptions& options = {},
                                              std::unique_ptr<Scheduler> wrapped = nullptr);

/// What becomes of a trial that is not among the best at its rung.
enum class AshaMode : std::uint8_t {
  Stop,     ///< it is stopped for good
  Promote,  ///< it is paused, and goes on when it turns out to be among the best
};

struct AshaOptions {
  /// The first rung: the step before which nothing is stopped.
  std::int64_t min_resource = 1;
  /// The last step of a trial: there is no rung at or after it. Without it rungs never end.
  std::optional<std::int64_t> max_resource = {};
  /// One of so many goes on at a rung, and the next rung is so many times as far.
  int reduction_factor = 4;
  /// Brackets among which the trials are divided, each of which starts one rung later; more where
  /// early values are misleading.
  int brackets = 1;
  /// Values a rung must hold, the trial's own included, before it stops anything; more stops fewer
  /// of the first trials, which have little to be compared with. With `Stop` alone.
  int grace_trials = 1;
  /// Promote where trials save checkpoints, and what came early must not be judged for ever by the
  /// little that was known then.
  AshaMode mode = AshaMode::Stop;
};

/// Stops or pauses a trial at a rung unless it is among the best 1 / reduction_factor of all that
/// were there. Li et al., "A system for massively parallel hyperparameter tuning", 2020.
std::unique_ptr<Scheduler> asha_scheduler(const AshaOptions& options = {});

/// When trials are judged at a rung.
enum class HyperbandMode : std::uint8_t {
  Asynchronous,  ///< one by one, against those that came before; the others are stopped
  Synchronous,   ///< together, when all are there; until then they are paused
};

struct HyperbandOptions {
  /// The last step of a trial; needed, for the number of brackets follows from it.
  std::int64_t max_resource = 0;
  /// The first rung of the first bracket; raise it where the first reports say nothing.
  std::int64_t min_resource = 1;
  /// As for ASHA.
  int reduction_factor = 3;
  int grace_trials = 1;
  /// Synchronous for the published algorithm, where trials save checkpoints; its brackets are
  /// filled one after the other.
  HyperbandMode mode = HyperbandMode::Asynchronous;
};

/// All brackets of successive halving from `min_resource` to `max_resource`. Li et al.,
/// "Hyperband", 2018.
std::unique_ptr<Scheduler> hyperband_scheduler(const HyperbandOptions& options);

struct PbtOptions {
  /// Steps from one comparison to the next; more where a change takes time to show.
  std::int64_t interval = 2;
  /// Members of the worst share of so much give way to copies of the best; larger converges faster.
  double quantile = 0.25;
  /// No trial is replaced before this step; raise it where early values say little.
  std::int64_t burn_in = 0;
  /// The last step of a trial, at which nothing is replaced; without it that happens even where no
  /// step is left.
  std::optional<std::int64_t> max_resource = {};
  /// Parameters that are changed on the way, which the objective must bear. Empty: all but those
  /// that the study's plan fixes, such as grid axes.
  std::vector<std::string> parameters = {};
  /// Chance with which a parameter is drawn anew from its domain; larger explores more.
  double resample_probability = 0.25;
  /// Otherwise a number is multiplied by one of the two, and a choice gives way to one of its
  /// neighbors; nearer to 1 explores less.
  double factor_low = 0.8;
  double factor_high = 1.2;
};

/// Population-based training: the trials of the plan train together; a bad one is stopped, and in
/// its place a new trial goes on from the checkpoint of a good one, with its parameters changed a
/// little. Jaderberg et al., "Population based training of neural networks", 2017.
std::unique_ptr<Scheduler> pbt_scheduler(const PbtOptions& options = {});

struct Pb2Options {
  /// As for PBT.
  std::int64_t interval = 2;
  double quantile = 0.25;
  std::int64_t burn_in = 0;
  std::optional<std::int64_t> max_resource = {};
  std::vector<std::string> parameters = {};
};

/// As PBT, but a model of what was gained so far, and when, chooses the new numbers; for small
/// populations. Parker-Holder et al., "Provably efficient online hyperparameter optimization with
/// population-based bandits", 2020.
std::unique_ptr<Scheduler> pb2_scheduler(const Pb2Options& options = {});

struct WilcoxonOptions {
  /// The trial is stopped when the test's p-value is smaller; larger stops more.
  double p_threshold = 0.1;
  /// Common steps before anything is stopped, at least two; more makes the test surer.
  int startup_steps = 2;
};

/// For trials whose steps are instances of a problem or folds, not progress: stops a trial that
/// Wilcoxon's signed-rank test finds worse than the best trial on the steps both have reported.
std::unique_ptr<Scheduler> wilcoxon_scheduler(const WilcoxonOptions& options = {});

}  // namespace hypertune

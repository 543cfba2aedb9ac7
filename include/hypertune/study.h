// A study: a queue of trials, a sampler that fills in what is not fixed, a scheduler that stops.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "hypertune/sampler.h"
#include "hypertune/scheduler.h"
#include "hypertune/storage.h"
#include "hypertune/trial.h"

namespace hypertune {

/// Thread-safe: several threads may ask and tell at once.
class Study {
 public:
  /// Opens or creates the study in the store.
  explicit Study(StudySpec spec, std::shared_ptr<Storage> storage = memory_storage(),
                 std::unique_ptr<Sampler> sampler = random_sampler(),
                 std::unique_ptr<Scheduler> scheduler = fifo_scheduler());

  /// A trial to run: the first waiting one, or else a new one. Every parameter of the space is
  /// decided when it returns.
  Trial ask();

  /// The first waiting trial, with every parameter decided; nothing when none waits.
  std::optional<Trial> next(const Lease& lease, const TrialHooks& hooks = {});

  /// Ends the trial. A Complete outcome that lacks an objective, or has NaN for one, is recorded as
  /// Failed with the metric's name; a Pruned one whose Stop was an interruption, as Interrupted.
  /// Throws TrialFinished when it was told before.
  void tell(Trial& trial, Outcome outcome);

  /// Plans a trial with these parameters fixed; the sampler fills in the others. Throws
  /// ParameterConflict for a value outside its domain in the space.
  void enqueue(Params fixed);
  /// Plans several at once; see TrialPlan. Returns how many were new.
  int enqueue_plans(const std::vector<TrialPlan>& plans);

  /// Plans `num_samples` trials for each grid point, sample by sample. Idempotent: a larger number
  /// adds the missing ones. `paired`: the cells of a sample share sampled values and training seed;
  /// throws StudyMismatch when the study was planned with the other setting.
  int plan(int num_samples, bool paired = false);

  /// Plans again what was interrupted, and what lost its worker fewer than `max_attempts` times.
  /// Idempotent. Returns how many trials are new.
  int plan_retries(int max_attempts = 3);

  std::vector<TrialRecord> trials() const;
  /// Throws Error when no trial is Complete.
  TrialRecord best_trial() const;

  const StudySpec& spec() const { return spec_; }
  StudyId id() const { return id_; }
  Storage& storage() const { return *storage_; }

 private:
  friend class Trial;
  Trial take(TrialRecord record, TrialHooks hooks);
  void decide(TrialRecord& record, const SearchSpace& space) const;
  std::vector<TrialRecord> history_for(bool wanted) const;

  std::shared_ptr<Storage> storage_;
  StudySpec spec_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<Scheduler> scheduler_;
  StudyId id_;
};

}  // namespace hypertune

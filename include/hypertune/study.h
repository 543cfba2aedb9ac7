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
  Study(Study&&) noexcept;
  ~Study();

  /// Makes results independent of timing: sampler and scheduler decide about trial n from exactly
  /// the trials numbered below n - lag, which are final by then. At most lag + 1 trials run at
  /// once: `next` and `ask` wait for others to end where one more would begin too early. Failed
  /// trials count as final, and a repetition as the new trial that it is; so where workers are lost
  /// or interrupted, what comes after may differ. Nothing: decide from all that is known. To be
  /// called before trials are taken. Throws StudyMismatch when trials have begun with another lag.
  void set_lag(std::optional<int> lag);

  /// A trial to run: the first waiting one, or else a new one. Every parameter of the space is
  /// decided when it returns.
  Trial ask();

  /// The first waiting trial, with every parameter decided; nothing when none waits, or when a
  /// stop was requested while it was too early for the next one.
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
  /// throws StudyMismatch when the study was planned with the other setting. What the first cell
  /// was given counts, whatever the sampler learned since.
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
  struct Shared;  // between the threads that ask, tell and report
  std::optional<TrialRecord> claim(Lease lease, const std::stop_token& stop);
  Trial take(TrialRecord record, const Lease& lease, TrialHooks hooks);
  Params values_of_siblings(const TrialRecord& record, const Params& fixed,
                            const Lease& lease) const;
  void decide(TrialRecord& record, const SearchSpace& space, const Params& fixed) const;
  void suggest(TrialRecord& record, const SearchSpace& space) const;
  Ruling rule(const TrialRecord& record) const;
  /// Calls `action` with the history for a decision about the trial; without trials unless
  /// `wanted`.
  template <typename Action>
  auto with_history(const TrialRecord& of, bool wanted, Action action) const;

  std::shared_ptr<Storage> storage_;
  StudySpec spec_;
  std::unique_ptr<Sampler> sampler_;
  std::unique_ptr<Scheduler> scheduler_;
  StudyId id_;
  std::optional<int> lag_;
  std::unique_ptr<Shared> shared_;
};

}  // namespace hypertune

// A study: a queue of trials, a sampler that fills in what is not fixed, a scheduler that stops.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "hypertune/sampler.h"
#include "hypertune/scheduler.h"
#include "hypertune/stopper.h"
#include "hypertune/storage.h"
#include "hypertune/trial.h"

namespace hypertune {

/// Throws ConfigError when the scheduler cannot be used with this lag: what pauses goes on when
/// others have ended, which no lag can order.
void check_lag(std::optional<int> lag, const Scheduler& scheduler);

struct Chosen;
struct PlanSize;

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

  /// Gives the sampler trials of other studies to learn from, see History::earlier: of these the
  /// Complete ones that have every objective, the last of them weighing most. Values that the space
  /// does not have are left out. The study stores them and keeps to them when it is opened again,
  /// whatever became of the others; once trials have begun, `earlier` is ignored. Returns how many
  /// it learns from. To be called before trials are taken. Throws StudyMismatch when trials have
  /// begun without any.
  int learn_from(const std::vector<TrialRecord>& earlier);

  /// What ends the study before its plan is done: asked before each trial begins, with a lag about
  /// the history that the trial sees. Once one gives a reason, no trial begins any more, until
  /// stoppers are set or trials are planned anew. To be called before trials are taken.
  void set_stoppers(std::vector<std::unique_ptr<Stopper>> stoppers);

  /// Why no trial begins any more: a stopper said so, or the space has no points left. Trials that
  /// wait go on waiting. Nothing while trials may begin.
  std::optional<std::string> stopped() const;

  /// A trial to run: the first waiting one, or else a new one. Every parameter of the space is
  /// decided when it returns: as constraints allow, and where the sampler draws from finitely many
  /// points, as no trial has had them. Throws Error when the study has ended, see `stopped`, and
  /// when no values were found that the constraints allow.
  Trial ask();

  /// The first waiting trial, with every parameter decided; nothing when none waits, or when a
  /// stop was requested while it was too early for the next one, and when the study has ended, see
  /// `stopped`. A scheduler that pauses may resume a paused one instead; where none is to go on
  /// yet and none waits, what runs is waited for. So is a parent's first checkpoint, where the
  /// scheduler wants the parent to save it now.
  std::optional<Trial> next(const Lease& lease, const TrialHooks& hooks = {});

  /// The trial of this number that runs under a lease, whoever claimed it, to `report` and `tell`
  /// from another process. Throws Error when it does not run or another program runs it,
  /// TrialFinished when it has ended, and LeaseLost when `lease` is given and is not the present
  /// one.
  Trial attach(int number, std::optional<int> lease = {});

  /// Ends the trial, or pauses it: what was told Pause last and is Paused or Pruned here is Paused;
  /// what pauses though it was told otherwise is Pruned or Failed. A Complete outcome that lacks an
  /// objective, or has NaN for one, is recorded as Failed with the metric's name; a Pruned one
  /// whose Stop was an interruption, as Interrupted. Throws TrialFinished when it was told before.
  void tell(Trial& trial, Outcome outcome);

  /// Plans a trial with these parameters fixed; the sampler fills in the others. Throws
  /// ParameterConflict for a value outside its domain in the space, and for values that violate a
  /// constraint.
  void enqueue(Params fixed);
  /// Plans several at once; see TrialPlan. Returns how many were new.
  int enqueue_plans(const std::vector<TrialPlan>& plans);

  /// Plans `num_samples` trials for each grid point, sample by sample. Idempotent: a larger number
  /// adds the missing ones. No more than there are points to be sampled, where these are finitely
  /// many; trials in which nothing is sampled are repeated. `paired`: the cells of a sample share
  /// sampled values and training seed; throws StudyMismatch when the study was planned with the
  /// other setting. What the first cell was given counts, whatever the sampler learned since.
  /// Throws ConfigError when the constraints leave no trial.
  int plan(int num_samples, bool paired = false);

  /// For a process that joins a study which another one planned with these arguments: plans
  /// nothing, and reads no trials.
  void join_plan(int num_samples, bool paired = false);

  /// Plans again what was interrupted, and what lost its worker fewer than `max_attempts` times.
  /// Idempotent. Returns how many trials are new.
  int plan_retries(int max_attempts = 3);

  /// Ends as Pruned, with what they reported last, the trials that have paused for good: all that
  /// are Paused when no trial waits or runs. Returns them.
  std::vector<TrialRecord> end_paused();

  std::vector<TrialRecord> trials() const;
  /// Throws Error when no trial is Complete.
  TrialRecord best_trial() const;

  const StudySpec& spec() const { return spec_; }
  StudyId id() const { return id_; }
  Storage& storage() const { return *storage_; }

 private:
  friend class Trial;
  struct Shared;  // between the threads that ask, tell and report
  /// Whether to wait for what runs where no trial may begin before it has ended.
  enum class Patience : std::uint8_t { None, UntilOthersEnd };
  std::optional<Trial> next(const Lease& lease, const TrialHooks& hooks, Patience patience);
  std::optional<TrialRecord> claim(Lease lease, const TrialHooks& hooks);
  std::optional<TrialRecord> resume_or_claim(const Lease& lease, const TrialHooks& hooks,
                                             Patience patience);
  std::optional<TrialRecord> claim_waiting(const Lease& lease);
  void take_plan(const PlanSize& size, int num_samples, bool paired);
  bool is_over(const TrialHooks& hooks) const;
  bool ends_before(int number) const;
  std::optional<Trial> take(TrialRecord record, const Lease& lease, TrialHooks hooks);
  template <typename Find>
  auto wait_for(const TrialRecord& record, const Lease& lease, Find find) const;
  void await_parent(const TrialRecord& record, const Lease& lease) const;
  Params values_of_siblings(const TrialRecord& record, const Params& fixed,
                            const Lease& lease) const;
  Chosen choose_values(const TrialRecord& record, const SearchSpace& open,
                       const Lease& lease) const;
  void store_values(TrialRecord& record, const SearchSpace& space, const Params& decided) const;
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
  std::vector<TrialRecord> earlier_;  ///< see learn_from
  std::unique_ptr<Shared> shared_;
};

}  // namespace hypertune

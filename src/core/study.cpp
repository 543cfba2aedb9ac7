// Studies: planning, asking, telling.
#include "hypertune/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <set>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "base/worker_id.h"
#include "core/earlier.h"
#include "core/plan.h"
#include "core/repeated.h"
#include "core/study_shared.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Trials taken by `ask` have nobody who renews their lease.
constexpr std::chrono::hours kAskLease{24 * 365};

constexpr std::string_view kLagAttribute = "hypertune:lag";

constexpr const char* kNoPoint =
    "no point of the space satisfies the constraints, among them {}; relax them, or change the "
    "ranges";
constexpr std::string_view kEarlierAttribute = "hypertune:earlier";

/// As a message shows it.
std::string lag_text(const std::string& json) {
  return json == "null" ? "without lag" : "with lag = " + json;
}

/// What a told outcome is recorded as; see Study::tell.
Outcome settled(Outcome outcome, const std::vector<Objective>& objectives, const Trial& trial) {
  if (outcome.state == TrialState::Complete) {
    for (const auto& [metric, direction] : objectives) {
      const auto value = outcome.metrics.find(metric);
      const bool missing = value == outcome.metrics.end();
      if (!missing && !std::isnan(value->second)) continue;
      outcome.state = TrialState::Failed;
      outcome.failure = Failure::Error;
      outcome.reason = missing ? fmt::format("the objective \"{}\" was not returned", metric)
                               : fmt::format("the objective \"{}\" is NaN", metric);
      return outcome;
    }
  }
  if (outcome.state == TrialState::Pruned && trial.last_decision() == Decision::Pause) {
    return Outcome::paused();
  }
  if (outcome.state == TrialState::Paused) {
    if (trial.last_decision() == Decision::Pause) return outcome;
    if (trial.last_decision() == Decision::Continue) {
      return Outcome::failed("it paused, and no scheduler had asked for that");
    }
    outcome.state = TrialState::Pruned;
  }
  if (outcome.state == TrialState::Pruned) {
    const auto last_step = trial.record().reports.empty() ? 0 : trial.record().reports.back().step;
    if (trial.stop_cause() == StopCause::Interrupted) {
      return Outcome::interrupted(fmt::format("interrupted after step {}", last_step));
    }
    if (outcome.reason.empty() && trial.stop_cause() == StopCause::NotANumber) {
      outcome.reason =
          fmt::format("\"{}\" is NaN at step {}", objectives.front().metric, last_step);
    }
  }
  if (outcome.state == TrialState::Pruned && !trial.stop_reason().empty()) {
    outcome.reason += (outcome.reason.empty() ? "" : ": ") + trial.stop_reason();
  }
  if (outcome.state == TrialState::Failed && outcome.failure == Failure::None) {
    outcome.failure = Failure::Error;
  }
  return outcome;
}

/// Under which the trial paused. Throws Error when a scheduler names a trial that it cannot have
/// resumed.
Claim claim_of_paused(int number, std::span<const TrialRecord> trials) {
  const auto trial = std::ranges::find(trials, number, &TrialRecord::number);
  if (trial != trials.end() && trial->state == TrialState::Paused) {
    return {trial->id, trial->lease};
  }
  throw Error(fmt::format("the scheduler wants trial {} to go on, which is not paused", number));
}

}  // namespace

void check_lag(std::optional<int> lag, const Scheduler& scheduler) {
  if (lag && *lag < 0) throw ConfigError(fmt::format("a lag is 0 or more, not {}", *lag));
  if (lag && (scheduler.pauses() || scheduler.replaces())) {
    throw ConfigError(
        "a lag cannot be combined with a scheduler that pauses or replaces trials: which of them "
        "goes on depends on what has ended; drop lag, or choose a scheduler that only stops "
        "trials");
  }
}

Study::Study(StudySpec spec, std::shared_ptr<Storage> storage, std::unique_ptr<Sampler> sampler,
             std::unique_ptr<Scheduler> scheduler)
    : storage_(std::move(storage)),
      spec_(std::move(spec)),
      sampler_(std::move(sampler)),
      scheduler_(std::move(scheduler)) {
  HT_ASSERT(storage_ && sampler_ && scheduler_);
  if (spec_.name.empty()) throw ConfigError("a study needs a name");
  if (spec_.objectives.empty()) {
    throw ConfigError(fmt::format("study \"{}\" needs at least one objective", spec_.name));
  }
  if (!spec_.space.constraints().empty() && spec_.space.grid_points().empty()) {
    throw ConfigError(fmt::format(kNoPoint, spec_.space.constraints().front().text()));
  }
  id_ = storage_->open_study(spec_);
  shared_ = std::make_unique<Shared>(*storage_, id_);
  const auto attributes = storage_->attributes(id_);
  const auto earlier = attributes.find(kEarlierAttribute);
  if (earlier != attributes.end()) earlier_ = earlier_from_json(earlier->second);
}

Study::Study(Study&&) noexcept = default;
Study::~Study() = default;

void Study::set_lag(std::optional<int> lag) {
  check_lag(lag, *scheduler_);
  const std::string now = lag ? std::to_string(*lag) : "null";
  const auto attributes = storage_->attributes(id_);
  const auto stored = attributes.find(kLagAttribute);
  const std::string before = stored == attributes.end() ? "null" : stored->second;
  if (before != now) {
    if (!storage_->begun_trials(id_).empty()) {
      throw StudyMismatch(fmt::format(
          "study \"{}\" was begun {}, not {}; restore it, or give the changed study another name "
          "or another folder (--out)",
          spec_.name, lag_text(before), lag_text(now)));
    }
    storage_->set_attribute(id_, kLagAttribute, now);
  }
  lag_ = lag;
}

int Study::learn_from(const std::vector<TrialRecord>& earlier) {
  if (storage_->begun_trials(id_).empty()) {
    earlier_ = learnable(spec_, earlier);
    storage_->set_attribute(id_, kEarlierAttribute, earlier_to_json(earlier_));
  } else if (!storage_->attributes(id_).contains(kEarlierAttribute)) {
    throw StudyMismatch(fmt::format(
        "study \"{}\" was begun without trials of another study to learn from; drop them, or give "
        "the changed study another name or another folder (--out)",
        spec_.name));
  }
  return static_cast<int>(earlier_.size());
}

void Study::set_stoppers(std::vector<std::unique_ptr<Stopper>> stoppers) {
  shared_->ending.set_stoppers(std::move(stoppers));
}

std::optional<std::string> Study::stopped() const {
  if (auto reason = shared_->ending.reason()) return reason;
  const std::scoped_lock lock(shared_->plan_mutex);
  if (!shared_->plan_exhausted || storage_->next_waiting(id_)) return std::nullopt;
  return shared_->plan_exhausted;
}

Trial Study::ask() {
  const Lease lease{worker_id(0), kAskLease};
  for (;;) {
    if (auto trial = next(lease, {}, Patience::None)) return std::move(*trial);
    if (const auto reason = shared_->ending.reason()) {
      throw Error(fmt::format("study \"{}\" has ended: {}", spec_.name, *reason));
    }
    // Another process may be quicker to claim what is enqueued here.
    enqueue(Params{});
  }
}

Trial Study::attach(int number, std::optional<int> lease) {
  constexpr std::array kRunning = {TrialState::Running};
  std::vector<TrialRecord> running = storage_->trials_in(id_, kRunning);
  const auto found = std::ranges::find(running, number, &TrialRecord::number);
  if (found == running.end()) {
    const auto others = storage_->trials(id_, std::max(number, 0));
    if (number < 0 || others.empty()) {
      throw Error(fmt::format("study \"{}\" has no trial {}", spec_.name, number));
    }
    const std::string state(to_string(others.front().state));
    if (is_final(others.front().state)) {
      throw TrialFinished(fmt::format("trial {} is {} already", number, state));
    }
    throw Error(fmt::format("trial {} is {}: nobody has it now; ask for a trial", number, state));
  }
  if (!runs(*found)) {
    throw Error(fmt::format("trial {} is run by another program, without a lease", number));
  }
  if (lease && *lease != found->lease) {
    throw LeaseLost(fmt::format(
        "trial {} is not held under lease {} any more; give up the work on it", number, *lease));
  }
  return Trial(*this, std::move(*found), {});
}

std::optional<Trial> Study::next(const Lease& lease, const TrialHooks& hooks) {
  return next(lease, hooks, Patience::UntilOthersEnd);
}

std::optional<Trial> Study::next(const Lease& lease, const TrialHooks& hooks, Patience patience) {
  const auto free_trial = [&] {
    return scheduler_->pauses() ? resume_or_claim(lease, hooks, patience) : claim(lease, hooks);
  };
  while (auto record = free_trial()) {
    const Claim claimed{record->id, record->lease};
    try {
      try {
        if (record->plan.parent && patience != Patience::None) await_parent(*record, lease);
        return take(std::move(*record), lease, hooks);
      } catch (const ParameterConflict& e) {
        // Another program enqueued what this space does not allow; the queue goes on.
        storage_->finish(claimed, Outcome::failed(e.what()));
        shared_->changes.announce();
      } catch (const StorageError&) {
        throw;
      } catch (const Error& e) {
        // Others may wait for its values.
        storage_->finish(claimed, Outcome::failed(e.what()));
        shared_->changes.announce();
        throw;
      }
    } catch (const LeaseLost&) {
      // Deciding took longer than the lease: the trial was given up, and the queue goes on.
    } catch (const TrialFinished&) {
      // The same, and it was recorded as lost.
    }
  }
  return std::nullopt;
}

/// Whether no trial begins any more.
bool Study::is_over(const TrialHooks& hooks) const {
  return shared_->ending.reason() || (hooks.too_late && hooks.too_late());
}

/// Whether a stopper ends the study before this trial; with a lag, or before one that precedes it.
bool Study::ends_before(int number) const {
  const int first = lag_ ? shared_->begun.count_final() : number;
  const auto ask = [&](const Stopper& stopper, int about) {
    TrialRecord record;
    record.number = about;
    return with_history(record, true, [&](const History& history) {
      return stopper.reason_to_stop(spec_.space, history);
    });
  };
  if (!shared_->ending.ends_before(first, number, ask)) return false;
  shared_->changes.announce();
  return true;
}

/// The first waiting trial, unless a stopper says that it must not begin.
std::optional<TrialRecord> Study::claim_waiting(const Lease& lease) {
  if (!shared_->ending.has_stoppers()) return storage_->claim(id_, lease);
  const auto number = storage_->next_waiting(id_);
  if (!number || *number > lease.highest_number || ends_before(*number)) return std::nullopt;
  // No stopper was asked about those behind it.
  Lease first = lease;
  first.highest_number = *number;
  return storage_->claim(id_, first);
}

std::optional<TrialRecord> Study::claim(Lease lease, const TrialHooks& hooks) {
  const std::stop_token& stop = hooks.stop;
  const int highest = lease.highest_number;
  for (;;) {
    if (is_over(hooks)) return std::nullopt;
    const std::uint64_t seen = shared_->changes.count();
    // Then all trials numbered below that one less the lag are final.
    if (lag_) lease.highest_number = std::min(highest, shared_->begun.count_final() + *lag_);
    if (auto record = claim_waiting(lease)) return record;
    const auto waiting = storage_->next_waiting(id_);
    if (!waiting || *waiting > highest || stop.stop_requested()) return std::nullopt;
    if (!lag_) continue;  // another worker was quicker
    shared_->changes.wait(seen, stop);
    if (shared_->changes.count() == seen) storage_->fail_stale(id_);
  }
}

std::optional<TrialRecord> Study::resume_or_claim(const Lease& lease, const TrialHooks& hooks,
                                                  Patience patience) {
  const std::stop_token& stop = hooks.stop;
  for (;;) {
    if (is_over(hooks)) return std::nullopt;
    const std::uint64_t seen = shared_->changes.count();
    // Asked first: what another worker takes from now on is seen to run.
    const auto waiting = storage_->next_waiting(id_);
    std::optional<Claim> wanted;
    bool others_run = false;
    {
      const BegunTrials::View view = shared_->begun.all();
      const auto number =
          scheduler_->resume({spec_.objectives, view.trials(), spec_.seed, waiting.value_or(-1)});
      if (number) wanted = claim_of_paused(*number, view.trials());
      others_run = std::ranges::any_of(view.trials(), runs);
    }
    auto record = wanted ? storage_->resume(*wanted, lease) : claim_waiting(lease);
    if (record) return record;
    const bool may_claim = waiting && *waiting <= lease.highest_number;
    if (wanted || may_claim) continue;  // another worker was quicker
    if (!others_run || patience == Patience::None || stop.stop_requested()) return std::nullopt;
    shared_->changes.wait(seen, stop);
    if (shared_->changes.count() == seen) storage_->fail_stale(id_);
  }
}

Ruling Study::rule(const TrialRecord& record) const {
  return with_history(record, scheduler_->uses_history(), [&](const History& history) {
    return kept_allowed(spec_.space, history.trials, scheduler_->on_report(record, history));
  });
}

void Study::tell(Trial& trial, Outcome outcome) {
  if (!is_final(outcome.state) && outcome.state != TrialState::Paused) {
    throw Error(fmt::format("trial {}: an outcome is complete, pruned, failed or paused, not {}",
                            trial.number(), to_string(outcome.state)));
  }
  outcome = settled(std::move(outcome), spec_.objectives, trial);
  // Its last checkpoint was at its very end.
  const bool repeats = trial.record_.reports.empty() && trial.record_.plan.retry_of;
  if (repeats && outcome.state != TrialState::Failed && trial.goes_on())
    trial.take_over_reports({});
  if (outcome.state == TrialState::Paused) {
    storage_->pause(trial.claim());
  } else {
    // First, so that it is not lost when this process dies; the key plans it once.
    if (outcome.state == TrialState::Pruned && trial.successor_) {
      storage_->enqueue(id_, std::span(&*trial.successor_, 1));
    }
    storage_->finish(trial.claim(), outcome);
    // With a scheduler that replaces trials, others may yet go on from this one.
    const bool is_repeated = outcome.state == TrialState::Failed;
    if (!is_repeated && trial.may_have_checkpoints() && !scheduler_->replaces()) {
      drop_useless_checkpoints(*storage_, id_, trial.record_);
    }
  }
  shared_->changes.announce();
  trial.record_.state = outcome.state;
  trial.record_.metrics = std::move(outcome.metrics);
  trial.record_.reason = std::move(outcome.reason);
  trial.record_.failure = outcome.failure;
}

void Study::enqueue(Params fixed) { enqueue_plans({TrialPlan{.fixed = std::move(fixed)}}); }

int Study::enqueue_plans(const std::vector<TrialPlan>& plans) {
  for (const TrialPlan& plan : plans) {
    for (const auto& [name, value] : plan.fixed) {
      const Parameter* parameter = spec_.space.find(name);
      if (parameter == nullptr || contains(parameter->domain, value)) continue;
      throw ParameterConflict(fmt::format("cannot enqueue {} = {}: it does not lie in {}", name,
                                          to_string(value), to_string(parameter->domain)));
    }
    require_allowed(spec_.space, plan.fixed);
  }
  return storage_->enqueue(id_, plans);
}

int Study::plan(int num_samples, bool paired) {
  const PlanSize size = plan_size(spec_.space, num_samples, paired);
  const std::vector<TrialPlan> plans = grid_plan(size, paired);
  if (!plans.empty()) require_same_draws(spec_.name, plans, storage_->trials(id_));
  take_plan(size, num_samples, paired);
  return storage_->enqueue(id_, plans);
}

void Study::join_plan(int num_samples, bool paired) {
  take_plan(plan_size(spec_.space, num_samples, paired), num_samples, paired);
}

void Study::take_plan(const PlanSize& size, int num_samples, bool paired) {
  if (size.trials == 0 && num_samples > 0) {
    throw ConfigError(fmt::format(kNoPoint, spec_.space.constraints().front().text()));
  }
  shared_->ending.forget();
  const std::scoped_lock lock(shared_->plan_mutex);
  shared_->plan_exhausted = size.exhausted;
  shared_->paired_cells.reset();
  if (paired) shared_->paired_cells = std::make_shared<const std::vector<Params>>(size.cells);
}

int Study::plan_retries(int max_attempts) {
  const std::scoped_lock lock(shared_->plan_mutex);
  std::set<int>& repeated = shared_->repeated;
  const Successors successors = scheduler_->replaces() ? Successors::Possible : Successors::None;
  const std::vector<TrialPlan> plans =
      retry_plan(*storage_, id_, max_attempts, successors, repeated);
  if (plans.empty()) return 0;
  const int added = storage_->enqueue(id_, plans);
  for (const TrialPlan& plan : plans) repeated.insert(*plan.retry_of);
  return added;
}

std::vector<TrialRecord> Study::end_paused() {
  if (storage_->next_waiting(id_)) return {};
  std::vector<TrialRecord> begun = storage_->begun_trials(id_);
  if (std::ranges::any_of(begun, runs)) return {};
  std::set<int> ended;
  for (const TrialRecord& trial : begun) {
    if (trial.state != TrialState::Paused) continue;
    Metrics metrics = trial.reports.empty() ? Metrics() : trial.reports.back().metrics;
    const Outcome outcome = Outcome::pruned("not promoted", std::move(metrics));
    if (storage_->end_paused({trial.id, trial.lease}, outcome)) ended.insert(trial.number);
  }
  if (ended.empty()) return {};
  shared_->changes.announce();
  begun = storage_->begun_trials(id_, *ended.begin());
  std::erase_if(begun, [&](const TrialRecord& trial) { return !ended.contains(trial.number); });
  for (const TrialRecord& trial : begun) {
    if (trial.plan.retry_of) drop_useless_checkpoints(*storage_, id_, trial);
  }
  return begun;
}

std::vector<TrialRecord> Study::trials() const { return storage_->trials(id_); }

TrialRecord Study::best_trial() const {
  const auto all = trials();
  const TrialRecord* best = hypertune::best_trial(spec_.objectives.front(), all);
  if (best == nullptr) {
    throw Error(fmt::format("study \"{}\" has no complete trial yet", spec_.name));
  }
  return *best;
}

}  // namespace hypertune

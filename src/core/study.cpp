// Studies: planning, asking, telling.
#include "hypertune/study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "base/worker_id.h"
#include "core/begun_trials.h"
#include "core/changes.h"
#include "core/plan.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Trials taken by `ask` have nobody who renews their lease.
constexpr std::chrono::hours kAskLease{24 * 365};

constexpr std::string_view kLagAttribute = "hypertune:lag";

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

Params fixed_values(const TrialRecord& record) {
  Params fixed = record.params;
  for (const auto& [name, value] : record.plan.fixed) fixed.try_emplace(name, value);
  return fixed;
}

bool has_grid(const SearchSpace& space) {
  return std::ranges::any_of(space.parameters(),
                             [](const Parameter& p) { return p.role == Role::Grid; });
}

}  // namespace

struct Study::Shared {
  Shared(const Storage& storage, StudyId study) : begun(storage, study) {}
  BegunTrials begun;
  Changes changes;
};

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
  id_ = storage_->open_study(spec_);
  shared_ = std::make_unique<Shared>(*storage_, id_);
}

Study::Study(Study&&) noexcept = default;
Study::~Study() = default;

void Study::set_lag(std::optional<int> lag) {
  if (lag && *lag < 0) throw ConfigError(fmt::format("a lag is 0 or more, not {}", *lag));
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

Trial Study::ask() {
  const Lease lease{worker_id(0), kAskLease};
  for (;;) {
    if (auto trial = next(lease)) return std::move(*trial);
    // Another process may be quicker to claim what is enqueued here.
    enqueue(Params{});
  }
}

std::optional<Trial> Study::next(const Lease& lease, const TrialHooks& hooks) {
  while (auto record = claim(lease, hooks.stop)) {
    try {
      try {
        return take(*record, lease, hooks);
      } catch (const ParameterConflict& e) {
        // Another program enqueued what this space does not allow; the queue goes on.
        storage_->finish({record->id, record->lease}, Outcome::failed(e.what()));
        shared_->changes.announce();
      }
    } catch (const LeaseLost&) {
      // Deciding took longer than the lease: the trial was given up, and the queue goes on.
    } catch (const TrialFinished&) {
      // The same, and it was recorded as lost.
    }
  }
  return std::nullopt;
}

std::optional<TrialRecord> Study::claim(Lease lease, const std::stop_token& stop) {
  if (!lag_) return storage_->claim(id_, lease);
  for (;;) {
    const std::uint64_t seen = shared_->changes.count();
    // Then all trials numbered below that one less the lag are final.
    lease.highest_number = shared_->begun.count_final() + *lag_;
    if (auto record = storage_->claim(id_, lease)) return record;
    if (!storage_->next_waiting(id_) || stop.stop_requested()) return std::nullopt;
    shared_->changes.wait(seen, stop);
    if (shared_->changes.count() == seen) storage_->fail_stale(id_);
  }
}

Trial Study::take(TrialRecord record, const Lease& lease, TrialHooks hooks) {
  Params fixed = fixed_values(record);
  if (sampler_->uses_history() && record.plan.draw && has_grid(spec_.space)) {
    fixed.merge(values_of_siblings(record, fixed, lease));
  }
  decide(record, spec_.space, fixed);
  shared_->changes.announce();
  return Trial(*this, std::move(record), std::move(hooks));
}

/// What trials of the same draw with lower numbers were given, for parameters that are not `fixed`.
/// Waits until all of them that have begun are decided; they were claimed before this one, and wait
/// for none that was claimed later.
Params Study::values_of_siblings(const TrialRecord& record, const Params& fixed,
                                 const Lease& lease) const {
  for (;;) {
    const std::uint64_t seen = shared_->changes.count();
    std::vector<const TrialRecord*> siblings;
    bool all_decided = true;
    {
      const BegunTrials::View view = shared_->begun.all();
      for (const TrialRecord& trial : view.trials()) {
        if (trial.number >= record.number) break;
        if (trial.draw() != record.draw()) continue;
        all_decided = all_decided && (is_final(trial.state) || !trial.params.empty());
        siblings.push_back(&trial);
      }
      if (all_decided) {
        Params known = fixed;
        Params values;
        for (const Parameter& parameter : spec_.space.parameters()) {
          if (known.contains(parameter.name) || !spec_.space.active(parameter, known)) continue;
          const auto sibling = std::ranges::find_if(siblings, [&](const TrialRecord* trial) {
            return trial->params.contains(parameter.name);
          });
          if (sibling == siblings.end()) continue;
          values[parameter.name] = (*sibling)->params.at(parameter.name);
          known[parameter.name] = values[parameter.name];
        }
        return values;
      }
    }
    shared_->changes.wait(seen, {});
    if (shared_->changes.count() > seen) continue;
    // Perhaps its worker is gone; this trial's own lease must not run out meanwhile.
    const Claim own{record.id, record.lease};
    storage_->heartbeat(std::span(&own, 1), lease.duration);
    storage_->fail_stale(id_);
  }
}

template <typename Action>
auto Study::with_history(const TrialRecord& of, bool wanted, Action action) const {
  History history{spec_.objectives, {}, spec_.seed, of.number, of.draw()};
  if (!wanted) return action(history);
  const BegunTrials::View view =
      lag_ ? shared_->begun.first(std::max(0, of.number - *lag_)) : shared_->begun.all();
  history.trials = view.trials();
  return action(history);
}

void Study::suggest(TrialRecord& record, const SearchSpace& space) const {
  decide(record, space, fixed_values(record));
}

void Study::decide(TrialRecord& record, const SearchSpace& space, const Params& fixed) const {
  const Rng rng = Rng::for_trial(spec_.seed, record.draw());
  Params decided = with_history(record, sampler_->uses_history(), [&](const History& history) {
    return sampler_->sample(space.without(fixed), history, rng);
  });
  for (const auto& [name, value] : fixed) decided.try_emplace(name, value);

  std::vector<Storage::ParamValue> writes;
  for (const Parameter& parameter : space.parameters()) {
    const auto value = decided.find(parameter.name);
    if (record.params.contains(parameter.name) || !space.active(parameter, decided)) continue;
    if (value == decided.end()) {
      throw Error(
          fmt::format("the sampler gave no value for the parameter \"{}\"", parameter.name));
    }
    const auto coerced = coerce(parameter.domain, value->second);
    if (!coerced) {
      throw ParameterConflict(fmt::format("trial {}: the value {} of \"{}\" does not lie in {}",
                                          record.number, to_string(value->second), parameter.name,
                                          to_string(parameter.domain)));
    }
    writes.push_back({parameter.name, parameter.domain, *coerced});
  }
  if (writes.empty()) return;
  storage_->set_params({record.id, record.lease}, writes);
  for (const auto& write : writes) {
    record.params[write.name] = write.value;
    record.domains[write.name] = write.domain;
  }
}

Ruling Study::rule(const TrialRecord& record) const {
  return with_history(record, scheduler_->uses_history(), [&](const History& history) {
    return scheduler_->on_report(record, history);
  });
}

void Study::tell(Trial& trial, Outcome outcome) {
  if (!is_final(outcome.state)) {
    throw Error(fmt::format("trial {}: an outcome is complete, pruned or failed, not {}",
                            trial.number(), to_string(outcome.state)));
  }
  outcome = settled(std::move(outcome), spec_.objectives, trial);
  storage_->finish(trial.claim(), outcome);
  shared_->changes.announce();
  trial.record_.state = outcome.state;
  trial.record_.metrics = outcome.metrics;
  trial.record_.reason = outcome.reason;
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
  }
  return storage_->enqueue(id_, plans);
}

int Study::plan(int num_samples, bool paired) {
  const std::vector<TrialPlan> plans = grid_plan(spec_.space, num_samples, paired);
  require_same_draws(spec_.name, plans, storage_->trials(id_));
  return storage_->enqueue(id_, plans);
}

int Study::plan_retries(int max_attempts) {
  std::vector<TrialPlan> plans;
  for (const TrialRecord& trial : storage_->trials(id_)) {
    if (!wants_retry(trial, max_attempts)) continue;
    Params fixed = trial.plan.fixed;
    for (const auto& [name, value] : trial.params) fixed[name] = value;
    // An interruption is nobody's fault: it does not count as an attempt.
    const int attempt = trial.plan.attempt + (trial.failure == Failure::Interrupted ? 0 : 1);
    plans.push_back({.key = fmt::format("retry/{}/{}", trial.number, attempt),
                     .fixed = std::move(fixed),
                     .draw = trial.draw(),
                     .retry_of = trial.number,
                     .attempt = attempt});
  }
  return plans.empty() ? 0 : storage_->enqueue(id_, plans);
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

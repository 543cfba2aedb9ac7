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
#include "core/plan.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Trials taken by `ask` have nobody who renews their lease.
constexpr std::chrono::hours kAskLease{24 * 365};

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
  if (outcome.state == TrialState::Failed && outcome.failure == Failure::None) {
    outcome.failure = Failure::Error;
  }
  return outcome;
}

}  // namespace

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
  while (auto record = storage_->claim(id_, lease)) {
    try {
      try {
        return take(*record, hooks);
      } catch (const ParameterConflict& e) {
        // Another program enqueued what this space does not allow; the queue goes on.
        storage_->finish({record->id, record->lease}, Outcome::failed(e.what()));
      }
    } catch (const LeaseLost&) {
      // Deciding took longer than the lease: the trial was given up, and the queue goes on.
    } catch (const TrialFinished&) {
      // The same, and it was recorded as lost.
    }
  }
  return std::nullopt;
}

Trial Study::take(TrialRecord record, TrialHooks hooks) {
  decide(record, spec_.space);
  return Trial(*this, std::move(record), std::move(hooks));
}

void Study::decide(TrialRecord& record, const SearchSpace& space) const {
  Params fixed = record.params;
  for (const auto& [name, value] : record.plan.fixed) fixed.try_emplace(name, value);
  const auto trials = history_for(sampler_->uses_history());
  const Rng rng = Rng::for_trial(spec_.seed, record.draw());
  Params decided = sampler_->sample(space.without(fixed), {spec_.objectives, trials}, rng);
  decided.merge(fixed);

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

std::vector<TrialRecord> Study::history_for(bool wanted) const {
  return wanted ? storage_->trials(id_) : std::vector<TrialRecord>();
}

void Study::tell(Trial& trial, Outcome outcome) {
  if (!is_final(outcome.state)) {
    throw Error(fmt::format("trial {}: an outcome is complete, pruned or failed, not {}",
                            trial.number(), to_string(outcome.state)));
  }
  outcome = settled(std::move(outcome), spec_.objectives, trial);
  storage_->finish(trial.claim(), outcome);
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

// Trials: states, outcomes, and what a running trial suggests and reports.
#include "hypertune/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/plan.h"
#include "core/repeated.h"
#include "core/study_shared.h"
#include "hypertune/error.h"
#include "hypertune/study.h"

namespace hypertune {

bool is_final(TrialState state) {
  return state == TrialState::Complete || state == TrialState::Pruned ||
         state == TrialState::Failed;
}

std::string_view to_string(TrialState state) {
  switch (state) {
    case TrialState::Waiting:
      return "waiting";
    case TrialState::Running:
      return "running";
    case TrialState::Paused:
      return "paused";
    case TrialState::Complete:
      return "complete";
    case TrialState::Pruned:
      return "pruned";
    case TrialState::Failed:
      return "failed";
  }
  return "unknown";
}

std::string_view to_string(Failure failure) {
  switch (failure) {
    case Failure::None:
      return "none";
    case Failure::Error:
      return "error";
    case Failure::Interrupted:
      return "interrupted";
    case Failure::WorkerLost:
      return "worker-lost";
    case Failure::Crash:
      return "crash";
    case Failure::Timeout:
      return "timeout";
  }
  return "unknown";
}

std::string_view to_string(Decision decision) {
  switch (decision) {
    case Decision::Continue:
      return "continue";
    case Decision::Stop:
      return "stop";
    case Decision::Pause:
      return "pause";
  }
  return "unknown";
}

Outcome Outcome::complete(Metrics metrics) {
  return {TrialState::Complete, std::move(metrics), {}, Failure::None};
}
Outcome Outcome::pruned(std::string reason, Metrics metrics) {
  return {TrialState::Pruned, std::move(metrics), std::move(reason), Failure::None};
}
Outcome Outcome::failed(std::string reason) {
  return {TrialState::Failed, {}, std::move(reason), Failure::Error};
}
Outcome Outcome::interrupted(std::string reason) {
  return {TrialState::Failed, {}, std::move(reason), Failure::Interrupted};
}

Outcome Outcome::paused() { return {TrialState::Paused, {}, {}, Failure::None}; }

std::optional<double> TrialRecord::duration_s() const {
  if (!started || !ended) return std::nullopt;
  // The clock may have been set back meanwhile.
  return std::max(0.0, std::chrono::duration<double>(*ended - *started).count());
}

std::uint64_t TrialRecord::seed(std::uint64_t study_seed) const {
  return Rng::for_trial(study_seed, draw()).fork("hypertune:evaluation")();
}

bool wants_retry(const TrialRecord& trial, int max_attempts) {
  if (trial.state != TrialState::Failed) return false;
  if (trial.failure == Failure::Interrupted) return true;
  const bool may_be_chance = trial.failure == Failure::WorkerLost ||
                             trial.failure == Failure::Crash || trial.failure == Failure::Timeout;
  return may_be_chance && trial.plan.attempt < max_attempts;
}

double Trial::suggest_float(std::string_view name, FloatDomain domain) {
  return std::get<double>(suggest(name, domain));
}

std::int64_t Trial::suggest_int(std::string_view name, IntDomain domain) {
  return std::get<std::int64_t>(suggest(name, domain));
}

Value Trial::suggest_categorical(std::string_view name, std::vector<Value> choices) {
  return suggest(name, CategoricalDomain{std::move(choices)});
}

bool Trial::suggest_bool(std::string_view name) {
  return std::get<bool>(suggest(name, CategoricalDomain{{true, false}}));
}

Value Trial::suggest(std::string_view name, const Domain& domain) {
  validate(domain, std::string(name));
  const auto decided = record_.params.find(name);
  if (decided == record_.params.end()) {
    study_->suggest(record_, SearchSpace().add(std::string(name), domain));
    return record_.params.find(name)->second;
  }
  const auto value = coerce(domain, decided->second);
  if (!value) {
    throw ParameterConflict(fmt::format(
        "trial {}: \"{}\" was decided as {}, which does not lie in {}; suggest it with the domain "
        "that the search space or the enqueued trial gives it",
        record_.number, name, to_string(decided->second), to_string(domain)));
  }
  return *value;
}

Decision Trial::report(std::int64_t step, Metrics metrics) {
  if (last_step_ && step <= *last_step_) {
    throw Error(fmt::format("trial {}: step {} was reported after step {}; steps must increase",
                            record_.number, step, *last_step_));
  }
  last_step_ = step;
  wants_checkpoint_ = false;
  // The evaluation began anew after a pause.
  const bool repeated = !record_.reports.empty() && step <= record_.reports.back().step;
  if (!repeated) {
    decision_ = record_and_rule(step, std::move(metrics));
  } else if (hooks_.stop.stop_requested()) {
    stop_cause_ = StopCause::Interrupted;
    decision_ = Decision::Stop;
  } else {
    decision_ = Decision::Continue;
  }
  return decision_;
}

Decision Trial::record_and_rule(std::int64_t step, Metrics metrics) {
  if (record_.reports.empty() && record_.plan.retry_of) take_over_reports(step);
  record_.reports.push_back({step, std::move(metrics)});
  study_->storage().add_report(claim(), record_.reports.back());
  if (hooks_.on_report) hooks_.on_report(record_);

  const Metrics& reported = record_.reports.back().metrics;
  const auto watched = reported.find(study_->spec().objectives.front().metric);
  Decision decision = Decision::Stop;
  if (hooks_.stop.stop_requested()) {
    stop_cause_ = StopCause::Interrupted;
  } else if (watched != reported.end() && std::isnan(watched->second)) {
    stop_cause_ = StopCause::NotANumber;
  } else {
    Ruling ruling = study_->rule(record_);
    decision = ruling.decision;
    wants_checkpoint_ =
        decision == Decision::Pause ||
        (decision == Decision::Continue && study_->scheduler_->wants_checkpoint(record_));
    if (decision == Decision::Stop) {
      stop_cause_ = StopCause::Scheduler;
      stop_reason_ = std::move(ruling.reason);
      if (ruling.successor) successor_ = successor_plan(number(), *ruling.successor);
    }
  }
  return decision;
}

/// Schedulers, samplers and reports see one trial, whoever ran its first part.
void Trial::take_over_reports(std::optional<std::int64_t> first_step) {
  Storage& storage = study_->storage();
  for (Report& report :
       reports_before(first_step, repeated_trials(storage, study_->id(), record_))) {
    storage.add_report(claim(), report);
    record_.reports.push_back(std::move(report));
  }
}

std::optional<std::string> Trial::checkpoint() const {
  const Storage& storage = study_->storage();
  auto own = storage.checkpoint(study_->id(), number());
  if (own || !record_.plan.parent) return own;
  return storage.checkpoint(study_->id(), *record_.plan.parent);
}

void Trial::save_checkpoint(std::string_view bytes) {
  study_->storage().save_checkpoint(claim(), bytes);
  saved_checkpoint_ = true;
  study_->shared_->changes.announce();
}

bool Trial::goes_on() const {
  if (!record_.reports.empty()) return true;  // it had paused
  if (!record_.plan.parent) return false;
  const auto repeated = repeated_trials(study_->storage(), study_->id(), record_);
  return std::ranges::find(repeated, *record_.plan.parent, &TrialRecord::number) != repeated.end();
}

bool Trial::may_save_checkpoint() const { return !study_->scheduler_->replaces(); }

/// Whether this trial, or one that it repeats, may have left a checkpoint.
bool Trial::may_have_checkpoints() const {
  return saved_checkpoint_ || record_.plan.retry_of || record_.lease > 1;
}

std::uint64_t Trial::seed() const { return record_.seed(study_->spec().seed); }

}  // namespace hypertune

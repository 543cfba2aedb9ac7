// Checks shared by the stores.
#include "storage/trial_rules.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/json.h"
#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {

void check_spec(const StudySpec& spec) {
  if (spec.name.empty()) throw ConfigError("the study needs a name");
  if (spec.objectives.empty()) {
    throw ConfigError(fmt::format("study \"{}\" needs an objective", spec.name));
  }
  std::set<std::string> names;
  for (const Objective& objective : spec.objectives) {
    if (objective.metric.empty() || !names.insert(objective.metric).second) {
      throw ConfigError(fmt::format("study \"{}\": the metric \"{}\" of an objective is {}",
                                    spec.name, objective.metric,
                                    objective.metric.empty() ? "empty" : "used twice"));
    }
  }
}

void check_match(const std::string& study, const std::vector<std::string>& differences) {
  if (differences.empty()) return;
  throw StudyMismatch(
      fmt::format("study \"{}\" exists with another specification: {}. Give the changed study "
                  "another name or another folder (--out), or restore its study file",
                  study, join(differences, "; ")));
}

void check_attribute(std::string_view key, std::string_view json) {
  if (key.empty()) throw StorageError("an attribute of a study needs a key");
  try {
    parse_json(json);
  } catch (const Error& e) {
    throw StorageError(fmt::format("attribute \"{}\" of a study: {}", key, e.what()));
  }
}

void check_fence(Claim at, int number, TrialState state, int lease) {
  if (is_final(state)) {
    throw TrialFinished(fmt::format("trial {} is {} and cannot change any more", number,
                                    hypertune::to_string(state)));
  }
  if (state != TrialState::Running || lease != at.lease) fail_lost(number, at.lease);
}

void fail_lost(int number, int lease) {
  throw LeaseLost(fmt::format(
      "trial {} is not held under lease {} any more; give up the work on it", number, lease));
}

Value checked_value(int number, const Storage::ParamValue& param, const Domain* used,
                    bool decided) {
  const auto refuse = [&](const std::string& why) {
    throw ParameterConflict(fmt::format("trial {}, parameter \"{}\": {}", number, param.name, why));
  };
  if (decided) refuse("it was decided before; a trial keeps its parameters");
  if (used != nullptr && !compatible(*used, param.domain)) {
    refuse(fmt::format(
        "the study has used it with the domain {}, which does not go with {}; use another name",
        to_string(*used), to_string(param.domain)));
  }
  const auto value = coerce(param.domain, param.value);
  if (!value) {
    refuse(fmt::format("its value {} does not lie in {}", to_string(param.value),
                       to_string(param.domain)));
  }
  return *value;
}

void check_step(int number, std::int64_t step, std::optional<std::int64_t> last) {
  if (!last || step > *last) return;
  throw StorageError(fmt::format("trial {} reported step {} after step {}; steps must increase",
                                 number, step, *last));
}

void check_checkpoint(int number, std::string_view bytes) {
  if (bytes.size() <= kMaxCheckpointBytes) return;
  throw Error(
      fmt::format("trial {}: its checkpoint has {} bytes, and no more than {} are kept; save less, "
                  "or save it in a file and keep the name of the file",
                  number, bytes.size(), kMaxCheckpointBytes));
}

Outcome settle(int number, Outcome outcome, const std::vector<Objective>& objectives,
               std::optional<double> last_reported) {
  if (!is_final(outcome.state)) {
    throw StorageError(fmt::format("trial {} cannot end as {}; end it complete, pruned or failed",
                                   number, to_string(outcome.state)));
  }
  if (outcome.state == TrialState::Failed && outcome.failure == Failure::None) {
    outcome.failure = Failure::Error;
  }
  if (outcome.state != TrialState::Failed) outcome.failure = Failure::None;
  if (outcome.state == TrialState::Pruned && objectives.size() == 1 && last_reported &&
      !std::isnan(*last_reported)) {
    outcome.metrics.try_emplace(objectives.front().metric, *last_reported);
  }
  if (outcome.state == TrialState::Complete && !objective_values(outcome, objectives)) {
    std::vector<std::string> names;
    for (const Objective& objective : objectives) names.push_back(objective.metric);
    throw StorageError(
        fmt::format("trial {} cannot be complete without a number for each objective ({}); end it "
                    "as failed",
                    number, join(names, ", ")));
  }
  return outcome;
}

std::optional<std::vector<double>> objective_values(const Outcome& outcome,
                                                    const std::vector<Objective>& objectives) {
  if (outcome.state == TrialState::Failed) return std::nullopt;
  std::vector<double> values;
  for (const Objective& objective : objectives) {
    const auto metric = outcome.metrics.find(objective.metric);
    if (metric == outcome.metrics.end() || std::isnan(metric->second)) return std::nullopt;
    values.push_back(metric->second);
  }
  return values;
}

void count(TrialState state, TrialCounts& counts, int trials) {
  switch (state) {
    case TrialState::Waiting:
      counts.waiting += trials;
      return;
    case TrialState::Running:
      counts.running += trials;
      return;
    case TrialState::Paused:
      counts.paused += trials;
      return;
    case TrialState::Complete:
      counts.complete += trials;
      return;
    case TrialState::Pruned:
      counts.pruned += trials;
      return;
    case TrialState::Failed:
      counts.failed += trials;
      return;
  }
}

void check_restored(const TrialRecord& trial, int expected) {
  if (trial.number != expected) {
    throw StorageError(
        fmt::format("trial {} cannot be restored: the next number is {}", trial.number, expected));
  }
  if (!is_final(trial.state) && trial.state != TrialState::Waiting) {
    throw StorageError(
        fmt::format("trial {} cannot be restored: it is {}; only trials that ended "
                    "or wait can",
                    trial.number, to_string(trial.state)));
  }
}

void check_restored_key(const TrialRecord& trial, bool planned) {
  if (trial.plan.key.empty() || !planned) return;
  throw StorageError(
      fmt::format("trial {} cannot be restored: the study has a trial planned as \"{}\" already",
                  trial.number, trial.plan.key));
}

Outcome worker_lost(const std::string& worker) {
  return {TrialState::Failed,
          {},
          fmt::format("its worker {} died or fell silent", worker),
          Failure::WorkerLost};
}

}  // namespace hypertune

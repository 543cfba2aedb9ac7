// Trials of other studies that a study learns from: which ones, and how they are kept.
#include "core/earlier.h"

#include <algorithm>
#include <utility>

#include "core/loss.h"
#include "hypertune/error.h"
#include "math/pareto.h"
#include "space/domain_json.h"

namespace hypertune {
namespace {

bool has_objectives(std::span<const Objective> objectives, const TrialRecord& trial) {
  return std::ranges::all_of(objectives, [&](const Objective& objective) {
    return loss(objective, trial.metrics).has_value();
  });
}

/// Parameters, domains and metrics alone, without values that the space does not have.
TrialRecord reduced(const SearchSpace& space, const TrialRecord& trial) {
  TrialRecord kept;
  kept.state = TrialState::Complete;
  kept.metrics = trial.metrics;
  for (const auto& [name, value] : trial.params) {
    const Parameter* parameter = space.find(name);
    const auto domain = trial.domains.find(name);
    if (parameter != nullptr) {
      const auto coerced = coerce(parameter->domain, value);
      if (!coerced) continue;
      kept.params[name] = *coerced;
      kept.domains.set(name, parameter->domain);
    } else if (domain != trial.domains.end()) {
      kept.params[name] = value;
      kept.domains.set(name, domain->second);
    }
  }
  return kept;
}

/// Whether the trial tells anything about the space.
bool shares_parameter(const SearchSpace& space, const TrialRecord& trial) {
  if (space.empty()) return !trial.params.empty();
  return std::ranges::any_of(space.parameters(), [&](const Parameter& parameter) {
    return parameter.role != Role::Constant && trial.params.contains(parameter.name);
  });
}

}  // namespace

std::vector<TrialRecord> learnable(const StudySpec& spec, std::span<const TrialRecord> trials) {
  std::vector<TrialRecord> kept;
  for (const TrialRecord& trial : trials) {
    if (trial.state != TrialState::Complete || !has_objectives(spec.objectives, trial)) continue;
    TrialRecord record = reduced(spec.space, trial);
    if (!shares_parameter(spec.space, record)) continue;
    record.number = static_cast<int>(kept.size());
    kept.push_back(std::move(record));
  }
  return kept;
}

std::vector<TrialRecord> best_and_latest(std::span<const Objective> objectives,
                                         std::vector<TrialRecord> trials, std::size_t most) {
  if (trials.size() <= most) return trials;
  std::vector<double> losses;
  for (const TrialRecord& trial : trials) {
    for (const Objective& objective : objectives) {
      losses.push_back(loss(objective, trial.metrics).value());
    }
  }
  std::vector<bool> chosen(trials.size(), false);
  std::size_t count = 0;
  for (const std::size_t i : fittest({losses, objectives.size()}, {}, (most + 1) / 2)) {
    chosen[i] = true;
    ++count;
  }
  for (std::size_t i = trials.size(); i > 0 && count < most; --i) {
    if (chosen[i - 1]) continue;
    chosen[i - 1] = true;
    ++count;
  }
  std::vector<TrialRecord> kept;
  for (std::size_t i = 0; i < trials.size(); ++i) {
    if (chosen[i]) kept.push_back(std::move(trials[i]));
  }
  return kept;
}

std::string earlier_to_json(std::span<const TrialRecord> trials) {
  Json json = Json::array();
  for (const TrialRecord& trial : trials) {
    Json domains = Json::object();
    for (const auto& [name, domain] : trial.domains) domains[name] = to_json(domain);
    json.push_back({{"params", to_json(trial.params)},
                    {"domains", std::move(domains)},
                    {"metrics", to_json(trial.metrics)}});
  }
  return dump_json(json);
}

std::vector<TrialRecord> earlier_from_json(std::string_view text) {
  std::vector<TrialRecord> trials;
  const Json json = parse_json(text);
  try {
    for (const Json& entry : json) {
      TrialRecord trial;
      trial.number = static_cast<int>(trials.size());
      trial.state = TrialState::Complete;
      for (const auto& [name, domain] : entry.at("domains").items()) {
        trial.domains.set(name, domain_from_json(domain));
        // JSON does not tell 1.0 from 1; the domain does.
        const Value value = value_from_json(entry.at("params").at(name));
        trial.params[name] = coerce(trial.domains.at(name), value).value_or(value);
      }
      trial.metrics = metrics_from_json(entry.at("metrics"));
      trials.push_back(std::move(trial));
    }
  } catch (const Json::exception& e) {
    throw Error(std::string("not a list of earlier trials: ") + e.what());
  }
  return trials;
}

}  // namespace hypertune

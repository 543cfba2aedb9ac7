// A study outside of a store: for copies, exports and imports.
#include "report/study_copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "hypertune/error.h"
#include "storage/trial_rules.h"

namespace hypertune {
namespace {

constexpr std::string_view kOurs = "hypertune:";
constexpr std::string_view kSpec = "hypertune:spec";  // open_study writes it

bool is_ours(std::string_view key) { return key.starts_with(kOurs) && key != kSpec; }

void check_params(const TrialRecord& trial) {
  for (const auto& [name, value] : trial.params) {
    const auto domain = trial.domains.find(name);
    if (name.empty()) throw Error("a parameter has no name");
    if (domain == trial.domains.end()) {
      throw Error(fmt::format("the parameter \"{}\" has no domain", name));
    }
    validate(domain->second, name);
    if (!contains(domain->second, value)) {
      throw Error(fmt::format("\"{}\" is {}, which does not lie in {}", name, to_string(value),
                              to_string(domain->second)));
    }
  }
  if (trial.domains.size() != trial.params.size()) {
    throw Error("there is a domain for a parameter that the trial does not have");
  }
}

void check_results(const StudySpec& spec, const TrialRecord& trial) {
  for (std::size_t i = 1; i < trial.reports.size(); ++i) {
    if (trial.reports[i].step > trial.reports[i - 1].step) continue;
    throw Error(fmt::format("step {} was reported after step {}; steps must increase",
                            trial.reports[i].step, trial.reports[i - 1].step));
  }
  if (trial.state != TrialState::Complete) return;
  for (const Objective& objective : spec.objectives) {
    const auto value = trial.metrics.find(objective.metric);
    if (value == trial.metrics.end() || std::isnan(value->second)) {
      throw Error(fmt::format("it is complete, but has no number for the objective \"{}\"",
                              objective.metric));
    }
  }
}

void check_plan(const TrialRecord& trial) {
  const TrialPlan& plan = trial.plan;
  if (plan.attempt < 1) throw Error("its attempt is below 1");
  for (const auto& other : {plan.retry_of, plan.parent}) {
    if (other && (*other < 0 || *other >= trial.number)) {
      throw Error(fmt::format("it names trial {}, which does not come before it", *other));
    }
  }
}

}  // namespace

StudyCopy copy_of(const Storage& storage, StudyId study) {
  StudyCopy copy{.spec = storage.spec(study), .attributes = {}, .trials = storage.trials(study)};
  for (auto& [key, json] : storage.attributes(study)) {
    if (is_ours(key)) copy.attributes.emplace(key, json);
  }
  if (copy.spec.space.parameters().empty()) copy.spec.space = space_of(copy.trials);
  return copy;
}

Domain widened(Domain domain, const Domain& other) {
  if (auto* a = std::get_if<FloatDomain>(&domain)) {
    const auto& b = std::get<FloatDomain>(other);
    if (a->step != b.step || a->low != b.low) a->step.reset();
    a->low = std::min(a->low, b.low);
    a->high = std::max(a->high, b.high);
  } else if (auto* c = std::get_if<IntDomain>(&domain)) {
    const auto& d = std::get<IntDomain>(other);
    if (c->step != d.step || c->low != d.low) c->step = 1;
    c->low = std::min(c->low, d.low);
    c->high = std::max(c->high, d.high);
  }
  return domain;
}

SearchSpace space_of(std::span<const TrialRecord> trials) {
  std::map<std::string, Domain> domains;
  for (const TrialRecord& trial : trials) {
    for (const auto& [name, domain] : trial.domains) {
      const auto [known, is_new] = domains.try_emplace(name, domain);
      if (!is_new && known->second != domain && compatible(known->second, domain)) {
        known->second = widened(known->second, domain);
      }
    }
  }
  SearchSpace space;
  for (auto& [name, domain] : domains) space.add(name, std::move(domain));
  return space;
}

int put_to_rest(StudyCopy& copy) {
  int count = 0;
  for (TrialRecord& trial : copy.trials) {
    if (trial.state != TrialState::Running && trial.state != TrialState::Paused) continue;
    TrialPlan plan = std::move(trial.plan);
    for (const auto& [name, value] : trial.params) plan.fixed.insert_or_assign(name, value);
    const int number = trial.number;
    trial = TrialRecord();
    trial.number = number;
    trial.plan = std::move(plan);
    ++count;
  }
  return count;
}

StudyCopyBuilder::StudyCopyBuilder(StudySpec spec) {
  check_spec(spec);
  copy_.spec = std::move(spec);
}

void StudyCopyBuilder::set_attribute(const std::string& key, std::string json) {
  if (!is_ours(key)) throw Error(fmt::format("\"{}\" is no attribute of hypertune", key));
  copy_.attributes.insert_or_assign(key, std::move(json));
}

void StudyCopyBuilder::add(TrialRecord trial) {
  if (trial.number != std::ssize(copy_.trials)) {
    throw Error(fmt::format("trial {} stands where trial {} is to come; numbers go on from 0",
                            trial.number, copy_.trials.size()));
  }
  check_params(trial);
  check_results(copy_.spec, trial);
  check_plan(trial);
  for (const auto& [name, domain] : trial.domains) {
    const auto [known, is_new] = used_.try_emplace(name, domain);
    if (is_new || compatible(known->second, domain)) continue;
    throw Error(
        fmt::format("\"{}\" has the domain {}, which does not go with that of an earlier "
                    "trial, {}",
                    name, to_string(domain), to_string(known->second)));
  }
  if (!trial.plan.key.empty() && !keys_.insert(trial.plan.key).second) {
    throw Error(fmt::format("an earlier trial has its key, \"{}\"", trial.plan.key));
  }
  copy_.trials.push_back(std::move(trial));
}

StudyId store_copy(Storage& storage, const StudyCopy& copy) {
  if (const auto known = storage.find_study(copy.spec.name)) {
    if (storage.counts(*known).total() > 0) {
      throw StudyMismatch(fmt::format(
          "a study \"{}\" with {} is there already; nothing was changed. Choose another "
          "name (--as), or another place",
          copy.spec.name, count_of(storage.counts(*known).total(), "trial")));
    }
  }
  const StudyId study = storage.open_study(copy.spec);
  // Trials come last: without them, the same can be done again after a crash.
  for (const auto& [key, json] : copy.attributes) storage.set_attribute(study, key, json);
  storage.restore(study, copy.trials);
  return study;
}

}  // namespace hypertune

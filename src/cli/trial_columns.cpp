// Trials as rows of a table and as JSON.
#include "cli/trial_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace hypertune {
namespace {

constexpr int kRoundedDigits = 4;
constexpr int kAllDigits = 0;

std::string number_cell(double number, int digits) {
  return digits == kAllDigits ? format_number(number) : format_number(number, digits);
}

void append_missing(std::vector<std::string>& names, const std::set<std::string>& others) {
  for (const std::string& name : others) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

}  // namespace

std::vector<std::string> metric_names(const StudySpec& spec, std::span<const TrialRecord> trials) {
  std::vector<std::string> names;
  for (const Objective& objective : spec.objectives) names.push_back(objective.metric);
  std::set<std::string> others;
  for (const TrialRecord& trial : trials) {
    for (const auto& [name, value] : trial.metrics) others.insert(name);
  }
  append_missing(names, others);
  return names;
}

TrialColumns::TrialColumns(const StudySpec& spec, std::span<const TrialRecord> trials)
    : metrics_(metric_names(spec, trials)) {
  for (const Parameter& parameter : spec.space.parameters()) params_.push_back(parameter.name);
  std::set<std::string> others;
  for (const TrialRecord& trial : trials) {
    for (const auto& [name, value] : trial.params) others.insert(name);
  }
  append_missing(params_, others);
}

std::vector<std::string> TrialColumns::names() const {
  std::vector<std::string> names = {"number", "state"};
  names.insert(names.end(), params_.begin(), params_.end());
  names.insert(names.end(), metrics_.begin(), metrics_.end());
  names.emplace_back("duration_s");
  return names;
}

std::vector<std::string> TrialColumns::exact(const TrialRecord& trial) const {
  return cells(trial, kAllDigits);
}

std::vector<std::string> TrialColumns::rounded(const TrialRecord& trial) const {
  return cells(trial, kRoundedDigits);
}

std::vector<std::string> TrialColumns::cells(const TrialRecord& trial, int digits) const {
  std::vector<std::string> cells = {std::to_string(trial.number),
                                    std::string(to_string(trial.state))};
  for (const std::string& name : params_) {
    const auto value = trial.params.find(name);
    if (value == trial.params.end()) {
      cells.emplace_back();
    } else if (const double* number = std::get_if<double>(&value->second)) {
      cells.push_back(number_cell(*number, digits));
    } else {
      cells.push_back(to_string(value->second));
    }
  }
  for (const std::string& name : metrics_) {
    const auto value = trial.metrics.find(name);
    cells.push_back(value == trial.metrics.end() ? "" : number_cell(value->second, digits));
  }
  const auto duration = trial.duration_s();
  cells.push_back(duration ? number_cell(*duration, digits) : "");
  return cells;
}

Json trial_json(const TrialRecord& trial) {
  Json json = {{"number", trial.number},
               {"state", to_string(trial.state)},
               {"params", to_json(trial.params)},
               {"metrics", to_json(trial.metrics)},
               {"reports", Json::array()}};
  for (const Report& report : trial.reports) {
    json["reports"].push_back({{"step", report.step}, {"metrics", to_json(report.metrics)}});
  }
  if (const auto duration = trial.duration_s()) json["duration_s"] = *duration;
  if (!trial.reason.empty()) json["reason"] = trial.reason;
  if (trial.plan.retry_of) json["retry_of"] = *trial.plan.retry_of;
  return json;
}

}  // namespace hypertune

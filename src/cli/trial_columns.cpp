// Trials as rows of a table and as JSON.
#include "cli/trial_columns.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace hypertune {
namespace {

constexpr int kDigits = 4;

void append_missing(std::vector<std::string>& names, const std::set<std::string>& others) {
  for (const std::string& name : others) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
}

std::vector<std::string> param_names(const StudySpec& spec, std::span<const TrialRecord> trials) {
  std::vector<std::string> names;
  for (const Parameter& parameter : spec.space.parameters()) names.push_back(parameter.name);
  std::set<std::string> others;
  for (const TrialRecord& trial : trials) {
    for (const auto& [name, value] : trial.params) others.insert(name);
  }
  append_missing(names, others);
  return names;
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

std::vector<TableRow> trial_rows(const StudySpec& spec, std::span<const TrialRecord> trials) {
  const std::vector<std::string> params = param_names(spec, trials);
  const std::vector<std::string> metrics = metric_names(spec, trials);
  const bool with_parents = std::ranges::any_of(
      trials, [](const TrialRecord& trial) { return trial.plan.parent.has_value(); });
  TableRow names = {"number", "state"};
  if (with_parents) names.emplace_back("parent");
  names.insert(names.end(), params.begin(), params.end());
  names.insert(names.end(), metrics.begin(), metrics.end());
  names.emplace_back("duration_s");
  std::vector<TableRow> rows = {std::move(names)};
  for (const TrialRecord& trial : trials) {
    TableRow& cells = rows.emplace_back();
    cells = {std::to_string(trial.number), std::string(to_string(trial.state))};
    if (with_parents) cells.push_back(trial.plan.parent ? std::to_string(*trial.plan.parent) : "");
    for (const std::string& name : params) {
      const auto value = trial.params.find(name);
      if (value == trial.params.end()) {
        cells.emplace_back();
      } else if (const double* number = std::get_if<double>(&value->second)) {
        cells.push_back(format_number(*number, kDigits));
      } else {
        cells.push_back(to_string(value->second));
      }
    }
    for (const std::string& name : metrics) {
      const auto value = trial.metrics.find(name);
      cells.push_back(value == trial.metrics.end() ? "" : format_number(value->second, kDigits));
    }
    const auto duration = trial.duration_s();
    cells.push_back(duration ? format_number(*duration, kDigits) : "");
  }
  return rows;
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
  if (trial.plan.parent) json["parent"] = *trial.plan.parent;
  return json;
}

}  // namespace hypertune

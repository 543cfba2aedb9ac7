// Trials as a table of comma-separated values.
#include "report/trials_csv.h"

#include <algorithm>
#include <set>
#include <vector>

#include "base/text.h"

namespace hypertune {
namespace {

std::string quote(std::string_view field) {
  if (field.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(field);
  std::string quoted = "\"";
  for (const char c : field) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + "\"";
}

/// `first`, then the rest of `all`, by name; each once.
std::vector<std::string> ordered(const std::vector<std::string>& first, std::set<std::string> all) {
  std::vector<std::string> names;
  for (const std::string& name : first) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
    all.erase(name);
  }
  names.insert(names.end(), all.begin(), all.end());
  return names;
}

}  // namespace

std::string csv_line(std::vector<std::string> fields) {
  for (std::string& field : fields) field = quote(field);
  return join(fields, ",") + "\n";
}

std::string trials_csv(const StudySpec& spec, std::span<const TrialRecord> trials) {
  std::set<std::string> param_names;
  std::set<std::string> metric_names;
  for (const TrialRecord& trial : trials) {
    for (const auto& [name, value] : trial.params) param_names.insert(name);
    for (const auto& [name, value] : trial.metrics) metric_names.insert(name);
  }
  std::vector<std::string> declared;
  for (const Parameter& parameter : spec.space.parameters()) declared.push_back(parameter.name);
  std::vector<std::string> objectives;
  for (const Objective& objective : spec.objectives) objectives.push_back(objective.metric);
  const auto params = ordered(declared, param_names);
  const auto metrics = ordered(objectives, metric_names);

  const bool with_parents = std::ranges::any_of(
      trials, [](const TrialRecord& trial) { return trial.plan.parent.has_value(); });
  std::vector<std::string> header = {"number", "state"};
  if (with_parents) header.emplace_back("parent");
  header.insert(header.end(), params.begin(), params.end());
  header.insert(header.end(), metrics.begin(), metrics.end());
  header.emplace_back("duration_s");
  std::string csv = csv_line(header);
  for (const TrialRecord& trial : trials) {
    std::vector<std::string> fields = {std::to_string(trial.number),
                                       std::string(to_string(trial.state))};
    if (with_parents) fields.push_back(trial.plan.parent ? std::to_string(*trial.plan.parent) : "");
    for (const std::string& name : params) {
      const auto found = trial.params.find(name);
      fields.push_back(found == trial.params.end() ? "" : to_string(found->second));
    }
    for (const std::string& name : metrics) {
      const auto found = trial.metrics.find(name);
      fields.push_back(found == trial.metrics.end() ? "" : format_number(found->second));
    }
    const auto duration = trial.duration_s();
    fields.push_back(duration ? format_number(*duration) : "");
    csv += csv_line(std::move(fields));
  }
  return csv;
}

}  // namespace hypertune

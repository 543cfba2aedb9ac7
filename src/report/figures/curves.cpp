// Learning curves: what trials reported of one metric, step by step.
#include "report/figures/curves.h"

#include <set>

#include "report/finite_metric.h"

namespace hypertune {

std::string curve_metric(const StudyView& study, const std::string& wanted) {
  std::set<std::string> reported;
  for (const TrialRecord& trial : study.trials) {
    for (const Report& report : trial.reports) {
      for (const auto& [name, value] : report.metrics) reported.insert(name);
    }
  }
  if (reported.contains(wanted)) return wanted;
  return reported.empty() ? "" : *reported.begin();
}

std::vector<Point> curve(const TrialRecord& trial, const std::string& metric) {
  std::vector<Point> points;
  for (const Report& report : trial.reports) {
    if (const auto value = finite_metric(report.metrics, metric)) {
      points.push_back({static_cast<double>(report.step), *value});
    }
  }
  return points;
}

std::string step_name(const StudyView& study) {
  return study.provenance.contains("trainer") ? "Epoch" : "Step";
}

}  // namespace hypertune

// The figure `history`: the objective of each trial by its number, and the best so far.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/figures/figure.h"
#include "report/finite_metric.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostDots = 5000;
constexpr double kAboveFloor = 0.015;  // of the height: where marks without a value lie

/// The last value that the trial reported.
std::optional<double> last_report(const TrialRecord& trial, const std::string& metric) {
  for (auto report = trial.reports.rbegin(); report != trial.reports.rend(); ++report) {
    if (const auto value = finite_metric(report->metrics, metric)) return value;
  }
  return std::nullopt;
}

Series best_so_far(const Measured& from, double last_number) {
  Series line{.label = "best so far", .drawing = Drawing::Line, .color = 0, .points = {}};
  for (const TrialRecord* trial : from.trials) {
    const double value = from.at(*trial);
    if (!line.points.empty() && !from.axis.is_better(value, line.points.back().y)) continue;
    const double number = trial->number;
    if (!line.points.empty()) line.points.push_back({number, line.points.back().y});
    line.points.push_back({number, value});
  }
  line.points.push_back({last_number, line.points.back().y});
  return line;
}

/// The same with an axis that also holds what pruned trials reported last.
void widen_for_pruned(Measured& from, const FigureInput& input) {
  std::vector<double> values;
  for (const TrialRecord* trial : from.trials) values.push_back(trial->metrics.at(input.metric));
  for (const TrialRecord& trial : input.study.trials) {
    if (trial.state != TrialState::Pruned) continue;
    if (const auto value = last_report(trial, input.metric)) values.push_back(*value);
  }
  from.axis = metric_axis(input.metric, input.study.spec.objectives, values);
}

}  // namespace

Figure history_figure(const FigureInput& input) {
  Measured from = measured(input);
  if (from.trials.empty()) return nothing_measured(input);
  widen_for_pruned(from, input);
  Plot plot{.name = "history", .y = from.axis.axis, .panels = {Panel{.title = "", .series = {}}}};
  const double floor = plot.y.low + kAboveFloor * (plot.y.high - plot.y.low);

  Series complete{.label = "complete", .drawing = Drawing::Dots, .color = 1, .points = {}};
  const auto drawn = thinned(from, kMostDots);
  for (const TrialRecord* trial : drawn) {
    complete.points.push_back({static_cast<double>(trial->number), from.at(*trial)});
  }
  Series pruned{.label = "pruned, last report", .color = 2, .points = {}};
  Series failed{.label = "failed", .color = 6, .points = {}};
  int last = 0;
  for (const TrialRecord& trial : input.study.trials) {
    if (!is_final(trial.state)) continue;
    last = trial.number;
    const double number = trial.number;
    if (trial.state == TrialState::Pruned) {
      const auto value = last_report(trial, input.metric);
      pruned.points.push_back({number, value ? from.axis.at(*value) : floor});
    } else if (trial.state == TrialState::Failed) {
      failed.points.push_back({number, floor});
    }
  }
  plot.x = {.label = "Trial", .whole = true};
  fit(plot.x, 0, std::max(last, 1));
  plot.caption =
      fmt::format("{} by trial, {} complete.", heading(input.metric), from.trials.size());
  if (!failed.points.empty()) plot.caption += " Failed trials lie at the lower edge.";
  plot.caption += left_out_text(from, drawn.size());
  auto& series = plot.panels.front().series;
  if (from.axis.direction) series.push_back(best_so_far(from, last));
  for (Series* some : {&complete, &pruned, &failed}) {
    if (!some->points.empty()) series.push_back(std::move(*some));
  }
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

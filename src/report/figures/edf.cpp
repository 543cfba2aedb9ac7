// The figure `edf`: the empirical distribution of the objective, for one or several studies.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "report/figures/figure.h"
#include "report/finite_metric.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostSteps = 2000;

std::vector<double> sorted_values(const StudyView& study, const std::string& metric) {
  std::vector<double> values;
  for (const TrialRecord* trial : study.complete()) {
    if (const auto value = finite_metric(trial->metrics, metric)) values.push_back(*value);
  }
  std::ranges::sort(values);
  return values;
}

Series steps(std::span<const double> sorted, const MetricAxis& axis) {
  Series line{.label = "", .drawing = Drawing::Line, .points = {{axis.axis.low, 0}}};
  const std::size_t stride = sorted.size() / kMostSteps + 1;
  for (std::size_t i = 0; i < sorted.size(); i += stride) {
    const std::size_t last = std::min(i + stride, sorted.size());
    const double x = axis.at(sorted[last - 1]);
    line.points.push_back({x, line.points.back().y});
    line.points.push_back({x, static_cast<double>(last) / static_cast<double>(sorted.size())});
  }
  line.points.push_back({axis.axis.high, 1});
  return line;
}

}  // namespace

Figure edf_figure(const FigureInput& input) {
  std::vector<const StudyView*> studies = {&input.study};
  for (const StudyView& other : input.others) studies.push_back(&other);
  std::vector<std::vector<double>> values;
  std::vector<double> all;
  for (const StudyView* study : studies) {
    values.push_back(sorted_values(*study, input.metric));
    all.insert(all.end(), values.back().begin(), values.back().end());
  }
  if (all.empty()) return nothing_measured(input);
  const MetricAxis axis = metric_axis(input.metric, input.study.spec.objectives, all);
  Plot plot{.name = "edf", .x = axis.axis, .panels = {Panel{.title = "", .series = {}}}};
  plot.caption = fmt::format("The share of complete trials whose {} is at most the value below:",
                             readable(input.metric));
  for (std::size_t i = 0; i < studies.size(); ++i) {
    const std::string& name = studies[i]->spec.name;
    plot.caption += fmt::format("{} {} of {}", i == 0 ? "" : ",",
                                count_of(std::ssize(values[i]), "trial"), name);
    if (values[i].empty()) continue;
    Series line = steps(values[i], axis);
    line.color = static_cast<int>(i);
    if (studies.size() > 1) line.label = name;
    plot.panels.front().series.push_back(std::move(line));
  }
  plot.caption += ".";
  plot.y = {.label = "Share of trials", .low = 0, .high = 1.02};
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

// The figure `intermediate`: what trials reported on their way, and where they were stopped.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "report/figures/curves.h"
#include "report/figures/figure.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostCurves = 1000;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Curve {
  const TrialRecord* trial;
  std::vector<Point> points;
};

std::vector<Curve> curves_of(const StudyView& study, const std::string& metric) {
  std::vector<Curve> curves;
  for (const TrialRecord& trial : study.trials) {
    std::vector<Point> points = curve(trial, metric);
    if (!points.empty()) curves.push_back({&trial, std::move(points)});
  }
  return curves;
}

/// How trials of a state are drawn: their curves, and a mark at the end of each.
struct Look {
  TrialState state;
  int color;
  const char* ends;
};
constexpr std::array<Look, 3> kLooks = {{{TrialState::Complete, 1, "complete"},
                                         {TrialState::Pruned, 2, "pruned"},
                                         {TrialState::Failed, 3, "failed"}}};

void add_curves(Panel& panel, const Look& look, std::span<const Curve> curves) {
  Series lines{.label = "", .drawing = Drawing::ThinLine, .color = look.color, .points = {}};
  Series ends{.label = look.ends, .color = look.color, .points = {}};
  for (const Curve& some : curves) {
    if (some.trial->state != look.state) continue;
    lines.points.insert(lines.points.end(), some.points.begin(), some.points.end());
    lines.points.push_back({kNan, kNan});
    ends.points.push_back(some.points.back());
  }
  if (ends.points.empty()) return;
  panel.series.push_back(std::move(lines));
  panel.series.push_back(std::move(ends));
}

/// That of the best trial, when the metric is an objective.
std::optional<Series> curve_of_best(const StudyView& study, const std::string& metric,
                                    std::span<const Curve> curves) {
  const auto& objectives = study.spec.objectives;
  const auto objective = std::ranges::find(objectives, metric, &Objective::metric);
  if (objective == objectives.end()) return std::nullopt;
  const auto curve = std::ranges::find(curves, best_trial(*objective, study.trials), &Curve::trial);
  if (curve == curves.end()) return std::nullopt;
  return Series{.label = fmt::format("best, trial {}", curve->trial->number),
                .drawing = Drawing::Line,
                .color = 0,
                .points = curve->points};
}

}  // namespace

Figure intermediate_figure(const FigureInput& input) {
  const std::string metric = curve_metric(input.study, input.metric);
  std::vector<Curve> curves = curves_of(input.study, metric);
  std::vector<double> values;
  double first = std::numeric_limits<double>::infinity();
  double last = -first;
  for (const Curve& some : curves) {
    for (const Point& point : some.points) values.push_back(point.y);
    first = std::min(first, some.points.front().x);
    last = std::max(last, some.points.back().x);
  }
  if (last <= first) return {.why_not = "no trial reported a metric at two steps"};
  const MetricAxis axis = metric_axis(metric, input.study.spec.objectives, values);
  for (Curve& some : curves) {
    for (Point& point : some.points) point.y = axis.at(point.y);
  }
  Plot plot{.name = "intermediate",
            .x = {.label = step_name(input.study), .whole = true},
            .y = axis.axis,
            .panels = {Panel{.title = "", .series = {}}}};
  fit(plot.x, first, last);
  const auto pruned = std::ranges::count_if(
      curves, [](const Curve& some) { return some.trial->state == TrialState::Pruned; });
  plot.caption =
      fmt::format("{} by {}, one line for each of {}; marks: where they ended, {} of them pruned.",
                  heading(metric), plot.x.label == "Epoch" ? "epoch" : "step",
                  count_of(std::ssize(curves), "trial"), pruned);
  const auto thick = curve_of_best(input.study, metric, curves);
  const std::size_t stride = (curves.size() - 1) / kMostCurves + 1;
  if (stride > 1) {
    std::vector<Curve> some;
    for (std::size_t i = 0; i < curves.size(); i += stride) some.push_back(std::move(curves[i]));
    curves = std::move(some);
    plot.caption += fmt::format(" One trial in {} is drawn.", stride);
  }
  Panel& panel = plot.panels.front();
  for (const Look& look : kLooks) add_curves(panel, look, curves);
  if (thick) panel.series.push_back(*thick);
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

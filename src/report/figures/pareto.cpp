// The figure `pareto`: pairs of objectives, and the trials that none dominates.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "report/figures/figure.h"
#include "report/finite_metric.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostObjectives = 4;
constexpr std::size_t kMostDots = 10'000;

/// Complete trials with finite values of all objectives.
std::vector<const TrialRecord*> comparable(const StudyView& study) {
  std::vector<const TrialRecord*> trials = study.complete();
  std::erase_if(trials, [&](const TrialRecord* trial) {
    return std::ranges::any_of(study.spec.objectives, [&](const Objective& objective) {
      return !finite_metric(trial->metrics, objective.metric);
    });
  });
  return trials;
}

/// The border of what the front dominates, of two objectives.
Series border(std::vector<Point> front, bool x_is_small) {
  std::ranges::sort(front, {}, &Point::x);
  Series line{.label = "", .drawing = Drawing::Line, .color = 2, .points = {}};
  for (const Point& point : front) {
    if (!line.points.empty()) {
      const Point last = line.points.back();
      line.points.push_back(x_is_small ? Point{point.x, last.y} : Point{last.x, point.y});
    }
    line.points.push_back(point);
  }
  return line;
}

}  // namespace

Figure pareto_figure(const FigureInput& input) {
  const auto& objectives = input.study.spec.objectives;
  if (objectives.size() < 2) return {.why_not = "it takes two objectives"};
  const auto trials = comparable(input.study);
  if (trials.empty()) return {.why_not = "no trial is complete with finite objectives"};
  std::vector<MetricAxis> axes;
  for (std::size_t i = 0; i < std::min(objectives.size(), kMostObjectives); ++i) {
    std::vector<double> values;
    for (const TrialRecord* trial : trials) {
      values.push_back(trial->metrics.at(objectives[i].metric));
    }
    axes.push_back(metric_axis(objectives[i].metric, objectives, values));
  }
  std::set<const TrialRecord*> front;
  for (const TrialRecord* trial :
       pareto_front({.objectives = objectives, .trials = input.study.trials})) {
    front.insert(trial);
  }
  const std::size_t stride = trials.size() / kMostDots + 1;
  Plot plot{.name = "pareto", .panels = {}};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    for (std::size_t j = i + 1; j < axes.size(); ++j) {
      Series dominated{.label = "dominated", .drawing = Drawing::Dots, .color = 5, .points = {}};
      Series best{.label = "not dominated", .drawing = Drawing::Dots, .color = 2, .points = {}};
      for (std::size_t k = 0; k < trials.size(); ++k) {
        const bool is_best = front.contains(trials[k]);
        if (!is_best && k % stride != 0) continue;
        (is_best ? best : dominated)
            .points.push_back({*axes[i].at(trials[k]->metrics), *axes[j].at(trials[k]->metrics)});
      }
      Panel panel{.title = "", .series = {}, .x = axes[i].axis, .y = axes[j].axis};
      if (axes.size() == 2) panel.series.push_back(border(best.points, axes[i].dark_is_low()));
      if (!dominated.points.empty()) panel.series.push_back(std::move(dominated));
      panel.series.push_back(std::move(best));
      plot.panels.push_back(std::move(panel));
    }
  }
  plot.caption = fmt::format("Objectives of {}, {} of which no other dominates.",
                             count_of(std::ssize(trials), "complete trial"), front.size());
  if (stride > 1) plot.caption += fmt::format(" Of the others, one in {} is drawn.", stride);
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

// The figures of a study, as plots.
#include "report/study_figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/text.h"
#include "math/statistics.h"
#include "report/figures/curves.h"
#include "report/figures/figure.h"
#include "report/finite_metric.h"
#include "report/pairs.h"

namespace hypertune {
namespace {

/// More curves than this in a panel are a smear: only their median is drawn then.
constexpr int kMaxThinLines = 200;
constexpr int kDifferenceColor = 3;

/// The horizontal axis of the scatter plots: a parameter, or the number of the trial when the study
/// has no parameter that is a number.
struct Abscissa {
  std::optional<Scale> scale;

  std::optional<double> of(const TrialRecord& trial) const {
    if (!scale) return trial.number;
    const auto found = trial.params.find(scale->name);
    if (found == trial.params.end()) return std::nullopt;
    const auto number = as_number(found->second);
    const bool shown = number && std::isfinite(*number) && (!scale->log || *number > 0);
    return shown ? number : std::nullopt;
  }

  Axis axis(double smallest, double largest) const {
    Axis axis{.label = scale ? heading(scale->name) : "Trial", .log = scale && scale->log};
    if (scale && scale->low && scale->high) {
      smallest = std::min(smallest, *scale->low);
      largest = std::max(largest, *scale->high);
    }
    fit(axis, smallest, largest);
    return axis;
  }
};

struct Bounds {
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -std::numeric_limits<double>::infinity();
  void add(double value) {
    smallest = std::min(smallest, value);
    largest = std::max(largest, value);
  }
};

/// Fits both axes to the points, and gives shares the whole range from 0 to 1.
void fit_axes(Plot& plot, const Abscissa* abscissa, std::optional<double> chance_level,
              std::optional<double> level) {
  Bounds x;
  Bounds y;
  for (const Panel& panel : plot.panels) {
    for (const Series& series : panel.series) {
      for (const Point& point : series.points) {
        x.add(point.x);
        y.add(point.y);
      }
    }
  }
  if (level) y.add(*level);
  if (abscissa != nullptr) {
    plot.x = abscissa->axis(x.smallest, x.largest);
  } else {
    fit(plot.x, x.smallest, x.largest);
  }
  if (chance_level && y.smallest >= 0 && y.largest <= 1) y = {0, 1};
  fit(plot.y, y.smallest, y.largest);
}

/// A thin gray line across every panel, behind the data unless it is part of the legend.
void add_level(Plot& plot, double level, const std::string& label) {
  for (Panel& panel : plot.panels) {
    panel.series.insert(label.empty() ? panel.series.begin() : panel.series.end(),
                        {.label = label,
                         .drawing = Drawing::Level,
                         .points = {{plot.x.low, level}, {plot.x.high, level}}});
  }
}

std::string left_out(int n) {
  if (n == 0) return "";
  return fmt::format(" {} without a finite value on both axes {} left out.", count_of(n, "trial"),
                     n == 1 ? "is" : "are");
}

bool has_points(const Panel& panel) {
  return std::ranges::any_of(panel.series, [](const Series& s) { return !s.points.empty(); });
}

std::optional<Plot> objective_plot(const StudyView& study) {
  const Abscissa abscissa{scale(study.spec.space)};
  const auto groups = grouping(study.spec.space);
  const std::string metric = study.metric();
  Panel panel;
  for (std::size_t i = 0; i < (groups ? groups->values.size() : 1); ++i) {
    panel.series.push_back(
        {.label = groups ? groups->labels[i] : "", .color = static_cast<int>(i), .points = {}});
  }
  int missing = 0;
  const auto complete = study.complete();
  for (const TrialRecord* trial : complete) {
    const auto x = abscissa.of(*trial);
    const auto y = finite_metric(trial->metrics, metric);
    const auto group = groups ? groups->group_of(*trial) : std::optional<std::size_t>(0);
    if (x && y && group) {
      panel.series[*group].points.push_back({*x, *y});
    } else {
      ++missing;
    }
  }
  if (!has_points(panel)) return std::nullopt;
  const std::string against = abscissa.scale ? readable(abscissa.scale->name) : "number";
  Plot plot{.name = std::string(kFigureNames[0]), .panels = {panel}};
  plot.y.label = heading(metric);
  const auto level = chance(study);
  fit_axes(plot, &abscissa, level, level);
  plot.caption = fmt::format("{} of {} against {}, one mark for each trial.", heading(metric),
                             count_of(std::ssize(complete) - missing, "trial"), against);
  if (level) {
    add_level(plot, *level, fmt::format("chance ({})", format_number(*level, 2)));
    plot.caption += " The thin line is the accuracy of guessing.";
  }
  plot.caption += left_out(missing);
  return plot;
}

/// Median by step. A trial that ended early counts with its last value, for otherwise the median
/// would rise as bad trials are stopped.
std::vector<Point> median_curve(const std::vector<std::vector<Point>>& curves) {
  std::set<double> steps;
  for (const auto& points : curves) {
    for (const Point& point : points) steps.insert(point.x);
  }
  std::vector<Point> median;
  for (const double step : steps) {
    std::vector<double> values;
    for (const auto& points : curves) {
      const auto later = std::ranges::upper_bound(points, step, {}, &Point::x);
      if (later != points.begin()) values.push_back(std::prev(later)->y);
    }
    median.push_back({step, median_of(values)});
  }
  return median;
}

std::optional<Plot> curves_plot(const StudyView& study) {
  const std::string metric = curve_metric(study, study.metric());
  const auto groups = grouping(study.spec.space);
  std::vector<std::vector<std::vector<Point>>> curves(groups ? groups->values.size() : 1);
  std::set<double> steps;
  for (const TrialRecord& trial : study.trials) {
    if (trial.state != TrialState::Complete && trial.state != TrialState::Pruned) continue;
    const auto group = groups ? groups->group_of(trial) : std::optional<std::size_t>(0);
    std::vector<Point> points = curve(trial, metric);
    if (!group || points.empty()) continue;
    for (const Point& point : points) steps.insert(point.x);
    curves[*group].push_back(std::move(points));
  }
  if (steps.size() < 2) return std::nullopt;

  constexpr std::size_t kMaxCurvePanels = 4;
  const bool one_panel = curves.size() > kMaxCurvePanels;  // of medians alone
  Plot plot{.name = std::string(kFigureNames[1]),
            .panels = std::vector<Panel>(one_panel ? 1 : curves.size())};
  for (std::size_t i = 0; i < curves.size(); ++i) {
    Panel& panel = plot.panels[one_panel ? 0 : i];
    const int color = static_cast<int>(i);
    const std::string label = groups ? groups->labels[i] : "";
    if (!one_panel) panel.title = label;
    if (!one_panel && curves[i].size() <= kMaxThinLines) {
      for (const auto& points : curves[i]) {
        panel.series.push_back(
            {.label = "", .drawing = Drawing::ThinLine, .color = color, .points = points});
      }
    }
    panel.series.push_back({.label = one_panel ? label : "",
                            .drawing = Drawing::Line,
                            .color = color,
                            .points = median_curve(curves[i])});
  }
  std::erase_if(plot.panels, [](const Panel& panel) { return !has_points(panel); });
  plot.x.label = step_name(study);
  plot.x.whole = true;
  plot.y.label = heading(metric);
  const auto level = metric == study.metric() ? chance(study) : std::nullopt;
  fit_axes(plot, nullptr, level, level);
  plot.caption = fmt::format(
      "{} by {}. Thick: the median; a trial that ended early counts with its last "
      "value.{}",
      heading(metric), plot.x.label == "Epoch" ? "epoch" : "step",
      one_panel ? "" : " Thin: one line for each trial.");
  if (level) {
    add_level(plot, *level, "");
    plot.caption += " Gray: the accuracy of guessing.";
  }
  return plot;
}

std::optional<Plot> difference_plot(const StudyView& study) {
  const auto groups = grouping(study.spec.space);
  if (!groups || !two_values(study.spec.space, groups->name)) return std::nullopt;
  const Abscissa abscissa{scale(study.spec.space)};
  const std::string metric = study.metric();
  Series series{.label = "", .color = kDifferenceColor, .points = {}};
  const auto complete = study.complete();
  const auto pairs = find_pairs(study.spec.space, groups->name, complete);
  int missing = 0;
  for (const TrialPair& pair : pairs) {
    const auto x = abscissa.of(*pair.first);
    const auto first = finite_metric(pair.first->metrics, metric);
    const auto second = finite_metric(pair.second->metrics, metric);
    if (x && first && second) {
      series.points.push_back({*x, *first - *second});
    } else {
      ++missing;
    }
  }
  if (series.points.empty()) return std::nullopt;
  Plot plot{.name = std::string(kFigureNames[2]),
            .panels = {Panel{.title = groups->labels[0] + " minus " + groups->labels[1],
                             .series = {series}}}};
  plot.y.label = "Difference in " + readable(metric);
  fit_axes(plot, &abscissa, std::nullopt, 0.0);
  add_level(plot, 0, "");
  plot.caption = fmt::format(
      "Difference in {} between {} and {}, one mark for each of {} that share draw and seed. Gray: "
      "no difference.{}",
      readable(metric), groups->labels[0], groups->labels[1],
      count_of(std::ssize(series.points), "pair"),
      missing == 0 ? "" : " " + count_of(missing, "pair") + " without finite values left out.");
  return plot;
}

bool has_grid(const StudyView& study) {
  return std::ranges::any_of(study.spec.space.parameters(),
                             [](const Parameter& p) { return p.role == Role::Grid; });
}

/// A search worth following: so many trials, none of them there for a grid.
bool is_search(const StudyView& study) {
  constexpr std::ptrdiff_t kFewest = 10;
  return !has_grid(study) && std::ssize(study.complete()) >= kFewest;
}

bool has_pruned(const StudyView& study) {
  return std::ranges::any_of(
      study.trials, [](const TrialRecord& trial) { return trial.state == TrialState::Pruned; });
}

bool has_several_workers(const StudyView& study) {
  std::set<std::string> workers;
  for (const TrialRecord& trial : study.trials) {
    if (trial.started) workers.insert(trial.worker);
  }
  return workers.size() > 1;
}

/// The figures that `hypertune show` draws too, where they help a reader of the report.
std::vector<Plot> general_figures(const StudyView& study) {
  const FigureInput input{.study = study, .metric = study.metric()};
  const auto sampled =
      std::ranges::count(study.spec.space.parameters(), Role::Sampled, &Parameter::role);
  std::vector<Figure> figures;
  if (is_search(study)) figures.push_back(history_figure(input));
  if (sampled > 1) figures.push_back(slice_figure(input));
  if (is_search(study) && sampled > 2) figures.push_back(parallel_figure(input));
  if (has_pruned(study)) figures.push_back(intermediate_figure(input));
  figures.push_back(pareto_figure(input));
  if (has_several_workers(study)) figures.push_back(timeline_figure(input));
  std::vector<Plot> plots;
  for (Figure& figure : figures) {
    if (figure.plot) plots.push_back(std::move(*figure.plot));
  }
  return plots;
}

}  // namespace

std::vector<Plot> study_figures(const StudyView& study) {
  std::vector<Plot> plots;
  if (study.metric().empty()) return plots;
  // Where trials were pruned in a search, the figure `intermediate` has their curves, and medians
  // would be those of pruned ones.
  const bool has_medians = has_grid(study) || !has_pruned(study);
  for (auto& plot : {objective_plot(study), has_medians ? curves_plot(study) : std::nullopt,
                     difference_plot(study)}) {
    if (plot) plots.push_back(*plot);
  }
  std::ranges::move(general_figures(study), std::back_inserter(plots));
  return plots;
}

}  // namespace hypertune

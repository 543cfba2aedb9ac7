// The figure `parallel`: each trial as a line through its parameters, colored by the objective.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "report/figures/figure.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostLines = 2000;
constexpr std::size_t kMostParameters = 11;
constexpr double kMissing = -0.1;  // where lines pass that do not have the parameter
constexpr std::size_t kLongestName = 24;
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

double share_of(const Axis& axis, double at) { return (at - axis.low) / (axis.high - axis.low); }

void add_axis(Panel& panel, double x, const Axis& axis) {
  panel.series.push_back({.label = "", .drawing = Drawing::Level, .points = {{x, 0}, {x, 1}}});
  for (const Tick& tick : axis.ticks) {
    panel.words.push_back({x, share_of(axis, tick.at), tick.label});
  }
}

}  // namespace

Figure parallel_figure(const FigureInput& input) {
  const Measured from = measured(input);
  if (from.trials.empty()) return nothing_measured(input);
  const auto parameters = chosen_parameters(input, from, kMostParameters);
  if (parameters.empty()) return {.why_not = "no parameter has two values in complete trials"};
  auto drawn = thinned(from, kMostLines);
  // The best last, for they lie on top of the others.
  std::ranges::stable_sort(drawn, [&](const TrialRecord* a, const TrialRecord* b) {
    return from.axis.is_better(from.at(*b), from.at(*a));
  });
  Plot plot{.name = "parallel",
            .panels = {Panel{.title = "", .series = {}, .bare = true}},
            .dark_is_low = from.axis.dark_is_low(),
            .wide = true};
  std::vector<double> values;
  for (const TrialRecord* trial : from.trials) values.push_back(from.at(*trial));
  plot.shade = shade_axis(from.axis, std::move(values));
  Panel& panel = plot.panels.front();
  Series lines{.label = "", .drawing = Drawing::Shades, .points = {}};
  bool is_missing = false;
  for (const TrialRecord* trial : drawn) {
    const double value = from.at(*trial);
    lines.points.push_back({0, share_of(from.axis.axis, value), value});
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto at = parameters[i].at(*trial);
      if (!at) is_missing = true;
      lines.points.push_back(
          {static_cast<double>(i + 1), at ? share_of(parameters[i].axis, *at) : kMissing, value});
    }
    lines.points.push_back({kNan, kNan});
  }
  panel.series.push_back(std::move(lines));
  add_axis(panel, 0, from.axis.axis);
  plot.x.ticks.push_back({0, shorten(from.axis.axis.label, kLongestName)});
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto x = static_cast<double>(i + 1);
    add_axis(panel, x, parameters[i].axis);
    plot.x.ticks.push_back({x, shorten(parameters[i].axis.label, kLongestName)});
  }
  plot.x.low = -0.3;
  plot.x.high = static_cast<double>(parameters.size()) + 0.3;
  plot.y.low = is_missing ? kMissing - 0.03 : 0;
  plot.y.high = 1;
  plot.y.ticks = {{is_missing ? kMissing : -1, is_missing ? "not set" : ""}};
  plot.caption =
      fmt::format(
          "{} and {}, one line for each complete trial. Dark is better, and the worst twentieth "
          "shares a color.",
          heading(input.metric), count_of(std::ssize(parameters), "parameter")) +
      left_out_text(from, drawn.size());
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

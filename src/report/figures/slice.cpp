// The figure `slice`: the objective against each parameter, by trial number.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/figures/figure.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostDots = 12'000;  // in all panels together

/// Shades for the numbers of trials, with a tick at whole numbers alone.
Axis trial_shade(int last) {
  Axis shade = axis_between("Trial", false, 0, last);
  std::erase_if(shade.ticks, [&](const Tick& tick) {
    return tick.at < 0 || tick.at > last || tick.at != std::floor(tick.at);
  });
  shade.low = 0;
  shade.high = last;
  return shade;
}

}  // namespace

Figure slice_figure(const FigureInput& input) {
  const Measured from = measured(input);
  if (from.trials.empty()) return nothing_measured(input);
  const auto parameters = chosen_parameters(input, from, kMaxPanels);
  if (parameters.empty()) return {.why_not = "no parameter has two values in complete trials"};
  Plot plot{.name = "slice", .panels = {}};
  plot.y = from.axis.axis;
  plot.dark_is_low = false;
  const auto drawn = thinned(from, kMostDots / parameters.size());
  for (const ParameterAxis& parameter : parameters) {
    Series dots{.label = "", .drawing = Drawing::Dots, .points = {}};
    for (const TrialRecord* trial : drawn) {
      const auto at = parameter.near(*trial);
      if (!at) continue;  // a condition of the space switched it off
      dots.points.push_back({*at, from.at(*trial), static_cast<double>(trial->number)});
    }
    plot.panels.push_back({.title = "", .series = {std::move(dots)}, .x = parameter.axis});
  }
  plot.shade = trial_shade(std::max(1, from.trials.back()->number));
  const std::string against = parameters.size() == 1
                                  ? "the parameter"
                                  : fmt::format("each of {} parameters", parameters.size());
  plot.caption = fmt::format("{} against {}, one dot for each complete trial that has it.",
                             heading(input.metric), against) +
                 left_out_text(from, drawn.size());
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

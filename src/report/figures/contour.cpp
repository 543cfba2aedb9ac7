// The figure `contour`: the objective over pairs of parameters, interpolated.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/figures/pairs_of_parameters.h"
#include "report/figures/surface.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostBeads = 3000;  // in all panels together
constexpr std::size_t kFewestTrials = 3;  // a surface needs
constexpr int kLevels = 9;

Series cells_of(const Surface& surface, bool blurred) {
  Series cells{.label = "", .drawing = blurred ? Drawing::Cells : Drawing::Tiles, .points = {}};
  for (std::size_t row = 0; row < surface.y.size(); ++row) {
    for (std::size_t column = 0; column < surface.x.size(); ++column) {
      cells.points.push_back({surface.x[column], surface.y[row], surface.at(column, row)});
    }
  }
  return cells;
}

Series beads_of(const AxisPair& pair, const std::vector<const TrialRecord*>& trials) {
  Series beads{.label = "", .drawing = Drawing::Beads, .points = {}};
  for (const TrialRecord* trial : trials) {
    const auto x = pair.first.near(*trial);
    const auto y = pair.second.near(*trial, ParameterAxis::Side::Y);
    if (x && y) beads.points.push_back({*x, *y});
  }
  return beads;
}

}  // namespace

Figure contour_figure(const FigureInput& input) {
  const Measured from = measured(input);
  if (from.trials.empty()) return nothing_measured(input);
  const auto pairs = parameter_pairs(input, from);
  if (pairs.empty()) return no_pair();
  if (from.trials.size() < kFewestTrials) {
    return {.why_not = fmt::format("it takes {} complete trials, and there {} {}", kFewestTrials,
                                   from.trials.size() == 1 ? "is" : "are", from.trials.size())};
  }
  std::vector<Surface> surfaces;
  std::vector<double> heights;
  for (const auto& [x, y] : pairs) {
    surfaces.push_back(surface(x, y, from));
    std::ranges::copy_if(surfaces.back().heights, std::back_inserter(heights),
                         [](double height) { return !std::isnan(height); });
  }
  Axis shade = shade_axis(from.axis, heights);
  std::vector<double> levels;
  for (int i = 1; i <= kLevels; ++i) {
    levels.push_back(shade.low + (shade.high - shade.low) * i / (kLevels + 1));
  }
  Plot plot{.name = "contour", .panels = {}, .dark_is_low = from.axis.dark_is_low()};
  const auto drawn = thinned(from, kMostBeads / pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto& [x, y] = pairs[i];
    const bool blurred = !x.categorical() && !y.categorical();
    Panel panel{.title = "", .series = {cells_of(surfaces[i], blurred)}, .x = x.axis, .y = y.axis};
    if (blurred) {
      panel.series.push_back(
          {.label = "", .drawing = Drawing::Isolines, .points = isolines(surfaces[i], levels)});
    }
    panel.series.push_back(beads_of(pairs[i], drawn));
    plot.panels.push_back(std::move(panel));
  }
  plot.shade = std::move(shade);
  plot.caption = fmt::format(
                     "{} over pairs of parameters: the mean of near trials, whatever their other "
                     "parameters; dark is better, the worst twentieth shares a color, and white is "
                     "untried. Marks: complete trials.",
                     heading(input.metric)) +
                 left_out_text(from, drawn.size());
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

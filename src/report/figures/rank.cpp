// The figure `rank`: pairs of parameters, colored by the rank of the objective.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "report/figures/pairs_of_parameters.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostDots = 12'000;  // in all panels together

/// The share of the other trials that are better; equal trials count half.
std::map<const TrialRecord*, double> relative_ranks(const Measured& from) {
  std::vector<double> sorted;
  for (const TrialRecord* trial : from.trials) sorted.push_back(from.at(*trial));
  std::ranges::sort(sorted);
  const double others = std::max<double>(1, static_cast<double>(sorted.size()) - 1);
  std::map<const TrialRecord*, double> ranks;
  for (const TrialRecord* trial : from.trials) {
    const auto equal = std::ranges::equal_range(sorted, from.at(*trial));
    const auto smaller = static_cast<double>(equal.begin() - sorted.begin());
    const double share = (smaller + (static_cast<double>(equal.size()) - 1) / 2) / others;
    ranks[trial] = from.axis.dark_is_low() ? share : 1 - share;
  }
  return ranks;
}

}  // namespace

Figure rank_figure(const FigureInput& input) {
  const Measured from = measured(input);
  if (from.trials.empty()) return nothing_measured(input);
  const auto pairs = parameter_pairs(input, from);
  if (pairs.empty()) return no_pair();
  const auto ranks = relative_ranks(from);
  auto drawn = thinned(from, kMostDots / pairs.size());
  // The best last, for they lie on top of the others.
  std::ranges::stable_sort(drawn, std::greater<>(),
                           [&](const TrialRecord* trial) { return ranks.at(trial); });
  Plot plot{.name = "rank", .panels = {}};
  for (const auto& [x, y] : pairs) {
    Series dots{.label = "", .drawing = Drawing::Dots, .points = {}};
    for (const TrialRecord* trial : drawn) {
      const auto at_x = x.near(*trial);
      const auto at_y = y.near(*trial, ParameterAxis::Side::Y);
      if (at_x && at_y) dots.points.push_back({*at_x, *at_y, ranks.at(trial)});
    }
    plot.panels.push_back({.title = "", .series = {std::move(dots)}, .x = x.axis, .y = y.axis});
  }
  plot.shade =
      Axis{.label = heading(input.metric),
           .low = 0,
           .high = 1,
           .ticks = {{0, "best"}, {0.25, "25 %"}, {0.5, "50 %"}, {0.75, "75 %"}, {1, "worst"}}};
  plot.caption = fmt::format(
                     "Pairs of parameters; a dot is a complete trial, the darker the "
                     "better its {} ranks among all.",
                     readable(input.metric)) +
                 left_out_text(from, drawn.size());
  return {.plot = std::move(plot)};
}

}  // namespace hypertune

// The section of a report that says which parameters mattered, and its figure.
#include "report/importance_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/text.h"
#include "report/finite_metric.h"
#include "report/importance_table.h"

namespace hypertune {
namespace {

constexpr std::ptrdiff_t kFewestTrials = 20;
constexpr std::ptrdiff_t kFewestParameters = 2;
/// More bars than these cannot be read.
constexpr std::size_t kMostBars = 20;
constexpr int kBarColor = 1;

/// Ends a line, so that the next point begins another.
constexpr Point kGap{std::numeric_limits<double>::quiet_NaN(), 0};

}  // namespace

std::optional<Importance> importance_for_report(const StudyView& study) {
  std::vector<const TrialRecord*> trials = study.complete();
  const std::string metric = study.metric();
  std::erase_if(trials, [&](const auto* trial) { return !finite_metric(trial->metrics, metric); });
  if (metric.empty() || std::ssize(trials) < kFewestTrials) return std::nullopt;
  const auto columns = parameter_columns(study.spec.space, trials);
  if (std::ranges::count_if(columns, &ParameterColumn::varies) < kFewestParameters) {
    return std::nullopt;
  }
  return judge_importance(study.spec, study.trials);
}

std::optional<Plot> importance_plot(const Importance& importance) {
  std::vector<ParameterImportance> shown = importance.parameters;
  std::erase_if(shown, [](const ParameterImportance& p) { return !p.share.share; });
  const std::size_t all = shown.size();
  if (all == 0) return std::nullopt;
  shown.resize(std::min(all, kMostBars));
  Series bars{.label = "", .drawing = Drawing::Bars, .color = kBarColor, .points = {}};
  Series spreads{.label = "", .drawing = Drawing::Isolines, .points = {}};
  Plot plot{.name = std::string(kImportanceFigureName), .caption = {}, .panels = {}};
  double largest = 0;
  double y = static_cast<double>(shown.size());
  for (const ParameterImportance& parameter : shown) {
    --y;
    plot.y.ticks.push_back({y, shorten(readable(parameter.name), 40)});
    bars.points.insert(bars.points.end(), {{0, y}, {*parameter.share.share, y}, kGap});
    largest = std::max(largest, parameter.share.high.value_or(*parameter.share.share));
    if (!parameter.share.low) continue;
    spreads.points.insert(spreads.points.end(),
                          {{*parameter.share.low, y}, {*parameter.share.high, y}, kGap});
  }
  plot.x = {.label = "Share of the variance", .low = 0, .high = largest > 0 ? 1.05 * largest : 1};
  plot.y.low = -0.7;
  plot.y.high = static_cast<double>(shown.size()) - 0.3;
  plot.caption = fmt::format("Importance for {} by {}, from {}.", readable(importance.metric),
                             to_string(importance.method), count_of(importance.trials, "trial"));
  if (!spreads.points.empty()) {
    plot.caption += " Dark lines: between these, nine tenths of the trees' answers lie.";
  }
  if (all > kMostBars) {
    plot.caption += fmt::format(" The first {} of {} parameters.", kMostBars, all);
  }
  plot.panels = {Panel{.title = "", .series = {std::move(bars)}}};
  if (!spreads.points.empty()) plot.panels[0].series.push_back(std::move(spreads));
  return plot;
}

Section importance_section(const Importance& importance, std::optional<Illustration> figure) {
  Section section{.title = "What mattered", .blocks = {}};
  section.blocks.emplace_back(Paragraph{
      fmt::format("Importance of the parameters for {}, by {} on {}:", importance.metric,
                  to_string(importance.method), count_of(importance.trials, "complete trial"))});
  Table table{.columns = {{"Parameter"},
                          {"Importance", Align::Right},
                          {"Nine tenths of trees", Align::Right},
                          {"Trials", Align::Right}},
              .rows = {}};
  for (const ParameterImportance& parameter : importance.parameters) {
    const ImportanceShare& share = parameter.share;
    table.rows.push_back({parameter.name,
                          share.share ? format_share(share.share) : "too few trials",
                          format_spread(share), std::to_string(share.n)});
  }
  section.blocks.emplace_back(std::move(table));
  if (figure) section.blocks.emplace_back(std::move(*figure));
  section.blocks.emplace_back(List{importance_notes(importance)});
  return section;
}

std::string format_share(const std::optional<double>& share) {
  return share ? fmt::format("{:.3f}", *share) : "";
}

std::string format_spread(const ImportanceShare& share) {
  if (!share.low || !share.high) return "";
  return fmt::format("[{:.3f}, {:.3f}]", *share.low, *share.high);
}

}  // namespace hypertune

// Figures of a study by name, and the choice of trials and parameters that they share.
#include "report/figures/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "base/text.h"
#include "report/finite_metric.h"
#include "report/importance.h"

namespace hypertune {
namespace {

constexpr std::array<FigureKind, 9> kKinds = {{
    {"history", "the objective of each trial, and the best so far", FigureNeeds::Metric,
     history_figure},
    {"slice", "the objective against each parameter", FigureNeeds::MetricAndParams, slice_figure},
    {"contour", "the objective over pairs of parameters, interpolated",
     FigureNeeds::MetricAndParams, contour_figure},
    {"parallel", "each trial as a line through its parameters", FigureNeeds::MetricAndParams,
     parallel_figure},
    {"rank", "pairs of parameters, by the rank of the objective", FigureNeeds::MetricAndParams,
     rank_figure},
    {"edf", "the distribution of the objective, for one or several studies", FigureNeeds::Metric,
     edf_figure},
    {"pareto", "pairs of objectives, and the trials that none dominates", FigureNeeds::Objectives,
     pareto_figure},
    {"intermediate", "what trials reported on their way, and where they were stopped",
     FigureNeeds::Metric, intermediate_figure},
    {"timeline", "which worker ran which trial, when", FigureNeeds::Nothing, timeline_figure},
}};

bool has_two_values(const ParameterAxis& axis, std::span<const TrialRecord* const> trials) {
  std::optional<double> first;
  for (const TrialRecord* trial : trials) {
    const auto at = axis.at(*trial);
    if (at && first && *at != *first) return true;
    if (at) first = at;
  }
  return false;
}

/// By PED-ANOVA, which is fast; all of them when there are too few trials to tell.
std::set<std::string> most_important(const FigureInput& input, const Measured& from,
                                     std::size_t limit) {
  std::set<std::string> names;
  if (std::ssize(from.trials) >= kFewestTrialsForImportance) {
    const Importance importance =
        judge_importance(input.study.spec, input.study.trials,
                         {.method = ImportanceMethod::PedAnova, .metric = input.metric});
    for (const ParameterImportance& parameter : importance.parameters) {
      if (names.size() < limit && parameter.share.share) names.insert(parameter.name);
    }
  }
  if (!names.empty()) return names;
  for (const Parameter& parameter : input.study.spec.space.parameters()) {
    names.insert(parameter.name);
  }
  return names;
}

}  // namespace

std::span<const FigureKind> figure_kinds() { return kKinds; }

const FigureKind* find_figure(std::string_view name) {
  const auto* found = std::ranges::find(kKinds, name, &FigureKind::name);
  return found == kKinds.end() ? nullptr : found;
}

Measured measured(const FigureInput& input) {
  Measured result;
  std::vector<double> values;
  for (const TrialRecord* trial : input.study.complete()) {
    if (const auto value = finite_metric(trial->metrics, input.metric)) {
      result.trials.push_back(trial);
      values.push_back(*value);
    } else {
      ++result.infinite;
    }
  }
  result.axis = metric_axis(input.metric, input.study.spec.objectives, values);
  return result;
}

Figure nothing_measured(const FigureInput& input) {
  return {.why_not =
              fmt::format("no trial is complete with a finite value of \"{}\"", input.metric)};
}

std::vector<ParameterAxis> chosen_parameters(const FigureInput& input, const Measured& from,
                                             std::size_t limit) {
  std::vector<ParameterAxis> axes;
  for (const std::string& name : input.params) {
    const Parameter* parameter = input.study.spec.space.find(name);
    if (parameter != nullptr) axes.push_back(parameter_axis(*parameter, from.trials));
  }
  if (!input.params.empty()) {
    if (axes.size() > limit) axes.resize(limit);
    return axes;
  }
  for (const Parameter& parameter : input.study.spec.space.parameters()) {
    ParameterAxis axis = parameter_axis(parameter, from.trials);
    if (has_two_values(axis, from.trials)) axes.push_back(std::move(axis));
  }
  if (axes.size() <= limit) return axes;
  const std::set<std::string> wanted = most_important(input, from, limit);
  std::erase_if(axes, [&](const ParameterAxis& axis) { return !wanted.contains(axis.name); });
  if (axes.size() > limit) axes.resize(limit);
  return axes;
}

std::vector<const TrialRecord*> thinned(const Measured& from, std::size_t limit) {
  if (from.trials.size() <= limit) return from.trials;
  const auto best = std::ranges::min_element(from.trials, [&](const auto* a, const auto* b) {
    return from.axis.is_better(from.at(*a), from.at(*b));
  });
  std::set<std::size_t> chosen = {static_cast<std::size_t>(best - from.trials.begin())};
  for (std::size_t i = 0; i + 1 < limit; ++i) chosen.insert(i * from.trials.size() / (limit - 1));
  std::vector<const TrialRecord*> result;
  for (const std::size_t i : chosen) result.push_back(from.trials[i]);
  return result;
}

std::string left_out_text(const Measured& from, std::size_t drawn) {
  std::string text;
  if (drawn < from.trials.size()) {
    text += fmt::format(" {} of {} trials are drawn.", drawn, from.trials.size());
  }
  if (from.infinite > 0) {
    text += fmt::format(" {} without a finite value {} left out.", count_of(from.infinite, "trial"),
                        from.infinite == 1 ? "is" : "are");
  }
  return text;
}

}  // namespace hypertune

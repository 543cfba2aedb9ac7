// Figures of a study by name: what can be drawn, and from what.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "report/figures/coordinate.h"
#include "report/plot.h"
#include "report/study_view.h"

namespace hypertune {

/// What a figure is drawn from. `metric` is not empty; `params` names parameters of the study.
struct FigureInput {
  const StudyView& study;
  std::string metric;                      ///< the objective
  std::vector<std::string> params = {};    ///< which parameters; none: those that matter most
  std::span<const StudyView> others = {};  ///< studies to compare with
};

/// A plot, or why the study has none of the kind.
struct Figure {
  std::optional<Plot> plot = {};
  std::string why_not = {};
};

// One file each.
Figure history_figure(const FigureInput& input);
Figure slice_figure(const FigureInput& input);
Figure contour_figure(const FigureInput& input);
Figure parallel_figure(const FigureInput& input);
Figure rank_figure(const FigureInput& input);
Figure edf_figure(const FigureInput& input);
Figure pareto_figure(const FigureInput& input);
Figure intermediate_figure(const FigureInput& input);
Figure timeline_figure(const FigureInput& input);

/// Something that figures are made of, beside the study.
enum class FigureNeeds : std::uint8_t { Metric, MetricAndParams, Objectives, Nothing };

struct FigureKind {
  std::string_view name;
  std::string_view shows;
  FigureNeeds needs;
  Figure (*draw)(const FigureInput&);
};

/// All of them, in the order in which they are best read.
std::span<const FigureKind> figure_kinds();

/// Null when there is none of the name.
const FigureKind* find_figure(std::string_view name);

/// Complete trials with a finite value of the metric, and what is said about the others.
struct Measured {
  std::vector<const TrialRecord*> trials;
  MetricAxis axis;
  int infinite = 0;  ///< complete trials that are left out

  double at(const TrialRecord& trial) const { return *axis.at(trial.metrics); }
};
Measured measured(const FigureInput& input);

/// `no trial is complete with a finite value of "loss"`.
Figure nothing_measured(const FigureInput& input);

/// The parameters to draw: the wanted ones, or else those that have at least two values, the most
/// important when there are more than `limit`; in the order of the space.
std::vector<ParameterAxis> chosen_parameters(const FigureInput& input, const Measured& from,
                                             std::size_t limit);

/// At most `limit` of the trials, evenly spread; the best is among them.
std::vector<const TrialRecord*> thinned(const Measured& from, std::size_t limit);

/// What a caption says at its end about trials that are not drawn; begins with a blank.
std::string left_out_text(const Measured& from, std::size_t drawn);

}  // namespace hypertune

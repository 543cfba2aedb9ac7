// The figures of a study, as plots.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "report/plot.h"
#include "report/study_view.h"

namespace hypertune {

/// Names of all figures that there may be.
inline constexpr std::array<std::string_view, 9> kFigureNames = {
    "objective",    "learning-curves", "paired-difference", "history", "slice", "parallel",
    "intermediate", "pareto",          "timeline"};

/// The first objective against the first scaled parameter, learning curves by arm, and the paired
/// difference: those of them for which the study has data. Then those of figures/ that say more:
/// history and parallel where the order and the whole of the parameters are a search and no grid,
/// slice where there is more than one sampled parameter, and what was pruned, several objectives,
/// and several workers where there are some. Trials that lack a value, or have one
/// that no axis can show, are left out, and the caption says so.
std::vector<Plot> study_figures(const StudyView& study);

}  // namespace hypertune

// The figures of a study, as plots.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "report/plot.h"
#include "report/study_view.h"

namespace hypertune {

/// Names of all figures that there may be.
inline constexpr std::array<std::string_view, 3> kFigureNames = {"objective", "learning-curves",
                                                                 "paired-difference"};

/// The first objective against the first scaled parameter, learning curves by arm, and the paired
/// difference: those of them for which the study has data. Trials that lack a value, or have one
/// that no axis can show, are left out, and the caption says so.
std::vector<Plot> study_figures(const StudyView& study);

}  // namespace hypertune

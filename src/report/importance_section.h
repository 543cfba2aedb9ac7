// The section of a report that says which parameters mattered, and its figure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "report/document.h"
#include "report/importance.h"
#include "report/plot.h"
#include "report/study_view.h"

namespace hypertune {

inline constexpr std::string_view kImportanceFigureName = "importance";

/// The importance for the first objective, by fANOVA. Nothing for a study of which there is little
/// to say: fewer than 20 trials with a finite objective, or fewer than two parameters that vary.
std::optional<Importance> importance_for_report(const StudyView& study);

/// Bars, the most important parameter at the top. Nothing when no parameter has a share.
std::optional<Plot> importance_plot(const Importance& importance);

/// Table, notes and, if there is one, the figure.
Section importance_section(const Importance& importance, std::optional<Illustration> figure);

/// A share as text: three decimals; empty when there is none.
std::string format_share(const std::optional<double>& share);
/// `[0.1, 0.2]`; empty when there is none.
std::string format_spread(const ImportanceShare& share);

}  // namespace hypertune

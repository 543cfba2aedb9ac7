// Learning curves: what trials reported of one metric, step by step.
#pragma once

#include <string>
#include <vector>

#include "report/plot.h"
#include "report/study_view.h"

namespace hypertune {

/// The metric whose curves are drawn: `wanted` where it was reported, else the first that was;
/// empty when nothing was.
std::string curve_metric(const StudyView& study, const std::string& wanted);

/// The finite values by step.
std::vector<Point> curve(const TrialRecord& trial, const std::string& metric);

/// What steps are called.
std::string step_name(const StudyView& study);

}  // namespace hypertune

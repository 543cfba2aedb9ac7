// The value of an objective as what is to be made small, and how much constraints are violated.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "hypertune/history.h"

namespace hypertune {

/// The metric of the objective, negated when it is to be made large; nothing when it is missing or
/// NaN.
std::optional<double> loss(const Objective& objective, const Metrics& metrics);

/// The sum of those of the constraints (metrics that must not be positive) that are positive. What
/// was not measured may be violated without bound.
double violation(std::span<const std::string> constraints, const Metrics& metrics);

}  // namespace hypertune

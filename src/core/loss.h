// The value of an objective as what is to be made small.
#pragma once

#include <optional>

#include "hypertune/history.h"

namespace hypertune {

/// The metric of the objective, negated when it is to be made large; nothing when it is missing or
/// NaN.
std::optional<double> loss(const Objective& objective, const Metrics& metrics);

}  // namespace hypertune

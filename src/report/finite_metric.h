// Metrics that can be computed with.
#pragma once

#include <cmath>
#include <optional>
#include <string_view>

#include "hypertune/value.h"

namespace hypertune {

/// The metric's value; nothing when it is absent, infinite or not a number.
inline std::optional<double> finite_metric(const Metrics& metrics, std::string_view name) {
  const auto found = metrics.find(name);
  if (found == metrics.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

}  // namespace hypertune

// The value of an objective as what is to be made small, and how much constraints are violated.
#include "core/loss.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace hypertune {

std::optional<double> loss(const Objective& objective, const Metrics& metrics) {
  const auto metric = metrics.find(objective.metric);
  if (metric == metrics.end() || std::isnan(metric->second)) return std::nullopt;
  return objective.direction == Direction::Minimize ? metric->second : -metric->second;
}

double violation(std::span<const std::string> constraints, const Metrics& metrics) {
  double sum = 0;
  for (const std::string& name : constraints) {
    const auto metric = metrics.find(name);
    if (metric == metrics.end() || std::isnan(metric->second)) {
      return std::numeric_limits<double>::infinity();
    }
    sum += std::max(0.0, metric->second);
  }
  return sum;
}

}  // namespace hypertune

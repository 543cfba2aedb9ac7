// The value of an objective as what is to be made small.
#include "core/loss.h"

#include <cmath>

namespace hypertune {

std::optional<double> loss(const Objective& objective, const Metrics& metrics) {
  const auto metric = metrics.find(objective.metric);
  if (metric == metrics.end() || std::isnan(metric->second)) return std::nullopt;
  return objective.direction == Direction::Minimize ? metric->second : -metric->second;
}

}  // namespace hypertune

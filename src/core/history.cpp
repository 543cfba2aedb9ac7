// Best trials and Pareto fronts.
#include "hypertune/history.h"

#include <cmath>
#include <optional>

namespace hypertune {
namespace {

/// The value to make small; nothing when the trial has no usable one.
std::optional<double> loss(const Objective& objective, const TrialRecord& trial) {
  if (trial.state != TrialState::Complete) return std::nullopt;
  const auto metric = trial.metrics.find(objective.metric);
  if (metric == trial.metrics.end() || std::isnan(metric->second)) return std::nullopt;
  return objective.direction == Direction::Minimize ? metric->second : -metric->second;
}

/// Nothing unless the trial has every objective.
std::optional<std::vector<double>> losses(const History& history, const TrialRecord& trial) {
  std::vector<double> all;
  for (const Objective& objective : history.objectives) {
    const auto value = loss(objective, trial);
    if (!value) return std::nullopt;
    all.push_back(*value);
  }
  return all;
}

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

}  // namespace

const TrialRecord* best_trial(const Objective& objective, std::span<const TrialRecord> trials) {
  const TrialRecord* best = nullptr;
  double best_loss = 0;
  for (const TrialRecord& trial : trials) {
    const auto value = loss(objective, trial);
    if (!value || (best != nullptr && *value >= best_loss)) continue;
    best = &trial;
    best_loss = *value;
  }
  return best;
}

std::vector<const TrialRecord*> pareto_front(const History& history) {
  std::vector<const TrialRecord*> front;
  std::vector<std::vector<double>> front_losses;
  for (const TrialRecord& trial : history.trials) {
    const auto candidate = losses(history, trial);
    if (!candidate) continue;
    bool dominated = false;
    for (const auto& member : front_losses) dominated = dominated || dominates(member, *candidate);
    if (dominated) continue;
    for (std::size_t i = front.size(); i-- > 0;) {
      if (!dominates(*candidate, front_losses[i])) continue;
      front.erase(front.begin() + static_cast<std::ptrdiff_t>(i));
      front_losses.erase(front_losses.begin() + static_cast<std::ptrdiff_t>(i));
    }
    front.push_back(&trial);
    front_losses.push_back(*candidate);
  }
  return front;
}

}  // namespace hypertune

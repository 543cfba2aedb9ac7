// Best trials and Pareto fronts.
#include "hypertune/history.h"

#include <optional>

#include "core/loss.h"
#include "math/pareto.h"

namespace hypertune {
namespace {

/// Nothing when the trial is not Complete or has no usable value.
std::optional<double> final_loss(const Objective& objective, const TrialRecord& trial) {
  if (trial.state != TrialState::Complete) return std::nullopt;
  return loss(objective, trial.metrics);
}

/// Nothing unless the trial has every objective.
std::optional<std::vector<double>> losses(const History& history, const TrialRecord& trial) {
  std::vector<double> all;
  for (const Objective& objective : history.objectives) {
    const auto value = final_loss(objective, trial);
    if (!value) return std::nullopt;
    all.push_back(*value);
  }
  return all;
}

}  // namespace

const TrialRecord* best_trial(const Objective& objective, std::span<const TrialRecord> trials) {
  const TrialRecord* best = nullptr;
  double best_loss = 0;
  for (const TrialRecord& trial : trials) {
    const auto value = final_loss(objective, trial);
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

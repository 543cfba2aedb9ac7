// What samplers and schedulers see of a study.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "hypertune/trial.h"

namespace hypertune {

enum class Direction : std::uint8_t { Minimize, Maximize };

/// A metric to make small or large.
struct Objective {
  std::string metric;
  Direction direction = Direction::Minimize;
  bool operator==(const Objective&) const = default;
};

/// The trials of a study, by increasing number, running and waiting ones included.
struct History {
  std::span<const Objective> objectives;
  std::span<const TrialRecord> trials;
};

/// The Complete trial with the best value of the objective (the earliest of equals); null when
/// there is none. NaN never wins.
const TrialRecord* best_trial(const Objective& objective, std::span<const TrialRecord> trials);

/// Complete trials that no other dominates, by increasing number.
std::vector<const TrialRecord*> pareto_front(const History& history);

}  // namespace hypertune

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

/// What is known when something is to be decided about a trial: the trials of its study that have
/// begun, by increasing number. The trial itself may be among them, as it was stored last. In a
/// study with a lag, see Study::set_lag, it is the first trials alone, all of them final.
struct History {
  std::span<const Objective> objectives;
  std::span<const TrialRecord> trials;
  std::uint64_t seed = 0;  ///< of the study
  int number = -1;         ///< of the trial that is decided about
  /// TrialRecord::draw of that trial. The draws of a study's plan count from 0, and the low 32 bits
  /// of those of other trials are their numbers.
  std::uint64_t draw = 0;
  /// Complete trials of other studies to learn from, in the order in which they are to be weighed,
  /// the last the most; their numbers mean nothing here. See Study::learn_from.
  std::span<const TrialRecord> earlier = {};
};

/// The Complete trial with the best value of the objective (the earliest of equals); null when
/// there is none. NaN never wins.
const TrialRecord* best_trial(const Objective& objective, std::span<const TrialRecord> trials);

/// Complete trials that no other dominates, by increasing number.
std::vector<const TrialRecord*> pareto_front(const History& history);

}  // namespace hypertune

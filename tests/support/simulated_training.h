// Training in virtual time: made-up learning curves, several workers, and no waiting.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "hypertune/scheduler.h"

namespace hypertune::testing_support {

constexpr std::int64_t kTrainingSteps = 27;

/// The learning curve of one configuration: its loss falls as a power of the step towards a floor,
/// from heights and with speeds that say little about the floor, so that curves cross.
struct LearningCurve {
  double floor;
  double height;
  double speed;
  double seconds_per_step;
  /// Without noise.
  double loss(std::int64_t step) const;
  double final_loss() const { return loss(kTrainingSteps); }
};

/// The curve of the trial of this number; the same for every scheduler and number of workers.
LearningCurve learning_curve(std::uint64_t seed, int number);

struct Simulation {
  std::uint64_t seed = 0;
  int workers = 1;
  int trials = std::numeric_limits<int>::max();                 ///< no more are started
  double duration_s = std::numeric_limits<double>::infinity();  ///< of virtual time
  double noise = 0.03;                                          ///< of a report
};

struct SimulationResult {
  std::vector<TrialRecord> trials;
  double ended_s = 0;        ///< when the last report came
  std::int64_t reports = 0;  ///< of all trials
  /// Loss, without noise, of the Complete trial that reported the least at its end; infinite
  /// without one.
  double chosen_loss = std::numeric_limits<double>::infinity();
};

/// Runs trials 0, 1, 2, ... on the workers. Every report is put to the scheduler with the reports
/// of all trials up to that instant, running ones included.
SimulationResult simulate(const Scheduler& scheduler, const Simulation& simulation);

/// Share of the `best` trials of least final loss, without noise, that did not end Complete.
double share_killed(const SimulationResult& result, std::uint64_t seed, std::size_t best);

}  // namespace hypertune::testing_support

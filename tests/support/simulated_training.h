// Training in virtual time: made-up learning curves, several workers, and no waiting.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
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

/// What is trained. Losses are without noise.
class Task {
 public:
  virtual ~Task() = default;
  /// Gives a trial of the plan its parameters.
  virtual void configure(TrialRecord& /*trial*/) const {}
  /// After one more step, from `before`, which is 0 at first.
  virtual double train(const TrialRecord& trial, double before, std::int64_t step) const = 0;
  virtual double seconds_per_step(const TrialRecord& trial) const = 0;
};

/// The learning curves above.
std::unique_ptr<Task> crossing_curves(std::uint64_t seed);

/// The loss falls from 0 by up to 0.1 in each step, the more the nearer the parameter `rate` is to
/// a best one that moves from 0.9 to 0.1 in the course of the training. `rate` is drawn from [0,
/// 1].
std::unique_ptr<Task> moving_rate(std::uint64_t seed);

struct Simulation {
  std::uint64_t seed = 0;
  int workers = 1;
  int trials = std::numeric_limits<int>::max();                 ///< of the plan
  double duration_s = std::numeric_limits<double>::infinity();  ///< of virtual time
  double noise = 0.03;                                          ///< of a report
  const Task* task = nullptr;                                   ///< none: crossing_curves
};

struct SimulationResult {
  std::vector<TrialRecord> trials;
  double ended_s = 0;        ///< when the last report came
  std::int64_t reports = 0;  ///< of all trials
  int resumed = 0;           ///< times that a paused trial went on
  /// Loss, without noise, of the Complete trial that reported the least at its end; infinite
  /// without one.
  double chosen_loss = std::numeric_limits<double>::infinity();
};

/// Runs trials 0, 1, 2, ... of the plan on the workers, and then the successors of those that were
/// stopped. A free worker goes on with the paused trial that the scheduler names, or else begins
/// the next one, or else waits. Every report is put to the scheduler with the reports of all trials
/// up to that instant, running ones included. A trial goes on from its own checkpoint, saved at a
/// pause, or from the last one that its parent saved because the scheduler wanted it.
SimulationResult simulate(const Scheduler& scheduler, const Simulation& simulation);

/// Share of the `best` trials of least final loss, without noise, that did not end Complete. For
/// `crossing_curves`.
double share_killed(const SimulationResult& result, std::uint64_t seed, std::size_t best);

}  // namespace hypertune::testing_support

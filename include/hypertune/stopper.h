// Stoppers end a study before its plan is done.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "hypertune/history.h"
#include "hypertune/space.h"

namespace hypertune {

/// A pure function of the history. Safe to call from several threads.
class Stopper {
 public:
  virtual ~Stopper() = default;

  /// Asked before a trial begins: why the study is to end, in words for the user ("val_accuracy
  /// reached 0.99 in trial 12"); nothing when it is to go on. `history.number` is that of the trial
  /// that would begin.
  virtual std::optional<std::string> reason_to_stop(const SearchSpace& space,
                                                    const History& history) const = 0;
};

/// After so many final trials, failed ones left out.
std::unique_ptr<Stopper> trials_stopper(int trials);

/// When the first objective's best value is as good as `target` or better.
std::unique_ptr<Stopper> target_stopper(double target);

/// When the last `trials` final trials, failed ones left out, did not improve the first objective's
/// best value by more than `min_improvement`; with several objectives, when none of them entered
/// the Pareto front.
std::unique_ptr<Stopper> no_improvement_stopper(int trials, double min_improvement = 0);

struct ExpectedImprovementOptions {
  /// In units of the first objective.
  double bound = 0;
  /// Complete trials before anything is judged; more where the objective is noisy.
  int min_trials = 20;
};

/// When a Gaussian process sees no place where the next trial is expected to improve the first
/// objective's best value by `bound` or more.
std::unique_ptr<Stopper> expected_improvement_stopper(const ExpectedImprovementOptions& options);

}  // namespace hypertune

// Learning-rate schedules, with PyTorch's formulas.
#pragma once

#include <cstdint>
#include <limits>
#include <string>

#include "hypertune/trainer.h"

namespace hypertune {

/// The learning rate of each batch. `step`, `cosine` and `plateau` change it between epochs as
/// StepLR, CosineAnnealingLR (to 0 over all epochs) and ReduceLROnPlateau (min, relative threshold
/// 1e-4) do; `one-cycle` at every batch as OneCycleLR does (peak at 30 %, from peak / 25 to
/// peak / 250,000, cosine), except that momentum stays as it is.
class LearningRateSchedule {
 public:
  LearningRateSchedule(const TrainerOptions& options, std::int64_t batches_per_epoch);

  /// For the batch of the epoch, both from 0.
  double rate(std::int64_t epoch, std::int64_t batch) const;

  /// To be called after each epoch; `plateau` watches the loss.
  void end_epoch(double val_loss);

 private:
  double one_cycle(std::int64_t step) const;

  std::string kind_;
  double base_;
  double factor_;
  std::int64_t period_;
  std::int64_t epochs_;
  std::int64_t batches_per_epoch_;
  double plateau_scale_ = 1;
  double best_loss_ = std::numeric_limits<double>::infinity();
  std::int64_t bad_epochs_ = 0;
};

}  // namespace hypertune

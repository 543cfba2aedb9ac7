// Learning-rate schedules, with PyTorch's formulas.
#pragma once

#include <cstdint>
#include <limits>

namespace hypertune {

enum class ScheduleKind : std::uint8_t { None, Step, Cosine, Plateau, OneCycle };

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::None;
  double learning_rate = 1e-3;
  std::int64_t period = 3;  ///< Step: epochs between steps; Plateau: epochs of patience
  double factor = 0.1;      ///< Step, Plateau: the rate is multiplied by this
  std::int64_t epochs = 1;  ///< in all
};

/// What a schedule remembers from epoch to epoch.
struct ScheduleState {
  double plateau_scale = 1;
  double best_loss = std::numeric_limits<double>::infinity();
  std::int64_t bad_epochs = 0;
};

/// The learning rate of each batch. Step, Cosine and Plateau change it between epochs as StepLR,
/// CosineAnnealingLR (to 0 over all epochs) and ReduceLROnPlateau (min, relative threshold 1e-4)
/// do; OneCycle at every batch as OneCycleLR does (peak at 30 %, from peak / 25 to peak / 250,000,
/// cosine), except that momentum stays as it is.
class LearningRateSchedule {
 public:
  LearningRateSchedule(const ScheduleOptions& options, std::int64_t batches_per_epoch)
      : options_(options), batches_per_epoch_(batches_per_epoch) {}

  /// For the batch of the epoch, both from 0.
  double rate(std::int64_t epoch, std::int64_t batch) const;

  /// To be called after each epoch; Plateau watches the loss.
  void end_epoch(double val_loss);

  const ScheduleState& state() const { return state_; }
  void restore(const ScheduleState& state) { state_ = state; }

 private:
  double one_cycle(std::int64_t step) const;

  ScheduleOptions options_;
  std::int64_t batches_per_epoch_;
  ScheduleState state_;
};

}  // namespace hypertune

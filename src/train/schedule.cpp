// Learning-rate schedules, with PyTorch's formulas.
#include "train/schedule.h"

#include <cmath>
#include <numbers>

namespace hypertune {
namespace {

constexpr double kPlateauThreshold = 1e-4;
constexpr double kPlateauSmallestChange = 1e-8;
constexpr double kCycleRise = 0.3;  ///< share of the steps up to the peak
constexpr double kCycleStart = 1.0 / 25;
constexpr double kCycleEnd = kCycleStart / 1e4;

/// From `from` at 0 to `to` at 1, along half a cosine.
double cosine_between(double from, double to, double at) {
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * at));
}

}  // namespace

LearningRateSchedule::LearningRateSchedule(const TrainerOptions& options,
                                           std::int64_t batches_per_epoch)
    : kind_(options.schedule),
      base_(options.learning_rate),
      factor_(options.schedule_factor),
      period_(options.schedule_epochs),
      epochs_(options.epochs),
      batches_per_epoch_(batches_per_epoch) {}

double LearningRateSchedule::rate(std::int64_t epoch, std::int64_t batch) const {
  if (kind_ == "step") {
    const std::int64_t steps = epoch / period_;
    return base_ * std::pow(factor_, static_cast<double>(steps));
  }
  if (kind_ == "cosine")
    return cosine_between(base_, 0, static_cast<double>(epoch) / static_cast<double>(epochs_));
  if (kind_ == "plateau") return base_ * plateau_scale_;
  if (kind_ == "one-cycle") return one_cycle(epoch * batches_per_epoch_ + batch);
  return base_;
}

double LearningRateSchedule::one_cycle(std::int64_t step) const {
  const auto steps = static_cast<double>(epochs_ * batches_per_epoch_);
  const double at = static_cast<double>(step);
  const double peak = kCycleRise * steps - 1;
  const double last = steps - 1;
  if (at <= peak) return cosine_between(base_ * kCycleStart, base_, at / peak);
  return cosine_between(base_, base_ * kCycleEnd, (at - peak) / (last - peak));
}

void LearningRateSchedule::end_epoch(double val_loss) {
  if (kind_ != "plateau") return;
  if (val_loss < best_loss_ * (1 - kPlateauThreshold)) {
    best_loss_ = val_loss;
    bad_epochs_ = 0;
    return;
  }
  if (++bad_epochs_ <= period_) return;
  bad_epochs_ = 0;
  const double before = base_ * plateau_scale_;
  if (before - before * factor_ > kPlateauSmallestChange) plateau_scale_ *= factor_;
}

}  // namespace hypertune

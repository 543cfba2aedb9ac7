// Learning-rate schedules, with PyTorch's formulas.
#include "nn/schedule.h"

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

double LearningRateSchedule::rate(std::int64_t epoch, std::int64_t batch) const {
  const double base = options_.learning_rate;
  switch (options_.kind) {
    case ScheduleKind::None:
      break;
    case ScheduleKind::Step: {
      const std::int64_t steps = epoch / options_.period;
      return base * std::pow(options_.factor, static_cast<double>(steps));
    }
    case ScheduleKind::Cosine:
      return cosine_between(base, 0,
                            static_cast<double>(epoch) / static_cast<double>(options_.epochs));
    case ScheduleKind::Plateau:
      return base * state_.plateau_scale;
    case ScheduleKind::OneCycle:
      return one_cycle(epoch * batches_per_epoch_ + batch);
  }
  return base;
}

double LearningRateSchedule::one_cycle(std::int64_t step) const {
  const double base = options_.learning_rate;
  const auto steps = static_cast<double>(options_.epochs * batches_per_epoch_);
  const auto at = static_cast<double>(step);
  const double peak = kCycleRise * steps - 1;
  const double last = steps - 1;
  if (at <= peak) return cosine_between(base * kCycleStart, base, at / peak);
  return cosine_between(base, base * kCycleEnd, (at - peak) / (last - peak));
}

void LearningRateSchedule::end_epoch(double val_loss) {
  if (options_.kind != ScheduleKind::Plateau) return;
  if (val_loss < state_.best_loss * (1 - kPlateauThreshold)) {
    state_.best_loss = val_loss;
    state_.bad_epochs = 0;
    return;
  }
  if (++state_.bad_epochs <= options_.period) return;
  state_.bad_epochs = 0;
  const double before = options_.learning_rate * state_.plateau_scale;
  if (before - before * options_.factor > kPlateauSmallestChange)
    state_.plateau_scale *= options_.factor;
}

}  // namespace hypertune

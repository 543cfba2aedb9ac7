// Stops trials whose values leave given bounds; as Optuna's ThresholdPruner.
//
// Deviation: a report of NaN never gets here, where Optuna prunes for it.
#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "schedulers/watched.h"

namespace hypertune {
namespace {

class ThresholdScheduler final : public Scheduler {
 public:
  explicit ThresholdScheduler(const ThresholdOptions& options) : options_(options) {
    const auto& [lower, upper, warmup_steps, interval_steps] = options_;
    if (!lower && !upper) throw ConfigError("a threshold needs lower or upper");
    if ((lower && std::isnan(*lower)) || (upper && std::isnan(*upper))) {
      throw ConfigError("lower and upper must be numbers");
    }
    if (lower && upper && *lower > *upper) {
      throw ConfigError(
          fmt::format("lower must not be larger than upper: {} > {}", *lower, *upper));
    }
    require_steps(warmup_steps, interval_steps);
  }

  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    const Watched watched(history);
    const auto now = due(watched, trial, options_.warmup_steps, options_.interval_steps);
    if (!now) return {};
    const double value = watched.value(now->loss);
    const bool below = options_.lower && value < *options_.lower;
    const bool above = options_.upper && value > *options_.upper;
    if (!below && !above) return {};
    return {Decision::Stop, fmt::format("{} at step {} is {} {}", watched.text(now->loss),
                                        now->step, below ? "below the bound" : "above the bound",
                                        format_number(below ? *options_.lower : *options_.upper))};
  }

  bool uses_history() const override { return false; }

 private:
  ThresholdOptions options_;
};

}  // namespace

std::unique_ptr<Scheduler> threshold_scheduler(const ThresholdOptions& options) {
  return std::make_unique<ThresholdScheduler>(options);
}

}  // namespace hypertune

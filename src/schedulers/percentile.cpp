// The median and percentile rules. Golovin et al., "Google Vizier: a service for black-box
// optimization", 2017, section 3.2.2; as Optuna's MedianPruner and PercentilePruner have them:
// the trial's best value so far against the Complete trials' values at the same step (the paper
// takes the running averages of these).
//
// Deviations from Optuna: a report of NaN never gets here, where Optuna prunes for it; a percentile
// between a finite value and an infinite one is the worse of the two, where Optuna's is NaN.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "schedulers/watched.h"

namespace hypertune {
namespace {

/// Linear between the two order statistics around it. Requires values; sorts them.
double percentile_of(std::vector<double>& values, double percentile) {
  std::ranges::sort(values);
  const double position = static_cast<double>(values.size() - 1) * percentile / 100;
  const auto below = static_cast<std::size_t>(position);
  const double share = position - static_cast<double>(below);
  const double low = values[below];
  if (share == 0 || low == values[below + 1]) return low;
  const double gap = values[below + 1] - low;
  if (std::isinf(gap)) return values[below + 1];
  // From the nearer end, as NumPy does, so that the same numbers are rounded the same way.
  return share < 0.5 ? low + gap * share : values[below + 1] - gap * (1 - share);
}

class PercentileScheduler final : public Scheduler {
 public:
  explicit PercentileScheduler(const PercentileOptions& options) : options_(options) {
    if (!(options.percentile >= 0 && options.percentile <= 100)) {
      throw ConfigError(
          fmt::format("percentile must be between 0 and 100, not {}", options.percentile));
    }
    if (options.startup_trials < 0) {
      throw ConfigError(
          fmt::format("startup_trials must be 0 or more, not {}", options.startup_trials));
    }
    if (options.min_trials < 1) {
      throw ConfigError(fmt::format("min_trials must be 1 or more, not {}", options.min_trials));
    }
    require_steps(options.warmup_steps, options.interval_steps);
  }

  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    const Watched watched(history);
    const auto now = due(watched, trial, options_.warmup_steps, options_.interval_steps);
    if (!now) return {};
    int complete = 0;
    std::vector<double> others;
    for (const TrialRecord& other : history.trials) {
      if (other.state != TrialState::Complete || other.number == trial.number) continue;
      ++complete;
      if (const auto theirs = watched.at(other, now->step)) others.push_back(theirs->loss);
    }
    const auto found = static_cast<int>(others.size());
    if (complete < options_.startup_trials || found < options_.min_trials) return {};

    const auto reports = watched.all(trial);
    const double best = std::ranges::min(reports, {}, &Observation::loss).loss;
    const double bound = percentile_of(others, options_.percentile);
    if (!(best > bound)) return {};
    return {Decision::Stop,
            fmt::format("its best {} is worse than {} {} of {} at step {}", watched.text(best),
                        name(), format_number(watched.value(bound), 4),
                        count_of(found, "complete trial"), now->step)};
  }

 private:
  std::string name() const {
    if (options_.percentile == 50) return "the median";
    return fmt::format("the best {} % bound", format_number(options_.percentile, 4));
  }

  PercentileOptions options_;
};

}  // namespace

std::unique_ptr<Scheduler> percentile_scheduler(const PercentileOptions& options) {
  return std::make_unique<PercentileScheduler>(options);
}

std::unique_ptr<Scheduler> median_scheduler(const MedianOptions& options) {
  return percentile_scheduler({.percentile = 50,
                               .startup_trials = options.startup_trials,
                               .warmup_steps = options.warmup_steps,
                               .interval_steps = options.interval_steps,
                               .min_trials = options.min_trials});
}

}  // namespace hypertune

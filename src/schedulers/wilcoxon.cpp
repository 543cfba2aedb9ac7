// Stops trials that a signed-rank test finds worse than the best trial; as Optuna's WilcoxonPruner.
// Wilcoxon, "Individual comparisons by ranking methods", 1945.
//
// The test is repeated with each report, so that over a whole trial the chance of stopping an
// equally good one is larger than p_threshold.
//
// Deviations from Optuna: the test itself (see math/signed_rank.cpp); while the best trial has an
// infinite value, or this one, nothing is stopped, as in Optuna, but without a warning.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "math/signed_rank.h"
#include "math/statistics.h"
#include "schedulers/watched.h"

namespace hypertune {
namespace {

std::vector<double> losses_of(const std::vector<Observation>& reports) {
  std::vector<double> losses;
  losses.reserve(reports.size());
  for (const Observation& report : reports) losses.push_back(report.loss);
  return losses;
}

bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

class WilcoxonScheduler final : public Scheduler {
 public:
  explicit WilcoxonScheduler(const WilcoxonOptions& options) : options_(options) {
    if (!(options.p_threshold >= 0 && options.p_threshold <= 1)) {
      throw ConfigError(
          fmt::format("p_threshold must be between 0 and 1, not {}", options.p_threshold));
    }
    if (options.startup_steps < 0) {
      throw ConfigError(
          fmt::format("startup_steps must be 0 or more, not {}", options.startup_steps));
    }
  }

  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    const Watched watched(history);
    const TrialRecord* best = best_trial(history.objectives.front(), history.trials);
    if (!watched.latest(trial) || best == nullptr) return {};
    const auto reports = watched.all(trial);
    const auto own = losses_of(reports);
    const auto best_losses = losses_of(watched.all(*best));
    if (!all_finite(own) || !all_finite(best_losses)) return {};

    std::vector<double> differences;
    for (const Observation& report : reports) {
      const auto theirs = watched.at(*best, report.step);
      if (theirs) differences.push_back(report.loss - theirs->loss);
    }
    const auto common = static_cast<int>(differences.size());
    if (common < std::max(2, options_.startup_steps)) return {};
    // A trial that is better on average so far goes on, whatever the ranks say.
    if (mean_of(own) <= mean_of(best_losses)) return {};
    const double p = signed_rank_p(differences);
    if (!(p < options_.p_threshold)) return {};
    return {Decision::Stop,
            fmt::format("its {} is worse than that of trial {} on {} (p = {})", watched.metric(),
                        best->number, count_of(common, "common step"), format_number(p, 2))};
  }

 private:
  WilcoxonOptions options_;
};

}  // namespace

std::unique_ptr<Scheduler> wilcoxon_scheduler(const WilcoxonOptions& options) {
  return std::make_unique<WilcoxonScheduler>(options);
}

}  // namespace hypertune

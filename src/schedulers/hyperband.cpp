// Hyperband, asynchronous; see synchronous_hyperband.cpp for the other mode. Li et al., "Hyperband:
// a novel bandit-based approach to hyperparameter optimization", JMLR 2018; as in section 3.2 of "A
// system for massively parallel hyperparameter tuning", each bracket is an ASHA of its own. See
// successive_halving.cpp for the rule.
//
// Deviations from the paper: brackets do not run one after the other; each trial belongs to one
// from the start, with a chance proportional to the number of trials that the bracket begins with.
#include <fmt/format.h>

#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "schedulers/successive_halving.h"
#include "schedulers/synchronous_hyperband.h"

namespace hypertune {
namespace {

AshaOptions as_asha(const HyperbandOptions& options) {
  if (options.max_resource < 1) {
    throw ConfigError(
        fmt::format("hyperband needs max_resource, the last step of a trial: 1 or more, not {}",
                    options.max_resource));
  }
  AshaOptions asha{.min_resource = options.min_resource,
                   .max_resource = options.max_resource,
                   .reduction_factor = options.reduction_factor,
                   .grace_trials = options.grace_trials};
  require_halving(asha);
  if (options.mode == HyperbandMode::Synchronous && options.grace_trials > 1) {
    throw ConfigError(
        "grace_trials goes with mode = \"asynchronous\": a synchronous rung waits for all; drop "
        "it");
  }
  asha.brackets =
      brackets_between(options.min_resource, options.max_resource, options.reduction_factor);
  return asha;
}

class HyperbandScheduler final : public Scheduler {
 public:
  explicit HyperbandScheduler(const HyperbandOptions& options) : halving_(as_asha(options)) {}
  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    return halving_.on_report(trial, history);
  }

 private:
  SuccessiveHalving halving_;
};

}  // namespace

std::unique_ptr<Scheduler> hyperband_scheduler(const HyperbandOptions& options) {
  auto asynchronous = std::make_unique<HyperbandScheduler>(options);  // checks the options
  if (options.mode == HyperbandMode::Synchronous) return synchronous_hyperband(options);
  return asynchronous;
}

}  // namespace hypertune

// Population-based training. Jaderberg et al., "Population based training of neural networks", 2017
// (arXiv:1711.09846): truncation selection; see population.cpp. Constants as Ray Tune has them.
//
// Deviation in exploration: a whole number that rounding would leave as it is moves by one step.
#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "schedulers/perturbation.h"
#include "schedulers/population.h"

namespace hypertune {
namespace {

class PbtScheduler final : public Scheduler {
 public:
  explicit PbtScheduler(const PbtOptions& options) : options_(options), population_(options) {
    if (!(options.resample_probability >= 0 && options.resample_probability <= 1)) {
      throw ConfigError(fmt::format("resample_probability must be between 0 and 1, not {}",
                                    options.resample_probability));
    }
    if (!(options.factor_low > 0 && options.factor_low < 1)) {
      throw ConfigError(
          fmt::format("factor_low must lie between 0 and 1, not be {}", options.factor_low));
    }
    if (!(options.factor_high > 1 && std::isfinite(options.factor_high))) {
      throw ConfigError(
          fmt::format("factor_high must be above 1 and finite, not {}", options.factor_high));
    }
  }

  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    auto exploit = population_.exploit(trial, history);
    if (!exploit) return {};
    const TrialRecord& parent = *exploit->parent;
    Params params = parent.params;
    for (const std::string& name : exploit->explored) {
      params[name] =
          perturbed(parent.domains.at(name), params.at(name), exploit->rng.fork(name),
                    {options_.resample_probability, options_.factor_low, options_.factor_high});
    }
    return replaced(std::move(*exploit), std::move(params));
  }

  bool replaces() const override { return true; }

  bool wants_checkpoint(const TrialRecord& trial) const override {
    return population_.wants_checkpoint(trial);
  }

 private:
  PbtOptions options_;
  Population population_;
};

}  // namespace

std::unique_ptr<Scheduler> pbt_scheduler(const PbtOptions& options) {
  return std::make_unique<PbtScheduler>(options);
}

}  // namespace hypertune

// The stopper that asks a Gaussian process whether improvement is still to be expected.
#include <fmt/format.h>

#include <cmath>

#include "hypertune/error.h"
#include "hypertune/sampler.h"
#include "hypertune/stopper.h"
#include "samplers/gp_acquisition.h"
#include "samplers/gp_model.h"
#include "samplers/gp_search.h"
#include "samplers/gp_space.h"

namespace hypertune {
namespace {

class ExpectedImprovementStopper final : public Stopper {
 public:
  explicit ExpectedImprovementStopper(const ExpectedImprovementOptions& options)
      : options_(options) {}

  std::optional<std::string> reason_to_stop(const SearchSpace& space,
                                            const History& history) const override {
    if (history.objectives.empty()) return std::nullopt;
    History first = history;
    first.objectives = history.objectives.first(1);
    const GpSpace axes(space, first);
    if (axes.empty()) return std::nullopt;
    const GpOptions model;
    GpData data = gp_data(axes, first, model);
    data.pending.clear();
    std::size_t own = 0;
    for (const TrialRecord& trial : history.trials) {
      own += trial.state == TrialState::Complete ? 1 : 0;
    }
    if (own < static_cast<std::size_t>(options_.min_trials)) return std::nullopt;
    if (data.observations.empty()) return std::nullopt;
    const GpModels models = fit_models(axes, data, model);
    const Rng rng = Rng::for_trial(history.seed, history.draw).fork("expected improvement");
    const GpAcquisition acquisition(models, rng);
    const auto best = promising_places(axes, acquisition, models.places, model.n_candidates, rng);
    if (best.empty()) return std::nullopt;
    const double expected = std::exp(best.front().value) * models.objective_scales[0].deviation;
    if (!(expected < options_.bound)) return std::nullopt;
    return fmt::format("the next trial is expected to improve {} by {:.3g} at most, less than {}",
                       first.objectives.front().metric, expected, options_.bound);
  }

 private:
  ExpectedImprovementOptions options_;
};

}  // namespace

std::unique_ptr<Stopper> expected_improvement_stopper(const ExpectedImprovementOptions& options) {
  if (!(options.bound > 0) || !std::isfinite(options.bound)) {
    throw ConfigError(fmt::format(
        "expected_improvement: bound is {}; it must be a number greater than 0", options.bound));
  }
  if (options.min_trials < 2) {
    throw ConfigError(fmt::format("expected_improvement: min_trials is {}; it must be at least 2",
                                  options.min_trials));
  }
  return std::make_unique<ExpectedImprovementStopper>(options);
}

}  // namespace hypertune

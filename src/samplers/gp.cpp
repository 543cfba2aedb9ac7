// Bayesian optimization with Gaussian processes: models of the objectives, and of the constraints,
// tell where improvement is to be expected. Jones, Schonlau and Welch, "Efficient global
// optimization of expensive black-box functions", 1998; constants and details after Optuna 5.0,
// with whose numbers kernel, evidence and acquisition are tested.
//
// Deviations from Optuna's sampler of this name:
// - The values to improve upon are the model's, without the noise, not the observed ones.
// - With one objective, values beyond the median are drawn in by a logarithm.
// - Kernels are fitted anew for each trial, first to 64 trials from two starts, then to 200 at
//   most. (There: to all, from the last kernel, which is a state.)
// - A parameter that a trial does not have lies in the middle, or in a category of its own; one
//   model covers all. (There: parameters that every trial has are modelled, others drawn at
//   random.)
// - Pruned trials count, with their last value but no better than the median of the complete ones.
// - Expected improvements of the hypervolume, and of one objective with pending trials, are exact
//   for each draw of the pending values, not averages over draws at the candidate.
// - Values decided beforehand that differ among trials, such as grid axes, are inputs of the model.
// - A quarter of the candidates lies near the best trials; the first trials are Sobol points.
// - Beyond `max_trials`, the best half and the newest are looked at.
// - Trials of other studies count, standardized on their own and told apart by one more input.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <utility>

#include "hypertune/error.h"
#include "hypertune/sampler.h"
#include "samplers/gp_acquisition.h"
#include "samplers/gp_model.h"
#include "samplers/gp_search.h"
#include "samplers/gp_space.h"

namespace hypertune {
namespace {

class GpSampler final : public Sampler {
 public:
  explicit GpSampler(GpOptions options) : options_(std::move(options)) {}

  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    const GpSpace axes(space, history);
    if (axes.empty() || history.objectives.empty()) return first_->sample(space, history, rng);
    const GpData data = gp_data(axes, history, options_);
    const auto needed = static_cast<std::size_t>(options_.n_startup_trials);
    if (data.complete < needed) return first_->sample(space, history, rng);
    const GpModels models = fit_models(axes, data, options_);
    const GpAcquisition acquisition(models, rng);
    const std::vector<GpBest> found =
        promising_places(axes, acquisition, models.places, options_.n_candidates, rng);
    const std::set<std::vector<double>> taken = taken_places(axes, history);
    const auto best =
        std::ranges::find_if(found, [&](const GpBest& b) { return !taken.contains(b.place); });
    if (best != found.end()) return axes.params(best->place);
    return found.empty() ? first_->sample(space, history, rng) : axes.params(found.front().place);
  }

 private:
  /// Where trials lie that were begun, in a space that has finitely many places.
  static std::set<std::vector<double>> taken_places(const GpSpace& axes, const History& history) {
    const bool finite = std::ranges::all_of(
        axes.axes(), [](const GpAxis& axis) { return axis.held || axis.values > 0; });
    std::set<std::vector<double>> taken;
    for (const TrialRecord& trial : history.trials) {
      if (!finite || trial.number == history.number || trial.params.empty()) continue;
      if (auto place = axes.place(trial.params)) taken.insert(std::move(*place));
    }
    return taken;
  }

  GpOptions options_;
  std::unique_ptr<Sampler> first_ = qmc_sampler();
};

void require(bool holds, const char* rule) {
  if (!holds) throw ConfigError(std::string("gp: ") + rule);
}

}  // namespace

std::unique_ptr<Sampler> gp_sampler(GpOptions options) {
  require(options.n_startup_trials >= 1, "n_startup_trials must be at least 1");
  require(options.n_candidates >= 1, "n_candidates must be at least 1");
  require(options.max_trials >= 20, "max_trials must be at least 20");
  return std::make_unique<GpSampler>(std::move(options));
}

}  // namespace hypertune

// Population-based bandits. Parker-Holder et al., "Provably efficient online hyperparameter
// optimization with population-based bandits", NeurIPS 2020 (arXiv:2002.02518): selection as in
// population.cpp; new numbers maximize an upper confidence bound on what the next interval gains,
// mean + sqrt(max(0, 0.2 log(0.4 n))) * deviation for n observed gains.
//
// Deviations from the paper and its program:
// - the model sees parameters and time, not the loss at the interval's beginning;
// - its scales are chosen from a grid by their likelihood instead of being fitted;
// - the bound is maximized over random points, and then around the best of them;
// - choices move as in PBT.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <utility>
#include <variant>

#include "hypertune/scheduler.h"
#include "math/drifting_process.h"
#include "schedulers/perturbation.h"
#include "schedulers/population.h"
#include "space/encoding.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostGains = 150;  // the latest; a decision costs their third power
constexpr int kCandidates = 500;
constexpr int kNeighbors = 50;  // in each round of the local search
constexpr double kNeighborhoods[] = {0.1, 0.03, 0.01};

/// The numbers among the explored parameters, each on its unit axis.
struct Axes {
  std::vector<std::string> names;

  std::optional<std::vector<double>> point(const TrialRecord& trial) const {
    std::vector<double> point;
    for (const std::string& name : names) {
      const auto value = trial.params.find(name);
      const auto domain = trial.domains.find(name);
      if (value == trial.params.end() || domain == trial.domains.end()) return std::nullopt;
      const auto unit = encode(domain->second, value->second);
      if (!unit) return std::nullopt;
      point.push_back(*unit);
    }
    return point;
  }
};

class Pb2Scheduler final : public Scheduler {
 public:
  explicit Pb2Scheduler(const Pb2Options& options)
      : population_({.interval = options.interval,
                     .quantile = options.quantile,
                     .burn_in = options.burn_in,
                     .max_resource = options.max_resource,
                     .parameters = options.parameters}) {}

  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    auto exploit = population_.exploit(trial, history);
    if (!exploit) return {};
    const TrialRecord& parent = *exploit->parent;
    Params params = parent.params;
    Axes axes;
    for (const std::string& name : exploit->explored) {
      const Domain& domain = parent.domains.at(name);
      if (std::holds_alternative<CategoricalDomain>(domain)) {
        params[name] = perturbed(domain, params.at(name), exploit->rng.fork(name), {});
      } else {
        axes.names.push_back(name);
      }
    }
    const auto best = best_point(axes, trial, history, *exploit);
    for (std::size_t i = 0; i < axes.names.size(); ++i) {
      params[axes.names[i]] = decode(parent.domains.at(axes.names[i]), best[i]);
    }
    return replaced(std::move(*exploit), std::move(params));
  }

  bool replaces() const override { return true; }

  bool wants_checkpoint(const TrialRecord& trial) const override {
    return population_.wants_checkpoint(trial);
  }

 private:
  double time_of(std::int64_t step) const {
    return static_cast<double>(step / population_.interval());
  }

  /// What the trial gained over each interval that it trained through.
  std::vector<DriftingSample> gains_of(const TrialRecord& trial, const Axes& axes,
                                       const History& history) const {
    std::vector<DriftingSample> gains;
    const auto point = axes.point(trial);
    if (!point || trial.reports.empty()) return gains;
    const Watched watched(history);
    std::optional<double> before = loss_of_parent(trial, history);
    const std::int64_t last = trial.reports.back().step;
    const std::int64_t first = trial.reports.front().step / population_.interval();
    for (auto step = first * population_.interval(); step <= last; step += population_.interval()) {
      const auto loss = population_.loss_at(watched, trial, step);
      if (!loss) continue;
      const double gain = before ? *before - *loss : std::numeric_limits<double>::infinity();
      if (std::isfinite(gain)) gains.push_back({*point, time_of(step), gain});
      before = loss;
    }
    return gains;
  }

  /// Where the trial began, if it went on from another.
  std::optional<double> loss_of_parent(const TrialRecord& trial, const History& history) const {
    if (!trial.plan.parent) return std::nullopt;
    const auto parent = std::ranges::find(history.trials, *trial.plan.parent, &TrialRecord::number);
    if (parent == history.trials.end()) return std::nullopt;
    std::optional<double> loss;
    for (const Observation& seen : Watched(history).all(*parent)) {
      if (seen.step < trial.reports.front().step) loss = seen.loss;
    }
    return loss;
  }

  std::vector<double> best_point(const Axes& axes, const TrialRecord& trial, const History& history,
                                 const Population::Exploit& exploit) const {
    const double time = time_of(exploit.step) + 1;
    std::vector<DriftingSample> gains = gains_of(trial, axes, history);
    std::vector<DriftingSample> pending;
    for (const TrialRecord* rival : population_.rivals(trial, history)) {
      std::ranges::copy(gains_of(*rival, axes, history), std::back_inserter(gains));
      const auto point = axes.point(*rival);
      if (rival->state != TrialState::Running || !point) continue;
      const double since = rival->reports.empty() ? time : time_of(rival->reports.back().step) + 1;
      pending.push_back({*point, since});
    }
    std::ranges::stable_sort(gains, {}, &DriftingSample::time);
    if (gains.size() > kMostGains) gains.erase(gains.begin(), gains.end() - kMostGains);

    const double beta = 0.2 * std::log(0.4 * static_cast<double>(gains.size()));
    const double width = std::sqrt(std::max(0.0, beta));
    const DriftingProcess process(std::move(gains), pending);
    Rng rng = exploit.rng.fork("numbers");
    std::vector<double> best(axes.names.size());
    double highest = -std::numeric_limits<double>::infinity();
    const auto consider = [&](const std::vector<double>& point) {
      const auto [mean, deviation] = process.at(point, time);
      if (!(mean + width * deviation > highest)) return;
      highest = mean + width * deviation;
      best = point;
    };
    std::vector<double> point(best.size());
    for (int i = 0; i < kCandidates; ++i) {
      for (double& coordinate : point) coordinate = rng.uniform();
      consider(point);
    }
    for (const double radius : kNeighborhoods) {
      const std::vector<double> center = best;
      for (int i = 0; i < kNeighbors; ++i) {
        for (std::size_t k = 0; k < point.size(); ++k) {
          point[k] = std::clamp(center[k] + radius * rng.normal(), 0.0, 1.0);
        }
        consider(point);
      }
    }
    return best;
  }

  Population population_;
};

}  // namespace

std::unique_ptr<Scheduler> pb2_scheduler(const Pb2Options& options) {
  return std::make_unique<Pb2Scheduler>(options);
}

}  // namespace hypertune

// A study in memory without a store: one trial after the other, for tests of samplers.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "hypertune/sampler.h"

namespace hypertune::testing_support {

/// What a trial with these parameters reports.
using Evaluation = std::function<Metrics(const Params&)>;

/// The history of a trial that is still to be decided, behind those that are known.
inline History history_before_next(const std::vector<Objective>& objectives,
                                   const std::vector<TrialRecord>& trials, std::uint64_t seed) {
  return {objectives, trials, seed, static_cast<int>(trials.size()), trials.size()};
}

/// A Complete record, as a store would give it.
inline TrialRecord finished_trial(const SearchSpace& space, int number, Params params,
                                  Metrics metrics) {
  TrialRecord trial;
  trial.id = number + 1;
  trial.number = number;
  trial.state = TrialState::Complete;
  for (const auto& [name, value] : params) trial.domains.set(name, space.find(name)->domain);
  trial.params = std::move(params);
  trial.metrics = std::move(metrics);
  return trial;
}

/// Runs `count` trials one after the other; each sees all that came before.
inline std::vector<TrialRecord> sampled_study(const Sampler& sampler, const SearchSpace& space,
                                              const std::vector<Objective>& objectives,
                                              const Evaluation& evaluate, int count,
                                              std::uint64_t seed) {
  std::vector<TrialRecord> trials;
  for (int number = 0; number < count; ++number) {
    const Rng rng = Rng::for_trial(seed, static_cast<std::uint64_t>(number));
    Params params = sampler.sample(space, history_before_next(objectives, trials, seed), rng);
    Metrics metrics = evaluate(params);
    trials.push_back(finished_trial(space, number, std::move(params), std::move(metrics)));
  }
  return trials;
}

}  // namespace hypertune::testing_support

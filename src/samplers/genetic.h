// What genetic samplers share: generations that follow from the history, and children of parents.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypertune/history.h"
#include "hypertune/sampler.h"
#include "math/pareto.h"

namespace hypertune {

/// Which `count` of the points live on, the fittest first: their indices. `penalties` is empty or
/// says how much each point violates.
using Survival = std::function<std::vector<std::size_t>(
    const PointsView& losses, std::span<const double> penalties, std::size_t count)>;

/// The parents of the next generation, the fittest first; none before `population` trials are
/// Complete with all objectives. Those trials, by increasing number, make generations of
/// `population` each; the parents survived out of the last whole one and its own parents. Trials
/// that are not Complete belong to none.
std::vector<const TrialRecord*> surviving_parents(const History& history, std::size_t population,
                                                  std::span<const std::string> constraints,
                                                  const Survival& survive);

/// How a parent is picked.
enum class ParentChoice : std::uint8_t {
  Tournament,  ///< the fitter of two
  Any,         ///< each with the same chance
};

/// How children come from parents; as in Nsga2Options, from which it can be copied.
struct Breeding {
  template <class Options>
  static Breeding from(const Options& options) {
    return {.crossover = options.crossover,
            .crossover_probability = options.crossover_probability,
            .swap_probability = options.swap_probability,
            .crossover_eta = options.crossover_eta,
            .mutation = options.mutation,
            .mutation_probability = options.mutation_probability,
            .mutation_eta = options.mutation_eta};
  }

  Crossover crossover;
  double crossover_probability;
  double swap_probability;
  double crossover_eta;
  Mutation mutation;
  std::optional<double> mutation_probability;
  double mutation_eta;
  ParentChoice parents = ParentChoice::Tournament;

  /// Throws ConfigError, naming `sampler`, when a member is out of its range.
  void validate(const std::string& sampler) const;
};

/// A child of two parents, drawn again while a trial of the history has its very parameters, and
/// after some attempts at random. Without parents all is random.
Params child(const SearchSpace& space, const History& history,
             std::span<const TrialRecord* const> parents, const Breeding& breeding, const Rng& rng);

}  // namespace hypertune

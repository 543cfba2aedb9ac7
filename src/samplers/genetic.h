// How genetic samplers make children of parents.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/history.h"
#include "hypertune/sampler.h"
#include "samplers/lineage.h"

namespace hypertune {

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

/// A child of two parents of the past, drawn again while a trial has its very parameters, and after
/// some attempts at random. Without parents all is random.
Params child(const SearchSpace& space, const Past& past, const Breeding& breeding, const Rng& rng);

}  // namespace hypertune

// Samplers choose configurations.
#pragma once

#include <memory>

#include "hypertune/history.h"
#include "hypertune/rng.h"
#include "hypertune/space.h"

namespace hypertune {

/// A pure function of the history: the same space, history and generator give the same answer.
/// Safe to call from several threads.
class Sampler {
 public:
  virtual ~Sampler() = default;

  /// A value for every active parameter of `space`, grid axes and constants included. `rng` is the
  /// trial's own; take one fork of it for each parameter, named after it.
  virtual Params sample(const SearchSpace& space, const History& history, const Rng& rng) const = 0;

  /// Whether `sample` reads the history at all; when not, the study does not fetch it.
  virtual bool uses_history() const { return true; }
};

/// Each parameter independently and uniformly from its domain (in the logarithm where it says so).
/// Bergstra and Bengio, "Random search for hyper-parameter optimization", 2012.
std::unique_ptr<Sampler> random_sampler();

}  // namespace hypertune

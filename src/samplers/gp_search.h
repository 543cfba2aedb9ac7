// Where the expected improvement is largest.
#pragma once

#include <vector>

#include "hypertune/rng.h"
#include "samplers/gp_acquisition.h"
#include "samplers/gp_space.h"

namespace hypertune {

struct GpBest {
  std::vector<double> place;
  double value = 0;  ///< of the acquisition
};

/// Settled places that the space's constraints allow, by falling value of the acquisition, the
/// first of which is the best that was found: `candidates` points spread over the space and around
/// the best of `known`, and what local searches make of the most promising and of the first of
/// `known`.
std::vector<GpBest> promising_places(const GpSpace& space, const GpAcquisition& acquisition,
                                     const std::vector<std::vector<double>>& known, int candidates,
                                     const Rng& rng);

}  // namespace hypertune

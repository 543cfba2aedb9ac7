// Values for a trial: the sampler's, as long as constraints allow them and no trial has had them.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "hypertune/rng.h"
#include "hypertune/space.h"
#include "space/points.h"

namespace hypertune {

/// What values for a trial have to satisfy.
struct Requirements {
  const SearchSpace& space;            ///< of the study
  const SearchSpace& open;             ///< the same without what is decided
  std::span<const Params> cells = {};  ///< grid points that are to get the same values
  /// Whether a trial has had this point of `space`; empty where points may come again.
  std::function<bool(const PointKey&)> taken = {};
};

/// Values for what is open, or nothing when each point is taken.
struct Chosen {
  std::optional<Params> values;
  int points = 0;  ///< when nothing was left: how many there are
};

/// Asks the sampler until its answer will do, a limited number of times; then chooses uniformly
/// among the points that will do. Throws Error, naming a constraint, when none was found.
Chosen choose(const Requirements& wanted, const std::function<Params(const Rng&)>& ask,
              const Rng& rng);

/// Whether the constraints allow what is sampled at each of these grid points.
bool allowed_in_cells(const SearchSpace& space, std::span<const Params> cells,
                      const Params& values);

/// Whether a trial's open parameters are to be a new point: the sampler draws some of them, and
/// they have finitely many values.
bool must_differ(const SearchSpace& open);

/// Whether something in the point was drawn by the sampler.
bool has_sampled(const SearchSpace& space, const Params& point);

/// Whether the same parameters are sampled at each grid point.
bool sampled_alike(const SearchSpace& space);

}  // namespace hypertune

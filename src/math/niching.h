// Niches of NSGA-III: directions in the space of objectives, each with the points nearest to it.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "hypertune/rng.h"
#include "math/pareto.h"

namespace hypertune {

/// All directions whose coordinates are whole, not negative, and sum to `divisions`; row after row.
/// Requires dims >= 1 and divisions >= 1. Das and Dennis 1998.
std::vector<double> niche_directions(std::size_t dims, int divisions);

/// The largest number of divisions with at most `count` directions, and at least 1.
int most_divisions(std::size_t dims, std::size_t count);

/// The points with their ideal point at 0 and, along each axis, the intercept of the plane through
/// their extreme points at 1. Where there is no such plane, the largest coordinate is at 1.
/// Infinite coordinates count as three finite ranges beyond the finite ones. Deb and Jain 2014,
/// section IV-C.
std::vector<double> normalized_objectives(const PointsView& points);

/// Where a point belongs: the direction whose line is nearest, and how far the line is.
struct Niche {
  std::size_t direction = 0;
  double distance = 0;
};

/// The niche of each normalized point.
std::vector<Niche> niches(const PointsView& normalized, const PointsView& directions);

/// The indices of the `count` best points, or of all when there are fewer: by rank, and out of the
/// last rank that fits in part one after the other from the niche that has the fewest so far; of an
/// empty niche the nearest point, of another any. Ties are broken by `rng`. Deb and Jain 2014,
/// section IV-E.
std::vector<std::size_t> fittest_by_niche(const PointsView& points,
                                          std::span<const double> penalties, std::size_t count,
                                          const PointsView& directions, Rng& rng);

}  // namespace hypertune

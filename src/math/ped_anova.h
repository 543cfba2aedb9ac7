// PED-ANOVA: how much a parameter matters, by where its good values lie on a grid.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hypertune {

/// The probability of each cell of a grid, given how many observations fell into it: normal kernels
/// with Scott's bandwidth, cut off at the ends of the grid, and one more observation that is as
/// wide as the grid. Requires at least one cell and one observation.
std::vector<double> smoothed_cells(std::span<const std::size_t> counts);

/// The same of categories, which have no neighbors. Requires as above.
std::vector<double> smoothed_categories(std::span<const std::size_t> counts);

/// The Pearson divergence of the probabilities of good trials from those of all: 0 when they are
/// alike, the larger the more the parameter decides whether a trial is good. PED-ANOVA's importance
/// of a parameter is this times the square of the share of good trials, which is the same for all.
/// Requires probabilities of equal length. Watanabe, Bansal and Hutter 2023, theorem 1.
double pearson_divergence(std::span<const double> good, std::span<const double> all);

}  // namespace hypertune

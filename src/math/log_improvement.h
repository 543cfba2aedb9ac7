// Logarithms of expected improvements, exact where the improvement is hopeless.
#pragma once

#include <span>

#include "math/box_decomposition.h"

namespace hypertune {

/// log h(z) for h(z) = E[max(0, z + N)], N standard normal; and its derivative, Phi(z) / h(z).
/// Ament et al., "Unexpected improvements to expected improvement", arXiv:2310.20708.
struct LogImprovement {
  double value = 0;
  double slope = 0;
};
LogImprovement log_improvement(double z);

/// Log of what a normal number of this mean and deviation is expected to lie below `best`, by how
/// much; and the derivatives.
struct LogExpectedImprovement {
  double value = 0;
  double by_mean = 0;
  double by_deviation = 0;
};
LogExpectedImprovement log_expected_improvement(double mean, double deviation, double best);

/// Log of the volume that a point of independent normal coordinates is expected to cut out of
/// disjoint boxes, from their upper corners on downward: with the boxes of `nondominated_boxes`,
/// the expected improvement of the hypervolume. Exact, for the expectation of a product of
/// independent numbers is a product. Writes the derivatives [dims] unless they are empty.
double log_expected_hypervolume(std::span<const double> means, std::span<const double> deviations,
                                const Boxes& boxes, std::span<double> by_means,
                                std::span<double> by_deviations);

}  // namespace hypertune

// Minimization of smooth functions inside a box.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace hypertune {

/// The function's value at `x`; writes its gradient.
using SmoothFunction = std::function<double(std::span<const double> x, std::span<double> gradient)>;

struct LbfgsOptions {
  int max_evaluations = 200;
  /// Ends when no coordinate of the gradient that points into the box is larger.
  double gradient_tolerance = 1e-5;
  /// Ends when a step gains less than this share of the value, or of 1 for values below 1.
  double value_tolerance = 1e-10;
};

struct Minimum {
  std::vector<double> x;
  double value = 0;
  int evaluations = 0;
};

/// A local minimum with lower <= x <= upper, from `start`, which is moved into the box. Values that
/// are not finite count as too large; the one at the start has to be finite. Nocedal, "Updating
/// quasi-Newton matrices with limited storage", 1980, along the projected path.
Minimum minimize_lbfgs(const SmoothFunction& function, std::vector<double> start,
                       std::span<const double> lower, std::span<const double> upper,
                       const LbfgsOptions& options = {});

}  // namespace hypertune

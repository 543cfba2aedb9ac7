// Where the normals of a Parzen estimator are cut off, and what a stepped value owns.
#pragma once

#include <algorithm>
#include <cmath>

#include "math/parzen.h"

namespace hypertune {

/// In the logarithm where the axis says so.
struct ParzenBounds {
  double low;
  double high;
};

/// A stepped value owns half a step to either side.
inline ParzenBounds bounds_of(const ParzenNumber& axis) {
  const double low = axis.low - axis.step / 2;
  const double high = axis.high + axis.step / 2;
  return axis.log ? ParzenBounds{std::log(low), std::log(high)} : ParzenBounds{low, high};
}

/// Whether a gap makes a kernel wider than the narrowest. Rounding must not decide, for gaps are
/// found in two ways.
inline bool is_wide_gap(double gap, double narrowest) { return gap > narrowest * (1 + 1e-10); }

/// What a value of a stepped axis owns, in the logarithm where the axis says so.
struct ParzenCell {
  double middle;
  double width;
};

inline ParzenCell cell_of(const ParzenNumber& axis, double x) {
  if (!axis.log) return {x, axis.step};
  constexpr double kSmallStep = 1e-6;  // the logarithm is straight over it
  if (axis.step < kSmallStep * x) return {std::log(x), axis.step / x};
  const double left = std::log(x - axis.step / 2);
  const double right = std::log(x + axis.step / 2);
  return {0.5 * (left + right), right - left};
}

/// With widths and distances in deviations, a mass is the density in the middle times the width
/// times at most sinh(u) / u < exp(u^2 / 6), where u is the distance times half the width. So this
/// share of the square of the distance still gives a bound, also for smaller widths.
inline double share_of_square(double width) { return std::max(0.0, 1 - width * width / 12); }

}  // namespace hypertune

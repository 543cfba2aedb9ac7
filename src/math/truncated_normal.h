// The standard normal distribution cut off at both ends, in logarithms and exact in the tails.
#pragma once

namespace hypertune {

/// Logarithm of the probability that a standard normal number is at most `x`.
double log_normal_cdf(double x);

/// The `x` for which `log_normal_cdf(x)` is `log_p`. Requires log_p < 0.
double log_normal_quantile(double log_p);

/// Logarithm of the probability that a standard normal number lies between `a` and `b`. Requires
/// a < b; either may be infinite.
double log_normal_mass(double a, double b);

/// The probability itself where the interval has 0 inside or at an end: a <= 0 <= b.
double normal_mass_inside(double a, double b);

/// As log_normal_mass, of the interval of that width around `middle`; also where the width is lost
/// in rounding when it is added to the middle. Requires width > 0.
double log_normal_mass_around(double middle, double width);

/// The `q` quantile of a standard normal number that is known to lie in [a, b]. Requires a < b,
/// both finite, and 0 <= q <= 1.
double truncated_normal_quantile(double q, double a, double b);

}  // namespace hypertune

// Estimates with 95 % intervals: means, shares, and the onset of a condition along a scale.
#pragma once

#include <limits>
#include <optional>
#include <span>

namespace hypertune {

/// An estimate and its 95 % interval. An end is infinite where the data give no bound; there is no
/// value where the data give none.
struct Estimated {
  std::optional<double> value = {};
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();

  /// Whether the data bound the quantity on at least one side.
  bool bounded() const {
    return low > -std::numeric_limits<double>::infinity() ||
           high < std::numeric_limits<double>::infinity();
  }
};

/// Requires at least one value; the values are finite.
double mean_of(std::span<const double> values);
double median_of(std::span<const double> values);

/// Mean with Student's t interval. Simulated coverage is 95 % for normal values and 93 % or more
/// for values of skewness up to 1, from n = 5 on; for exponential ones (skewness 2) it is 88 % at n
/// = 5 and 93 % at n = 40. Accuracies of which a quarter collapses (0.97 +- 0.01, or else 0.05) are
/// worse, for a small sample often has no collapsed one in it: 58 % at n = 3, 68 % at 4, 76 % at 5,
/// 94 % at 10, 89 % at 20, 95 % at 40.
///
/// Fewer than two values, or only equal ones, give no interval: they show nothing of the spread,
/// and a t interval of width zero would claim certainty.
Estimated mean_t(std::span<const double> values);

/// Share of successes with the exact interval by mid-P-values (Lancaster, 1961). Each end errs with
/// a chance of 2.5 % on average and never more than 5 %, which Wilson's interval does not promise:
/// near 0 and 1 its ends err by 8 % for small n. Requires 0 <= successes <= n.
Estimated share_mid_p(int successes, int n);

/// Whether a condition held at a point of the scale.
struct Response {
  double at;
  bool holds;
};

/// The point of the scale at which a condition becomes more likely than not: the median of a
/// logistic curve that does not fall, fitted by maximum likelihood, with the interval of profile
/// likelihood. Simulated coverage is 93 % to 98 %, and more where the curve is a step.
///
/// Points outside the tested range are not told from infinity: a condition that never held gives no
/// value and [low, inf), one that always held (-inf, high]. Perfectly separated responses are fine;
/// the value is then the middle of the gap.
Estimated onset(std::span<const Response> responses);

}  // namespace hypertune

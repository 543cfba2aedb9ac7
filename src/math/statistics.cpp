// Means, shares and onsets, each with a 95 % interval.
#include "math/statistics.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kTail = 0.025;  // on either side of a 95 % interval

/// Cut of the likelihood ratio for `onset`. By theory it is 3.84, but simulated intervals then
/// cover as seldom as 88 % where few points lie on the rise; with 6 it is 93 % there.
constexpr double kOnsetCut = 6.0;

double t_quantile(double degrees_of_freedom) {
  return boost::math::quantile(boost::math::students_t(degrees_of_freedom), 1 - kTail);
}

/// Where `f` changes sign between `a` and `b`.
double bisect(double a, double b, const std::function<double(double)>& f) {
  const bool rising = f(b) > 0;
  for (int i = 0; i < 60; ++i) {
    const double middle = std::midpoint(a, b);
    ((f(middle) > 0) == rising ? b : a) = middle;
  }
  return std::midpoint(a, b);
}

/// Probability of at least `k` successes of `n`.
double at_least(int k, int n, double p) {
  if (k <= 0) return 1;
  return k > n ? 0 : boost::math::ibeta(k, n - k + 1, p);
}

/// Log-likelihood of logistic curves that pass 1/2 at `middle`, maximized over slopes >= 0. It is
/// concave in the slope, so Newton's method inside a bracket finds the maximum.
class Profile {
 public:
  explicit Profile(std::span<const Response> responses) : responses_(responses) {}

  double operator()(double middle) const {
    std::vector<double> margins;  // distance from the middle, positive on the expected side
    margins.reserve(responses_.size());
    double sum = 0;
    double largest = 0;
    for (const Response& response : responses_) {
      margins.push_back(response.holds ? response.at - middle : middle - response.at);
      sum += margins.back();
      largest = std::max(largest, std::abs(margins.back()));
    }
    if (sum <= 0) return log_likelihood(margins, 0);  // a falling curve would fit better
    double low = 0;
    double high = 1 / largest;
    const double steepest = 1e9 / largest;  // separated responses want an infinite slope
    while (high < steepest && derivatives(margins, high).first > 0) {
      low = high;
      high *= 4;
    }
    if (high >= steepest) return log_likelihood(margins, high);
    double slope = std::midpoint(low, high);
    for (int i = 0; i < 60 && high - low > 1e-9 * high; ++i) {
      const auto [first, second] = derivatives(margins, slope);
      (first > 0 ? low : high) = slope;
      const double newton = slope - first / second;
      if (std::abs(newton - slope) < 1e-10 * slope) break;
      slope = newton > low && newton < high ? newton : std::midpoint(low, high);
    }
    return log_likelihood(margins, slope);
  }

 private:
  static double log_likelihood(std::span<const double> margins, double slope) {
    double sum = 0;
    for (const double margin : margins) {
      const double z = slope * margin;
      sum -= z > 0 ? std::log1p(std::exp(-z)) : std::log1p(std::exp(z)) - z;
    }
    return sum;
  }

  static std::pair<double, double> derivatives(std::span<const double> margins, double slope) {
    double first = 0;
    double second = 0;
    for (const double margin : margins) {
      const double wrong = 1 / (1 + std::exp(slope * margin));
      first += margin * wrong;
      second -= margin * margin * wrong * (1 - wrong);
    }
    return {first, second};
  }

  std::span<const Response> responses_;
};

/// Log-likelihood of one probability for all responses, the limit of curves whose middle moves away
/// to infinity; `p` is limited to the side of 1/2 from which they come.
double constant_log_likelihood(int successes, int n, double p) {
  double sum = 0;
  if (successes > 0) sum += successes * std::log(p);
  if (successes < n) sum += (n - successes) * std::log1p(-p);
  return sum;
}

struct Peak {
  double at;
  double height;
};

/// The profile rises to one peak and falls after it: look on a grid, then narrow down.
Peak find_peak(const Profile& profile, double low, double high) {
  constexpr int kCells = 84;
  const double width = (high - low) / kCells;
  Peak peak{low, -kInfinity};
  for (int i = 0; i <= kCells; ++i) {
    const double at = low + i * width;
    if (const double height = profile(at); height > peak.height) peak = {at, height};
  }
  double a = peak.at - width;
  double b = peak.at + width;
  for (int i = 0; i < 40; ++i) {
    const double third = (b - a) / 3;
    (profile(a + third) < profile(b - third) ? a : b) +=
        profile(a + third) < profile(b - third) ? third : -third;
  }
  const double at = std::midpoint(a, b);
  const double height = profile(at);
  return height > peak.height ? Peak{at, height} : peak;
}

}  // namespace

double mean_of(std::span<const double> values) {
  HT_ASSERT(!values.empty());
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double median_of(std::span<const double> values) {
  HT_ASSERT(!values.empty());
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : std::midpoint(sorted[half - 1], sorted[half]);
}

Estimated mean_t(std::span<const double> values) {
  if (values.empty()) return {};
  const auto [smallest, largest] = std::minmax_element(values.begin(), values.end());
  if (*smallest == *largest) return {.value = *smallest};
  const double mean = mean_of(values);
  const auto n = static_cast<double>(values.size());
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  const double half = t_quantile(n - 1) * std::sqrt(squares / (n - 1) / n);
  return {.value = mean, .low = mean - half, .high = mean + half};
}

Estimated share_mid_p(int successes, int n) {
  HT_ASSERT(successes >= 0 && successes <= n);
  if (n == 0) return {};
  // Chance of more successes than were seen, those just as many counted half.
  const auto above = [&](double p) {
    return 0.5 * (at_least(successes, n, p) + at_least(successes + 1, n, p));
  };
  Estimated share{.value = static_cast<double>(successes) / n, .low = 0, .high = 1};
  if (successes > 0) share.low = bisect(0, 1, [&](double p) { return above(p) - kTail; });
  if (successes < n) share.high = bisect(0, 1, [&](double p) { return above(p) - (1 - kTail); });
  return share;
}

Estimated onset(std::span<const Response> responses) {
  const int n = static_cast<int>(responses.size());
  if (n < 3) return {};
  double low = kInfinity;  // the tested range
  double high = -kInfinity;
  double last_without = -kInfinity;  // the gap, when responses are separated
  double first_with = kInfinity;
  int successes = 0;
  for (const Response& response : responses) {
    low = std::min(low, response.at);
    high = std::max(high, response.at);
    if (response.holds) {
      ++successes;
      first_with = std::min(first_with, response.at);
    } else {
      last_without = std::max(last_without, response.at);
    }
  }
  if (low == high) return {};

  const Profile profile(responses);
  const double share = static_cast<double>(successes) / n;
  const double never = constant_log_likelihood(successes, n, std::min(share, 0.5));
  const double always = constant_log_likelihood(successes, n, std::max(share, 0.5));
  const bool separated = successes > 0 && successes < n && last_without < first_with;
  Peak peak{std::midpoint(last_without, first_with), 0};
  if (!separated) peak = find_peak(profile, low - 3 * (high - low), high + 3 * (high - low));

  Estimated estimate;
  const double best = std::max({peak.height, never, always});
  if (peak.height == best && peak.at >= low && peak.at <= high) estimate.value = peak.at;
  const double level = best - kOnsetCut / 2;
  const auto excess = [&](double middle) { return profile(middle) - level; };
  const double inside = std::clamp(
      peak.height == best ? peak.at : (never == best ? kInfinity : -kInfinity), low, high);
  if (excess(inside) < 0) {  // the whole interval lies outside the tested range
    (inside == high ? estimate.low : estimate.high) = inside;
    return estimate;
  }
  if (excess(low) < 0) estimate.low = bisect(low, inside, excess);
  if (excess(high) < 0) estimate.high = bisect(inside, high, excess);
  return estimate;
}

}  // namespace hypertune

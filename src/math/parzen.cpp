// Parzen estimators.
//
// Most of the time goes into `log_density`: kernels times points times axes. What does not depend
// on the point is computed once for each kernel, the rest runs over arrays of kernels in loops that
// compilers turn into vector instructions.
#include "math/parzen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/assert.h"
#include "math/fast_exp.h"
#include "math/truncated_normal.h"
#include "math/vector_clones.h"

namespace hypertune {
namespace {

constexpr std::size_t kFullWeight = 25;  // so many of the latest observations weigh 1

/// The bounds between which the normals are cut off, in the logarithm where the axis says so: a
/// stepped value owns half a step to either side.
double lower(const ParzenNumber& axis) {
  const double low = axis.low - axis.step / 2;
  return axis.log ? std::log(low) : low;
}
double upper(const ParzenNumber& axis) {
  const double high = axis.high + axis.step / 2;
  return axis.log ? std::log(high) : high;
}

/// What a value of a stepped axis owns, in the logarithm where the axis says so.
struct Cell {
  double middle;
  double width;
};

Cell cell_of(const ParzenNumber& axis, double x) {
  if (!axis.log) return {x, axis.step};
  constexpr double kSmallStep = 1e-6;  // the logarithm is straight over it
  if (axis.step < kSmallStep * x) return {std::log(x), axis.step / x};
  const double left = std::log(x - axis.step / 2);
  const double right = std::log(x + axis.step / 2);
  return {0.5 * (left + right), right - left};
}

/// Positions of the values in increasing order, equal ones in theirs. Buckets by value first, for
/// observations are seldom so clustered that a comparing sort would be as fast.
std::vector<std::uint32_t> sorted_order(std::span<const double> values, double low, double high) {
  const std::size_t n = values.size();
  const auto bucket = [&](double value) {
    const double at = (value - low) / (high - low) * static_cast<double>(n);
    return static_cast<std::size_t>(std::clamp(at, 0.0, static_cast<double>(n - 1)));
  };
  std::vector<std::uint32_t> starts(n + 1, 0);
  std::vector<std::uint32_t> buckets(n);
  for (std::size_t i = 0; i < n; ++i) {
    buckets[i] = static_cast<std::uint32_t>(bucket(values[i]));
    ++starts[buckets[i] + 1];
  }
  std::partial_sum(starts.begin(), starts.end(), starts.begin());
  std::vector<std::uint32_t> order(n);
  std::vector<std::uint32_t> next(starts.begin(), starts.end() - 1);
  for (std::size_t i = 0; i < n; ++i) order[next[buckets[i]]++] = static_cast<std::uint32_t>(i);
  for (std::size_t b = 0; b < n; ++b) {
    if (starts[b + 1] - starts[b] < 2) continue;
    const auto before = [&](std::uint32_t i, std::uint32_t j) {
      return values[i] < values[j] || (values[i] == values[j] && i < j);
    };
    const std::span of_bucket(order.begin() + starts[b], order.begin() + starts[b + 1]);
    if (!std::ranges::is_sorted(of_bucket, before)) std::ranges::sort(of_bucket, before);
  }
  return order;
}

/// The larger gap to the neighbors in `order`, with the bounds as outermost neighbors; between two
/// or more observations the outermost ones look inward only.
std::vector<double> gaps(std::span<const double> means, std::span<const std::uint32_t> order,
                         double low, double high) {
  const std::size_t n = order.size();
  std::vector<double> result(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double left = means[order[i]] - (i > 0 ? means[order[i - 1]] : low);
    const double right = (i + 1 < n ? means[order[i + 1]] : high) - means[order[i]];
    const bool first = n > 1 && i == 0;
    const bool last = n > 1 && i + 1 == n;
    result[order[i]] = first ? right : last ? left : std::max(left, right);
  }
  return result;
}

/// The same gaps, but those below range / `parts` become that; without sorting. Of the values in an
/// interval narrower than that only the smallest and the largest may have a larger gap.
std::vector<double> clipped_gaps(std::span<const double> means, std::size_t parts, double low,
                                 double high) {
  struct Interval {
    double least = std::numeric_limits<double>::infinity();
    double most = -std::numeric_limits<double>::infinity();
    std::size_t first = 0;  ///< of equal values the first is to the left of the others
    std::size_t last = 0;
  };
  std::vector<Interval> intervals(parts + 1);
  const double density = static_cast<double>(intervals.size()) / (high - low);
  for (std::size_t i = 0; i < means.size(); ++i) {
    const double x = means[i];
    const double at = std::clamp((x - low) * density, 0.0, static_cast<double>(parts));
    Interval& interval = intervals[static_cast<std::size_t>(at)];
    if (x < interval.least) {
      interval.least = x;
      interval.first = i;
    }
    if (x >= interval.most) {
      interval.most = x;
      interval.last = i;
    }
  }
  std::erase_if(intervals, [](const Interval& interval) { return interval.least > interval.most; });
  const double smallest = (high - low) / static_cast<double>(parts);
  std::vector<double> result(means.size(), smallest);
  const bool several = means.size() > 1;
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    const Interval& here = intervals[i];
    const bool first = i == 0;
    const bool last = i + 1 == intervals.size();
    const double left = here.least - (first ? low : intervals[i - 1].most);
    const double right = (last ? high : intervals[i + 1].least) - here.most;
    double& leftmost = result[here.first];
    double& rightmost = result[here.last];
    if (!first || !several) leftmost = std::max(leftmost, left);
    if (!last || !several) rightmost = std::max(rightmost, right);
  }
  return result;
}

/// Each of n values becomes the exponential of its difference to `largest`, the largest.
HT_VECTOR_CLONES
void exp_of_differences(double* values, std::size_t n, double largest) {
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = values[i] - largest;
    values[i] = fast_exp(difference > -700 ? difference : -700);
  }
}

/// Takes the squares of ((x - mean) * scale) from `out`, which has all n kernels at the first of
/// four points, then all at the second, and so on.
HT_VECTOR_CLONES
void subtract_squares(const double* __restrict means, const double* __restrict scales,
                      std::size_t n, const double* at, double* __restrict out) {
  const double at0 = at[0];
  const double at1 = at[1];
  const double at2 = at[2];
  const double at3 = at[3];
  for (std::size_t k = 0; k < n; ++k) {
    const double mean = means[k];
    const double scale = scales[k];
    const double t0 = (at0 - mean) * scale;
    const double t1 = (at1 - mean) * scale;
    const double t2 = (at2 - mean) * scale;
    const double t3 = (at3 - mean) * scale;
    out[k] -= t0 * t0;
    out[n + k] -= t1 * t1;
    out[2 * n + k] -= t2 * t2;
    out[3 * n + k] -= t3 * t3;
  }
}

/// Logarithm of the sum of exponentials; overwrites its argument.
double log_sum_exp(std::span<double> values) {
  const double largest = *std::max_element(values.begin(), values.end());
  exp_of_differences(values.data(), values.size(), largest);
  std::array<double, 4> sums{};  // independent, so that additions need not wait for each other
  std::size_t i = 0;
  for (; i + 4 <= values.size(); i += 4) {
    for (std::size_t j = 0; j < 4; ++j) sums[j] += values[i + j];
  }
  for (; i < values.size(); ++i) sums[0] += values[i];
  return largest + std::log((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

}  // namespace

std::vector<double> parzen_weights(std::span<const double> counts) {
  const double n = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double ramp = n - static_cast<double>(kFullWeight);  // observations that weigh less
  const double slope = ramp > 1 ? (1 - 1 / n) / (ramp - 1) : 0;
  std::vector<double> weights;
  weights.reserve(counts.size());
  double before = 0;
  for (const double count : counts) {
    const double middle = before + (count - 1) / 2;
    weights.push_back(count * (middle < ramp ? std::min(1.0, 1 / n + middle * slope) : 1.0));
    before += count;
  }
  return weights;
}

ParzenMixture::ParzenMixture(std::vector<ParzenAxis> axes,
                             const std::vector<std::vector<double>>& observations,
                             std::vector<double> weights, double prior_weight)
    : axes_(std::move(axes)), weights_(std::move(weights)) {
  HT_ASSERT(!axes_.empty() && observations.size() == axes_.size() && prior_weight > 0);
  weights_.push_back(weights_.empty() ? 1.0 : prior_weight);
  const double total = std::accumulate(weights_.begin(), weights_.end(), 0.0);
  for (double& weight : weights_) weight /= total;
  cumulative_.resize(weights_.size());
  std::partial_sum(weights_.begin(), weights_.end(), cumulative_.begin());
  smoothing_ = prior_weight / static_cast<double>(weights_.size());
  constants_.resize(weights_.size());
  std::transform(weights_.begin(), weights_.end(), constants_.begin(),
                 [](double weight) { return std::log(weight); });
  for (std::size_t d = 0; d < axes_.size(); ++d) {
    HT_ASSERT(observations[d].size() + 1 == weights_.size());
    kernels_.push_back(std::visit(
        [&](const auto& axis) { return kernels_along(axis, observations[d]); }, axes_[d]));
  }
}

ParzenMixture::Kernels ParzenMixture::kernels_along(const ParzenNumber& axis,
                                                    std::span<const double> observed) {
  const double low = lower(axis);
  const double high = upper(axis);
  const double range = high - low;
  HT_ASSERT(range > 0);
  Kernels kernels;
  kernels.means.assign(observed.begin(), observed.end());
  if (axis.log) {
    for (double& mean : kernels.means) mean = std::log(mean);
  }
  const std::size_t parts = std::min<std::size_t>(100, weights_.size() + 1);
  const double smallest = range / static_cast<double>(parts);
  std::vector<std::uint32_t> order;
  if (axis.step > 0) {
    order = sorted_order(kernels.means, low, high);
    kernels.deviations = gaps(kernels.means, order, low, high);
  } else {
    kernels.deviations = clipped_gaps(kernels.means, parts, low, high);
  }
  for (double& deviation : kernels.deviations) deviation = std::clamp(deviation, smallest, range);
  kernels.narrowest = smallest;
  kernels.means.push_back(0.5 * (low + high));
  kernels.deviations.push_back(range);

  const auto log_mass = [&](std::size_t k, double inverse) {
    const double a = (low - kernels.means[k]) * inverse;
    const double b = (high - kernels.means[k]) * inverse;
    constexpr double kCertain = 7.5;  // less than 1e-13 lies beyond
    if (b > kCertain) return a < -kCertain ? 0.0 : log_normal_cdf(-a);
    return a < -kCertain ? log_normal_cdf(b) : log_normal_mass(a, b);
  };
  if (axis.step > 0) {
    kernels.classes.resize(weights_.size());
    const auto add_class = [&](std::uint32_t k) {
      const bool same = !kernels.distinct.empty() &&
                        kernels.means[kernels.distinct.back()] == kernels.means[k] &&
                        kernels.deviations[kernels.distinct.back()] == kernels.deviations[k];
      if (!same) kernels.distinct.push_back(k);
      kernels.classes[k] = static_cast<std::uint32_t>(kernels.distinct.size() - 1);
    };
    for (const std::uint32_t k : order) add_class(k);
    add_class(static_cast<std::uint32_t>(order.size()));
    std::vector<double> masses;
    for (const std::uint32_t k : kernels.distinct) {
      masses.push_back(log_mass(k, 1 / kernels.deviations[k]));
    }
    for (std::size_t k = 0; k < constants_.size(); ++k) {
      constants_[k] -= masses[kernels.classes[k]];
    }
    return kernels;
  }
  kernels.scales.resize(weights_.size());
  const double log_smallest = std::log(smallest);
  const double inverse_smallest = 1 / smallest;
  const double log_sqrt_two_pi = 0.5 * std::log(2 * std::numbers::pi);
  for (std::size_t k = 0; k < constants_.size(); ++k) {
    const double deviation = kernels.deviations[k];
    const bool is_smallest = deviation == smallest;
    const double log_deviation = is_smallest ? log_smallest : std::log(deviation);
    const double inverse = is_smallest ? inverse_smallest : 1 / deviation;
    constants_[k] -= log_deviation + log_sqrt_two_pi + log_mass(k, inverse);
    kernels.scales[k] = inverse * (0.5 * std::numbers::sqrt2);
  }
  return kernels;
}

ParzenMixture::Kernels ParzenMixture::kernels_along(const ParzenCategory& axis,
                                                    std::span<const double> observed) {
  HT_ASSERT(axis.choices > 0);
  Kernels kernels;
  kernels.means.assign(observed.begin(), observed.end());
  kernels.means.push_back(-1);
  return kernels;
}

std::vector<double> ParzenMixture::log_masses(const ParzenNumber& axis, const Kernels& kernels,
                                              double x, std::vector<double>& narrowest) {
  const Cell cell = cell_of(axis, x);
  const auto mass_of = [&](double distance, double deviation) {
    return log_normal_mass_around(distance / deviation, cell.width / deviation);
  };
  // Most kernels of many are the narrowest ones, and values lie whole steps apart.
  constexpr double kMostKept = 1000;
  std::vector<double> masses;
  masses.reserve(kernels.distinct.size());
  for (const std::uint32_t k : kernels.distinct) {
    const double deviation = kernels.deviations[k];
    const double distance = std::abs(cell.middle - kernels.means[k]);
    const double steps = std::round(distance / cell.width);
    const bool kept = !axis.log && deviation == kernels.narrowest && steps < kMostKept &&
                      std::abs(steps * cell.width - distance) <= 1e-12 * cell.width;
    if (!kept) {
      masses.push_back(mass_of(distance, deviation));
      continue;
    }
    const auto i = static_cast<std::size_t>(steps);
    if (i >= narrowest.size()) narrowest.resize(i + 1, std::numeric_limits<double>::quiet_NaN());
    if (std::isnan(narrowest[i])) narrowest[i] = mass_of(distance, deviation);
    masses.push_back(narrowest[i]);
  }
  return masses;
}

std::size_t ParzenMixture::draw_kernel(Rng& rng) const {
  const double u = rng.uniform() * cumulative_.back();
  const auto at = std::upper_bound(cumulative_.begin(), cumulative_.end(), u);
  return std::min(static_cast<std::size_t>(at - cumulative_.begin()), cumulative_.size() - 1);
}

double ParzenMixture::draw(std::size_t kernel, std::size_t axis, Rng& rng) const {
  return std::visit([&](const auto& a) { return draw_along(a, kernels_[axis], kernel, rng); },
                    axes_[axis]);
}

double ParzenMixture::draw_along(const ParzenNumber& axis, const Kernels& kernels,
                                 std::size_t kernel, Rng& rng) const {
  const double mean = kernels.means[kernel];
  const double deviation = kernels.deviations[kernel];
  const double a = (lower(axis) - mean) / deviation;
  const double b = (upper(axis) - mean) / deviation;
  double x = mean + deviation * truncated_normal_quantile(rng.uniform(), a, b);
  if (axis.log) x = std::exp(x);
  if (axis.step > 0) x = axis.low + std::round((x - axis.low) / axis.step) * axis.step;
  return std::clamp(x, axis.low, axis.high);
}

double ParzenMixture::draw_along(const ParzenCategory& axis, const Kernels& kernels,
                                 std::size_t kernel, Rng& rng) const {
  // A part of the probability is spread evenly, the rest lies on what was observed.
  const double even = smoothing_ * static_cast<double>(axis.choices);
  const bool prior = kernel + 1 == kernels.means.size();
  const bool spread = rng.uniform() * (1 + even) < even;
  const auto any = static_cast<double>(rng.below(axis.choices));
  return prior || spread ? any : kernels.means[kernel];
}

std::vector<double> ParzenMixture::log_density(
    const std::vector<std::vector<double>>& points) const {
  HT_ASSERT(points.size() == axes_.size());
  const std::size_t n = constants_.size();
  std::vector<Masses> known(axes_.size());
  std::vector<double> sums(kBlock * n);
  std::vector<double> result(points.front().size());
  for (std::size_t first = 0; first < result.size(); first += kBlock) {
    for (std::size_t j = 0; j < kBlock; ++j) {
      std::copy(constants_.begin(), constants_.end(),
                sums.begin() + static_cast<std::ptrdiff_t>(j * n));
    }
    for (std::size_t d = 0; d < axes_.size(); ++d) {
      Block block;  // the last one may be padded with its last point
      for (std::size_t j = 0; j < kBlock; ++j) {
        block[j] = points[d][std::min(first + j, result.size() - 1)];
      }
      std::visit(
          [&](const auto& axis) { add_log_density(axis, kernels_[d], block, known[d], sums); },
          axes_[d]);
    }
    for (std::size_t j = 0; j < kBlock && first + j < result.size(); ++j) {
      result[first + j] = log_sum_exp(std::span(sums).subspan(j * n, n));
    }
  }
  return result;
}

void ParzenMixture::add_log_density(const ParzenNumber& axis, const Kernels& kernels,
                                    const Block& points, Masses& known,
                                    std::span<double> sums) const {
  const std::size_t n = kernels.means.size();
  if (axis.step > 0) {
    for (std::size_t j = 0; j < kBlock; ++j) {
      const auto [entry, is_new] = known.at.try_emplace(points[j]);
      std::vector<double>& masses = entry->second;
      if (is_new) masses = log_masses(axis, kernels, points[j], known.narrowest);
      double* out = sums.data() + j * n;
      for (std::size_t k = 0; k < n; ++k) out[k] += masses[kernels.classes[k]];
    }
    return;
  }
  Block at = points;
  if (axis.log) {
    for (double& x : at) x = std::log(x);
  }
  static_assert(kBlock == 4);
  subtract_squares(kernels.means.data(), kernels.scales.data(), n, at.data(), sums.data());
}

void ParzenMixture::add_log_density(const ParzenCategory& axis, const Kernels& kernels,
                                    const Block& points, Masses&, std::span<double> sums) const {
  const auto choices = static_cast<double>(axis.choices);
  const double log_total = std::log1p(smoothing_ * choices);
  const double hit = std::log1p(smoothing_) - log_total;
  const double miss = std::log(smoothing_) - log_total;
  const std::size_t n = kernels.means.size();
  const double* __restrict observed = kernels.means.data();
  for (std::size_t j = 0; j < kBlock; ++j) {
    double* __restrict out = sums.data() + j * n;
    const double x = points[j];
    for (std::size_t k = 0; k + 1 < n; ++k) out[k] += observed[k] == x ? hit : miss;
    out[n - 1] -= std::log(choices);
  }
}

}  // namespace hypertune

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
    const auto first = order.begin();
    std::sort(first + starts[b], first + starts[b + 1], [&](std::uint32_t i, std::uint32_t j) {
      return values[i] < values[j] || (values[i] == values[j] && i < j);
    });
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

/// Logarithm of the sum of exponentials; overwrites its argument.
double log_sum_exp(std::span<double> values) {
  const double largest = *std::max_element(values.begin(), values.end());
  for (double& value : values) {
    const double difference = value - largest;
    value = fast_exp(difference > -700 ? difference : -700);
  }
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
  const std::vector<std::uint32_t> order = sorted_order(kernels.means, low, high);
  kernels.deviations = gaps(kernels.means, order, low, high);
  const double smallest = range / std::min(100.0, static_cast<double>(weights_.size() + 1));
  for (double& deviation : kernels.deviations) deviation = std::clamp(deviation, smallest, range);
  kernels.means.push_back(0.5 * (low + high));
  kernels.deviations.push_back(range);

  const auto log_mass = [&](std::size_t k) {
    const double a = (low - kernels.means[k]) / kernels.deviations[k];
    const double b = (high - kernels.means[k]) / kernels.deviations[k];
    constexpr double kCertain = 9;  // less than 1e-18 lies beyond
    return a < -kCertain && b > kCertain ? 0.0 : log_normal_mass(a, b);
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
    for (const std::uint32_t k : kernels.distinct) masses.push_back(log_mass(k));
    for (std::size_t k = 0; k < constants_.size(); ++k) {
      constants_[k] -= masses[kernels.classes[k]];
    }
    return kernels;
  }
  kernels.scales.resize(weights_.size());
  const double log_smallest = std::log(smallest);
  const double log_sqrt_two_pi = 0.5 * std::log(2 * std::numbers::pi);
  for (std::size_t k = 0; k < constants_.size(); ++k) {
    const double deviation = kernels.deviations[k];
    const double log_deviation = deviation == smallest ? log_smallest : std::log(deviation);
    constants_[k] -= log_deviation + log_sqrt_two_pi + log_mass(k);
    kernels.scales[k] = 1 / (deviation * std::numbers::sqrt2);
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
                                              double x) {
  const Cell cell = cell_of(axis, x);
  std::vector<double> masses;
  masses.reserve(kernels.distinct.size());
  for (const std::uint32_t k : kernels.distinct) {
    const double deviation = kernels.deviations[k];
    masses.push_back(log_normal_mass_around((cell.middle - kernels.means[k]) / deviation,
                                            cell.width / deviation));
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
      const auto [entry, is_new] = known.try_emplace(points[j]);
      std::vector<double>& masses = entry->second;
      if (is_new) masses = log_masses(axis, kernels, points[j]);
      double* out = sums.data() + j * n;
      for (std::size_t k = 0; k < n; ++k) out[k] += masses[kernels.classes[k]];
    }
    return;
  }
  Block at = points;
  if (axis.log) {
    for (double& x : at) x = std::log(x);
  }
  const double* __restrict means = kernels.means.data();
  const double* __restrict scales = kernels.scales.data();
  double* __restrict out = sums.data();
  static_assert(kBlock == 4);
  for (std::size_t k = 0; k < n; ++k) {
    const double mean = means[k];
    const double scale = scales[k];
    const Block t = {(at[0] - mean) * scale, (at[1] - mean) * scale, (at[2] - mean) * scale,
                     (at[3] - mean) * scale};
    out[k] -= t[0] * t[0];
    out[n + k] -= t[1] * t[1];
    out[2 * n + k] -= t[2] * t[2];
    out[3 * n + k] -= t[3] * t[3];
  }
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

// Parzen estimators: weights, kernels and draws; parzen_density.cpp evaluates them, and
// parzen_changes.cpp exchanges kernels.
#include "math/parzen.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>
#include <numeric>

#include "base/assert.h"
#include "math/parzen_bounds.h"
#include "math/truncated_normal.h"
#include "math/vector_clones.h"

namespace hypertune {
namespace {

constexpr std::size_t kFullWeight = 25;  // so many of the latest observations weigh 1
constexpr double kLeastShare = ParzenMixture::kLeastShare;
constexpr std::size_t kVector = 8;       // numbers in the longest vectors
constexpr std::size_t kMostParts = 254;  // of a range

std::size_t whole_vectors(std::size_t n) { return (n + kVector - 1) / kVector * kVector; }

/// Of whole vectors.
double sum_of_vectors(std::span<const double> values) {
  std::array<double, kVector> sums{};
  for (std::size_t i = 0; i < values.size(); i += kVector) {
    for (std::size_t j = 0; j < kVector; ++j) sums[j] += values[i + j];
  }
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

/// No kernel but the prior is narrower than that share of the range.
double least_share(std::size_t kernels) {
  return std::max(kLeastShare, 1 / static_cast<double>(kernels + 1));
}

/// What a normal has between the bounds.
double mass_inside(const ParzenBounds& bounds, double mean, double deviation) {
  const double inverse = 1 / deviation;
  // Rounding may put a mean beyond its bound.
  return normal_mass_inside(std::min(0.0, (bounds.low - mean) * inverse),
                            std::max(0.0, (bounds.high - mean) * inverse));
}

/// Of each of n values the number of the part in which it lies.
HT_VECTOR_CLONES
void find_parts(const double* values, std::size_t n, double low, double density, double last,
                std::uint8_t* parts) {
  for (std::size_t i = 0; i < n; ++i) {
    double at = (values[i] - low) * density;
    at = at > 0 ? at : 0;
    at = at < last ? at : last;
    parts[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(at));
  }
}

/// Of each of n kernels the step on which its value lies, or -1 of those that lie on none or whose
/// scale is not the largest.
HT_VECTOR_CLONES
void find_steps(const double* values, const double* scales, std::size_t n, const ParzenNumber& axis,
                double largest, std::int32_t* cells) {
  const double low = axis.low;
  const double step = axis.step;
  constexpr double kRounding = 1e-11;  // of a step
  for (std::size_t i = 0; i < n; ++i) {
    const double at = (values[i] - low) / step;
    const auto cell = static_cast<std::int32_t>(at + 0.5);
    const double off = at - static_cast<double>(cell);
    const bool on = (off < 0 ? -off : off) <= kRounding;
    cells[i] = on & (scales[i] == largest) ? cell : -1;
  }
}

/// The values in one part of the range.
struct Part {
  bool left_is_empty = false;
  double least = std::numeric_limits<double>::infinity();
  double most = -std::numeric_limits<double>::infinity();
  std::size_t first = 0;  ///< of equal values the first is to the left of the others
  std::size_t last = 0;
};

/// An observation whose larger gap to its neighbors is above the least deviation.
struct WideGap {
  std::size_t observation;
  double gap;
};

}  // namespace

/// Room for what is looked at on one axis after the other.
struct ParzenScratch {
  std::vector<std::uint8_t> part_of;
  std::vector<std::uint32_t> outer;  ///< observations in parts beside empty ones
  std::vector<Part> lonely;
  std::vector<WideGap> wide;
};

namespace {

/// All of them, without sorting; in no order, and one may come twice, the larger gap last. The
/// bounds are the outermost neighbors, but between two or more observations the outermost ones look
/// inward only. `narrowest` is the least deviation.
///
/// The range is divided into parts half as wide. Only at a part beside an empty one may there be a
/// gap that matters, and there only beside its smallest and its largest value.
std::span<const WideGap> wide_gaps(std::span<const double> means, const ParzenBounds& bounds,
                                   double narrowest, ParzenScratch& scratch) {
  scratch.wide.clear();
  if (means.empty()) return {};
  const double wanted = 2 * (bounds.high - bounds.low) / narrowest;
  const auto count = static_cast<std::size_t>(std::ceil(wanted)) + 1;
  HT_ASSERT(count <= kMostParts);
  std::vector<std::uint8_t>& part_of = scratch.part_of;
  part_of.resize(means.size());
  find_parts(means.data(), means.size(), bounds.low, 2 / narrowest, static_cast<double>(count - 1),
             part_of.data());
  // A part more on either side, where the bounds are.
  std::array<std::uint8_t, kMostParts + 2> filled{};
  for (const std::size_t part : part_of) filled[part + 1] = 1;
  // Those beside an empty one, from left to right, and which of them a part is, from 1.
  std::vector<Part>& lonely = scratch.lonely;
  lonely.clear();
  std::array<std::uint8_t, kMostParts> place{};
  std::array<std::uint8_t, kMostParts + 1> found_at;
  std::size_t lonely_parts = 0;
  for (std::size_t p = 0; p < count; ++p) {  // without a branch that would be guessed wrongly
    found_at[lonely_parts] = static_cast<std::uint8_t>(p);
    lonely_parts += filled[p + 1] & ~(filled[p] & filled[p + 2]);
  }
  for (const std::size_t p : std::span(found_at).first(lonely_parts)) {
    lonely.push_back({.left_is_empty = !filled[p]});
    place[p] = static_cast<std::uint8_t>(lonely.size());
  }
  // First which ones, again without a branch.
  scratch.outer.resize(means.size());
  std::size_t found = 0;
  for (std::size_t i = 0; i < means.size(); ++i) {
    scratch.outer[found] = static_cast<std::uint32_t>(i);
    found += place[part_of[i]] != 0 ? 1 : 0;
  }
  for (const std::size_t i : std::span(scratch.outer).first(found)) {
    Part& part = lonely[place[part_of[i]] - 1U];
    const double x = means[i];
    if (x < part.least) {
      part.least = x;
      part.first = i;
    }
    if (x >= part.most) {
      part.most = x;
      part.last = i;
    }
  }
  const bool several = means.size() > 1;
  const auto add = [&](std::size_t i, double gap) {
    if (is_wide_gap(gap, narrowest))
      scratch.wide.push_back({i, std::min(gap, bounds.high - bounds.low)});
  };
  const Part* before = nullptr;
  for (const Part& part : lonely) {
    if (part.left_is_empty) {
      const double gap = part.least - (before != nullptr ? before->most : bounds.low);
      if (before != nullptr) add(before->last, gap);
      if (before != nullptr || !several) add(part.first, gap);
    }
    before = &part;
  }
  if (!several) add(before->last, bounds.high - before->most);
  return scratch.wide;
}

}  // namespace

std::vector<double> parzen_weights(std::span<const double> counts) {
  std::vector<double> weights;
  weights.reserve(whole_vectors(counts.size() + 1));
  weights.resize(counts.size());
  double n = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    weights[i] = n + (counts[i] - 1) / 2;  // the middle
    n += counts[i];
  }
  const double ramp = n - static_cast<double>(kFullWeight);  // observations that weigh less
  const double slope = ramp > 1 ? (1 - 1 / n) / (ramp - 1) : 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double old = std::min(1.0, 1 / n + weights[i] * slope);
    weights[i] = counts[i] * (weights[i] < ramp ? old : 1.0);
  }
  return weights;
}

void prepare_observation(std::span<const ParzenAxis> axes, std::span<double> row) {
  HT_ASSERT(row.size() == axes.size() + 1);
  double sum = 0;
  for (std::size_t d = 0; d < axes.size(); ++d) {
    const auto* number = std::get_if<ParzenNumber>(&axes[d]);
    if (number == nullptr) continue;
    if (number->log) row[d] = std::log(row[d]);
    const ParzenBounds bounds = bounds_of(*number);
    const double mass = mass_inside(bounds, row[d], (bounds.high - bounds.low) * kLeastShare);
    if (mass < 1) sum += std::log(mass);
  }
  row.back() = sum;
}

ParzenObservations::ParzenObservations(std::size_t axes, std::size_t count, std::size_t room)
    : axes_(axes),
      count_(count),
      stride_(whole_vectors(count + 1 + room)),
      values_(std::make_unique_for_overwrite<double[]>((2 * axes + 1) * stride_)) {
  HT_ASSERT(axes > 0);
}

ParzenMixture::ParzenMixture(std::vector<ParzenAxis> axes, ParzenObservations observations,
                             std::vector<double> weights, double prior_weight)
    : axes_(std::move(axes)),
      count_(observations.size() + 1),
      stride_(observations.stride_),
      prior_weight_(prior_weight),
      values_(std::move(observations.values_)) {
  HT_ASSERT(observations.axes() == axes_.size() && prior_weight > 0);
  for (std::size_t i = 0; i <= 2 * axes_.size(); ++i) {
    std::ranges::fill(row(i).subspan(count_), 0.0);
  }
  centers_.assign(axes_.size(), 0.0);
  units_.assign(axes_.size(), 1.0);

  narrowest_ = least_share(count_);
  std::vector<std::uint8_t> wide(count_, knows_narrow() ? 0 : 1);
  wide.back() = 1;
  ParzenScratch scratch;
  numbers_.reserve(axes_.size());
  straight_.reserve(axes_.size());
  for (std::size_t d = 0; d < axes_.size(); ++d) {
    if (const auto* number = std::get_if<ParzenNumber>(&axes_[d])) {
      add_number(d, *number, wide, scratch);
    } else {
      values_[d * stride_ + count_ - 1] = -1;
      categories_.push_back(d);
    }
  }
  constants_.assign(stride_, 0.0);
  const std::span narrow = row(axes_.size()).first(count_ - 1);
  if (knows_narrow()) std::ranges::transform(narrow, constants_.begin(), std::negate<>());
  for (std::size_t k = 0; k < count_; ++k) {
    if (wide[k] != 0) constants_[k] = constant_of(k);
  }
  prior_constant_ = constants_[count_ - 1];
  fill_single(0, count_);
  weigh(std::move(weights));
}

std::size_t ParzenMixture::padded() const { return whole_vectors(count_); }

void ParzenMixture::weigh(std::vector<double> weights) {
  weights_ = std::move(weights);
  HT_ASSERT(weights_.size() + 1 == count_);
  weights_.push_back(weights_.empty() ? 1.0 : prior_weight_);
  weights_.resize(padded(), 0.0);
  const double total = sum_of_vectors(weights_);
  for (double& weight : weights_) weight /= total;

  smoothing_ = prior_weight_ / static_cast<double>(count_);
  unit_ = scale_unit_;
  double& prior = constants_[count_ - 1];
  prior = prior_constant_;
  for (const std::size_t d : categories_) {
    const auto choices = static_cast<double>(std::get<ParzenCategory>(axes_[d]).choices);
    HT_ASSERT(choices > 0);
    const double miss = std::log(smoothing_) - std::log1p(smoothing_ * choices);
    unit_ += miss;
    prior -= std::log(choices) + miss;
  }
  fill_single(count_ - 1, 1);
  fill_single_weights();
}

void ParzenMixture::add_number(std::size_t d, const ParzenNumber& axis,
                               std::span<std::uint8_t> wide, ParzenScratch& scratch) {
  const ParzenBounds bounds = bounds_of(axis);
  const double range = bounds.high - bounds.low;
  HT_ASSERT(range > 0);
  const std::size_t prior = count_ - 1;
  const double smallest = range * narrowest_;
  const double largest = kScale / smallest;
  numbers_.push_back({d, bounds.low, bounds.high, smallest, largest, {}});
  const std::span means = row(d).first(count_);
  const std::span scales = this->scales(d);
  means[prior] = 0.5 * (bounds.low + bounds.high);
  centers_[d] = means[prior];
  units_[d] = largest;
  std::ranges::fill(scales.first(prior), largest);
  scales[prior] = kScale / range;
  for (const WideGap& gap : wide_gaps(means.first(prior), bounds, smallest, scratch)) {
    double& scale = scales[gap.observation];
    scale = std::min(scale, kScale / gap.gap);
    wide[gap.observation] = 1;
  }
  scale_unit_ -= std::log(smallest) + 0.5 * std::log(2 * std::numbers::pi);
  if (axis.step > 0) {
    add_steps(numbers_.back(), axis);
  } else {
    straight_.push_back(d);
  }
}

double ParzenMixture::constant_of(std::size_t kernel) const {
  const bool narrow = knows_narrow() && kernel + 1 < count_;
  double constant = narrow ? -row(axes_.size())[kernel] : 0.0;
  double product = 1;
  for (const Number& number : numbers_) {
    const double scale = scales(number.axis)[kernel];
    if (narrow && scale == number.largest) continue;
    const ParzenBounds bounds{number.low, number.high};
    const double mean = means(number.axis)[kernel];
    const double deviation = kScale / scale;
    product *= mass_inside(bounds, mean, deviation) * (deviation / number.narrowest);
    if (narrow) product /= mass_inside(bounds, mean, number.narrowest);
    constexpr double kHuge = 1e200;
    if (product > 1 / kHuge && product < kHuge) continue;
    constant -= std::log(product);
    product = 1;
  }
  return product != 1 ? constant - std::log(product) : constant;
}

void ParzenMixture::add_steps(const Number& number, const ParzenNumber& axis) {
  Steps steps{number.axis, axis, number.narrowest, std::log(axis.step), {}};
  const double most = axis.log ? 1'000 : 10'000;  // masses depend on two places, or on one distance
  if ((axis.high - axis.low) / axis.step < most) {
    steps.cells.resize(count_);
    find_cells(steps, 0, count_);
  }
  steps_.push_back(std::move(steps));
}

void ParzenMixture::find_cells(Steps& steps, std::size_t first, std::size_t count) const {
  std::span<const double> values = means(steps.axis).subspan(first, count);
  std::vector<double> plain;
  if (steps.number.log) {
    plain.resize(count);
    std::ranges::transform(values, plain.begin(), [](double mean) { return std::exp(mean); });
    values = plain;
  }
  find_steps(values.data(), scales(steps.axis).data() + first, count, steps.number,
             kScale / steps.narrowest, steps.cells.data() + first);
}

std::size_t ParzenMixture::draw_kernel(Rng& rng) const {
  double left = rng.uniform();
  std::size_t kernel = 0;
  while (kernel + 1 < count_ && left >= weights_[kernel]) left -= weights_[kernel++];
  return kernel;
}

std::vector<double> ParzenMixture::draw(std::span<const std::size_t> kernels, std::size_t axis,
                                        Rng& rng) const {
  std::vector<double> drawn(kernels.size());
  std::visit([&](const auto& a) { draw_along(a, axis, kernels, rng, drawn); }, axes_[axis]);
  return drawn;
}

void ParzenMixture::draw_along(const ParzenNumber& axis, std::size_t d,
                               std::span<const std::size_t> kernels, Rng& rng,
                               std::span<double> drawn) const {
  const Number& bounds = *std::ranges::lower_bound(numbers_, d, {}, &Number::axis);
  const std::span<const double> means = this->means(d);
  for (double& x : drawn) x = rng.uniform();
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const double mean = means[kernels[i]];
    const double deviation = this->deviation(d, kernels[i]);
    const double a = (bounds.low - mean) / deviation;
    const double b = (bounds.high - mean) / deviation;
    drawn[i] = mean + deviation * truncated_normal_quantile(drawn[i], a, b);
  }
  for (double& x : drawn) {
    if (axis.log) x = std::exp(x);
    if (axis.step > 0) x = axis.low + std::round((x - axis.low) / axis.step) * axis.step;
    x = std::clamp(x, axis.low, axis.high);
  }
}

void ParzenMixture::draw_along(const ParzenCategory& axis, std::size_t d,
                               std::span<const std::size_t> kernels, Rng& rng,
                               std::span<double> drawn) const {
  // A part of the probability is spread evenly, the rest lies on what was observed.
  const double even = smoothing_ * static_cast<double>(axis.choices);
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    const bool prior = kernels[i] + 1 == count_;
    const bool spread = rng.uniform() * (1 + even) < even;
    const auto any = static_cast<double>(rng.below(axis.choices));
    drawn[i] = prior || spread ? any : means(d)[kernels[i]];
  }
}

}  // namespace hypertune

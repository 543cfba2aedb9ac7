// Ranges in which the densities of Parzen estimators lie, from single precision.
//
// What wins among candidates is settled by them in most cases. No result depends on how they were
// rounded, for whatever might win is then evaluated by parzen_density.cpp.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numbers>

#include "base/assert.h"
#include "math/parzen.h"
#include "math/parzen_bounds.h"
#include "math/vector_clones.h"

namespace hypertune {
namespace {

constexpr std::size_t kBlock = ParzenMixture::kTogether;
using Vector [[gnu::vector_size(64)]] = float;
using Whole [[gnu::vector_size(64)]] = std::int32_t;
using Bytes [[gnu::vector_size(16)]] = std::int8_t;
using Pair [[gnu::vector_size(16)]] = std::int64_t;
constexpr std::size_t kVector = sizeof(Vector) / sizeof(float);

/// The kernels along an axis, and the points, in the same unit.
struct Places {
  const float* means;
  const float* scales;
  std::array<float, kBlock> at;
  /// Of the square that is taken from the bound above; if stepped.
  std::array<float, kBlock> shares;
};

/// What is added where the coordinate is that of the kernel.
struct Hits {
  const float* observed;
  float more;
  std::array<float, kBlock> at;
};

/// The axes by kind.
struct Block {
  std::vector<Places> straight;
  std::vector<Places> stepped;
  std::vector<Hits> categories;
};

/// Bounds above of the logarithms of all kernels, [points, stride], and by how much they may be
/// above, less what is the same for all kernels.
HT_WIDEST_VECTOR_CLONES
void bound_kernels(const float* constants, const Block& block, std::size_t stride, float* bounds,
                   float* gaps) {
  for (std::size_t k = 0; k < stride; k += kVector) {
    Vector constant;
    std::memcpy(&constant, constants + k, sizeof(Vector));
    std::array<Vector, kBlock> sums;
    for (Vector& sum : sums) sum = constant;
    for (const Places& axis : block.straight) {
      Vector mean;
      Vector scale;
      std::memcpy(&mean, axis.means + k, sizeof(Vector));
      std::memcpy(&scale, axis.scales + k, sizeof(Vector));
      for (std::size_t j = 0; j < kBlock; ++j) {
        const Vector t = (axis.at[j] - mean) * scale;
        sums[j] -= t * t;
      }
    }
    for (const Hits& axis : block.categories) {
      Vector observed;
      std::memcpy(&observed, axis.observed + k, sizeof(Vector));
      for (std::size_t j = 0; j < kBlock; ++j) {
        sums[j] += observed == axis.at[j] ? axis.more - Vector{} : Vector{};
      }
    }
    std::array<Vector, kBlock> loose{};
    for (const Places& axis : block.stepped) {
      Vector mean;
      Vector scale;
      std::memcpy(&mean, axis.means + k, sizeof(Vector));
      std::memcpy(&scale, axis.scales + k, sizeof(Vector));
      for (std::size_t j = 0; j < kBlock; ++j) {
        const Vector t = (axis.at[j] - mean) * scale;
        const Vector most = t * t * axis.shares[j];
        sums[j] -= most;
        loose[j] += t * t - most;
      }
    }
    for (std::size_t j = 0; j < kBlock; ++j) {
      std::memcpy(bounds + j * stride + k, &sums[j], sizeof(Vector));
      std::memcpy(gaps + j * stride + k, &loose[j], sizeof(Vector));
    }
  }
}

struct Sums {
  float largest;      ///< of the bounds
  float sum;          ///< of the weighted exponentials of differences to it
  float sum_of_gaps;  ///< each times its gap
};

/// All numbers of a vector in one, half of them with the other half at a time.
template <typename Both>
[[gnu::always_inline]] inline float folded(const Vector& vector, const Both& both) {
  std::array<float, kVector> values;
  std::memcpy(values.data(), &vector, sizeof(Vector));
  for (std::size_t half = kVector / 2; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) values[i] = both(values[i], values[i + half]);
  }
  return values[0];
}

/// Without what is less than e^least of the largest, where `least` is at least -80.
HT_WIDEST_VECTOR_CLONES
Sums sum_kernels(const float* bounds, const float* gaps, const float* weights, std::size_t stride,
                 float least) {
  Vector most;
  std::memcpy(&most, bounds, sizeof(Vector));
  for (std::size_t k = kVector; k < stride; k += kVector) {
    Vector next;
    std::memcpy(&next, bounds + k, sizeof(Vector));
    most = next > most ? next : most;
  }
  const float largest = folded(most, [](float a, float b) { return a > b ? a : b; });
  constexpr float kRounder = 0x1.8p23F;  // adding it rounds to a whole number in the low bits
  Vector sum{};
  Vector sum_of_gaps{};
  for (std::size_t k = 0; k < stride; k += kVector) {
    Vector value;
    std::memcpy(&value, bounds + k, sizeof(Vector));
    const Vector difference = value - largest;
    const auto matters = reinterpret_cast<Pair>(__builtin_convertvector(difference > least, Bytes));
    if ((matters[0] | matters[1]) == 0) continue;
    Vector gap;
    Vector weight;
    std::memcpy(&gap, gaps + k, sizeof(Vector));
    std::memcpy(&weight, weights + k, sizeof(Vector));
    // The exponential of the difference, to about 1e-6, is 2^n times the Taylor series of the rest.
    const Vector x = difference > least ? difference : least - Vector{};
    const Vector shifted = x * std::numbers::log2e_v<float> + kRounder;
    const Vector r = x - (shifted - kRounder) * std::numbers::ln2_v<float>;
    Vector term = r * (1.0F / 720) + 1.0F / 120;
    term = term * r + 1.0F / 24;
    term = term * r + 1.0F / 6;
    term = term * r + 0.5F;
    term = term * r + 1.0F;
    term = term * r + 1.0F;
    const Whole power = (reinterpret_cast<Whole>(shifted) + 127) << 23;
    term *= reinterpret_cast<Vector>(power) * weight;
    sum += term;
    sum_of_gaps += term * gap;
  }
  return {largest, folded(sum, std::plus<>()), folded(sum_of_gaps, std::plus<>())};
}

/// The differences to `center` times `factor`.
HT_WIDEST_VECTOR_CLONES
void to_single(const double* values, std::size_t n, double center, double factor, float* out) {
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<float>((values[i] - center) * factor);
}

}  // namespace

void ParzenMixture::fill_single(std::size_t first, std::size_t count) {
  const std::size_t axes = axes_.size();
  if (single_ == nullptr) {
    single_stride_ = (stride_ + kVector - 1) / kVector * kVector;
    single_ = std::make_unique<float[]>((2 * axes + 2) * single_stride_);
    constexpr float kNothing = -1e30F;
    std::fill_n(single_row(2 * axes), single_stride_, kNothing);
  }
  const auto fill = [&](std::size_t i, const double* values, double center, double factor) {
    to_single(values + first, count, center, factor, single_row(i) + first);
  };
  for (std::size_t d = 0; d < axes; ++d) {
    fill(2 * d, means(d).data(), centers_[d], units_[d]);
    if (std::holds_alternative<ParzenNumber>(axes_[d])) {
      fill(2 * d + 1, scales(d).data(), 0, 1 / units_[d]);
    }
  }
  fill(2 * axes, constants_.data(), 0, 1);
}

void ParzenMixture::fill_single_weights() {
  float* const row = single_row(2 * axes_.size() + 1);
  to_single(weights_.data(), weights_.size(), 0, 1, row);
  std::fill(row + weights_.size(), row + single_stride_, 0.0F);
  // What is left out is then less than a millionth of the sum.
  least_ = static_cast<float>(std::log(*std::ranges::min_element(weights())) - 14);
}

double ParzenMixture::log_prior(const std::vector<std::vector<double>>& points,
                                std::size_t i) const {
  const std::size_t prior = count_ - 1;
  double sum = unit_ + constants_[prior] + std::log(weights_[prior]);
  const auto add = [&](std::size_t d, double x) {
    const double t = (x - means(d)[prior]) * scales(d)[prior];
    sum -= t * t;
  };
  for (const std::size_t d : straight_) {
    const double x = points[d][i];
    add(d, std::get<ParzenNumber>(axes_[d]).log ? std::log(x) : x);
  }
  for (const Steps& steps : steps_) {
    const ParzenCell cell = cell_of(steps.number, points[steps.axis][i]);
    const double width = cell.width / deviation(steps.axis, prior);
    add(steps.axis, cell.middle);
    const double log_width = steps.number.log ? std::log(cell.width) : steps.log_step;
    sum += log_width - width * width / 24;  // by Jensen's inequality
  }
  return sum;
}

std::vector<ParzenMixture::Range> ParzenMixture::log_density_ranges(
    const std::vector<std::vector<double>>& points, std::span<const std::size_t> which) const {
  HT_ASSERT(points.size() == axes_.size());
  // More than what rounding can do where a kernel matters: its distance in its deviations is then
  // less than about the root of the number of axes, times four.
  const double rounding = 1e-3 * static_cast<double>(axes_.size() + 1);
  std::vector<Range> ranges(which.size());
  constexpr float kLeast = -80;
  if (least_ < kLeast) {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    std::ranges::fill(ranges, Range{-kInfinity, kInfinity});
    return ranges;
  }
  const auto row = [&](std::size_t i) -> const float* { return single_row(i); };
  const std::size_t stride = (count_ + kVector - 1) / kVector * kVector;
  Block block;
  block.straight.reserve(straight_.size());
  block.stepped.reserve(steps_.size());
  for (const std::size_t d : straight_) {
    block.straight.push_back({row(2 * d), row(2 * d + 1), {}, {}});
  }
  for (const Steps& steps : steps_) {
    block.stepped.push_back({row(2 * steps.axis), row(2 * steps.axis + 1), {}, {}});
  }
  const auto hit = static_cast<float>(std::log1p(1 / smoothing_));
  for (const std::size_t d : categories_) block.categories.push_back({row(2 * d), hit, {}});
  const auto bounds = std::make_unique_for_overwrite<float[]>(2 * kBlock * stride);
  float* const gaps = bounds.get() + kBlock * stride;
  for (std::size_t first = 0; first < ranges.size(); first += kBlock) {
    std::array<double, kBlock> offsets{};
    std::array<double, kBlock> losses{};
    for (std::size_t j = 0; j < kBlock; ++j) {
      // The last block may be padded with its last point.
      const std::size_t i = which[std::min(first + j, ranges.size() - 1)];
      const auto at = [&](std::size_t d, double x) {
        return static_cast<float>((x - centers_[d]) * units_[d]);
      };
      for (std::size_t s = 0; s < straight_.size(); ++s) {
        const std::size_t d = straight_[s];
        const double x = points[d][i];
        block.straight[s].at[j] = at(d, std::get<ParzenNumber>(axes_[d]).log ? std::log(x) : x);
      }
      for (std::size_t s = 0; s < steps_.size(); ++s) {
        const ParzenCell cell = cell_of(steps_[s].number, points[steps_[s].axis][i]);
        const double width = cell.width / steps_[s].narrowest;
        block.stepped[s].at[j] = at(steps_[s].axis, cell.middle);
        block.stepped[s].shares[j] = static_cast<float>(share_of_square(width));
        offsets[j] += steps_[s].number.log ? std::log(cell.width) : steps_[s].log_step;
        // By Jensen's inequality the mean of the density is not below that of its logarithm.
        losses[j] += width * width / 24;
      }
      for (std::size_t c = 0; c < categories_.size(); ++c) {
        block.categories[c].at[j] = static_cast<float>(points[categories_[c]][i]);
      }
    }
    bound_kernels(row(2 * axes_.size()), block, stride, bounds.get(), gaps);
    for (std::size_t j = 0; j < kBlock && first + j < ranges.size(); ++j) {
      const Sums sums = sum_kernels(bounds.get() + j * stride, gaps + j * stride,
                                    row(2 * axes_.size() + 1), stride, least_);
      const double high = unit_ + offsets[j] + double{sums.largest} + std::log(double{sums.sum});
      const double gap = losses[j] + double{sums.sum_of_gaps} / double{sums.sum};
      ranges[first + j] = {high - gap - rounding, high + rounding};
    }
  }
  return ranges;
}

}  // namespace hypertune

// The densities of Parzen estimators.
//
// Candidates times kernels times axes are most of what tpe computes. The exponents of the normals
// are added up in registers, for several candidates at once; what is then too far below the sum to
// change it is left out of all that follows.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <numbers>
#include <numeric>

#include "base/assert.h"
#include "math/fast_exp.h"
#include "math/parzen.h"
#include "math/parzen_bounds.h"
#include "math/truncated_normal.h"
#include "math/vector_clones.h"

namespace hypertune {
namespace {

constexpr std::size_t kBlock = 4;   // so many points are evaluated together
constexpr double kNegligible = 35;  // e^-35 of the sum for each of 1,000 kernels: 1e-12 in all
const double kLogSqrtTwoPi = 0.5 * std::log(2 * std::numbers::pi);
using Vector [[gnu::vector_size(64)]] = double;
constexpr std::size_t kVector = sizeof(Vector) / sizeof(double);

/// The normals along an axis, and the points.
struct Normals {
  const double* means;
  const double* scales;
  std::array<double, kBlock> at;
  std::array<double, kBlock> shares;  ///< of the square that is taken from the sum; if stepped
};

/// Constants and offsets less the squares of ((x - mean) * scale), for all kernels at the first
/// point, then for all at the second, and so on. `stride` is a number of whole vectors.
HT_WIDEST_VECTOR_CLONES
void exponents(const double* constants, const double* offsets, const Normals* straight,
               std::size_t straight_axes, const Normals* stepped, std::size_t stepped_axes,
               std::size_t stride, double* out) {
  for (std::size_t k = 0; k < stride; k += kVector) {
    Vector constant;
    std::memcpy(&constant, constants + k, sizeof(Vector));
    std::array<Vector, kBlock> sums;
    for (std::size_t j = 0; j < kBlock; ++j) sums[j] = constant + offsets[j];
    for (std::size_t d = 0; d < straight_axes; ++d) {
      Vector mean;
      Vector scale;
      std::memcpy(&mean, straight[d].means + k, sizeof(Vector));
      std::memcpy(&scale, straight[d].scales + k, sizeof(Vector));
      for (std::size_t j = 0; j < kBlock; ++j) {
        const Vector t = (straight[d].at[j] - mean) * scale;
        sums[j] -= t * t;
      }
    }
    for (std::size_t d = 0; d < stepped_axes; ++d) {
      Vector mean;
      Vector scale;
      std::memcpy(&mean, stepped[d].means + k, sizeof(Vector));
      std::memcpy(&scale, stepped[d].scales + k, sizeof(Vector));
      for (std::size_t j = 0; j < kBlock; ++j) {
        const Vector t = (stepped[d].at[j] - mean) * scale;
        sums[j] -= t * t * stepped[d].shares[j];
      }
    }
    for (std::size_t j = 0; j < kBlock; ++j) {
      std::memcpy(out + j * stride + k, &sums[j], sizeof(Vector));
    }
  }
}

/// The largest of n values.
HT_WIDEST_VECTOR_CLONES
double largest_of(const double* values, std::size_t n) {
  double largest = values[0];
  std::size_t i = 0;
  if (n >= kVector) {
    Vector most;
    std::memcpy(&most, values, sizeof(Vector));
    for (i = kVector; i + kVector <= n; i += kVector) {
      Vector next;
      std::memcpy(&next, values + i, sizeof(Vector));
      most = next > most ? next : most;
    }
    for (std::size_t j = 0; j < kVector; ++j) largest = most[j] > largest ? most[j] : largest;
  }
  for (; i < n; ++i) largest = values[i] > largest ? values[i] : largest;
  return largest;
}

/// Adds `more` to the values of the kernels that have seen `x`.
HT_VECTOR_CLONES
void add_where_equal(const double* observed, std::size_t n, double x, double more, double* values) {
  for (std::size_t k = 0; k < n; ++k) values[k] += observed[k] == x ? more : 0.0;
}

/// Each of n values becomes the exponential of its difference to `largest`, the largest.
HT_WIDEST_VECTOR_CLONES
void exp_of_differences(double* values, std::size_t n, double largest) {
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = values[i] - largest;
    values[i] = fast_exp(difference > -700 ? difference : -700);
  }
}

/// Moves the numbers of those of n kernels to the front whose values are not below `least`.
std::size_t keep(const double* values, std::size_t n, double least, std::uint32_t* kernels) {
  std::size_t kept = 0;
  for (std::size_t k = 0; k < n; ++k) {
    kernels[kept] = static_cast<std::uint32_t>(k);
    kept += values[k] >= least ? 1 : 0;
  }
  return kept;
}

}  // namespace

/// What turns bounds of the densities of kernels along a stepped axis into their masses, one point
/// after the other: logarithms, at most 0. Those of the narrowest kernels on steps, which are most,
/// are kept: they depend on the distance in steps, or on both places where the axis is logarithmic.
class ParzenMixture::StepMasses {
 public:
  /// A value of the axis.
  struct Place {
    ParzenCell cell;
    double log_width = 0;
    double share = 0;  ///< of the square of the distance that gives a bound of all kernels
    std::int32_t step = 0;
    std::span<double> known = {};  ///< empty if nothing is kept for it
  };

  StepMasses(const ParzenMixture& mixture, const Steps& steps)
      : steps_(&steps), means_(mixture.means(steps.axis)), scales_(mixture.scales(steps.axis)) {}

  Place place_of(double x) {
    const ParzenNumber& axis = steps_->number;
    const ParzenCell cell = cell_of(axis, x);
    const double width = cell.width / steps_->narrowest;
    Place place{cell, axis.log ? std::log(cell.width) : steps_->log_step, share_of_square(width)};
    if (steps_->cells.empty()) return place;
    const double at = (x - axis.low) / axis.step;
    place.step = static_cast<std::int32_t>(std::round(at));
    constexpr double kRounding = 1e-11;  // of a step
    if (std::abs(at - place.step) > kRounding) return place;
    std::vector<double>& known = tables_[axis.log ? x : 0.0];
    if (known.empty()) {
      const double last = std::round((axis.high - axis.low) / axis.step);
      known.resize(static_cast<std::size_t>(last) + 1, std::numeric_limits<double>::quiet_NaN());
    }
    HT_ASSERT(place.step >= 0 && static_cast<std::size_t>(place.step) < known.size());
    place.known = known;
    return place;
  }

  void go_to(const Place& place) { at_ = place; }

  double of(std::size_t kernel) {
    const std::int32_t place = at_.known.empty() ? -1 : steps_->cells[kernel];
    if (place < 0) return computed(kernel);
    const std::int32_t i = steps_->number.log ? place : std::abs(place - at_.step);
    double& known = at_.known[static_cast<std::size_t>(i)];
    if (std::isnan(known)) known = computed(kernel);
    return known;
  }

 private:
  double computed(std::size_t kernel) const {
    const double scale = scales_[kernel];
    const double inverse = scale * std::numbers::sqrt2;
    const double away = std::abs(at_.cell.middle - means_[kernel]);
    const double t = away * scale;
    const double width = at_.cell.width * inverse;
    return log_normal_mass_around(away * inverse, width) - std::log(width) + kLogSqrtTwoPi +
           t * t * at_.share;
  }

  const Steps* steps_;
  std::span<const double> means_;
  std::span<const double> scales_;
  Place at_;
  std::map<double, std::vector<double>> tables_;
};

std::vector<double> ParzenMixture::log_density(
    const std::vector<std::vector<double>>& points) const {
  std::vector<std::size_t> all(points.front().size());
  std::iota(all.begin(), all.end(), std::size_t{0});
  return log_density(points, all);
}

std::vector<double> ParzenMixture::log_density(const std::vector<std::vector<double>>& points,
                                               std::span<const std::size_t> which) const {
  HT_ASSERT(points.size() == axes_.size());
  // For each point of a block, how values lie along the stepped axes.
  std::vector<StepMasses> masses;
  for (const Steps& steps : steps_) masses.emplace_back(*this, steps);
  const auto normals_of = [&](std::size_t d) {
    return Normals{means(d).data(), scales(d).data(), {}, {}};
  };
  std::vector<Normals> straight;
  for (const std::size_t d : straight_) straight.push_back(normals_of(d));
  std::vector<Normals> stepped;
  for (const Steps& steps : steps_) stepped.push_back(normals_of(steps.axis));
  const std::size_t stride = padded();
  std::vector<double> sums(kBlock * stride);
  Terms terms{std::vector<std::uint32_t>(count_), std::vector<double>(count_)};
  std::vector<double> result(which.size());
  std::vector<StepMasses::Place> places(stepped.size() * kBlock);
  for (std::size_t first = 0; first < result.size(); first += kBlock) {
    std::array<double, kBlock> offsets{};
    for (std::size_t j = 0; j < kBlock; ++j) {
      // The last block may be padded with its last point.
      const std::size_t i = which[std::min(first + j, result.size() - 1)];
      for (std::size_t s = 0; s < straight.size(); ++s) {
        const double x = points[straight_[s]][i];
        const bool log = std::get<ParzenNumber>(axes_[straight_[s]]).log;
        straight[s].at[j] = log ? std::log(x) : x;
      }
      for (std::size_t s = 0; s < stepped.size(); ++s) {
        const StepMasses::Place place = masses[s].place_of(points[steps_[s].axis][i]);
        stepped[s].at[j] = place.cell.middle;
        stepped[s].shares[j] = place.share;
        offsets[j] += place.log_width;
        places[s * kBlock + j] = place;
      }
    }
    exponents(constants_.data(), offsets.data(), straight.data(), straight.size(), stepped.data(),
              stepped.size(), stride, sums.data());
    for (std::size_t j = 0; j < kBlock && first + j < result.size(); ++j) {
      const std::span values = std::span(sums).subspan(j * stride, count_);
      for (const std::size_t d : categories_) {
        const double hit = std::log1p(1 / smoothing_);  // more than a miss, which is in constants_
        add_where_equal(means(d).data(), count_, points[d][which[first + j]], hit, values.data());
      }
      for (std::size_t s = 0; s < masses.size(); ++s) masses[s].go_to(places[s * kBlock + j]);
      result[first + j] = unit_ + log_sum(values, masses, terms);
    }
  }
  return result;
}

double ParzenMixture::log_sum(std::span<double> values, std::vector<StepMasses>& masses,
                              Terms& terms) const {
  const std::size_t prior = count_ - 1;
  for (StepMasses& along : masses) values[prior] += along.of(prior);
  const double log_prior = values[prior] + std::log(weights_[prior]);
  // A guess first, for bounds are mostly near what they bound; what it leaves out is looked at
  // after all if the sum turns out to be so small that it matters.
  const double bound = largest_of(values.data(), prior + 1);
  const double slack = 2 * static_cast<double>(masses.size()) + std::log(count_);
  double least = std::max(log_prior, bound - slack) - kNegligible;
  for (int attempt = 1;; ++attempt) {
    std::size_t kept = keep(values.data(), prior, least, terms.kernels.data());
    for (std::size_t m = 0; m < kept; ++m) terms.values[m] = values[terms.kernels[m]];
    for (StepMasses& along : masses) {
      std::size_t left = 0;
      for (std::size_t m = 0; m < kept; ++m) {
        const std::uint32_t k = terms.kernels[m];
        const double value = terms.values[m] + along.of(k);
        terms.kernels[left] = k;
        terms.values[left] = value;
        left += value >= least ? 1 : 0;
      }
      kept = left;
    }
    terms.kernels[kept] = static_cast<std::uint32_t>(prior);
    terms.values[kept++] = values[prior];
    const double largest = largest_of(terms.values.data(), kept);
    exp_of_differences(terms.values.data(), kept, largest);
    double sum = 0;
    for (std::size_t m = 0; m < kept; ++m) sum += terms.values[m] * weights_[terms.kernels[m]];
    const double result = largest + std::log(sum);
    if (attempt == 2 || least <= result - kNegligible) return result;
    least = result - kNegligible;
  }
}

}  // namespace hypertune

// Parzen estimators: mixtures of products of truncated normals and categories around observations.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <variant>
#include <vector>

#include "hypertune/rng.h"

namespace hypertune {

/// A numeric coordinate. With a step greater than 0, the values low, low + step, ..., high.
struct ParzenNumber {
  double low = 0;
  double high = 1;  ///< greater than low
  bool log = false;
  double step = 0;
};

/// A coordinate that is one of 0, 1, ..., choices - 1.
struct ParzenCategory {
  std::size_t choices = 2;
};

using ParzenAxis = std::variant<ParzenNumber, ParzenCategory>;

/// Weights of observations in the order in which they were made: the last 25 weigh 1, and older
/// ones less the older they are. Each stands for `counts[i]` observations, whose weights it bears.
std::vector<double> parzen_weights(std::span<const double> counts);

/// A mixture with one kernel for each observation and a last one, the prior, which is as wide as
/// the domain. A kernel is a product over the axes of
///  * a normal (in the logarithm where the axis says so) cut off at the bounds. Its deviation is
///  the
///    larger gap to the neighboring observations, at least the range / min(100, kernels + 1) and at
///    most the range ("magic clipping"); of a stepped axis, the mass half a step to either side;
///  * or, of a category, probabilities proportional to [c = observed] + prior_weight / kernels.
/// Bergstra et al. 2011, section 4; Watanabe, arXiv:2304.11127.
class ParzenMixture {
 public:
  /// `observations[d][i]` is coordinate d of observation i, inside its axis; `weights` has one
  /// positive entry for each observation. Requires at least one axis and prior_weight > 0.
  ParzenMixture(std::vector<ParzenAxis> axes, const std::vector<std::vector<double>>& observations,
                std::vector<double> weights, double prior_weight);

  /// Of the kernels, prior last; they sum to 1.
  std::span<const double> weights() const { return weights_; }
  /// Of a numeric axis, in the logarithm where it says so.
  std::span<const double> means(std::size_t axis) const { return kernels_[axis].means; }
  std::span<const double> deviations(std::size_t axis) const { return kernels_[axis].deviations; }

  /// A kernel by its weight.
  std::size_t draw_kernel(Rng& rng) const;
  /// A coordinate from a kernel; inside the axis.
  double draw(std::size_t kernel, std::size_t axis, Rng& rng) const;

  /// Log-density (log-mass of stepped axes and categories) at each of n points: `points[d]` has n
  /// coordinates. Densities of logarithmic axes are those of the logarithm.
  std::vector<double> log_density(const std::vector<std::vector<double>>& points) const;

 private:
  /// The kernels along one axis.
  struct Kernels {
    std::vector<double> means;       ///< of a category: the observed one, and -1 of the prior
    std::vector<double> deviations;  ///< empty for a category
    double narrowest = 0;            ///< the least deviation that there may be
    std::vector<double> scales;      ///< 1 / (deviation * sqrt(2)); empty but for continuous axes
    /// Of a stepped axis: kernels of one mean and deviation share their number, and `distinct` has
    /// one kernel of each number.
    std::vector<std::uint32_t> classes;
    std::vector<std::uint32_t> distinct;
  };

  Kernels kernels_along(const ParzenNumber& axis, std::span<const double> observed);
  Kernels kernels_along(const ParzenCategory& axis, std::span<const double> observed);
  /// What is known of a stepped axis.
  struct Masses {
    std::map<double, std::vector<double>> at;  ///< what `log_masses` gave at a value
    std::vector<double> narrowest;  ///< of the narrowest kernels, so many steps away; or NaN
  };
  /// Of the distinct kernels of a stepped axis at `x`, in logarithms.
  static std::vector<double> log_masses(const ParzenNumber& axis, const Kernels& kernels, double x,
                                        std::vector<double>& narrowest);
  double draw_along(const ParzenNumber& axis, const Kernels& kernels, std::size_t kernel,
                    Rng& rng) const;
  double draw_along(const ParzenCategory& axis, const Kernels& kernels, std::size_t kernel,
                    Rng& rng) const;
  /// So many points are evaluated together, for the sake of speed.
  static constexpr std::size_t kBlock = 4;
  /// A coordinate of each.
  using Block = std::array<double, kBlock>;

  /// Adds the logarithm of each kernel's density at the points, less its part of `constants_`, to
  /// `sums`, which has all kernels at the first point, then all at the second, and so on.
  void add_log_density(const ParzenNumber& axis, const Kernels& kernels, const Block& points,
                       Masses& known, std::span<double> sums) const;
  void add_log_density(const ParzenCategory& axis, const Kernels& kernels, const Block& points,
                       Masses& known, std::span<double> sums) const;

  std::vector<ParzenAxis> axes_;
  std::vector<Kernels> kernels_;  ///< of each axis
  std::vector<double> weights_;
  std::vector<double> cumulative_;  ///< sums of weights_
  std::vector<double> constants_;   ///< log(weight / normalization) of each kernel
  double smoothing_ = 0;            ///< added to the categories of each kernel
};

}  // namespace hypertune

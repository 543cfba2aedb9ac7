// Parzen estimators: mixtures of products of truncated normals and categories around observations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <numbers>
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

/// Prepares an observation for mixtures, which spares them what does not depend on others. `row`
/// has its coordinates, inside their axes, and one more number: logarithms take the place of
/// coordinates whose axes say so, and the last number becomes the logarithm of the mass that the
/// narrowest kernel there may be, a hundredth of the range on each axis, has inside the bounds.
void prepare_observation(std::span<const ParzenAxis> axes, std::span<double> row);

/// Prepared observations, number by number.
class ParzenObservations {
 public:
  /// All are to be set. A mixture of them has room for `room` more. Requires axes > 0.
  ParzenObservations(std::size_t axes, std::size_t count, std::size_t room = 0);

  std::size_t axes() const { return axes_; }
  std::size_t size() const { return count_; }
  void set(std::size_t i, std::span<const double> row) {
    for (std::size_t d = 0; d <= axes_; ++d) values_[d * stride_ + i] = row[d];
  }

 private:
  friend class ParzenMixture;
  std::size_t axes_;
  std::size_t count_;
  std::size_t stride_;  ///< has room for the prior and more, and fills up vectors
  /// [2 axes + 1, stride]: coordinates, masses, and room for the mixture's scales. In one block,
  /// for allocators return many smaller ones to the system each time.
  std::unique_ptr<double[]> values_;
};

struct ParzenScratch;

/// A mixture with one kernel for each observation and a last one, the prior, which is as wide as
/// the domain. A kernel is a product over the axes of
///  * a normal (in the logarithm where the axis says so) cut off at the bounds. Its deviation is
///    larger gap to the neighboring observations, at least the range / min(100, kernels + 1) and at
///    most the range ("magic clipping"); of a stepped axis, the mass half a step to either side;
///  * or, of a category, probabilities proportional to [c = observed] + prior_weight / kernels.
/// Bergstra et al. 2011, section 4; Watanabe, arXiv:2304.11127.
class ParzenMixture {
 public:
  /// No kernel is narrower than that share of the range.
  static constexpr double kLeastShare = 0.01;

  /// `weights` has one positive entry for each observation. Requires prior_weight > 0.
  ParzenMixture(std::vector<ParzenAxis> axes, ParzenObservations observations,
                std::vector<double> weights, double prior_weight);

  // Another mixture from this one, in less time than it takes to make it: what comes out is the
  // same, bit for bit. First observations are erased, then others inserted, and then all weighed.

  /// Whether there is room, and kernels are so many that they do not change with their number.
  bool can_become(std::size_t observations) const;
  /// Of observation k. Those behind it move up.
  void erase(std::size_t k);
  /// A prepared one becomes observation k.
  void insert(std::size_t k, std::span<const double> row);
  /// To end with: one positive weight for each observation.
  void weigh(std::vector<double> weights);

  std::size_t axes() const { return axes_.size(); }
  /// Of the kernels, prior last; they sum to 1.
  std::span<const double> weights() const { return std::span(weights_).first(count_); }
  /// Of a numeric axis, in the logarithm where it says so. Of a category: what was observed, and -1
  /// of the prior.
  std::span<const double> means(std::size_t axis) const { return row(axis).first(count_); }
  /// Of a kernel along a numeric axis.
  double deviation(std::size_t axis, std::size_t kernel) const {
    return kScale / scales(axis)[kernel];
  }

  /// A kernel by its weight.
  std::size_t draw_kernel(Rng& rng) const;
  /// A coordinate from each of some kernels; inside the axis.
  std::vector<double> draw(std::span<const std::size_t> kernels, std::size_t axis, Rng& rng) const;

  /// Log-density (log-mass of stepped axes and categories) at the points of these numbers:
  /// `points[d]` has a coordinate of each. Densities of logarithmic axes are those of the
  /// logarithm.
  std::vector<double> log_density(const std::vector<std::vector<double>>& points,
                                  std::span<const std::size_t> which) const;
  /// At all of them.
  std::vector<double> log_density(const std::vector<std::vector<double>>& points) const;

  struct Range {
    double low;
    double high;
  };
  /// Ranges in which log_density lies there, for a fraction of its cost. They are narrow where no
  /// axis has steps that are wide beside the kernels. Best for multiples of kTogether points.
  std::vector<Range> log_density_ranges(const std::vector<std::vector<double>>& points,
                                        std::span<const std::size_t> which) const;
  static constexpr std::size_t kTogether = 4;
  /// What the prior alone gives at point i, which log_density is not less than.
  double log_prior(const std::vector<std::vector<double>>& points, std::size_t i) const;

 private:
  /// An axis of steps.
  struct Steps {
    std::size_t axis = 0;
    ParzenNumber number;
    double narrowest = 0;  ///< the least deviation that there may be
    double log_step = 0;
    /// On which step a kernel lies, and -1 of those that lie on none or are not the narrowest
    /// there may be; empty where there are many steps.
    std::vector<std::int32_t> cells;
  };
  class StepMasses;
  /// Scratch: kernels that may matter at a point, and their logarithms.
  struct Terms {
    std::vector<std::uint32_t> kernels;
    std::vector<double> values;
  };

  /// A numeric axis.
  struct Number {
    std::size_t axis = 0;
    double low = 0;  ///< bounds, in the logarithm where the axis says so
    double high = 0;
    double narrowest = 0;  ///< the least deviation that there may be
    double largest = 0;    ///< the scale of that
    /// Observations by increasing coordinate, equal ones by number; empty before the first change.
    std::vector<std::uint32_t> order;
  };

  /// Of a numeric axis: kScale / deviation.
  static constexpr double kScale = 0.5 * std::numbers::sqrt2;
  std::span<double> row(std::size_t i) const { return {values_.get() + i * stride_, stride_}; }
  std::span<double> scales(std::size_t axis) const {
    return row(axes_.size() + 1 + axis).first(count_);
  }
  /// Kernels, filled up to whole vectors.
  std::size_t padded() const;
  float* single_row(std::size_t i) const { return single_.get() + i * single_stride_; }
  /// Whether there are so many kernels that the narrowest are those of prepare_observation.
  bool knows_narrow() const { return narrowest_ == kLeastShare; }
  /// Deviations along an axis. Marks kernels that have another than the narrowest.
  void add_number(std::size_t d, const ParzenNumber& axis, std::span<std::uint8_t> wide,
                  ParzenScratch& scratch);
  void add_steps(const Number& number, const ParzenNumber& axis);
  /// log(1 / normalization) of a kernel, less what all have in common.
  double constant_of(std::size_t kernel) const;
  // Of `count` kernels from `first` on:
  void find_cells(Steps& steps, std::size_t first, std::size_t count) const;
  void fill_single(std::size_t first, std::size_t count);
  /// The weights, and what depends on them.
  void fill_single_weights();
  // Parts of erase and insert, in the order in which they come.
  void find_order();
  void move(std::size_t from, std::size_t to);
  void rescale(const Number& number, std::size_t place, std::vector<std::size_t>& touched);
  void refresh(std::size_t kernel);
  void draw_along(const ParzenNumber& axis, std::size_t d, std::span<const std::size_t> kernels,
                  Rng& rng, std::span<double> drawn) const;
  void draw_along(const ParzenCategory& axis, std::size_t d, std::span<const std::size_t> kernels,
                  Rng& rng, std::span<double> drawn) const;
  /// The logarithm of the sum of the kernels. `values` has their logarithms or, where there are
  /// stepped axes, bounds of them that `masses` correct. Overwrites `values`.
  double log_sum(std::span<double> values, std::vector<StepMasses>& masses, Terms& terms) const;

  std::vector<ParzenAxis> axes_;
  std::size_t count_;     ///< of kernels
  std::size_t stride_;    ///< of the arrays below: whole vectors
  double narrowest_ = 0;  ///< the least deviation, as a share of the range
  double prior_weight_;
  std::unique_ptr<double[]> values_;   ///< [2 axes + 1, stride]: means, prepared masses, scales
  std::vector<double> weights_;        ///< [padded]; zeros behind the kernels
  double scale_unit_ = 0;              ///< what numeric axes have in common in all constants
  double unit_ = 0;                    ///< what all constants have in common
  double prior_constant_ = 0;          ///< constant_of the prior
  std::vector<double> constants_;      ///< [stride]: log(1 / normalization) of each, less unit_
  std::vector<Number> numbers_;        ///< in order of axes
  std::vector<std::size_t> straight_;  ///< numeric axes without steps
  std::vector<std::size_t> categories_;
  std::vector<Steps> steps_;
  double smoothing_ = 0;  ///< added to the categories of each kernel
  // The same in single precision, coordinates as (x - center) * unit, which puts them near 0:
  std::vector<double> centers_;
  std::vector<double> units_;
  std::size_t single_stride_ = 0;
  float least_ = 0;  ///< terms that are less than e^least_ of the largest do not matter
  /// [2 axes + 2, single_stride]: means and scales axis by axis, constants, weights.
  std::unique_ptr<float[]> single_;
};

}  // namespace hypertune

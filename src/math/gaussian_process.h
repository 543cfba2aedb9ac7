// Gaussian processes: kernel, evidence of its parameters, predictions and their gradients.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hypertune {

/// Places in the space of a process, coordinate after coordinate: coordinate d of place i is
/// columns[d * size() + i]. Coordinates of categories are their numbers.
struct GpPlaces {
  std::size_t dims = 0;
  std::vector<double> columns;

  std::size_t size() const { return dims == 0 ? 0 : columns.size() / dims; }
  const double* column(std::size_t d) const { return columns.data() + d * size(); }
};

/// Which coordinates are categories; their distance is 0 or 1.
using GpCategories = std::vector<bool>;

/// Covariance of two places: scale * matern(sum over d of weights[d] * distance_d^2), with the
/// Matern function of smoothness 5/2; observations have noise on top.
struct GpKernel {
  std::vector<double> weights;  ///< inverse squared length scales, one for each coordinate
  double scale = 1;
  double noise = 1;  ///< variance
};

inline constexpr double kLeastNoise = 1e-6;

/// The Matern function of smoothness 5/2, of a squared distance.
double matern52(double squared_distance);

/// Logarithms of the evidence (without its constant) and of the prior of the kernel's parameters,
/// added up: how well the kernel explains observations. Writes the gradient [weights + 2] for the
/// logarithms of the weights, scale and noise, unless it is empty. The prior is that of Optuna:
/// exp(-0.1 / w - 0.1 w) for each weight, Gamma(2, 1) for the scale, Gamma(1.1, 30) for the noise.
/// Minus infinity when the covariance is not positive definite.
double log_evidence(const GpPlaces& places, const GpCategories& categories,
                    std::span<const double> values, const GpKernel& kernel,
                    std::span<double> gradient);

struct GpFitOptions {
  /// Noise is then fixed at its least value.
  bool deterministic = false;
  int max_evaluations = 40;
};

/// A process that is mostly noise and one that has hardly any: where fits begin.
std::vector<GpKernel> first_kernels(std::size_t dims);

/// The kernel of the largest `log_evidence` that is found from the starts; `values` should have
/// mean 0 and deviation 1. Requires a start.
GpKernel fit_kernel(const GpPlaces& places, const GpCategories& categories,
                    std::span<const double> values, std::span<const GpKernel> starts,
                    const GpFitOptions& options = {});

/// What a process says of a place.
struct GpPrediction {
  double mean = 0;      ///< given the observations
  double variance = 0;  ///< of the function, given observations and pending places; not below 0
  /// [pending] How the mean moves with the pending values: fantasy z of the pending places (see
  /// `fantasy`) makes the mean larger by loadings * z.
  std::span<const double> loadings = {};
};

/// A process with observations and pending places: those whose values are not known yet, but will
/// be. Not thread-safe while it is built; afterwards it is.
class GaussianProcess {
 public:
  /// Requires one value for each of the first places; the others are pending.
  GaussianProcess(const GpPlaces& places, GpCategories categories, std::span<const double> values,
                  GpKernel kernel);

  std::size_t pending() const { return n_ - observed_; }
  const GpKernel& kernel() const { return kernel_; }

  /// Values at the pending places, drawn jointly from the process by a standard normal z [pending].
  std::vector<double> fantasy(std::span<const double> z) const;

  /// Predictions for some places; they refer to `loadings`, which is overwritten.
  std::vector<GpPrediction> predict(const GpPlaces& at, std::vector<double>& loadings) const;

  /// A prediction that can be differentiated.
  struct Local {
    GpPrediction prediction;
    std::vector<double> place;
    std::vector<double> whitened;  ///< covariances with all places, times the inverse factor
    std::vector<double> slopes;    ///< derivatives of the covariances by the squared distances
  };
  Local at(std::span<const double> place) const;

  /// Adds to `gradient` [dims] that of a function of the prediction, given its derivatives. Those
  /// of categories are left alone.
  void add_gradient(const Local& local, double by_mean, double by_variance,
                    std::span<const double> by_loadings, std::span<double> gradient) const;

 private:
  GpPlaces places_;
  GpCategories categories_;
  GpKernel kernel_;
  std::size_t observed_;
  std::size_t n_;                 ///< observed and pending
  std::vector<double> factor_;    ///< [n, n] of the covariance of all places
  std::vector<double> whitened_;  ///< [n] the values, and zeros for what is pending
};

}  // namespace hypertune

// A Gaussian process of a function that changes with time.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hypertune {

/// A point of the unit cube at a time, and what was seen there.
struct DriftingSample {
  std::vector<double> point;
  double time = 0;
  double value = 0;
};

/// With the covariance exp(-|x - x'|^2 / (2 l^2)) (1 - e)^(|t - t'| / 2): Bogunovic et al.,
/// "Time-varying Gaussian process bandit optimization", 2016. Values are standardized; l, e and the
/// variance of the noise are the likeliest ones of a small grid.
class DriftingProcess {
 public:
  /// `pending`: points whose values are still to come. They make their surroundings less uncertain,
  /// and leave the mean alone; their values mean nothing.
  /// Requires that all points have the same number of coordinates, and that all values are finite.
  DriftingProcess(std::vector<DriftingSample> samples, std::span<const DriftingSample> pending);

  /// Of the standardized function, without noise.
  struct Prediction {
    double mean = 0;
    double deviation = 1;
  };
  Prediction at(std::span<const double> point, double time) const;

 private:
  struct Scales {
    double length = 0.4;
    double forgetting = 0.1;
    double noise = 0.1;
  };
  double covariance(std::span<const double> a, double a_time, std::span<const double> b,
                    double b_time, const Scales& scales) const;
  /// The factor of the covariance of the first `count` samples; empty where it cannot be had.
  std::vector<double> factor(std::size_t count, const Scales& scales) const;
  void fit(const std::vector<double>& values);

  std::vector<DriftingSample> samples_;  ///< those that are pending come last
  std::size_t seen_;                     ///< how many are not
  Scales scales_;
  std::vector<double> weights_;  ///< of the covariances with what was seen, in the mean
  std::vector<double> factor_;   ///< of all samples
};

}  // namespace hypertune

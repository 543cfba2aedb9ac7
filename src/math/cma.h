// The normal distribution that CMA-ES samples from, and how a ranked population changes it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "math/symmetric_eigen.h"

namespace hypertune {

enum class CovarianceShape : std::uint8_t {
  Full,
  Diagonal,  ///< no correlations: linear cost, and faster learning in many dimensions
};

enum class CmaRate : std::uint8_t {
  Fixed,
  Adapted,  ///< smaller steps where successive ones contradict each other; arXiv:2304.03473
};

/// N(mean, sigma^2 covariance).
struct CmaStart {
  std::vector<double> mean;
  double sigma = 1;
  std::vector<double> covariance = {};  ///< as the shape keeps it; empty for C = 1
};

/// Where the best points of a similar problem say that a search should begin: their mean, and their
/// covariance widened by a tenth along each axis. Requires at least one point. Nomura, Watanabe,
/// Akimoto, Ozaki and Onishi, "Warm starting CMA-ES for hyperparameter optimization",
/// arXiv:2012.06932.
CmaStart warm_start(std::span<const std::vector<double>> best, CovarianceShape shape);

/// N(mean, sigma^2 C) and its evolution paths. Hansen, "The CMA evolution strategy: a tutorial",
/// arXiv:1604.00772; the diagonal shape after Ros and Hansen, "A simple modification in CMA-ES
/// achieving linear time and space complexity", 2008. Not thread-safe.
class CmaDistribution {
 public:
  /// 4 + floor(3 ln d), for d >= 1 dimensions.
  static int default_population_size(int dims);

  /// Requires at least one dimension, sigma > 0 and population_size >= 3.
  CmaDistribution(CmaStart start, int population_size, CovarianceShape shape,
                  CmaRate rate = CmaRate::Fixed);

  int dims() const { return static_cast<int>(mean_.size()); }
  int population_size() const { return population_size_; }
  int generation() const { return generation_; }
  const std::vector<double>& mean() const { return mean_; }
  double sigma() const { return sigma_; }
  /// [d, d], or [d] for the diagonal shape.
  const std::vector<double>& covariance() const { return covariance_; }

  /// Standard deviation along an axis.
  double deviation(int axis) const;

  /// Takes one step. `ranked` [population_size, d] are the points from best to worst.
  void update(std::span<const std::vector<double>> ranked);

  /// The point to which a standard normal `z` [d] belongs.
  std::vector<double> point(std::span<const double> z);

  /// How many standard deviations `x` [d] is away from the mean.
  double distance(std::span<const double> x);

  /// By how much the last step of the mean was shortened; 1 with a fixed rate.
  double mean_rate() const { return adaptation_ ? adaptation_->mean.rate : 1; }

  /// Whether further steps are pointless: the distribution has shrunk to a point, burst or become
  /// ill-conditioned. The bounds are those of the package cmaes.
  bool exhausted();

 private:
  struct Rates {
    double mu_eff, c1, cmu, c_sigma, d_sigma, cc;
  };
  /// What the successive changes of a quantity add up to, against how large each is.
  struct Signal {
    double rate = 1;
    std::vector<double> sum;  ///< moving average of the changes
    double square = 0;        ///< of their squared norms
    void follow(std::span<const double> change, double memory);
  };
  struct Adaptation {
    Signal mean;
    Signal covariance;
  };
  /// What `adapt` compares with.
  struct Before {
    std::vector<double> mean;
    std::vector<double> covariance;  ///< times sigma^2
    std::vector<double> root;        ///< covariance^(-1/2)
  };
  Before before_step();
  void adapt(const Before& before);
  double split_off_sigma();
  std::vector<double> full_weights();
  std::vector<double> diagonal_weights();
  const SymmetricEigen& eigen();
  std::vector<double> whitened(std::span<const double> y);
  bool update_paths(const std::vector<double>& y_mean);
  void update_covariance(const std::vector<std::vector<double>>& steps, bool long_path);

  CovarianceShape shape_;
  int population_size_;
  Rates rates_{};
  std::vector<double> weights_;
  double expected_norm_;  ///< of a standard normal vector
  std::vector<double> mean_;
  double sigma_;
  double first_sigma_;
  int generation_ = 0;
  std::vector<double> covariance_;
  std::vector<double> path_sigma_;
  std::vector<double> path_c_;
  std::optional<SymmetricEigen> eigen_;  ///< of covariance_, once it was asked for; values are > 0
  std::optional<Adaptation> adaptation_;
};

}  // namespace hypertune

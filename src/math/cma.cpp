// CMA-ES: constants and updates, equation numbers of arXiv:1604.00772, in the variants of the
// package cmaes. Learning rates: Nomura, Akimoto and Ono, "CMA-ES with learning rate adaptation",
// arXiv:2304.03473.
#include "math/cma.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr double kSmall = 1e-8;
constexpr double kLargestSigma = 1e32;

double sum(std::span<const double> x) { return std::accumulate(x.begin(), x.end(), 0.0); }

double squared_norm(std::span<const double> x) {
  return std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
}

/// The mass that weights like these are worth: the number of equal ones with the same variance.
double effective_count(std::span<const double> weights) {
  return sum(weights) * sum(weights) / squared_norm(weights);
}

/// Damping of the step size.
double damping(double mu_eff, double dims, double c_sigma) {
  return 1 + 2 * std::max(0.0, std::sqrt((mu_eff - 1) / (dims + 1)) - 1) + c_sigma;
}

double log_determinant(std::span<const double> eigenvalues) {
  double sum = 0;
  for (const double value : eigenvalues) sum += std::log(value);
  return sum;
}

}  // namespace

CmaStart warm_start(std::span<const std::vector<double>> best, CovarianceShape shape) {
  constexpr double kWidening = 0.1;
  HT_ASSERT(!best.empty());
  const std::size_t n = best.front().size();
  const auto count = static_cast<double>(best.size());
  CmaStart start{.mean = std::vector<double>(n), .covariance = std::vector<double>(n * n)};
  for (const auto& point : best) {
    for (std::size_t i = 0; i < n; ++i) start.mean[i] += point[i] / count;
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      double& entry = start.covariance[i * n + j];
      for (const auto& x : best) {
        entry += (x[i] - start.mean[i]) * (x[j] - start.mean[j]) / count;
      }
      if (i == j) entry += kWidening * kWidening;
    }
  }
  double log_volume = 0;
  if (shape == CovarianceShape::Diagonal) {
    for (std::size_t i = 0; i < n; ++i) start.covariance[i] = start.covariance[i * n + i];
    start.covariance.resize(n);
    log_volume = log_determinant(start.covariance);
  } else {
    log_volume = log_determinant(symmetric_eigen(start.covariance, static_cast<int>(n)).values);
  }
  const double variance = std::exp(log_volume / static_cast<double>(n));
  start.sigma = std::sqrt(variance);
  for (double& entry : start.covariance) entry /= variance;
  return start;
}

int CmaDistribution::default_population_size(int dims) {
  HT_ASSERT(dims >= 1);
  return 4 + static_cast<int>(std::floor(3 * std::log(dims)));
}

CmaDistribution::CmaDistribution(CmaStart start, int population_size, CovarianceShape shape,
                                 CmaRate rate)
    : shape_(shape),
      population_size_(population_size),
      mean_(std::move(start.mean)),
      sigma_(start.sigma),
      first_sigma_(start.sigma),
      covariance_(std::move(start.covariance)),
      path_sigma_(mean_.size()),
      path_c_(mean_.size()) {
  HT_ASSERT(!mean_.empty() && sigma_ > 0 && population_size >= 3);
  const std::size_t n = mean_.size();
  const auto d = static_cast<double>(n);
  expected_norm_ = std::sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d * d));
  const bool diagonal = shape == CovarianceShape::Diagonal;
  weights_ = diagonal ? diagonal_weights() : full_weights();
  const std::size_t entries = diagonal ? n : n * n;
  if (covariance_.empty()) {
    covariance_.assign(entries, 0.0);
    for (std::size_t i = 0; i < n; ++i) covariance_[diagonal ? i : i * n + i] = 1;
  }
  HT_ASSERT(covariance_.size() == entries);
  if (rate == CmaRate::Fixed) return;
  adaptation_.emplace();
  adaptation_->mean.sum.assign(n, 0.0);
  adaptation_->covariance.sum.assign(entries, 0.0);
}

std::vector<double> CmaDistribution::full_weights() {
  const auto d = static_cast<double>(dims());
  std::vector<double> weights;  // eq. 49
  for (int i = 0; i < population_size_; ++i) {
    weights.push_back(std::log((population_size_ + 1) / 2.0) - std::log(i + 1));
  }
  const auto parents = static_cast<std::size_t>(population_size_ / 2);
  const double mu_eff = effective_count(std::span(weights).first(parents));
  const double mu_eff_negative = effective_count(std::span(weights).subspan(parents));

  const double c1 = 2 / ((d + 1.3) * (d + 1.3) + mu_eff);
  const double cmu =
      std::min(1 - c1 - kSmall, 2 * (mu_eff - 2 + 1 / mu_eff) / ((d + 2) * (d + 2) + mu_eff));
  const double c_sigma = (mu_eff + 2) / (d + mu_eff + 5);
  rates_ = {.mu_eff = mu_eff,
            .c1 = c1,
            .cmu = cmu,
            .c_sigma = c_sigma,
            .d_sigma = damping(mu_eff, d, c_sigma),
            .cc = (4 + mu_eff / d) / (d + 4 + 2 * mu_eff / d)};

  const double alpha = std::min({1 + c1 / cmu, 1 + 2 * mu_eff_negative / (mu_eff + 2),
                                 (1 - c1 - cmu) / (d * cmu)});  // eq. 50 to 52
  double positive = 0;
  double negative = 0;
  for (const double w : weights) (w > 0 ? positive : negative) += std::abs(w);
  for (double& w : weights) w *= w >= 0 ? 1 / positive : alpha / negative;  // eq. 53
  return weights;
}

std::vector<double> CmaDistribution::diagonal_weights() {
  const auto d = static_cast<double>(dims());
  const int parents = population_size_ / 2;
  std::vector<double> weights;
  for (int i = 0; i < parents; ++i) weights.push_back(std::log(parents + 1) - std::log(i + 1));
  const double total = sum(weights);
  for (double& w : weights) w /= total;
  const double mu_eff = 1 / squared_norm(weights);
  const double root = d + std::sqrt(2);
  const double cmu_full =
      2 / mu_eff / (root * root) +
      (1 - 1 / mu_eff) * std::min(1.0, (2 * mu_eff - 1) / ((d + 2) * (d + 2) + mu_eff));
  const double c_sigma = (mu_eff + 2) / (d + mu_eff + 3);
  rates_ = {.mu_eff = mu_eff,
            .c1 = 2 / ((d + 1.3) * (d + 1.3) + mu_eff),
            .cmu = (d + 2) / 3 * cmu_full,
            .c_sigma = c_sigma,
            .d_sigma = damping(mu_eff, d, c_sigma),
            .cc = 4 / (d + 4)};
  return weights;
}

const SymmetricEigen& CmaDistribution::eigen() {
  HT_ASSERT(shape_ == CovarianceShape::Full);
  if (!eigen_) {
    eigen_ = symmetric_eigen(covariance_, dims());
    for (double& value : eigen_->values) value = std::max(value, kSmall * kSmall);
  }
  return *eigen_;
}

/// C^(-1/2) y.
std::vector<double> CmaDistribution::whitened(std::span<const double> y) {
  const std::size_t n = mean_.size();
  std::vector<double> result(n);
  if (shape_ == CovarianceShape::Diagonal) {
    for (std::size_t i = 0; i < n; ++i) result[i] = y[i] / std::sqrt(covariance_[i]);
    return result;
  }
  const auto& [values, vectors] = eigen();
  for (std::size_t i = 0; i < n; ++i) {
    const double* axis = vectors.data() + i * n;
    const double along = std::inner_product(axis, axis + n, y.begin(), 0.0) / std::sqrt(values[i]);
    for (std::size_t j = 0; j < n; ++j) result[j] += along * axis[j];
  }
  return result;
}

std::vector<double> CmaDistribution::point(std::span<const double> z) {
  const std::size_t n = mean_.size();
  HT_ASSERT(z.size() == n);
  std::vector<double> x = mean_;
  if (shape_ == CovarianceShape::Diagonal) {
    for (std::size_t i = 0; i < n; ++i) x[i] += sigma_ * std::sqrt(covariance_[i]) * z[i];
    return x;
  }
  const auto& [values, vectors] = eigen();
  for (std::size_t i = 0; i < n; ++i) {
    const double along = sigma_ * std::sqrt(values[i]) * z[i];
    for (std::size_t j = 0; j < n; ++j) x[j] += along * vectors[i * n + j];
  }
  return x;
}

double CmaDistribution::deviation(int axis) const {
  const auto i = static_cast<std::size_t>(axis);
  const std::size_t stride = shape_ == CovarianceShape::Diagonal ? 1 : mean_.size() + 1;
  return sigma_ * std::sqrt(covariance_[i * stride]);
}

double CmaDistribution::distance(std::span<const double> x) {
  std::vector<double> y(mean_.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = (x[i] - mean_[i]) / sigma_;
  return std::sqrt(squared_norm(whitened(y)));
}

void CmaDistribution::update(std::span<const std::vector<double>> ranked) {
  HT_ASSERT(ranked.size() == static_cast<std::size_t>(population_size_));
  const std::size_t n = mean_.size();
  const std::optional<Before> before = adaptation_ ? std::optional(before_step()) : std::nullopt;
  ++generation_;
  std::vector<std::vector<double>> steps(ranked.begin(), ranked.end());
  std::vector<double> y_mean(n);
  for (std::size_t k = 0; k < steps.size(); ++k) {
    HT_ASSERT(steps[k].size() == n);
    const bool parent = k < static_cast<std::size_t>(population_size_ / 2);
    for (std::size_t i = 0; i < n; ++i) {
      steps[k][i] = (steps[k][i] - mean_[i]) / sigma_;
      if (parent) y_mean[i] += weights_[k] * steps[k][i];  // eq. 41
    }
  }
  for (std::size_t i = 0; i < n; ++i) mean_[i] += sigma_ * y_mean[i];
  const bool long_path = update_paths(y_mean);
  update_covariance(steps, long_path);
  if (before) adapt(*before);
}

CmaDistribution::Before CmaDistribution::before_step() {
  const std::size_t n = mean_.size();
  Before before{.mean = mean_, .covariance = covariance_, .root = {}};
  for (double& entry : before.covariance) entry *= sigma_ * sigma_;
  std::vector<double> axis(n);
  const bool diagonal = shape_ == CovarianceShape::Diagonal;
  for (std::size_t i = 0; i < n; ++i) {
    std::ranges::fill(axis, 0.0);
    axis[i] = 1 / sigma_;
    const std::vector<double> column = whitened(axis);
    if (diagonal) {
      before.root.push_back(column[i]);
    } else {
      before.root.insert(before.root.end(), column.begin(), column.end());
    }
  }
  return before;
}

/// Learns from a change, given in units of the distribution before it, by how much to shorten such
/// changes: to where their signal is alpha times their noise. `memory` is the weight of the latest.
void CmaDistribution::Signal::follow(std::span<const double> change, double memory) {
  constexpr double kAlpha = 1.4;
  constexpr double kGamma = 0.1;
  for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += memory * (change[i] - sum[i]);
  square += memory * (squared_norm(change) - square);
  const double along = squared_norm(sum);
  const double noise = square - along;
  if (!(noise > 0)) return;
  const double ratio = (along - memory / (2 - memory) * square) / noise;
  const double relative = std::clamp(ratio / kAlpha / rate - 1, -1.0, 1.0);
  rate = std::min(1.0, rate * std::exp(std::min(kGamma * rate, memory) * relative));
}

/// Takes back a part of the step that was just done.
void CmaDistribution::adapt(const Before& before) {
  constexpr double kMeanMemory = 0.1;
  constexpr double kCovarianceMemory = 0.03;
  const std::size_t n = mean_.size();
  const bool diagonal = shape_ == CovarianceShape::Diagonal;
  const std::vector<double>& root = before.root;
  std::vector<double> moved(n);
  std::vector<double> widened(covariance_.size());
  for (std::size_t i = 0; i < n; ++i) moved[i] = mean_[i] - before.mean[i];
  for (std::size_t i = 0; i < widened.size(); ++i) {
    widened[i] = sigma_ * sigma_ * covariance_[i] - before.covariance[i];
  }
  std::vector<double> local_moved(n);
  std::vector<double> local_widened(widened.size());
  if (diagonal) {
    for (std::size_t i = 0; i < n; ++i) {
      local_moved[i] = root[i] * moved[i];
      local_widened[i] = root[i] * root[i] * widened[i] / std::sqrt(2);
    }
  } else {
    std::vector<double> half(n * n);
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < n; ++k) {
        local_moved[i] += root[i * n + k] * moved[k];
        for (std::size_t j = 0; j < n; ++j) {
          half[i * n + j] += root[i * n + k] * widened[k * n + j];
        }
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < n; ++k) {
        for (std::size_t j = 0; j < n; ++j) {
          local_widened[i * n + j] += half[i * n + k] * root[k * n + j] / std::sqrt(2);
        }
      }
    }
  }
  auto& [of_mean, of_covariance] = *adaptation_;
  const double rate_before = of_mean.rate;
  of_mean.follow(local_moved, kMeanMemory);
  of_covariance.follow(local_widened, kCovarianceMemory);
  for (std::size_t i = 0; i < n; ++i) mean_[i] = before.mean[i] + of_mean.rate * moved[i];
  for (std::size_t i = 0; i < widened.size(); ++i) {
    covariance_[i] = before.covariance[i] + of_covariance.rate * widened[i];
  }
  sigma_ = std::min(split_off_sigma(), kLargestSigma) * rate_before / of_mean.rate;
}

/// Divides the covariance by sigma^2, so that its determinant is 1, and returns that sigma.
double CmaDistribution::split_off_sigma() {
  double log_volume = 0;
  if (shape_ == CovarianceShape::Diagonal) {
    log_volume = log_determinant(covariance_);
  } else {
    eigen_.reset();
    log_volume = log_determinant(eigen().values);
  }
  const double variance = std::exp(log_volume / static_cast<double>(dims()));
  for (double& entry : covariance_) entry /= variance;
  if (eigen_) {
    for (double& value : eigen_->values) value /= variance;
  }
  return std::sqrt(variance);
}

/// Moves both paths and the step size. Returns whether the path is so long that the covariance is
/// not to follow it.
bool CmaDistribution::update_paths(const std::vector<double>& y_mean) {
  const auto d = static_cast<double>(dims());
  const auto& [mu_eff, c1, cmu, c_sigma, d_sigma, cc] = rates_;
  const std::vector<double> direction = whitened(y_mean);
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    path_sigma_[i] =
        (1 - c_sigma) * path_sigma_[i] + std::sqrt(c_sigma * (2 - c_sigma) * mu_eff) * direction[i];
  }
  const double norm = std::sqrt(squared_norm(path_sigma_));
  sigma_ *= std::exp(c_sigma / d_sigma * (norm / expected_norm_ - 1));
  sigma_ = std::min(sigma_, kLargestSigma);
  const double started = std::sqrt(1 - std::pow(1 - c_sigma, 2 * (generation_ + 1)));
  const bool long_path = norm / started >= (1.4 + 2 / (d + 1)) * expected_norm_;
  const double follow = long_path ? 0 : std::sqrt(cc * (2 - cc) * mu_eff);
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    path_c_[i] = (1 - cc) * path_c_[i] + follow * y_mean[i];  // eq. 45
  }
  return long_path;
}

void CmaDistribution::update_covariance(const std::vector<std::vector<double>>& steps,
                                        bool long_path) {
  const std::size_t n = mean_.size();
  const auto& [mu_eff, c1, cmu, c_sigma, d_sigma, cc] = rates_;
  std::vector<double> weights = weights_;
  for (std::size_t k = 0; k < weights.size(); ++k) {  // eq. 46
    if (weights[k] >= 0) continue;
    weights[k] *= static_cast<double>(n) / (squared_norm(whitened(steps[k])) + kSmall);
  }
  const double lost = long_path ? cc * (2 - cc) : 0;
  const double keep = 1 + c1 * lost - c1 - cmu * sum(weights_);
  const bool diagonal = shape_ == CovarianceShape::Diagonal;
  for (std::size_t i = 0; i < n; ++i) {  // eq. 47
    for (std::size_t j = diagonal ? i : 0; j < (diagonal ? i + 1 : n); ++j) {
      double change = c1 * path_c_[i] * path_c_[j];
      for (std::size_t k = 0; k < weights.size(); ++k) {
        change += cmu * weights[k] * steps[k][i] * steps[k][j];
      }
      double& entry = covariance_[diagonal ? i : i * n + j];
      entry = keep * entry + change;
    }
  }
  eigen_.reset();
}

bool CmaDistribution::exhausted() {
  constexpr double kSmallestStep = 1e-12;
  constexpr double kLargestStep = 1e4;
  constexpr double kWorstCondition = 1e14;
  const std::size_t n = mean_.size();
  const bool diagonal = shape_ == CovarianceShape::Diagonal;
  const std::vector<double>& values = diagonal ? covariance_ : eigen().values;
  const auto [least, most] = std::ranges::minmax(values);
  bool shrunk = true;
  for (std::size_t i = 0; i < n; ++i) {
    const double variance = covariance_[diagonal ? i : i * n + i];
    const double tolerance = kSmallestStep * first_sigma_;
    shrunk = shrunk && sigma_ * variance < tolerance && sigma_ * path_c_[i] < tolerance;
    if (mean_[i] == mean_[i] + 0.2 * sigma_ * std::sqrt(variance)) return true;
  }
  return shrunk || sigma_ * std::sqrt(most) > kLargestStep ||
         std::sqrt(most / least) > kWorstCondition;
}

}  // namespace hypertune

// Drifting Gaussian process: likelihood over a grid of scales, mean and deviation.
#include "math/drifting_process.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "math/cholesky.h"

namespace hypertune {
namespace {

constexpr double kLengths[] = {0.1, 0.2, 0.4, 0.8, 1.6};
constexpr double kForgettings[] = {0.02, 0.1, 0.3};
constexpr double kNoises[] = {0.01, 0.1, 0.5};

/// With mean 0 and variance 1; all 0 where they are equal.
std::vector<double> standardized(std::span<const DriftingSample> samples) {
  double mean = 0;
  for (const DriftingSample& sample : samples) {
    mean += sample.value / static_cast<double>(samples.size());
  }
  double variance = 0;
  for (const DriftingSample& sample : samples) {
    variance += std::pow(sample.value - mean, 2) / static_cast<double>(samples.size());
  }
  const double scale = variance > 0 && std::isfinite(variance) ? 1 / std::sqrt(variance) : 0;
  std::vector<double> values;
  for (const DriftingSample& sample : samples) values.push_back((sample.value - mean) * scale);
  return values;
}

}  // namespace

DriftingProcess::DriftingProcess(std::vector<DriftingSample> samples,
                                 std::span<const DriftingSample> pending)
    : samples_(std::move(samples)), seen_(samples_.size()) {
  const std::vector<double> values = standardized(samples_);
  samples_.insert(samples_.end(), pending.begin(), pending.end());
  if (seen_ > 0) fit(values);
  factor_ = factor(samples_.size(), scales_);
}

double DriftingProcess::covariance(std::span<const double> a, double a_time,
                                   std::span<const double> b, double b_time,
                                   const Scales& scales) const {
  double distance = 0;
  for (std::size_t i = 0; i < a.size(); ++i) distance += (a[i] - b[i]) * (a[i] - b[i]);
  return std::exp(-distance / (2 * scales.length * scales.length)) *
         std::pow(1 - scales.forgetting, std::abs(a_time - b_time) / 2);
}

std::vector<double> DriftingProcess::factor(std::size_t count, const Scales& scales) const {
  std::vector<double> matrix(count * count);
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = i; j < count; ++j) {
      const DriftingSample& a = samples_[i];
      const DriftingSample& b = samples_[j];
      matrix[i * count + j] = covariance(a.point, a.time, b.point, b.time, scales);
    }
    matrix[i * count + i] += scales.noise;  // keeps it positive definite, too
  }
  if (!cholesky(matrix, count)) matrix.clear();
  return matrix;
}

void DriftingProcess::fit(const std::vector<double>& values) {
  double best = -std::numeric_limits<double>::infinity();
  for (const double length : kLengths) {
    for (const double forgetting : kForgettings) {
      for (const double noise : kNoises) {
        const Scales scales{length, forgetting, noise};
        const std::vector<double> u = factor(seen_, scales);
        if (u.empty()) continue;
        std::vector<double> solved = values;
        solve_lower(u, seen_, solved, 1);
        double likelihood = 0;  // its logarithm, without the constant
        for (std::size_t i = 0; i < seen_; ++i) {
          likelihood -= 0.5 * solved[i] * solved[i] + std::log(u[i * seen_ + i]);
        }
        if (!(likelihood > best)) continue;
        best = likelihood;
        scales_ = scales;
        solve_upper(u, seen_, solved);
        weights_ = std::move(solved);
      }
    }
  }
}

DriftingProcess::Prediction DriftingProcess::at(std::span<const double> point, double time) const {
  const std::size_t count = factor_.empty() ? 0 : samples_.size();
  std::vector<double> covariances(count);
  Prediction prediction;
  for (std::size_t i = 0; i < count; ++i) {
    const DriftingSample& sample = samples_[i];
    covariances[i] = covariance(point, time, sample.point, sample.time, scales_);
    if (i < weights_.size()) prediction.mean += covariances[i] * weights_[i];
  }
  solve_lower(factor_, count, covariances, 1);
  double explained = 0;
  for (const double part : covariances) explained += part * part;
  prediction.deviation = std::sqrt(std::max(0.0, 1 - explained));
  return prediction;
}

}  // namespace hypertune

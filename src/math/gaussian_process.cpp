// Gaussian processes. Rasmussen and Williams, "Gaussian processes for machine learning", 2006;
// constants and prior after Optuna 5.0, with whose numbers they are tested.
//
// Everything is expressed in whitened covariances v = U^-T k of a place, where U^T U is the
// covariance of all places: the mean is v times the whitened values, the variance what is left of
// the scale when v^2 is taken away. Pending places come last in U. A draw of their values from the
// process has, whitened, the very normal numbers z that it is made of; so their part of v tells by
// how much z moves the mean, and one factor serves all draws.
#include "math/gaussian_process.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/assert.h"
#include "math/cholesky.h"
#include "math/fast_exp.h"
#include "math/lbfgs.h"
#include "math/vector_clones.h"

namespace hypertune {
namespace {

/// out[j] += weight * (column[j] - x)^2, or for categories weight where the two differ.
HT_VECTOR_CLONES
void add_distances(const double* column, std::size_t count, double x, double weight, bool category,
                   double* out) {
  if (category) {
    for (std::size_t j = 0; j < count; ++j) out[j] += column[j] != x ? weight : 0.0;
    return;
  }
  for (std::size_t j = 0; j < count; ++j) {
    const double difference = column[j] - x;
    out[j] += weight * (difference * difference);
  }
}

/// Replaces squared distances by covariances; writes the derivatives unless `slopes` is null.
HT_VECTOR_CLONES
void apply_matern(double scale, double* values, double* slopes, std::size_t count) {
  constexpr double kFar = 490'000;  // where exp(-s) would leave the doubles
  for (std::size_t j = 0; j < count; ++j) {
    const double squared = 5 * (values[j] < kFar / 5 ? values[j] : kFar / 5);
    const double s = std::sqrt(squared);
    const double decay = scale * fast_exp(-s);
    values[j] = decay * (1 + s + squared / 3);
    if (slopes != nullptr) slopes[j] = -5.0 / 6 * (1 + s) * decay;
  }
}

/// Squared distances of place `i` to the places from `first` on.
void distances_from(const GpPlaces& places, const GpCategories& categories,
                    std::span<const double> weights, std::size_t i, std::size_t first,
                    double* out) {
  const std::size_t count = places.size() - first;
  std::fill_n(out, count, 0.0);
  for (std::size_t d = 0; d < places.dims; ++d) {
    const double* column = places.column(d);
    add_distances(column + first, count, column[i], weights[d], categories[d], out);
  }
}

/// Sum over j of weights[j] * distance[j], with the distances of one coordinate.
HT_VECTOR_CLONES
double weighted_distances(const double* column, const double* weights, std::size_t count, double x,
                          bool category) {
  std::array<double, 8> sums{};
  const auto term = [&](std::size_t j) {
    const double difference = column[j] - x;
    return weights[j] * (category ? (difference != 0 ? 1.0 : 0.0) : difference * difference);
  };
  std::size_t j = 0;
  for (; j + sums.size() <= count; j += sums.size()) {
    for (std::size_t k = 0; k < sums.size(); ++k) sums[k] += term(j + k);
  }
  for (; j < count; ++j) sums[0] += term(j);
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

double log_prior(const GpKernel& kernel, std::span<double> gradient) {
  double sum =
      std::log(kernel.scale) - kernel.scale + 0.1 * std::log(kernel.noise) - 30 * kernel.noise;
  for (const double w : kernel.weights) sum -= 0.1 / w + 0.1 * w;
  if (!gradient.empty()) {
    const std::size_t dims = kernel.weights.size();
    for (std::size_t d = 0; d < dims; ++d) {
      gradient[d] += 0.1 / kernel.weights[d] - 0.1 * kernel.weights[d];
    }
    gradient[dims] += 1 - kernel.scale;
    gradient[dims + 1] += 0.1 - 30 * kernel.noise;
  }
  return sum;
}

/// Upper triangles of the covariance without noise, and of its derivative by squared distances
/// unless `slopes` is null.
void fill_covariance(const GpPlaces& places, const GpCategories& categories, const GpKernel& kernel,
                     double* covariance, double* slopes) {
  const std::size_t n = places.size();
  for (std::size_t i = 0; i < n; ++i) {
    double* row = covariance + i * n + i;
    distances_from(places, categories, kernel.weights, i, i, row);
    apply_matern(kernel.scale, row, slopes == nullptr ? nullptr : slopes + i * n + i, n - i);
  }
}

/// The gradient of the evidence: half the sum over all pairs of (a a^T - C^-1) * dC, where a =
/// C^-1 y.
void evidence_gradient(const GpPlaces& places, const GpCategories& categories,
                       const GpKernel& kernel, const std::vector<double>& factor,
                       const std::vector<double>& solution, const std::vector<double>& covariance,
                       const std::vector<double>& slopes, std::span<double> gradient) {
  const std::size_t n = places.size();
  const std::size_t dims = places.dims;
  const std::vector<double> inverted = inverse(factor, n);
  std::ranges::fill(gradient, 0.0);
  std::vector<double> weights(n);
  for (std::size_t i = 0; i < n; ++i) {
    const double diagonal = solution[i] * solution[i] - inverted[i * n + i];
    gradient[dims] += 0.5 * diagonal * kernel.scale;
    gradient[dims + 1] += 0.5 * diagonal * kernel.noise;
    double by_scale = 0;
    for (std::size_t j = i + 1; j < n; ++j) {
      const double share = solution[i] * solution[j] - inverted[j * n + i];
      by_scale += share * covariance[i * n + j];
      weights[j] = share * slopes[i * n + j];
    }
    gradient[dims] += by_scale;
    for (std::size_t d = 0; d < dims; ++d) {
      const double* column = places.column(d);
      gradient[d] += weighted_distances(column + i + 1, weights.data() + i + 1, n - i - 1,
                                        column[i], categories[d]);
    }
  }
  for (std::size_t d = 0; d < dims; ++d) gradient[d] *= kernel.weights[d];
}

}  // namespace

double matern52(double squared_distance) {
  apply_matern(1, &squared_distance, nullptr, 1);
  return squared_distance;
}

double log_evidence(const GpPlaces& places, const GpCategories& categories,
                    std::span<const double> values, const GpKernel& kernel,
                    std::span<double> gradient) {
  const std::size_t n = places.size();
  std::vector<double> covariance(n * n);
  std::vector<double> slopes(gradient.empty() ? 0 : n * n);
  fill_covariance(places, categories, kernel, covariance.data(),
                  gradient.empty() ? nullptr : slopes.data());
  std::vector<double> factor = covariance;
  for (std::size_t i = 0; i < n; ++i) factor[i * n + i] += kernel.noise;
  if (!cholesky(factor, n)) return -std::numeric_limits<double>::infinity();
  std::vector<double> solution(values.begin(), values.end());
  solve_lower(factor, n, solution, 1);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    sum -= 0.5 * solution[i] * solution[i] + std::log(factor[i * n + i]);
  }
  if (!gradient.empty()) {
    solve_upper(factor, n, solution);
    evidence_gradient(places, categories, kernel, factor, solution, covariance, slopes, gradient);
  }
  return sum + log_prior(kernel, gradient);
}

std::vector<GpKernel> first_kernels(std::size_t dims) {
  const std::vector<double> ones(dims, 1.0);
  return {{ones, 1, 1}, {ones, 1, 1e-3}};
}

GpKernel fit_kernel(const GpPlaces& places, const GpCategories& categories,
                    std::span<const double> values, std::span<const GpKernel> starts,
                    const GpFitOptions& options) {
  const std::size_t dims = places.dims;
  // Logarithms of the weights, of the scale, and of what the noise is above its least value.
  const auto kernel_at = [&](std::span<const double> x) {
    GpKernel kernel;
    for (std::size_t d = 0; d < dims; ++d) kernel.weights.push_back(std::exp(x[d]));
    kernel.scale = std::exp(x[dims]);
    kernel.noise = kLeastNoise + (options.deterministic ? 0 : std::exp(x[dims + 1]));
    return kernel;
  };
  const SmoothFunction minus_evidence = [&](std::span<const double> x, std::span<double> gradient) {
    const GpKernel kernel = kernel_at(x);
    const double value = log_evidence(places, categories, values, kernel, gradient);
    for (double& g : gradient) g = -g;
    gradient[dims + 1] *= 1 - kLeastNoise / kernel.noise;
    return -value;
  };
  constexpr double kBound = 20;  // e^20 is about a billion
  const std::vector<double> lower(dims + 2, -kBound);
  const std::vector<double> upper(dims + 2, kBound);
  Minimum best;
  for (const GpKernel& kernel : starts) {
    std::vector<double> start;
    for (const double weight : kernel.weights) start.push_back(std::log(weight));
    start.push_back(std::log(kernel.scale));
    start.push_back(std::log(std::max(kernel.noise - kLeastNoise, 0.01 * kLeastNoise)));
    const Minimum found = minimize_lbfgs(minus_evidence, std::move(start), lower, upper,
                                         {.max_evaluations = options.max_evaluations,
                                          .gradient_tolerance = 1e-2,
                                          .value_tolerance = 1e-5});
    if (best.x.empty() || found.value < best.value) best = found;
  }
  return kernel_at(best.x);
}

GaussianProcess::GaussianProcess(const GpPlaces& places, GpCategories categories,
                                 std::span<const double> values, GpKernel kernel)
    : places_(places),
      categories_(std::move(categories)),
      kernel_(std::move(kernel)),
      observed_(values.size()),
      n_(places.size()),
      whitened_(values.begin(), values.end()) {
  HT_ASSERT(observed_ <= n_);
  std::vector<double> covariance(n_ * n_);
  fill_covariance(places_, categories_, kernel_, covariance.data(), nullptr);
  // Rounding may spoil nearly equal places when there is hardly any noise; a little more mends it.
  for (double least = kLeastNoise;; least *= 10) {
    factor_ = covariance;
    for (std::size_t i = 0; i < n_; ++i) {
      factor_[i * n_ + i] += i < observed_ ? std::max(kernel_.noise, least) : least;
    }
    if (cholesky(factor_, n_)) break;
    HT_ASSERT(least < kernel_.scale);
  }
  whitened_.resize(n_, 0.0);
  solve_lower(factor_, n_, whitened_, 1);
  std::fill(whitened_.begin() + static_cast<std::ptrdiff_t>(observed_), whitened_.end(), 0.0);
}

std::vector<double> GaussianProcess::fantasy(std::span<const double> z) const {
  std::vector<double> values(pending());
  for (std::size_t r = 0; r < values.size(); ++r) {
    const std::size_t column = observed_ + r;
    for (std::size_t i = 0; i < observed_; ++i) {
      values[r] += factor_[i * n_ + column] * whitened_[i];
    }
    for (std::size_t t = 0; t <= r; ++t) values[r] += factor_[(observed_ + t) * n_ + column] * z[t];
  }
  return values;
}

std::vector<GpPrediction> GaussianProcess::predict(const GpPlaces& at,
                                                   std::vector<double>& loadings) const {
  const std::size_t count = at.size();
  const std::size_t q = pending();
  std::vector<GpPrediction> predictions(count);
  loadings.assign(count * q, 0.0);
  constexpr std::size_t kWidth = 32;  // places at once: as many rows stay in the second cache
  std::vector<double> v(n_ * kWidth);
  for (std::size_t begin = 0; begin < count; begin += kWidth) {
    const std::size_t width = std::min(kWidth, count - begin);
    std::fill_n(v.begin(), n_ * width, 0.0);
    for (std::size_t i = 0; i < n_; ++i) {
      double* row = v.data() + i * width;
      for (std::size_t d = 0; d < places_.dims; ++d) {
        add_distances(at.column(d) + begin, width, places_.column(d)[i], kernel_.weights[d],
                      categories_[d], row);
      }
    }
    apply_matern(kernel_.scale, v.data(), nullptr, n_ * width);
    solve_lower(factor_, n_, std::span(v).first(n_ * width), width);
    for (std::size_t j = 0; j < width; ++j) predictions[begin + j].variance = kernel_.scale;
    for (std::size_t i = 0; i < n_; ++i) {
      for (std::size_t j = 0; j < width; ++j) {
        const double share = v[i * width + j];
        predictions[begin + j].mean += share * whitened_[i];
        predictions[begin + j].variance -= share * share;
        if (i >= observed_) loadings[(begin + j) * q + (i - observed_)] = share;
      }
    }
  }
  for (std::size_t j = 0; j < count; ++j) {
    predictions[j].variance = std::max(predictions[j].variance, 0.0);
    predictions[j].loadings = std::span(loadings).subspan(j * q, q);
  }
  return predictions;
}

GaussianProcess::Local GaussianProcess::at(std::span<const double> place) const {
  Local local;
  local.place.assign(place.begin(), place.end());
  local.whitened.assign(n_, 0.0);
  local.slopes.resize(n_);
  for (std::size_t d = 0; d < places_.dims; ++d) {
    add_distances(places_.column(d), n_, place[d], kernel_.weights[d], categories_[d],
                  local.whitened.data());
  }
  apply_matern(kernel_.scale, local.whitened.data(), local.slopes.data(), n_);
  solve_lower(factor_, n_, local.whitened, 1);
  local.prediction.variance = kernel_.scale;
  for (std::size_t i = 0; i < n_; ++i) {
    local.prediction.mean += local.whitened[i] * whitened_[i];
    local.prediction.variance -= local.whitened[i] * local.whitened[i];
  }
  local.prediction.variance = std::max(local.prediction.variance, 0.0);
  local.prediction.loadings = std::span(local.whitened).subspan(observed_);
  return local;
}

void GaussianProcess::add_gradient(const Local& local, double by_mean, double by_variance,
                                   std::span<const double> by_loadings,
                                   std::span<double> gradient) const {
  // First by the whitened covariances, then by the covariances themselves.
  std::vector<double> by_covariance(n_);
  for (std::size_t i = 0; i < n_; ++i) {
    by_covariance[i] = by_mean * whitened_[i] - 2 * by_variance * local.whitened[i];
  }
  for (std::size_t r = 0; r < by_loadings.size(); ++r) {
    by_covariance[observed_ + r] += by_loadings[r];
  }
  solve_upper(factor_, n_, by_covariance);
  for (std::size_t i = 0; i < n_; ++i) by_covariance[i] *= local.slopes[i];
  for (std::size_t d = 0; d < places_.dims; ++d) {
    if (categories_[d]) continue;
    const double* column = places_.column(d);
    double sum = 0;
    for (std::size_t i = 0; i < n_; ++i) sum += by_covariance[i] * (local.place[d] - column[i]);
    gradient[d] += 2 * kernel_.weights[d] * sum;
  }
}

}  // namespace hypertune

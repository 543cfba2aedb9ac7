// Expected improvements. One objective: log EI, Ament et al., arXiv:2310.20708; several: the exact
// expected improvement of the hypervolume, box by box, after Daulton, Balandat and Bakshy,
// arXiv:2006.05078, in logarithms; constraints: Gardner et al., "Bayesian optimization with
// inequality constraints", 2014; pending trials: Snoek, Larochelle and Adams, "Practical Bayesian
// optimization of machine learning algorithms", 2012.
#include "samplers/gp_acquisition.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <string>
#include <utility>

#include "math/log_improvement.h"
#include "math/sobol.h"
#include "math/truncated_normal.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Draws of the values of pending trials. Those of several objectives cost a decomposition each.
constexpr std::uint32_t kDraws = 64;
constexpr std::uint32_t kDrawsOfSeveral = 8;
/// Points of a front of two objectives that are looked at, and of one of more; the loneliest.
constexpr std::size_t kMostOfFront = 100;
constexpr std::size_t kMostOfHighFront = 30;
/// Boxes that a front is cut into, about, and at most.
constexpr std::size_t kMostBoxes = 900;
/// Added to variances, so that a place without any can be improved upon a little.
constexpr double kLeastVariance = 1e-12;

/// Standard normal numbers that fill their space evenly: number `index` of `dims`.
std::vector<double> even_normals(std::uint32_t index, std::size_t dims, const Rng& rng) {
  std::vector<double> z;
  for (std::size_t d = 0; d < dims; ++d) {
    const std::uint64_t key = rng.fork(std::to_string(d))();
    const bool listed = d < static_cast<std::size_t>(kSobolDimensions);
    const double u = listed ? owen_scrambled_unit(sobol(index, static_cast<int>(d)), key)
                            : padded_coordinate(index, key);
    const double lower = std::clamp(std::min(u, 1 - u), 1e-12, 0.5);
    const double quantile = log_normal_quantile(std::log(lower));
    z.push_back(u < 0.5 ? quantile : -quantile);
  }
  return z;
}

double deviation_of(const GpPrediction& prediction) {
  return std::sqrt(prediction.variance + kLeastVariance);
}

/// How many points of a front are looked at: the boxes of n points in m objectives grow like n to
/// the power of m/2.
std::size_t most_of_front(std::size_t objectives) {
  if (objectives <= 2) return kMostOfFront;
  const auto boxes = [&](std::size_t points) {
    std::size_t product = 1;
    for (std::size_t k = 0; k < objectives / 2 && product <= kMostBoxes; ++k) product *= points;
    return product;
  };
  std::size_t most = kMostOfHighFront;
  while (most > 1 && boxes(most) > kMostBoxes) --most;
  return most;
}

/// Coordinate after coordinate, with the one that tells studies apart.
GpPlaces columns_of(const std::vector<std::vector<double>>& places, bool other_studies) {
  const std::size_t n = places.size();
  const std::size_t dims = places.front().size() + (other_studies ? 1 : 0);
  GpPlaces columns{dims, std::vector<double>(n * dims)};
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t d = 0; d < places[i].size(); ++d) columns.columns[d * n + i] = places[i][d];
  }
  return columns;
}

/// Log of the chance that a value does not exceed its limit, and its derivatives.
struct LogChance {
  double value = 0;
  double by_mean = 0;
  double by_deviation = 0;
};

LogChance log_feasibility(const GpPrediction& prediction, double limit) {
  const double deviation = deviation_of(prediction);
  const double z = (limit - prediction.mean) / deviation;
  const double log_chance = log_normal_cdf(z);
  const double log_density = -0.5 * z * z - 0.5 * std::log(2 * std::numbers::pi);
  const double slope = std::exp(log_density - log_chance);
  return {log_chance, -slope / deviation, -slope * z / deviation};
}

}  // namespace

GpAcquisition::GpAcquisition(const GpModels& models, const Rng& rng) : models_(models) {
  if (models.places.empty()) return;
  if (models.objectives.front().pending() == 0) {
    add_draw(std::vector<std::vector<double>>(models.objectives.size()));
  } else {
    draw_pending(rng.fork("gp/pending"));
  }
}

void GpAcquisition::draw_pending(const Rng& rng) {
  const std::size_t objectives = models_.objectives.size();
  const std::size_t pending = models_.objectives.front().pending();
  const std::uint32_t draws = objectives == 1 ? kDraws : kDrawsOfSeveral;
  for (std::uint32_t s = 0; s < draws; ++s) {
    const std::vector<double> z = even_normals(s, objectives * pending, rng);
    std::vector<std::vector<double>> normals;
    for (std::size_t k = 0; k < objectives; ++k) {
      const auto begin = z.begin() + static_cast<std::ptrdiff_t>(k * pending);
      normals.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(pending));
    }
    add_draw(std::move(normals));
  }
}

void GpAcquisition::add_draw(std::vector<std::vector<double>> normals) {
  const std::size_t objectives = models_.objectives.size();
  const std::size_t pending = models_.objectives.front().pending();
  std::vector<double> points = models_.means;
  const std::size_t known = points.size();
  points.resize(known + pending * objectives);
  for (std::size_t k = 0; k < objectives && pending > 0; ++k) {
    const std::vector<double> fantasy = models_.objectives[k].fantasy(normals[k]);
    for (std::size_t r = 0; r < pending; ++r) points[known + r * objectives + k] = fantasy[r];
  }
  Draw draw{std::move(normals), 0, {}};
  if (objectives == 1) {
    draw.best = *std::ranges::min_element(points);
  } else {
    const PointsView view{points, objectives};
    std::vector<double> front;
    for (const std::size_t i : nondominated(view)) {
      front.insert(front.end(), view[i].begin(), view[i].end());
    }
    std::vector<double> kept;
    const PointsView whole{front, objectives};
    for (const std::size_t i : fittest(whole, {}, most_of_front(objectives))) {
      kept.insert(kept.end(), whole[i].begin(), whole[i].end());
    }
    // As far beyond the worst as Optuna puts it.
    std::vector<double> reference;
    for (const double worst : models_.worst) reference.push_back(worst + 0.1 * std::abs(worst));
    draw.boxes = nondominated_boxes({kept, objectives}, reference);
  }
  draws_.push_back(std::move(draw));
}

double GpAcquisition::improvement_of(const Draw& draw, std::span<const double> means,
                                     std::span<const double> deviations, std::span<double> by_means,
                                     std::span<double> by_deviations) const {
  if (means.size() > 1) {
    return log_expected_hypervolume(means, deviations, draw.boxes, by_means, by_deviations);
  }
  const auto result = log_expected_improvement(means[0], deviations[0], draw.best);
  if (!by_means.empty()) {
    by_means[0] = result.by_mean;
    by_deviations[0] = result.by_deviation;
  }
  return result.value;
}

/// The mean over the draws, each of which moves the means.
double GpAcquisition::improvement(std::span<const GpPrediction> predictions,
                                  std::vector<Slopes>* slopes) const {
  const std::size_t objectives = predictions.size();
  std::vector<double> means(objectives);
  std::vector<double> deviations(objectives);
  for (std::size_t k = 0; k < objectives; ++k) deviations[k] = deviation_of(predictions[k]);
  const std::size_t width = slopes == nullptr ? 0 : objectives;
  std::vector<double> by_means(draws_.size() * width);
  std::vector<double> by_deviations(draws_.size() * width);
  std::vector<double> logs(draws_.size());
  for (std::size_t s = 0; s < draws_.size(); ++s) {
    for (std::size_t k = 0; k < objectives; ++k) {
      means[k] = predictions[k].mean;
      for (std::size_t r = 0; r < predictions[k].loadings.size(); ++r) {
        means[k] += predictions[k].loadings[r] * draws_[s].normals[k][r];
      }
    }
    logs[s] =
        improvement_of(draws_[s], means, deviations, std::span(by_means).subspan(s * width, width),
                       std::span(by_deviations).subspan(s * width, width));
  }
  const double largest = *std::ranges::max_element(logs);
  double sum = 0;
  for (double& log : logs) sum += log = std::exp(log - largest);
  for (std::size_t k = 0; k < width; ++k) {
    Slopes& slope = (*slopes)[k];
    slope.by_loadings.assign(predictions[k].loadings.size(), 0.0);
    for (std::size_t s = 0; s < draws_.size(); ++s) {
      const double share = logs[s] / sum;
      slope.by_mean += share * by_means[s * width + k];
      slope.by_deviation += share * by_deviations[s * width + k];
      for (std::size_t r = 0; r < slope.by_loadings.size(); ++r) {
        slope.by_loadings[r] += share * by_means[s * width + k] * draws_[s].normals[k][r];
      }
    }
  }
  return largest + std::log(sum / static_cast<double>(draws_.size()));
}

std::vector<double> GpAcquisition::length_scales() const {
  const auto objectives = static_cast<double>(models_.objectives.size());
  std::vector<double> lengths(models_.objectives.front().kernel().weights.size());
  for (const GaussianProcess& model : models_.objectives) {
    for (std::size_t d = 0; d < lengths.size(); ++d) {
      lengths[d] += 1 / std::sqrt(model.kernel().weights[d]) / objectives;
    }
  }
  return lengths;
}

std::vector<double> GpAcquisition::values(const std::vector<std::vector<double>>& places) const {
  std::vector<double> result(places.size(), 0.0);
  if (places.empty()) return result;
  const GpPlaces at = columns_of(places, models_.other_studies);
  if (!draws_.empty()) {
    const std::size_t objectives = models_.objectives.size();
    std::vector<std::vector<double>> loadings(objectives);
    std::vector<std::vector<GpPrediction>> predictions;
    for (std::size_t k = 0; k < objectives; ++k) {
      predictions.push_back(models_.objectives[k].predict(at, loadings[k]));
    }
    std::vector<GpPrediction> row(objectives);
    for (std::size_t i = 0; i < places.size(); ++i) {
      for (std::size_t k = 0; k < objectives; ++k) row[k] = predictions[k][i];
      result[i] = improvement(row, nullptr);
    }
  }
  std::vector<double> no_loadings;
  for (std::size_t k = 0; k < models_.constraints.size(); ++k) {
    const auto predictions = models_.constraints[k].predict(at, no_loadings);
    for (std::size_t i = 0; i < places.size(); ++i) {
      result[i] += log_feasibility(predictions[i], models_.limits[k]).value;
    }
  }
  return result;
}

double GpAcquisition::value(std::span<const double> place, std::span<double> gradient) const {
  std::vector<double> whole(place.begin(), place.end());
  if (models_.other_studies) whole.push_back(0);
  std::vector<double> slope(whole.size(), 0.0);
  double result = 0;
  const auto add = [&](const GaussianProcess& model, const GaussianProcess::Local& local,
                       double by_mean, double by_deviation, std::span<const double> by_loadings) {
    const double by_variance = by_deviation / (2 * deviation_of(local.prediction));
    model.add_gradient(local, by_mean, by_variance, by_loadings, slope);
  };
  if (!draws_.empty()) {
    std::vector<GaussianProcess::Local> locals;
    std::vector<GpPrediction> predictions;
    for (const GaussianProcess& model : models_.objectives) {
      locals.push_back(model.at(whole));
      predictions.push_back(locals.back().prediction);
    }
    std::vector<Slopes> slopes(locals.size());
    result = improvement(predictions, &slopes);
    for (std::size_t k = 0; k < locals.size(); ++k) {
      add(models_.objectives[k], locals[k], slopes[k].by_mean, slopes[k].by_deviation,
          slopes[k].by_loadings);
    }
  }
  for (std::size_t k = 0; k < models_.constraints.size(); ++k) {
    const GaussianProcess::Local local = models_.constraints[k].at(whole);
    const LogChance chance = log_feasibility(local.prediction, models_.limits[k]);
    result += chance.value;
    add(models_.constraints[k], local, chance.by_mean, chance.by_deviation, {});
  }
  std::copy_n(slope.begin(), gradient.size(), gradient.begin());
  return result;
}

}  // namespace hypertune

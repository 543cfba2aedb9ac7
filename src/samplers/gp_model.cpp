// Gaussian processes of a study.
#include "samplers/gp_model.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <utility>

#include "core/loss.h"
#include "math/pareto.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
/// Trials from which a kernel is found first, from several starts, and then refined: the cost grows
/// with the cube of their number, and some hundreds tell a dozen parameters well enough.
constexpr std::size_t kFirstFit = 64;
constexpr std::size_t kSecondFit = 200;
constexpr int kSecondEvaluations = 12;
/// More pending trials than this are not looked at, the oldest first.
constexpr std::size_t kMostPending = 100;

std::optional<std::vector<double>> losses_of(const History& history, const Metrics& metrics) {
  std::vector<double> losses;
  for (const Objective& objective : history.objectives) {
    const auto value = loss(objective, metrics);
    if (!value) return std::nullopt;
    losses.push_back(*value);
  }
  return losses;
}

std::vector<double> penalties_of(const std::vector<std::string>& constraints,
                                 const Metrics& metrics) {
  std::vector<double> penalties;
  for (const std::string& name : constraints) {
    const auto metric = metrics.find(name);
    const bool known = metric != metrics.end() && !std::isnan(metric->second);
    penalties.push_back(known ? metric->second : kInfinity);
  }
  return penalties;
}

/// The observations by fitness: their indices.
std::vector<std::size_t> by_fitness(const std::vector<GpObservation>& observations) {
  std::vector<double> losses;
  std::vector<double> penalties;
  for (const GpObservation& each : observations) {
    losses.insert(losses.end(), each.losses.begin(), each.losses.end());
    double sum = 0;
    for (const double penalty : each.penalties) sum += std::max(penalty, 0.0);
    penalties.push_back(sum);
  }
  const std::size_t dims = observations.empty() ? 1 : observations.front().losses.size();
  return fittest({losses, dims}, penalties, observations.size());
}

/// Of more than `most` observations the best half of that number and the newest of the others.
std::vector<GpObservation> limited(std::vector<GpObservation> observations, std::size_t most) {
  if (observations.size() <= most) return observations;
  std::vector<bool> kept(observations.size(), false);
  const std::vector<std::size_t> order = by_fitness(observations);
  for (std::size_t i = 0; i < most / 2; ++i) kept[order[i]] = true;
  std::size_t missing = most - most / 2;
  for (std::size_t i = observations.size(); i-- > 0 && missing > 0;) {
    if (kept[i]) continue;
    kept[i] = true;
    --missing;
  }
  std::vector<GpObservation> rest;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    if (kept[i]) rest.push_back(std::move(observations[i]));
  }
  return rest;
}

/// `count` of the observations: half of them the best, the others spread over all degrees of
/// fitness.
std::vector<std::size_t> spread(const std::vector<std::size_t>& order, std::size_t count) {
  if (order.size() <= count) return order;
  const std::size_t best = count / 2;
  std::vector<std::size_t> chosen(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(best));
  const std::size_t others = count - best;
  for (std::size_t i = 0; i < others; ++i) {
    chosen.push_back(order[best + (2 * i + 1) * (order.size() - best) / (2 * others)]);
  }
  return chosen;
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// What pruned trials say of one objective: their last value, but no more than that they are worse
/// than half of the Complete ones, since the last word on them was not spoken.
void add_pruned(const GpSpace& space, const History& history, GpData& data) {
  std::vector<double> complete;
  for (const GpObservation& each : data.observations) complete.push_back(each.losses.front());
  if (complete.empty()) return;
  const double least = median(std::move(complete));
  for (const TrialRecord& trial : history.trials) {
    if (trial.state != TrialState::Pruned || trial.reports.empty()) continue;
    const auto last = losses_of(history, trial.reports.back().metrics);
    auto place = space.place(trial.params);
    if (!last || !place) continue;
    data.observations.push_back({std::move(*place), {std::max(last->front(), least)}, {}, true});
  }
}

/// Makes infinite values the nearest finite ones.
void clamp_to_finite(std::vector<double>& values) {
  double least = kInfinity;
  double most = -kInfinity;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    least = std::min(least, value);
    most = std::max(most, value);
  }
  if (least > most) least = most = 1;
  for (double& value : values) value = std::clamp(value, least, most);
}

/// What is worse than the median is drawn towards it: linear at first, logarithmic beyond the
/// distance of the best. So a few terrible values do not make all good ones look alike.
void draw_in_tail(std::vector<double>& values) {
  const double middle = median(values);
  const double reach = middle - *std::ranges::min_element(values);
  if (!(reach > 0)) return;
  for (double& value : values) {
    if (value > middle) value = middle + reach * std::log1p((value - middle) / reach);
  }
}

/// Divides by a power of two, which is exact, so that the largest magnitude lies between 1 and 2:
/// the squares of huge values would be infinite, those of tiny ones zero. Returns that power.
double scale_down(std::vector<double>& values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  if (!(largest > 0)) return 1;
  const double unit = std::ldexp(1.0, std::ilogb(largest));
  for (double& value : values) value /= unit;
  return unit;
}

/// To mean 0 and deviation 1. Values were divided by `unit`, in which the scale is not.
GpScale standardize(std::vector<double>& values, double unit) {
  GpScale scale;
  const auto n = static_cast<double>(values.size());
  for (const double value : values) scale.mean += value / n;
  double variance = 0;
  for (const double value : values) variance += (value - scale.mean) * (value - scale.mean) / n;
  const double deviation = std::sqrt(variance);
  const bool varies = deviation > 1e-12 * std::abs(scale.mean) && deviation > 0;
  if (varies) scale.deviation = deviation;
  for (double& value : values) value = scale.standardized(value);
  scale.mean *= unit;
  if (varies) scale.deviation *= unit;
  return scale;
}

/// What becomes of the worst values of a quantity.
enum class Tail : std::uint8_t { Kept, DrawnIn };

/// One quantity of all observations, standardized within this study and within the others.
struct Column {
  std::vector<double> values;
  GpScale scale;  ///< of this study, or of the others when it has none yet
};

/// The nearest observation of another study: its index. Requires one.
std::size_t nearest_other(const std::vector<GpObservation>& observations,
                          const GpCategories& categories, const std::vector<double>& place) {
  std::size_t nearest = 0;
  double least = kInfinity;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    if (observations[i].own) continue;
    double squared = 0;
    for (std::size_t d = 0; d < place.size(); ++d) {
      const double difference = place[d] - observations[i].place[d];
      squared += categories[d] ? (difference != 0 ? 1 : 0) : difference * difference;
    }
    if (squared < least) {
      least = squared;
      nearest = i;
    }
  }
  return nearest;
}

/// Studies may measure from other origins and with other units: values of this one are moved so
/// that on average they are those of the nearest places in the others; as long as they are few,
/// the others' deviation is taken for their own.
template <typename Read>
Column column_of(const std::vector<GpObservation>& observations, const GpCategories& categories,
                 Tail tail, Read read) {
  constexpr std::size_t kFew = 5;
  std::vector<double> parts[2];
  double units[2] = {1, 1};
  for (const GpObservation& each : observations) parts[each.own ? 1 : 0].push_back(read(each));
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<double>& part = parts[i];
    clamp_to_finite(part);
    units[i] = scale_down(part);
    if (tail == Tail::DrawnIn && !part.empty()) draw_in_tail(part);
  }
  auto& [others, own] = parts;
  Column column;
  if (!others.empty()) column.scale = standardize(others, units[0]);
  const double deviation = column.scale.deviation;
  if (!own.empty()) column.scale = standardize(own, units[1]);
  std::size_t next[2] = {0, 0};
  for (const GpObservation& each : observations) {
    const int part = each.own ? 1 : 0;
    column.values.push_back(parts[part][next[part]++]);
  }
  if (own.empty() || others.empty()) return column;
  const double unit = own.size() < kFew ? column.scale.deviation / deviation : 1;
  double shift = 0;
  for (std::size_t i = 0; i < observations.size(); ++i) {
    if (!observations[i].own) continue;
    const std::size_t other = nearest_other(observations, categories, observations[i].place);
    shift += column.values[other] / static_cast<double>(own.size());
  }
  for (std::size_t i = 0; i < observations.size(); ++i) {
    if (observations[i].own) column.values[i] = column.values[i] * unit + shift;
  }
  column.scale.deviation /= unit;
  column.scale.mean -= shift * column.scale.deviation;
  return column;
}

/// The inputs of all models.
struct Inputs {
  GpCategories categories;
  std::size_t dims = 0;
  bool other_studies = false;

  GpPlaces gather(const std::vector<GpObservation>& observations,
                  const std::vector<std::size_t>& which,
                  const std::vector<std::vector<double>>& pending) const {
    const std::size_t n = which.size() + pending.size();
    GpPlaces places{dims, std::vector<double>(dims * n)};
    for (std::size_t i = 0; i < n; ++i) {
      const bool observed = i < which.size();
      const auto& place = observed ? observations[which[i]].place : pending[i - which.size()];
      for (std::size_t d = 0; d < place.size(); ++d) places.columns[d * n + i] = place[d];
      if (other_studies && observed && !observations[which[i]].own) {
        places.columns[(dims - 1) * n + i] = 1;
      }
    }
    return places;
  }
};

class Fitter {
 public:
  Fitter(const GpSpace& space, const GpData& data, bool deterministic)
      : data_(data), deterministic_(deterministic), order_(by_fitness(data.observations)) {
    for (const GpAxis& axis : space.axes()) inputs_.categories.push_back(axis.category);
    inputs_.other_studies = !std::ranges::all_of(data.observations, &GpObservation::own);
    if (inputs_.other_studies) inputs_.categories.push_back(true);
    inputs_.dims = inputs_.categories.size();
    all_.resize(data.observations.size());
    std::iota(all_.begin(), all_.end(), std::size_t{0});
  }

  bool other_studies() const { return inputs_.other_studies; }
  std::size_t dims() const { return inputs_.dims; }
  const GpCategories& categories() const { return inputs_.categories; }

  GaussianProcess fit(const std::vector<double>& values, bool with_pending) const {
    auto starts = first_kernels(inputs_.dims);
    GpKernel kernel = fitted(values, kFirstFit, starts, {.deterministic = deterministic_});
    if (all_.size() > kFirstFit) {
      starts = {kernel};
      kernel = fitted(values, kSecondFit, starts,
                      {.deterministic = deterministic_, .max_evaluations = kSecondEvaluations});
    }
    return {inputs_.gather(data_.observations, all_,
                           with_pending ? data_.pending : std::vector<std::vector<double>>()),
            inputs_.categories, values, std::move(kernel)};
  }

 private:
  GpKernel fitted(const std::vector<double>& values, std::size_t count,
                  std::span<const GpKernel> starts, const GpFitOptions& options) const {
    const std::vector<std::size_t> some = spread(order_, count);
    std::vector<double> some_values;
    for (const std::size_t i : some) some_values.push_back(values[i]);
    return fit_kernel(inputs_.gather(data_.observations, some, {}), inputs_.categories, some_values,
                      starts, options);
  }

  const GpData& data_;
  bool deterministic_;
  std::vector<std::size_t> order_;
  std::vector<std::size_t> all_;
  Inputs inputs_;
};

/// The places of feasible trials and what the models say of them. Of trials whose held values are
/// those of the one that is decided about; when there are none, of others of the study; then of
/// other studies. What lies elsewhere is moved here first.
void add_known(const GpSpace& space, const GpData& data, std::size_t dims, GpModels& models) {
  const auto rank = [&](const GpObservation& each) {
    return !each.own ? 2 : space.in_cell(each.place) ? 0 : 1;
  };
  int nearest = 2;
  for (const GpObservation& each : data.observations) nearest = std::min(nearest, rank(each));
  std::vector<std::vector<double>> places;
  for (const GpObservation& each : data.observations) {
    if (!each.feasible() || rank(each) != nearest) continue;
    places.push_back(each.place);
    if (nearest != 0) space.settle(places.back());
  }
  if (places.empty()) return;
  const std::size_t objectives = models.objectives.size();
  GpPlaces at{dims, std::vector<double>(dims * places.size())};
  for (std::size_t i = 0; i < places.size(); ++i) {
    for (std::size_t d = 0; d < places[i].size(); ++d) {
      at.columns[d * places.size() + i] = places[i][d];
    }
  }
  std::vector<double> means(places.size() * objectives);
  std::vector<double> loadings;
  for (std::size_t k = 0; k < objectives; ++k) {
    const auto predictions = models.objectives[k].predict(at, loadings);
    for (std::size_t i = 0; i < places.size(); ++i) {
      means[i * objectives + k] = predictions[i].mean;
    }
  }
  const PointsView rows{means, objectives};
  for (const std::size_t i : fittest(rows, {}, places.size())) {
    models.places.push_back(std::move(places[i]));
    models.means.insert(models.means.end(), rows[i].begin(), rows[i].end());
  }
}

}  // namespace

bool GpObservation::feasible() const {
  return std::ranges::all_of(penalties, [](double penalty) { return penalty <= 0; });
}

GpData gp_data(const GpSpace& space, const History& history, const GpOptions& options) {
  GpData data;
  const auto add = [&](std::span<const TrialRecord> trials, bool own) {
    std::vector<GpObservation> observations;
    for (const TrialRecord& trial : trials) {
      if (trial.state != TrialState::Complete) continue;
      auto losses = losses_of(history, trial.metrics);
      auto place = space.place(trial.params);
      if (!losses || !place) continue;
      observations.push_back({std::move(*place), std::move(*losses),
                              penalties_of(options.constraints, trial.metrics), own});
    }
    return observations;
  };
  const auto most = static_cast<std::size_t>(options.max_trials);
  data.observations = add(history.trials, true);
  std::vector<GpObservation> earlier = add(history.earlier, false);
  data.complete = data.observations.size() + earlier.size();
  if (history.objectives.size() == 1 && options.constraints.empty()) {
    add_pruned(space, history, data);
  }
  // This study's own trials come first; of others at most half, the last ones.
  data.observations = limited(std::move(data.observations), most);
  const std::size_t room = std::min(most - data.observations.size(), most / 2);
  if (earlier.size() > room) {
    earlier.erase(earlier.begin(), earlier.end() - static_cast<std::ptrdiff_t>(room));
  }
  for (GpObservation& each : earlier) data.observations.push_back(std::move(each));

  for (const TrialRecord& trial : history.trials) {
    const bool runs = trial.state == TrialState::Running || trial.state == TrialState::Paused;
    if (!runs || trial.number == history.number || trial.params.empty()) continue;
    if (auto place = space.place(trial.params)) data.pending.push_back(std::move(*place));
  }
  if (data.pending.size() > kMostPending) {
    data.pending.erase(data.pending.begin(), data.pending.end() - kMostPending);
  }
  return data;
}

GpModels fit_models(const GpSpace& space, const GpData& data, const GpOptions& options) {
  const Fitter fitter(space, data, options.deterministic);
  const GpCategories& categories = fitter.categories();
  GpModels models;
  models.other_studies = fitter.other_studies();
  const std::size_t objectives = data.observations.front().losses.size();
  // Volumes of several objectives depend on how their values are spaced.
  const Tail tail = objectives == 1 ? Tail::DrawnIn : Tail::Kept;
  for (std::size_t k = 0; k < objectives; ++k) {
    const Column column = column_of(data.observations, categories, tail,
                                    [&](const GpObservation& each) { return each.losses[k]; });
    models.objective_scales.push_back(column.scale);
    models.worst.push_back(*std::ranges::max_element(column.values));
    models.objectives.push_back(fitter.fit(column.values, true));
  }
  for (std::size_t k = 0; k < options.constraints.size(); ++k) {
    const Column column = column_of(data.observations, categories, Tail::Kept,
                                    [&](const GpObservation& each) { return each.penalties[k]; });
    models.limits.push_back(column.scale.standardized(0));
    models.constraints.push_back(fitter.fit(column.values, false));
  }
  add_known(space, data, fitter.dims(), models);
  return models;
}

}  // namespace hypertune

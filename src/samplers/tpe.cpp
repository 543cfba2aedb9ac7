// The tree-structured Parzen estimator: Bergstra, Bardenet, Bengio, Kegl, "Algorithms for
// hyper-parameter optimization", NIPS 2011; Bergstra, Yamins, Cox, ICML 2013; constants and details
// after Watanabe, arXiv:2304.11127, and Optuna 5.0, with whose numbers the estimators are tested.
//
// Deviations from Optuna's sampler of this name:
// - Parameters of one condition are modelled together from the trials in which they existed. The
//   declared space says which those are. (There: the option `group`, from what was seen.)
// - Above `max_bad_trials` the bad trials are thinned: the newest half of that number is kept, and
//   of the older ones one in k, which bears the weight of k. A density estimated from 1,000 trials
//   hardly differs from one of 10,000.
// - Values outside the present bounds of a parameter are not observations of it.
// - Parameters whose domain has one value or is too narrow for arithmetic, and grid axes that no
//   plan decided, are drawn as random search draws them.
// - Whole numbers of more than 10,000 values, unless logarithmic, are modelled as real ones.
// - Paused trials count as running ones do.
// - With several objectives at most 100 trials are good, which bounds what the hypervolume costs.
// - Trials of earlier studies are observations too, divided into good and bad ones apart.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "hypertune/error.h"
#include "hypertune/sampler.h"
#include "math/parzen.h"
#include "samplers/tpe_groups.h"
#include "samplers/tpe_mixtures.h"
#include "samplers/tpe_rows.h"
#include "space/encoding.h"

namespace hypertune {
namespace {

/// A trial as the models see it.
struct Sample {
  std::size_t position = 0;  ///< among all trials, those of earlier studies first
  double count = 1;          ///< how many trials it stands for
};

/// The good and the bad trials, by increasing number.
struct Groups {
  std::vector<TpeTrial> trials;  ///< all
  std::vector<Sample> good;
  std::vector<Sample> bad;
};

/// The trials at these positions; if there are more than `most`, the newest half of that number and
/// of the older ones about one in k, where k is the power of two for which they have room.
///
/// A trial is chosen by its position alone, so that few change from one question to the next; and
/// by chance, for what is regular might follow a grid or a sequence that was searched.
std::vector<Sample> thinned(std::vector<std::size_t> positions, std::size_t most) {
  const std::size_t newest = positions.size() <= most ? positions.size() : most / 2;
  const std::size_t old = positions.size() - newest;
  std::size_t kept = old;
  const std::size_t room = most - newest;
  for (int halvings = std::bit_width(old / (room + 1)); kept > room; ++halvings) {
    const auto end =
        std::remove_if(positions.begin(), positions.begin() + static_cast<std::ptrdiff_t>(kept),
                       [&](std::size_t position) {
                         Fingerprint chance;
                         chance.add(std::uint64_t{position});
                         return chance.value() >> (64 - halvings) != 0;
                       });
    kept = static_cast<std::size_t>(end - positions.begin());
  }
  std::vector<Sample> samples;
  samples.reserve(kept + newest);
  const double count =
      static_cast<double>(old) / static_cast<double>(std::max<std::size_t>(kept, 1));
  for (std::size_t i = 0; i < kept; ++i) samples.push_back({positions[i], count});
  for (std::size_t i = old; i < positions.size(); ++i) samples.push_back({positions[i], 1});
  return samples;
}

/// Nothing before there are enough finished trials. Earlier studies are divided apart from this
/// one, whose values may lie elsewhere, and come first.
std::optional<Groups> groups_of(const History& history, const TpeOptions& options,
                                TpeRows& scores) {
  Groups groups;
  look_at(history.earlier, groups.trials);
  look_at(history.trials, groups.trials);
  const std::size_t earlier = history.earlier.size();
  const std::span<const TpeTrial> trials = groups.trials;
  History past = history;
  past.trials = history.earlier;
  const TpeGroups before =
      tpe_groups(past, trials.first(earlier), options.constraints, false, scores);
  const TpeGroups now = tpe_groups(history, trials.subspan(earlier), options.constraints,
                                   options.constant_liar, scores);
  if (before.finished + now.finished < static_cast<std::size_t>(options.n_startup_trials)) {
    return std::nullopt;
  }
  for (const std::size_t i : before.good) groups.good.push_back({i, 1});
  for (const std::size_t i : now.good) groups.good.push_back({earlier + i, 1});
  std::vector<std::size_t> bad = before.bad;
  bad.reserve(bad.size() + now.bad.size());
  for (const std::size_t i : now.bad) bad.push_back(earlier + i);
  groups.bad = thinned(std::move(bad), static_cast<std::size_t>(options.max_bad_trials));
  return groups;
}

// Domains as axes of a mixture.

ParzenAxis axis_of(const FloatDomain& d) {
  if (!d.step) return ParzenNumber{d.low, d.high, d.log, 0};
  return ParzenNumber{d.low, d.low + last_step(d) * *d.step, false, *d.step};
}

ParzenAxis axis_of(const IntDomain& d) {
  const auto low = static_cast<double>(d.low);
  const auto step = static_cast<double>(d.step);
  const auto steps = static_cast<double>(last_step(d));
  const double high = low + steps * step;
  // A step is then less than a hundredth of the narrowest kernel.
  constexpr double kManySteps = 10'000;
  if (!d.log && steps > kManySteps) return ParzenNumber{low - step / 2, high + step / 2, false, 0};
  return ParzenNumber{low, high, d.log, step};
}

ParzenAxis axis_of(const CategoricalDomain& d) { return ParzenCategory{d.choices.size()}; }

/// Whether there is more than one value, and arithmetic can tell them apart.
bool worth_modelling(const ParzenAxis& axis) {
  if (const auto* category = std::get_if<ParzenCategory>(&axis)) return category->choices > 1;
  const auto& number = std::get<ParzenNumber>(axis);
  const double range =
      number.log ? std::log(number.high) - std::log(number.low) : number.high - number.low;
  return range > 1e-200 && std::isfinite(range);
}

/// The coordinate of a value; empty when the domain does not have it.
std::optional<double> coordinate(const FloatDomain& d, const Value& value) {
  double number = 0;
  if (const auto* real = std::get_if<double>(&value)) {
    number = *real;
  } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    number = static_cast<double>(*whole);
  } else {
    return std::nullopt;
  }
  return number >= d.low && number <= d.high ? std::optional(number) : std::nullopt;
}

std::optional<double> coordinate(const IntDomain& d, const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr || *number < d.low || *number > d.high) return std::nullopt;
  return static_cast<double>(*number);
}

std::optional<double> coordinate(const CategoricalDomain& d, const Value& value) {
  const auto found = std::ranges::find_if(
      d.choices, [&](const Value& choice) { return same_value(choice, value); });
  if (found == d.choices.end()) return std::nullopt;
  return static_cast<double>(found - d.choices.begin());
}

Value value_at(const FloatDomain& d, double x) {
  if (!d.step) return std::clamp(x, d.low, d.high);
  const double k = std::clamp(std::round((x - d.low) / *d.step), 0.0, last_step(d));
  return std::min(d.low + k * *d.step, d.high);
}

Value value_at(const IntDomain& d, double x) {
  const double k = std::round((x - static_cast<double>(d.low)) / static_cast<double>(d.step));
  const std::uint64_t last = last_step(d);
  const bool beyond = k >= static_cast<double>(last);
  const std::uint64_t steps = beyond ? last : static_cast<std::uint64_t>(std::max(k, 0.0));
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(d.low) +
                                   steps * static_cast<std::uint64_t>(d.step));
}

Value value_at(const CategoricalDomain& d, double x) {
  return d.choices[static_cast<std::size_t>(x)];
}

/// A parameter that is modelled.
struct Modelled {
  const Parameter* parameter = nullptr;
  ParzenAxis axis;
};

/// Empty when the parameter is drawn at random.
std::optional<Modelled> model_of(const Parameter& parameter) {
  const ParzenAxis axis =
      std::visit([](const auto& domain) { return axis_of(domain); }, parameter.domain);
  if (parameter.role != Role::Sampled || !worth_modelling(axis)) return std::nullopt;
  return Modelled{&parameter, axis};
}

/// The coordinates of the modelled parameters, which are in order of their names; false when the
/// trial lacks one of them.
bool read_row(const std::vector<Modelled>& modelled, const TrialRecord& trial,
              std::span<double> row) {
  // Both are in order of names, so that one walk finds all.
  auto entry = trial.params.begin();
  const auto end = trial.params.end();
  return std::ranges::all_of(modelled, [&](const Modelled& m) {
    int order = -1;
    while (entry != end && (order = entry->first.compare(m.parameter->name)) < 0) ++entry;
    if (entry == end || order != 0) return false;
    const auto x = std::visit([&](const auto& d) { return coordinate(d, entry->second); },
                              m.parameter->domain);
    if (x) row[static_cast<std::size_t>(&m - modelled.data())] = *x;
    return x.has_value();
  });
}

/// Of all that `read_row` depends on but the trial. Studies of different seeds are kept apart.
Fingerprint fingerprint_of(const std::vector<Modelled>& modelled, std::uint64_t seed) {
  Fingerprint all;
  all.add(seed);
  for (const Modelled& m : modelled) {
    all.add(m.parameter->name);
    all.add(m.parameter->domain);
  }
  return all;
}

/// Of the candidates, indices of points, that of the largest gain; of equals the first.
std::size_t best_gain(const ParzenMixture& good, const ParzenMixture& bad,
                      const std::vector<std::vector<double>>& points,
                      std::span<const std::size_t> candidates) {
  /// A candidate and what its gain may be.
  struct Contender {
    std::size_t point;
    ParzenMixture::Range above;  // of the good density
    double most;                 // for there is always the prior to divide by
  };
  std::vector<Contender> contenders;
  contenders.reserve(candidates.size());
  const auto above = good.log_density_ranges(points, candidates);
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const double most = above[i].high - bad.log_prior(points, candidates[i]);
    contenders.push_back({candidates[i], above[i], most});
  }
  // Most are left out before all kernels are looked at, and most of the others by ranges. What they
  // leave out cannot be the best.
  std::ranges::sort(contenders, [](const Contender& a, const Contender& b) {
    return a.most != b.most ? a.most > b.most : a.point < b.point;
  });
  double least = -std::numeric_limits<double>::infinity();
  for (std::size_t first = 0; first < contenders.size(); first += ParzenMixture::kTogether) {
    if (contenders[first].most < least) {
      contenders.resize(first);
      break;
    }
    const std::size_t count = std::min(ParzenMixture::kTogether, contenders.size() - first);
    std::array<std::size_t, ParzenMixture::kTogether> some{};
    for (std::size_t j = 0; j < count; ++j) some[j] = contenders[first + j].point;
    const auto below = bad.log_density_ranges(points, std::span(some).first(count));
    for (std::size_t j = 0; j < count; ++j) {
      Contender& contender = contenders[first + j];
      contender.most = contender.above.high - below[j].low;
      least = std::max(least, contender.above.low - below[j].high);
    }
  }
  std::erase_if(contenders, [&](const Contender& contender) { return contender.most < least; });
  if (contenders.size() == 1) return contenders.front().point;
  std::ranges::sort(contenders, {}, &Contender::point);
  std::vector<std::size_t> rest;
  for (const Contender& contender : contenders) rest.push_back(contender.point);
  std::vector<double> gains = good.log_density(points, rest);
  const std::vector<double> costs = bad.log_density(points, rest);
  for (std::size_t i = 0; i < gains.size(); ++i) gains[i] -= costs[i];
  const auto best = std::ranges::max_element(gains) - gains.begin();
  return rest[static_cast<std::size_t>(best)];
}

/// What is kept from question to question.
struct Memos {
  TpeRows scores;  ///< of what decides between good and bad
  TpeRows rows;    ///< of parameters
  TpeMixtures mixtures;
};

/// How a group of trials is modelled.
struct Manner {
  bool good = false;
  bool by_age = true;
  double prior_weight = 1;
};

/// The density of `samples` in the modelled parameters. Samples that lack one of them are left out.
std::unique_ptr<TpeMixture> mixture_of(const std::vector<Modelled>& modelled,
                                       std::span<const TpeTrial> trials,
                                       std::span<const Sample> samples, const Manner& manner,
                                       std::uint64_t seed, Memos& memos) {
  std::vector<ParzenAxis> axes;
  axes.reserve(modelled.size());
  for (const Modelled& m : modelled) axes.push_back(m.axis);
  const Fingerprint all = fingerprint_of(modelled, seed);
  const auto read = [&](const TrialRecord& trial, std::span<double> row) {
    if (!read_row(modelled, trial, row)) return false;
    prepare_observation(axes, row);
    return true;
  };
  const auto each = [&](const auto& use) {
    memos.rows.each(
        all, axes.size() + 1, samples.size(),
        [&](std::size_t i) -> const TpeTrial& { return trials[samples[i].position]; }, read, use);
  };
  TpeObserved observed;
  observed.by_age = manner.by_age;
  observed.names.reserve(samples.size());
  observed.counts.reserve(samples.size());
  std::vector<const TrialRecord*> whole;
  whole.reserve(samples.size());
  each([&](std::size_t i, std::uint64_t name, std::span<const double> /*row*/) {
    observed.names.push_back(name);
    observed.counts.push_back(samples[i].count);
    whole.push_back(trials[samples[i].position].record);
  });

  Fingerprint key = all;
  key.add(std::uint64_t{manner.good});
  std::unique_ptr<TpeMixture> kept = memos.mixtures.take(key.value());
  const auto read_again = [&](std::size_t i, std::span<double> row) { read(*whole[i], row); };
  if (kept && become(*kept, observed, read_again)) return kept;

  const std::size_t count = whole.size();
  ParzenObservations observations(axes.size(), count, count / 4);
  std::size_t next = 0;
  each([&](std::size_t /*i*/, std::uint64_t /*name*/, std::span<const double> row) {
    observations.set(next++, row);
  });
  std::vector<double> weights = observed.weights();
  return std::make_unique<TpeMixture>(
      TpeMixture{key.value(), std::move(observed),
                 ParzenMixture(std::move(axes), std::move(observations), std::move(weights),
                               manner.prior_weight)});
}

class TpeSampler final : public Sampler {
 public:
  explicit TpeSampler(TpeOptions options) : options_(std::move(options)) {}

  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    const std::optional<Groups> groups = groups_of(history, options_, memos_.scores);
    if (!groups) return random_->sample(space, history, rng);
    const bool single = history.objectives.size() == 1;
    const bool jointly = options_.multivariate.value_or(single);
    const auto& parameters = space.parameters();
    std::vector<bool> done(parameters.size(), false);
    Params params;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (done[i] || !space.active(parameters[i], params)) continue;
      if (!model_of(parameters[i])) {
        draw_at_random(parameters[i], rng, params);
        continue;
      }
      // Whatever has the same condition can be decided now: the names in it came before.
      const std::size_t end = jointly ? parameters.size() : i + 1;
      std::vector<Modelled> modelled;
      modelled.reserve(end - i);
      for (std::size_t j = i; j < end; ++j) {
        if (done[j] || parameters[j].when != parameters[i].when) continue;
        if (const auto model = model_of(parameters[j])) {
          done[j] = true;
          modelled.push_back(*model);
        }
      }
      decide(space, std::move(modelled), *groups, history, rng, params);
    }
    return params;
  }

 private:
  /// Adds the most promising of some points of the good trials' density.
  void decide(const SearchSpace& space, std::vector<Modelled> modelled, const Groups& groups,
              const History& history, const Rng& rng, Params& params) const {
    const bool good_by_age = history.objectives.size() == 1;
    Rng kernel_rng = rng.fork("tpe/" + modelled.front().parameter->name);
    std::ranges::sort(modelled, {}, [](const Modelled& m) { return m.parameter->name; });
    const double prior = options_.prior_weight;
    std::unique_ptr<TpeMixture> good_one = mixture_of(
        modelled, groups.trials, groups.good, {true, good_by_age, prior}, history.seed, memos_);
    std::unique_ptr<TpeMixture> bad_one =
        mixture_of(modelled, groups.trials, groups.bad, {false, true, prior}, history.seed, memos_);
    const ParzenMixture& good = good_one->mixture;
    const ParzenMixture& bad = bad_one->mixture;

    const auto n = static_cast<std::size_t>(options_.n_ei_candidates);
    std::vector<std::size_t> kernels(n);
    for (std::size_t& kernel : kernels) kernel = good.draw_kernel(kernel_rng);
    std::vector<std::vector<double>> points(modelled.size());
    for (std::size_t d = 0; d < modelled.size(); ++d) {
      Rng own = rng.fork(modelled[d].parameter->name);
      points[d] = good.draw(kernels, d, own);
    }

    const auto value_of = [&](std::size_t d, std::size_t i) {
      return std::visit([&](const auto& domain) { return value_at(domain, points[d][i]); },
                        modelled[d].parameter->domain);
    };
    const auto allowed = [&](std::size_t i) {
      if (space.constraints().empty()) return true;
      Params candidate = params;
      for (std::size_t d = 0; d < modelled.size(); ++d) {
        candidate[modelled[d].parameter->name] = value_of(d, i);
      }
      return space.allows(candidate);
    };
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < n; ++i) {
      if (allowed(i)) candidates.push_back(i);
    }
    const std::size_t best = candidates.empty() ? 0 : best_gain(good, bad, points, candidates);
    for (std::size_t d = 0; d < modelled.size(); ++d) {
      params[modelled[d].parameter->name] = value_of(d, best);
    }
    memos_.mixtures.put(std::move(good_one));
    memos_.mixtures.put(std::move(bad_one));
  }

  void draw_at_random(const Parameter& parameter, const Rng& rng, Params& params) const {
    const SearchSpace alone =
        SearchSpace().add(Parameter{parameter.name, parameter.role, parameter.domain});
    params.merge(random_->sample(alone, {}, rng));
  }

  TpeOptions options_;
  std::unique_ptr<Sampler> random_ = random_sampler();
  mutable Memos memos_;
};

void require(bool holds, const char* rule) {
  if (!holds) throw ConfigError(std::string("tpe: ") + rule);
}

}  // namespace

std::unique_ptr<Sampler> tpe_sampler(TpeOptions options) {
  require(options.n_startup_trials >= 1, "n_startup_trials must be at least 1");
  require(options.n_ei_candidates >= 1, "n_ei_candidates must be at least 1");
  require(options.prior_weight > 0 && std::isfinite(options.prior_weight),
          "prior_weight must be a number greater than 0");
  require(options.max_bad_trials >= 100, "max_bad_trials must be at least 100");
  return std::make_unique<TpeSampler>(std::move(options));
}

}  // namespace hypertune

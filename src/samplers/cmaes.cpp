// CMA-ES. Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772; separable: Ros and
// Hansen 2008; restarts: Auger and Hansen 2005 (IPOP), Hansen 2009 (BIPOP); integers after Hamano,
// Saito, Nomura and Shirakawa, "CMA-ES with margin", arXiv:2205.13482; learning rates: Nomura,
// Akimoto and Ono, arXiv:2304.03473; warm start: Nomura and others, arXiv:2012.06932.
//
// The distribution is replayed from the history: final trials by increasing number, cut into
// generations of the population's size. With one worker these are exactly the generations that were
// sampled; with several, some members were drawn a generation earlier, which CMA-ES tolerates.
// What the first trials led to is kept, so that most of them need not be replayed again.
//
// Deviations from Optuna's sampler and the package cmaes:
// - Nothing is pickled into the store, and no generation waits for its last member.
// - Restarts are built in (Optuna dropped them in 4.4) and on by default: without them a converged
//   search would go on to repeat its last point. The stopping bounds are those of the package; it
//   begins anew at a random point.
// - A pruned trial takes part, ranked behind every complete one: those that came further first,
//   then by their last report. Optuna leaves it out, and so learns from survivors alone.
// - The first trial is drawn from the distribution; Optuna draws it at random.
// - Learning rates are adapted under `diagonal` too, where the package does it for the full matrix
//   alone. A warm start has at least one best trial, however few there are.
// - A point far outside (enqueued, or drawn from an older distribution) is pulled towards the mean
//   before it counts, after Hansen, "Injecting external solutions into CMA-ES", arXiv:1110.4181,
//   but with a bound wide enough to leave the distribution's own points alone.
// - Margin: the deviation along an integer axis is enlarged, when a point is drawn, so that each
//   neighbor of the mean's integer keeps a probability of 1 / (2 d lambda), and steps along it are
//   scaled back when it counts. The paper moves the mean too; here the mean cannot leave the space.
//   Where in its integer's interval a trial lay is not stored: it is drawn anew from the
//   distribution cut to the interval, by a generator of the trial's and the parameter's own.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/loss.h"
#include "hypertune/error.h"
#include "hypertune/sampler.h"
#include "math/cma.h"
#include "math/truncated_normal.h"
#include "samplers/fingerprint.h"
#include "space/encoding.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr int kSmallestPopulation = 4;

using Axes = std::vector<const Parameter*>;

/// The parameters that the distribution covers.
Axes axes_of(const SearchSpace& space) {
  Axes axes;
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.role != Role::Sampled || parameter.when) continue;
    if (std::holds_alternative<CategoricalDomain>(parameter.domain)) continue;
    if (decode(parameter.domain, 0) != decode(parameter.domain, 1)) axes.push_back(&parameter);
  }
  return axes;
}

/// How good a trial is; less is better.
struct Rank {
  bool pruned = false;
  std::int64_t steps_missing = 0;  ///< of a pruned trial: minus its last step
  double value = 0;                ///< of the objective, the smaller the better
  bool operator<(const Rank& other) const {
    return std::tie(pruned, steps_missing, value) <
           std::tie(other.pruned, other.steps_missing, other.value);
  }
};

/// A final trial that counts.
struct Member {
  int number = 0;  ///< of the trial
  Rank rank;
  std::vector<double>
      point;  ///< [axes] in the unit cube; integers in the middle of their intervals
};

double value_in(const Metrics& metrics, const Objective& objective) {
  return loss(objective, metrics).value_or(kInfinity);
}

bool has_rank(const TrialRecord& trial) {
  return trial.state == TrialState::Complete ||
         (trial.state == TrialState::Pruned && !trial.reports.empty());
}

std::optional<Rank> rank_of(const TrialRecord& trial, const Objective& objective) {
  if (trial.state == TrialState::Complete) return Rank{.value = value_in(trial.metrics, objective)};
  if (!has_rank(trial)) return std::nullopt;
  const Report& last = trial.reports.back();
  return Rank{
      .pruned = true, .steps_missing = -last.step, .value = value_in(last.metrics, objective)};
}

/// Nothing when the trial lacks an axis or lies outside.
std::optional<Member> member_of(const Axes& axes, const TrialRecord& trial, const Rank& rank) {
  Member member{trial.number, rank, {}};
  member.point.reserve(axes.size());
  for (const Parameter* axis : axes) {
    const auto value = trial.params.find(axis->name);
    if (value == trial.params.end()) return std::nullopt;
    const auto unit = encode(axis->domain, value->second);
    if (!unit) return std::nullopt;
    member.point.push_back(*unit);
  }
  return member;
}

/// By how much the deviation along an axis is enlarged, so that the integers beside the mean's are
/// drawn with at least half of `margin` each; 1 on a continuous axis.
double enlargement(const Domain& domain, double mean, double deviation, double margin) {
  const UnitCell cell = unit_cell(domain, mean);
  if (cell.low == cell.high) return 1;
  const double below = cell.low > 0 ? mean - cell.low : 0;
  const double above = cell.high < 1 ? cell.high - mean : 0;
  const double deviations = -log_normal_quantile(std::log(margin / 2));
  return std::max(1.0, std::max(below, above) / (deviation * deviations));
}

std::vector<double> enlargements(const Axes& axes, const CmaDistribution& cma) {
  const double margin = 1.0 / (cma.dims() * cma.population_size());
  std::vector<double> result;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const double mean = std::clamp(cma.mean()[i], 0.0, 1.0);
    const double deviation = cma.deviation(static_cast<int>(i));
    result.push_back(enlargement(axes[i]->domain, mean, deviation, margin));
  }
  return result;
}

/// What begins after each convergence; see CmaesRestarts.
struct Regime {
  int population_size = 0;
  double sigma = 0;
  bool large = true;
};

/// Replays a study.
class Search {
 public:
  Search(const CmaesOptions& options, const Axes& axes, const History& history)
      : options_(options),
        keys_(Rng(history.seed).fork("cmaes")),
        regime_({options.population_size.value_or(
                     CmaDistribution::default_population_size(static_cast<int>(axes.size()))),
                 options.sigma0}),
        largest_population_(regime_.population_size),
        cma_(start(first_start(axes, history))) {}

  /// The same axes each time, and the same again to `draw`. Returns whether a generation is whole.
  bool add(const Axes& axes, Member member) {
    if (finished_) return false;
    generation_.push_back(std::move(member));
    if (generation_.size() < static_cast<std::size_t>(regime_.population_size)) return false;
    learn(axes);
    if (!converged()) return true;
    if (options_.restarts == CmaesRestarts::None) {
      finished_ = true;
    } else {
      restart();
    }
    return true;
  }

  /// Whether further trials change nothing.
  bool finished() const { return finished_; }

  /// A point of the unit cube for a new trial.
  std::vector<double> draw(const Axes& axes, Rng rng) {
    const std::vector<double> larger = enlargements(axes, cma_);
    const int attempts = 10 * cma_.dims();
    std::vector<double> z(axes.size());
    std::vector<double> x;
    for (int attempt = 0; attempt <= attempts; ++attempt) {
      for (double& number : z) number = rng.normal();
      x = cma_.point(z);
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = cma_.mean()[i] + larger[i] * (x[i] - cma_.mean()[i]);
      }
      if (std::ranges::all_of(x, [](double u) { return u >= 0 && u <= 1; })) break;
    }
    for (double& u : x) u = std::clamp(u, 0.0, 1.0);
    return x;
  }

 private:
  CovarianceShape shape() const {
    return options_.covariance == CmaesCovariance::Full ? CovarianceShape::Full
                                                        : CovarianceShape::Diagonal;
  }

  CmaDistribution start(CmaStart from) const {
    return {std::move(from), regime_.population_size, shape(),
            options_.learning_rate_adaptation ? CmaRate::Adapted : CmaRate::Fixed};
  }

  /// In the middle of the space, or where the best tenth of the earlier studies' trials lies.
  CmaStart first_start(const Axes& axes, const History& history) const {
    std::vector<Member> members;
    for (const TrialRecord& trial : history.earlier) {
      const auto rank = rank_of(trial, history.objectives.front());
      if (!rank) continue;
      if (auto member = member_of(axes, trial, *rank)) members.push_back(std::move(*member));
    }
    if (members.empty()) return {std::vector<double>(axes.size(), 0.5), regime_.sigma};
    std::ranges::stable_sort(members, std::less(), &Member::rank);
    const std::size_t best = std::max<std::size_t>(1, members.size() / 10);
    std::vector<std::vector<double>> points;
    for (std::size_t i = 0; i < best; ++i) points.push_back(std::move(members[i].point));
    return warm_start(points, shape());
  }

  void learn(const Axes& axes) {
    std::ranges::stable_sort(generation_, std::less(), &Member::rank);
    const std::vector<double> larger = enlargements(axes, cma_);
    std::vector<std::vector<double>> ranked;
    ranked.reserve(generation_.size());
    for (const Member& member : generation_) {
      ranked.push_back(counted(axes, member, larger));
    }
    follow(best_values_, generation_.front().rank.value);
    follow(worst_values_, generation_.back().rank.value);
    trials_of_run_ += static_cast<int>(generation_.size());
    cma_.update(ranked);
    generation_.clear();
  }

  /// The point as the distribution sees it: in its place within integers, not enlarged, and not so
  /// far away that it alone would burst the distribution.
  std::vector<double> counted(const Axes& axes, const Member& member,
                              const std::vector<double>& larger) {
    std::vector<double> x = member.point;
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double mean = cma_.mean()[i];
      const double deviation = larger[i] * cma_.deviation(static_cast<int>(i));
      const UnitCell cell = unit_cell(axes[i]->domain, x[i]);
      // The middle is as good where an interval is narrow.
      if (cell.high - cell.low > deviation / 10) {
        const auto stream = static_cast<std::uint64_t>(member.number);
        const double q = Rng(keys_.fork(axes[i]->name)(), stream).uniform();
        const double away = truncated_normal_quantile(q, (cell.low - mean) / deviation,
                                                      (cell.high - mean) / deviation);
        x[i] = mean + deviation * away;
      }
      x[i] = mean + (x[i] - mean) / larger[i];
    }
    // Of the distribution's own points, fewer than one in ten thousand lie further out.
    const double limit = std::sqrt(cma_.dims()) + 4;
    const double distance = cma_.distance(x);
    if (distance > limit) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = cma_.mean()[i] + (x[i] - cma_.mean()[i]) * limit / distance;
      }
    }
    return x;
  }

  /// How many generations tell whether the search still gets on.
  int window() const {
    return 10 + (30 * cma_.dims() + cma_.population_size() - 1) / cma_.population_size();
  }

  void follow(std::vector<double>& latest, double value) const {
    if (latest.size() == static_cast<std::size_t>(window())) latest.erase(latest.begin());
    latest.push_back(value);
  }

  bool converged() {
    constexpr double kSameValue = 1e-12;
    if (cma_.generation() > window()) {
      if (std::ranges::max(worst_values_) - std::ranges::min(best_values_) < kSameValue)
        return true;
    }
    return cma_.exhausted();
  }

  void restart() {
    (regime_.large ? trials_of_large_ : trials_of_small_) += trials_of_run_;
    ++runs_;
    Rng rng(keys_.fork("restart")(), static_cast<std::uint64_t>(runs_));
    const int first_population = first_population_size();
    if (options_.restarts == CmaesRestarts::Bipop && trials_of_small_ < trials_of_large_) {
      const double u = rng.uniform();
      const double ratio = largest_population_ / (2.0 * first_population);
      const double size = first_population * std::pow(ratio, u * u);
      const double sigma = options_.sigma0 * std::pow(10, -2 * rng.uniform());
      regime_ = {std::max(kSmallestPopulation, static_cast<int>(size)), sigma, false};
    } else {
      largest_population_ *= 2;
      regime_ = {largest_population_, options_.sigma0, true};
    }
    std::vector<double> mean(static_cast<std::size_t>(cma_.dims()));
    for (double& u : mean) u = rng.uniform();
    cma_ = start({std::move(mean), regime_.sigma});
    best_values_.clear();
    worst_values_.clear();
    trials_of_run_ = 0;
  }

  int first_population_size() const {
    return options_.population_size.value_or(CmaDistribution::default_population_size(cma_.dims()));
  }

  CmaesOptions options_;
  Rng keys_;
  Regime regime_;
  int largest_population_;
  CmaDistribution cma_;
  std::vector<Member> generation_;
  std::vector<double> best_values_;   ///< of the last generations since the last restart
  std::vector<double> worst_values_;  ///< the same
  bool finished_ = false;
  int runs_ = 0;
  int trials_of_run_ = 0;
  int trials_of_large_ = 0;
  int trials_of_small_ = 0;
};

/// Of a trial that has a rank. A final trial never changes: it is known by its id, its number and
/// when it ended, and one without a time by its values.
void add(Fingerprint& all, const TrialRecord& trial, const Objective& objective) {
  // A sum of products with odd numbers, so that but one step waits for the trial before.
  const std::uint64_t word = static_cast<std::uint64_t>(trial.id) * 0xA0761D6478BD642F +
                             static_cast<std::uint64_t>(trial.number) * 0xE7037ED1A0B428DB +
                             static_cast<std::uint64_t>(trial.state) * 0x8EBC6AF09C88C6E3;
  if (trial.ended) {
    const auto since = static_cast<std::uint64_t>(trial.ended->time_since_epoch().count());
    all.add(word + since * 0xEB44ACCAB455D165);
    return;
  }
  all.add(word);
  if (const auto rank = rank_of(trial, objective)) {
    all.add(rank->value);
    all.add(static_cast<std::uint64_t>(rank->steps_missing));
  }
  for (const auto& [name, value] : trial.params) {
    all.add(name);
    all.add(value);
  }
}

/// Of all that a replay depends on but the study's own trials.
Fingerprint fingerprint_of(const Axes& axes, const History& history) {
  Fingerprint all;
  all.add(history.seed);
  const Objective& objective = history.objectives.front();
  all.add(objective.metric);
  all.add(std::uint64_t{objective.direction == Direction::Maximize});
  for (const Parameter* axis : axes) {
    all.add(axis->name);
    all.add(axis->domain);
  }
  for (const TrialRecord& trial : history.earlier) {
    if (has_rank(trial)) add(all, trial, objective);
  }
  return all;
}

/// What the first trials of a study led to.
struct Landmark {
  Fingerprint setting;
  Fingerprint trials;     ///< begins with the setting
  std::size_t count = 0;  ///< of trials that have a rank
  Search search;
};

/// A place on the way through a history.
struct Stage {
  std::shared_ptr<const Landmark> landmark;  ///< null at the beginning
  std::size_t next = 0;                      ///< trial of the history
};

/// Some landmarks, the latest used ones. It changes how long an answer takes and nothing else: what
/// was replayed is a function of what the fingerprints are of. Thread-safe.
class Landmarks {
 public:
  /// The last landmark that the history passes.
  Stage furthest(const Fingerprint& setting, const History& history) {
    std::vector<std::shared_ptr<const Landmark>> possible;
    {
      const std::lock_guard lock(mutex_);
      std::ranges::copy_if(kept_, std::back_inserter(possible),
                           [&](const auto& landmark) { return landmark->setting == setting; });
    }
    std::ranges::sort(possible, {}, [](const auto& landmark) { return landmark->count; });
    Stage stage;
    Fingerprint trials = setting;
    std::size_t count = 0;
    auto candidate = possible.begin();
    for (std::size_t i = 0; i < history.trials.size() && candidate != possible.end(); ++i) {
      if (!has_rank(history.trials[i])) continue;
      add(trials, history.trials[i], history.objectives.front());
      ++count;
      for (; candidate != possible.end() && (*candidate)->count == count; ++candidate) {
        if ((*candidate)->trials == trials) stage = {*candidate, i + 1};
      }
    }
    return stage;
  }

  /// `used` may be null or new.
  void keep(const std::shared_ptr<const Landmark>& used) {
    if (!used) return;
    const std::lock_guard lock(mutex_);
    std::erase_if(kept_, [&](const auto& landmark) {
      return landmark == used ||
             (landmark->setting == used->setting && landmark->trials == used->trials);
    });
    if (kept_.size() == kMost) kept_.erase(kept_.begin());
    kept_.push_back(used);
  }

 private:
  // Under a lag, trials that are decided at the same time see histories of different lengths, and
  // studies may share a sampler.
  static constexpr std::size_t kMost = 32;
  std::mutex mutex_;  // guards kept_
  std::vector<std::shared_ptr<const Landmark>> kept_;
};

class CmaesSampler final : public Sampler {
 public:
  explicit CmaesSampler(const CmaesOptions& options) : options_(options) {
    if (options_.population_size.value_or(kSmallestPopulation) < kSmallestPopulation) {
      throw ConfigError("cmaes: population_size must be at least 4");
    }
    if (!(options_.sigma0 > 0 && options_.sigma0 <= 1)) {
      throw ConfigError("cmaes: sigma0 must be above 0 and at most 1");
    }
  }

  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    if (history.objectives.size() > 1) {
      throw ConfigError("the sampler cmaes takes one objective only; take nsga2 for several");
    }
    Params params;
    const Axes axes = axes_of(space);
    if (!axes.empty()) {
      const std::vector<double> point = replayed(axes, history).draw(axes, rng.fork("cmaes"));
      for (std::size_t i = 0; i < axes.size(); ++i) {
        params[axes[i]->name] = decode(axes[i]->domain, point[i]);
      }
    }
    params.merge(others_->sample(space.without(params), history, rng));
    return params;
  }

 private:
  /// What all trials of the history lead to.
  Search replayed(const Axes& axes, const History& history) const {
    if (history.objectives.empty()) return {options_, axes, history};
    constexpr std::size_t kStride = 64;  // of large generations, parts are kept too
    const Fingerprint setting = fingerprint_of(axes, history);
    auto [landmark, next] = landmarks_.furthest(setting, history);
    Search search = landmark ? landmark->search : Search(options_, axes, history);
    Fingerprint trials = landmark ? landmark->trials : setting;
    std::size_t count = landmark ? landmark->count : 0;
    for (; next < history.trials.size() && !search.finished(); ++next) {
      const TrialRecord& trial = history.trials[next];
      const auto rank = rank_of(trial, history.objectives.front());
      if (!rank) continue;
      add(trials, trial, history.objectives.front());
      ++count;
      auto member = member_of(axes, trial, *rank);
      const bool whole = member && search.add(axes, std::move(*member));
      if (whole || count >= (landmark ? landmark->count : 0) + kStride) {
        landmark = std::make_shared<const Landmark>(Landmark{setting, trials, count, search});
      }
    }
    landmarks_.keep(landmark);
    return search;
  }

  CmaesOptions options_;
  std::unique_ptr<Sampler> others_ = random_sampler();
  mutable Landmarks landmarks_;
};

}  // namespace

std::unique_ptr<Sampler> cmaes_sampler(const CmaesOptions& options) {
  return std::make_unique<CmaesSampler>(options);
}

}  // namespace hypertune

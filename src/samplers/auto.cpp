// The sampler that chooses among the others, by the space, the number of objectives, the budget and
// the number of workers. docs/algorithms/auto.md says why the bounds are what they are.
//
// A plan of stages follows from these alone; which stage answers follows from the trial's number.
// So a study switches once and never back, at the same trial however many workers ran it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "hypertune/error.h"
#include "hypertune/sampler.h"
#include "math/cma.h"
#include "space/points.h"

namespace hypertune {
namespace {

constexpr int kStartup = 10;
constexpr int kMostGpParameters = 20;
constexpr int kMostGpWorkers = 16;
constexpr int kModelTrials = 200;      ///< from here on an answer of gp costs more than it gains
constexpr int kGenerationTrials = 40;  ///< that cmaes needs for each parameter
constexpr int kMostGpTrialsOfSeveral = 200;
constexpr int kMostTpeTrialsOfSeveral = 500;
constexpr int kMostTpeTrialsOfMany = 200;  ///< with four objectives or more

enum class Method : std::uint8_t { Random, Qmc, Tpe, Gp, Cmaes, Nsga2, Nsga3 };

std::string_view name_of(Method method) {
  constexpr std::string_view kNames[] = {"random", "qmc", "tpe", "gp", "cmaes", "nsga2", "nsga3"};
  return kNames[static_cast<std::size_t>(method)];
}

/// What is searched.
struct Facts {
  int numeric = 0;
  int categorical = 0;
  int conditional = 0;  ///< of both kinds
  double points = 1;    ///< of the space, at most; conditions are not taken into account
  int total() const { return numeric + categorical; }
};

Facts facts_of(const SearchSpace& space) {
  Facts facts;
  for (const Parameter& parameter : space.parameters()) {
    const auto values = count_values(parameter.domain);
    if (parameter.role != Role::Sampled || values == 1) continue;
    facts.points *= values ? static_cast<double>(*values) : std::numeric_limits<double>::infinity();
    const bool category = std::holds_alternative<CategoricalDomain>(parameter.domain);
    ++(category ? facts.categorical : facts.numeric);
    facts.conditional += parameter.when ? 1 : 0;
  }
  return facts;
}

/// A method and the number of the first trial for which it answers.
struct Stage {
  Method method;
  int first;
};

struct Plan {
  std::vector<Stage> stages;
  int startup = 0;     ///< trials that must have ended before a model is asked
  int parameters = 0;  ///< that are searched
  std::string reason;
};

std::string parameters_text(const Facts& facts) {
  std::string text = count_of(facts.total(), "parameter");
  if (facts.categorical > 0) text += fmt::format(", {} of them categorical", facts.categorical);
  if (facts.conditional > 0) text += fmt::format(", {} conditional", facts.conditional);
  return text;
}

/// Why gp cannot model the space well; empty when it can.
std::string against_gp(const Facts& facts, int workers) {
  if (facts.total() > kMostGpParameters) {
    return fmt::format("more than {} parameters are too many for gp", kMostGpParameters);
  }
  if (workers > kMostGpWorkers) {
    return fmt::format("gp cannot keep {} workers apart", workers);
  }
  return {};
}

/// Whether the program suggests parameters one by one: then none of them is known together.
bool is_piecemeal(const SearchSpace& space, const History& history) {
  if (space.parameters().size() != 1) return false;
  const std::string& name = space.parameters().front().name;
  return std::ranges::any_of(history.trials, [&](const TrialRecord& trial) {
    return std::ranges::any_of(trial.params, [&](const auto& entry) {
      return entry.first != name && !space.fixed().contains(entry.first);
    });
  });
}

class AutoSampler final : public Sampler {
 public:
  explicit AutoSampler(AutoOptions options) : options_(std::move(options)), samplers_(made()) {}

  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    const Plan plan = plan_of(space, history);
    const Stage stage = plan.stages[stage_of(plan, history)];
    if (stage.method != Method::Cmaes) {
      return sampler_of(stage.method, plan).sample(space, history, rng);
    }
    // What the stages before found is where it starts.
    const auto from =
        std::ranges::lower_bound(history.trials, stage.first, {}, &TrialRecord::number);
    const auto before = static_cast<std::size_t>(from - history.trials.begin());
    History later = history;
    later.earlier = history.trials.first(before);
    later.trials = history.trials.subspan(before);
    return sampler_of(stage.method, plan).sample(space, later, rng);
  }

  std::string explain(const SearchSpace& space, const History& history) const override {
    const Plan plan = plan_of(space, history);
    const std::size_t current = stage_of(plan, history);
    std::vector<std::string> parts;
    if (current < wanted_stage(plan, history)) {
      parts.push_back(fmt::format("{} until {} have ended", name_of(plan.stages[current].method),
                                  count_of(plan.startup, "trial")));
    }
    for (std::size_t i = wanted_stage(plan, history); i < plan.stages.size(); ++i) {
      const auto& [method, first] = plan.stages[i];
      const bool last = i + 1 == plan.stages.size();
      if (last && first == 0) {
        parts.push_back(std::string(name_of(method)));
      } else if (last) {
        parts.push_back(fmt::format("{} from trial {} on", name_of(method), first));
      } else {
        parts.push_back(fmt::format("{} for trials {} to {}", name_of(method), first,
                                    plan.stages[i + 1].first - 1));
      }
    }
    return fmt::format("{}, because {}", join(parts, ", then "), plan.reason);
  }

 private:
  Plan plan_of(const SearchSpace& space, const History& history) const {
    const Facts facts = facts_of(space);
    Plan plan{.stages = {{Method::Random, 0}}, .startup = 0, .reason = "nothing is searched"};
    plan.parameters = facts.total();
    if (facts.total() == 0 || history.objectives.empty()) return plan;
    plan.startup =
        kStartup - static_cast<int>(std::min<std::size_t>(history.earlier.size(), kStartup));
    const bool piecemeal = is_piecemeal(space, history);
    if (facts.points <= options_.budget && !piecemeal) {
      plan.startup = 0;
      plan.reason = fmt::format("the space has no more points than the {} that are planned",
                                count_of(options_.budget, "trial"));
      return plan;
    }
    plan.stages.clear();
    if (plan.startup > 0) plan.stages.push_back({Method::Qmc, 0});
    if (piecemeal) {
      plan.stages.push_back({Method::Tpe, plan.startup});
      plan.reason = "the program asks for one parameter after the other";
    } else if (history.objectives.size() == 1) {
      add_stages_for_one(facts, plan);
    } else {
      add_stages_for_several(facts, static_cast<int>(history.objectives.size()), plan);
    }
    std::erase_if(plan.stages, [&](const Stage& stage) {
      return stage.first > 0 && stage.first >= std::max(options_.budget, history.number + 1);
    });
    return plan;
  }

  void add_stages_for_one(const Facts& facts, Plan& plan) const {
    const std::string obstacle = against_gp(facts, options_.workers);
    plan.stages.push_back({obstacle.empty() ? Method::Gp : Method::Tpe, plan.startup});
    plan.reason = fmt::format("the study has {}, one objective and a budget of {}",
                              parameters_text(facts), count_of(options_.budget, "trial"));
    if (!obstacle.empty()) plan.reason += ", and " + obstacle;
    if (options_.budget <= kModelTrials) return;
    const bool numeric = facts.categorical == 0 && facts.conditional == 0;
    const bool generations = options_.budget > kModelTrials + kGenerationTrials * facts.total();
    const bool cmaes = numeric && generations && options_.constraints.empty();
    if (cmaes || obstacle.empty()) {
      plan.stages.push_back({cmaes ? Method::Cmaes : Method::Tpe, kModelTrials});
    }
  }

  void add_stages_for_several(const Facts& facts, int objectives, Plan& plan) const {
    plan.reason =
        fmt::format("the study has {}, {} objectives and a budget of {}", parameters_text(facts),
                    objectives, count_of(options_.budget, "trial"));
    const bool many = objectives > 3;
    if (options_.budget > (many ? kMostTpeTrialsOfMany : kMostTpeTrialsOfSeveral)) {
      plan.stages.push_back({many ? Method::Nsga3 : Method::Nsga2, plan.startup});
      return;
    }
    const std::string obstacle =
        many ? "gp is for three objectives at most" : against_gp(facts, options_.workers);
    const bool gp = obstacle.empty() && options_.budget <= kMostGpTrialsOfSeveral;
    plan.stages.push_back({gp ? Method::Gp : Method::Tpe, plan.startup});
    if (!obstacle.empty()) plan.reason += ", and " + obstacle;
  }

  /// The one that the trial's number belongs to.
  static std::size_t wanted_stage(const Plan& plan, const History& history) {
    std::size_t stage = 0;
    while (stage + 1 < plan.stages.size() && plan.stages[stage + 1].first <= history.number)
      ++stage;
    return stage;
  }

  /// The one that answers: as long as too little has ended, the first.
  static std::size_t stage_of(const Plan& plan, const History& history) {
    const auto ended = std::ranges::count_if(history.trials, [](const TrialRecord& trial) {
      return trial.state == TrialState::Complete || trial.state == TrialState::Pruned;
    });
    return ended < plan.startup ? 0 : wanted_stage(plan, history);
  }

  const Sampler& sampler_of(Method method, const Plan& plan) const {
    if (method != Method::Cmaes) return *samplers_[static_cast<std::size_t>(method)];
    const int population =
        std::max(CmaDistribution::default_population_size(plan.parameters), options_.workers);
    const std::scoped_lock lock(mutex_);
    std::unique_ptr<Sampler>& cmaes = cmaes_[population];
    if (!cmaes) cmaes = cmaes_sampler({.population_size = population});
    return *cmaes;
  }

  /// Every method but cmaes, in the order of Method.
  std::vector<std::unique_ptr<Sampler>> made() const {
    std::vector<std::unique_ptr<Sampler>> all(static_cast<std::size_t>(Method::Nsga3) + 1);
    const auto at = [&](Method method) -> auto& { return all[static_cast<std::size_t>(method)]; };
    const auto& constraints = options_.constraints;
    at(Method::Random) = random_sampler();
    at(Method::Qmc) = qmc_sampler();
    // The plan sees to it that enough is known.
    at(Method::Tpe) = tpe_sampler({.n_startup_trials = 1, .constraints = constraints});
    at(Method::Gp) = gp_sampler({.n_startup_trials = 1, .constraints = constraints});
    at(Method::Nsga2) = nsga2_sampler({.population = population(), .constraints = constraints});
    at(Method::Nsga3) = nsga3_sampler({.population = population(), .constraints = constraints});
    return all;
  }

  /// Of a genetic sampler; as docs/algorithms/nsga2.md advises.
  int population() const {
    const int advised = options_.budget >= 5'000 ? 100 : options_.budget >= 1'000 ? 50 : 20;
    return std::max(advised, options_.workers);
  }

  AutoOptions options_;
  /// Kept, for some remember what they made of a history.
  std::vector<std::unique_ptr<Sampler>> samplers_;
  mutable std::mutex mutex_;                               // guards what follows
  mutable std::map<int, std::unique_ptr<Sampler>> cmaes_;  ///< by size of the population
};

}  // namespace

std::unique_ptr<Sampler> auto_sampler(AutoOptions options) {
  if (options.budget < 1) throw ConfigError("auto: budget must be at least 1");
  if (options.workers < 1) throw ConfigError("auto: workers must be at least 1");
  return std::make_unique<AutoSampler>(std::move(options));
}

}  // namespace hypertune

// Problems of categories and of parameters that exist only in some trials.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "quality/bbob.h"
#include "quality/problem_families.h"

namespace hypertune::bench {
namespace {

Rng rng_of(std::string_view name, int instance) {
  return Rng(static_cast<std::uint64_t>(instance)).fork(name);
}

/// Categories 0 to `choices` - 1 on each of the axes x0, x1, ...
SearchSpace categories(int dims, int choices) {
  SearchSpace space;
  std::vector<Value> values;
  for (int i = 0; i < choices; ++i) values.emplace_back(std::int64_t{i});
  for (int i = 0; i < dims; ++i) space.add(fmt::format("x{}", i), CategoricalDomain{values});
  return space;
}

std::vector<std::size_t> chosen(const Params& params, int dims) {
  std::vector<std::size_t> all;
  for (int i = 0; i < dims; ++i) {
    all.push_back(static_cast<std::size_t>(number(params, fmt::format("x{}", i))));
  }
  return all;
}

/// Costs of categories and of pairs of neighbors.
struct Chain {
  std::vector<std::vector<double>> single;             ///< [axis][category]
  std::vector<std::vector<std::vector<double>>> pair;  ///< [axis][category][next category]

  double cost(const std::vector<std::size_t>& x) const {
    double sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum += single[i][x[i]];
      if (i + 1 < x.size()) sum += pair[i][x[i]][x[i + 1]];
    }
    return sum;
  }

  /// By dynamic programming along the chain.
  double least() const {
    std::vector<double> so_far = single.front();
    for (std::size_t i = 0; i + 1 < single.size(); ++i) {
      std::vector<double> next;
      for (std::size_t b = 0; b < single[i + 1].size(); ++b) {
        double least_to_b = std::numeric_limits<double>::infinity();
        for (std::size_t a = 0; a < so_far.size(); ++a) {
          least_to_b = std::min(least_to_b, so_far[a] + pair[i][a][b]);
        }
        next.push_back(least_to_b + single[i + 1][b]);
      }
      so_far = std::move(next);
    }
    return *std::ranges::min_element(so_far);
  }
};

Problem problem_of(Chain chain, int dims, int choices) {
  Problem problem{"categorical", categories(dims, choices), 1, {}};
  problem.best = chain.least();
  problem.values = [chain = std::move(chain), dims](const Params& params) {
    return std::vector{chain.cost(chosen(params, dims))};
  };
  return problem;
}

/// The random course of a contamination, the same for all decisions.
struct FoodChain {
  static constexpr int kCourses = 100;
  int stages;
  std::vector<double> start;   ///< [course]
  std::vector<double> growth;  ///< [course * stages]
  std::vector<double> repair;  ///< [course * stages]

  FoodChain(int count, int instance) : stages(count) {
    Rng rng = rng_of("contamination", instance);
    // Beta(1, b) by its quantiles.
    const auto beta = [&](double b) { return 1 - std::pow(1 - rng.uniform(), 1 / b); };
    for (int k = 0; k < kCourses; ++k) {
      start.push_back(beta(30));
      for (int i = 0; i < stages; ++i) {
        growth.push_back(beta(17.0 / 3));
        repair.push_back(beta(3.0 / 7));
      }
    }
  }

  /// Prevention costs 1 at each stage where bit i of `decisions` is set, and so does the chance
  /// that more than a tenth is contaminated.
  double cost(unsigned decisions) const {
    constexpr double kTolerated = 0.1;
    double sum = 0;
    std::vector<double> share = start;
    for (int i = 0; i < stages; ++i) {
      const bool prevent = (decisions >> i & 1U) != 0;
      int violations = 0;
      for (std::size_t k = 0; k < share.size(); ++k) {
        const std::size_t at = k * static_cast<std::size_t>(stages) + static_cast<std::size_t>(i);
        share[k] = prevent ? (1 - repair[at]) * share[k] : growth[at] * (1 - share[k]) + share[k];
        if (share[k] > kTolerated) ++violations;
      }
      sum += (prevent ? 1 : 0) + static_cast<double>(violations) / kCourses;
    }
    return sum;
  }

  double least() const {
    double least = std::numeric_limits<double>::infinity();
    for (unsigned decisions = 0; decisions < 1U << stages; ++decisions) {
      least = std::min(least, cost(decisions));
    }
    return least;
  }
};

/// Branin's function of [0, 1]^2, less its least value.
double branin_excess(double u, double v) {
  constexpr double kPi = std::numbers::pi;
  const double x = 15 * u - 5;
  const double y = 15 * v;
  const double valley = y - 5.1 / (4 * kPi * kPi) * x * x + 5 / kPi * x - 6;
  return valley * valley + 10 * (1 - 1 / (8 * kPi)) * std::cos(x) + 10 - 0.39788735772973816;
}

/// Hartmann's function of [0, 1]^6, less its least value.
double hartmann_excess(const std::vector<double>& x) {
  constexpr double kHeights[] = {1, 1.2, 3, 3.2};
  constexpr double kSteepness[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                                       {0.05, 10, 17, 0.1, 8, 14},
                                       {3, 3.5, 1.7, 10, 17, 8},
                                       {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double kCenters[4][6] = {{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                     {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                     {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                     {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}};
  double sum = 0;
  for (int k = 0; k < 4; ++k) {
    double distance = 0;
    for (int i = 0; i < 6; ++i) {
      const double away = x[static_cast<std::size_t>(i)] - kCenters[k][i];
      distance += kSteepness[k][i] * away * away;
    }
    sum += kHeights[k] * std::exp(-distance);
  }
  return 3.322368011415515 - sum;
}

}  // namespace

Problem one_max_problem(int dims, int choices, int instance) {
  Rng rng = rng_of("one max", instance);
  std::vector<std::uint64_t> target;
  for (int i = 0; i < dims; ++i) {
    target.push_back(rng.below(static_cast<std::uint64_t>(choices)));
  }
  const auto count = static_cast<std::size_t>(choices);
  Chain chain;
  for (std::size_t i = 0; i < target.size(); ++i) {
    std::vector<double> single(count, 0.5 + rng.uniform());
    single[target[i]] = 0;
    chain.single.push_back(std::move(single));
    if (i + 1 == target.size()) break;
    const double odd = 0.5 * rng.uniform();
    std::vector<std::vector<double>> pair(count, std::vector<double>(count));
    for (std::size_t a = 0; a < count; ++a) {
      for (std::size_t b = 0; b < count; ++b) {
        if ((a == target[i]) != (b == target[i + 1])) pair[a][b] = odd;
      }
    }
    chain.pair.push_back(std::move(pair));
  }
  return problem_of(std::move(chain), dims, choices);
}

Problem chain_problem(int dims, int choices, int instance) {
  Rng rng = rng_of("chain", instance);
  const auto count = static_cast<std::size_t>(choices);
  const auto costs = [&] {
    std::vector<double> row(count);
    for (double& cost : row) cost = rng.normal();
    return row;
  };
  Chain chain;
  for (int i = 0; i < dims; ++i) {
    chain.single.push_back(costs());
    std::vector<std::vector<double>> pair(count);
    for (auto& row : pair) row = costs();
    if (i + 1 < dims) chain.pair.push_back(std::move(pair));
  }
  return problem_of(std::move(chain), dims, choices);
}

Problem contamination_problem(int stages, int instance) {
  FoodChain food(stages, instance);
  Problem problem{"categorical", categories(stages, 2), 1, {}};
  problem.best = food.least();
  problem.values = [food = std::move(food)](const Params& params) {
    unsigned decisions = 0;
    const auto x = chosen(params, food.stages);
    for (std::size_t i = 0; i < x.size(); ++i) decisions |= static_cast<unsigned>(x[i]) << i;
    return std::vector{food.cost(decisions)};
  };
  return problem;
}

Problem branin_or_hartmann_problem(int instance) {
  Problem problem{"conditional", {}, 1, {}};
  problem.space.add("branch", CategoricalDomain{{Value("branin"), Value("hartmann")}});
  for (int i = 0; i < 2; ++i) {
    problem.space.add(fmt::format("b{}", i), FloatDomain{0, 1}, Condition("branch == \"branin\""));
  }
  for (int i = 0; i < 6; ++i) {
    problem.space.add(fmt::format("h{}", i), FloatDomain{0, 1},
                      Condition("branch == \"hartmann\""));
  }
  Rng rng = rng_of("branin or hartmann", instance);
  std::vector<bool> flipped;
  for (int i = 0; i < 8; ++i) flipped.push_back(rng.uniform() < 0.5);
  const bool branin_wins = rng.uniform() < 0.5;
  problem.values = [=](const Params& params) {
    const auto unit = [&](char letter, int i) {
      const double u = number(params, fmt::format("{}{}", letter, i));
      return flipped[static_cast<std::size_t>(i + (letter == 'h' ? 2 : 0))] ? 1 - u : u;
    };
    constexpr double kWorse = 0.5;
    if (std::get<std::string>(params.at("branch")) == "branin") {
      // Scaled to the range of the other.
      return std::vector{branin_excess(unit('b', 0), unit('b', 1)) / 50 +
                         (branin_wins ? 0 : kWorse)};
    }
    std::vector<double> x;
    for (int i = 0; i < 6; ++i) x.push_back(unit('h', i));
    return std::vector{hartmann_excess(x) + (branin_wins ? kWorse : 0)};
  };
  return problem;
}

Problem three_branches_problem(int dims, int instance) {
  constexpr const char* kNames[] = {"sphere", "valley", "waves"};
  constexpr int kFunctions[] = {1, 8, 3};
  Problem problem{"conditional", {}, 1, {}};
  problem.space.add("branch",
                    CategoricalDomain{{Value(kNames[0]), Value(kNames[1]), Value(kNames[2])}});
  std::vector<BbobInstance> branches;
  for (int k = 0; k < 3; ++k) {
    for (int i = 0; i < dims; ++i) {
      problem.space.add(fmt::format("{}_{}", kNames[k], i), FloatDomain{-5, 5},
                        Condition(fmt::format("branch == \"{}\"", kNames[k])));
    }
    branches.push_back(bbob_instance(kFunctions[k], dims, instance));
  }
  problem.values = [=](const Params& params) {
    const auto& branch = std::get<std::string>(params.at("branch"));
    const auto k = static_cast<std::size_t>(std::ranges::find(kNames, branch) - kNames);
    std::vector<double> x;
    for (int i = 0; i < dims; ++i) x.push_back(number(params, fmt::format("{}_{}", branch, i)));
    // Which branch has the best optimum changes with the instance.
    const double offset = 0.2 * ((static_cast<int>(k) + instance) % 3);
    return std::vector{offset + std::log10(1 + bbob_excess(branches[k], x))};
  };
  return problem;
}

Problem layers_problem(int instance) {
  constexpr int kMost = 4;
  Problem problem{"conditional", {}, 1, {}};
  problem.space.add("layers", IntDomain{1, kMost});
  Rng rng = rng_of("layers", instance);
  const double right_count = 1 + static_cast<double>(rng.below(kMost));
  std::vector<double> right_width;
  std::vector<double> right_rate;
  for (int i = 1; i <= kMost; ++i) {
    const auto when = [i] {
      return i == 1 ? std::nullopt : std::optional(Condition(fmt::format("layers >= {}", i)));
    };
    problem.space.add(fmt::format("width{}", i), IntDomain{8, 512, true}, when());
    problem.space.add(fmt::format("rate{}", i), FloatDomain{0, 0.5}, when());
    right_width.push_back(3 + static_cast<double>(rng.below(7)));
    right_rate.push_back(0.5 * rng.uniform());
  }
  problem.values = [=](const Params& params) {
    const double count = number(params, "layers");
    double sum = 0.3 * std::abs(count - right_count);
    for (int i = 1; i <= static_cast<int>(count); ++i) {
      const auto k = static_cast<std::size_t>(i - 1);
      const double width = std::log2(number(params, fmt::format("width{}", i))) - right_width[k];
      const double rate = number(params, fmt::format("rate{}", i)) - right_rate[k];
      sum += (width * width / 9 + 4 * rate * rate) / count;
    }
    return std::vector{sum};
  };
  return problem;
}

}  // namespace hypertune::bench

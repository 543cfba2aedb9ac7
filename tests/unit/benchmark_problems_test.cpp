// The problems of bench/quality: known optima, published values, and how attempts are scored.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/files.h"
#include "base/json.h"
#include "hypertune/error.h"
#include "math/hypervolume.h"
#include "quality/bbob.h"
#include "quality/problem_families.h"
#include "quality/problems.h"
#include "space/encoding.h"

namespace hypertune::bench {
namespace {

using Row = std::vector<double>;

Params random_params(const SearchSpace& space, Rng rng) {
  Params params;
  for (const Parameter& parameter : space.parameters()) {
    if (!space.active(parameter, params)) continue;
    params[parameter.name] = decode(parameter.domain, rng.uniform());
  }
  return params;
}

Params numbered(const Row& x) {
  Params params;
  for (std::size_t i = 0; i < x.size(); ++i) params["x" + std::to_string(i)] = x[i];
  return params;
}

/// tests/interop/bbob_values.py made the file.
const Json& published() {
  static const Json kFile =
      parse_json(read_file(std::string(HYPERTUNE_SOURCE_DIR) + "/tests/unit/golden/bbob.json"));
  return kFile;
}

TEST(Bbob, FunctionsHaveThePublishedValuesAndOptima) {
  int compared = 0;
  for (const Json& each : published().at("cases")) {
    const auto optimum = each.at("optimum").get<Row>();
    const auto function = each.at("function").get<int>();
    const auto dims = static_cast<int>(optimum.size());
    const BbobInstance made = bbob_instance(function, dims, each.at("instance").get<int>());
    const std::string name = "f" + std::to_string(function) + " d" + std::to_string(dims);
    EXPECT_DOUBLE_EQ(made.best, each.at("best").get<double>()) << name;
    for (int i = 0; i < dims; ++i) {
      const auto k = static_cast<std::size_t>(i);
      EXPECT_NEAR(made.optimum[k], optimum[k], 1e-12) << name;
    }
    const Json& points = published().at("points").at(std::to_string(dims));
    for (std::size_t k = 0; k < points.size(); ++k) {
      const double excess = each.at("values").at(k).get<double>() - made.best;
      // Sums in another order; f19 loses digits in the cosines of large numbers.
      EXPECT_NEAR(bbob_excess(made, points[k].get<Row>()), excess, 1e-10 * (1 + excess)) << name;
      ++compared;
    }
  }
  EXPECT_EQ(compared, 24 * 3 * 3);
}

TEST(Bbob, NothingIsBetterThanTheOptimum) {
  for (int function = 1; function <= 24; ++function) {
    const BbobInstance made = bbob_instance(function, 5, 3);
    EXPECT_NEAR(bbob_excess(made, made.optimum), 0, 1e-9) << "f" << function;
    Rng rng(static_cast<std::uint64_t>(function));
    for (int k = 0; k < 200; ++k) {
      Row x = made.optimum;
      // Near by and far away.
      const double reach = std::pow(10, -4 * rng.uniform());
      for (double& each : x) each += reach * (2 * rng.uniform() - 1);
      EXPECT_GE(bbob_excess(made, x), -1e-9) << "f" << function;
    }
  }
}

TEST(Bbob, SeparableFunctionsAreSumsOverTheirAxes) {
  // f(a, b) + f(o, o) = f(a, o) + f(o, b) for a sum over the axes.
  const auto mixed_difference = [](int function) {
    const BbobInstance made = bbob_instance(function, 2, 1);
    const Row o = made.optimum;
    return bbob_excess(made, {o[0] + 0.7, o[1] - 1.1}) - bbob_excess(made, {o[0] + 0.7, o[1]}) -
           bbob_excess(made, {o[0], o[1] - 1.1});
  };
  for (const int function : {1, 2, 3, 4}) {
    EXPECT_NEAR(mixed_difference(function), 0, 1e-6) << "f" << function;
  }
  for (const int function : {6, 8, 10, 11, 12, 15}) {
    EXPECT_GT(std::abs(mixed_difference(function)), 1e-3) << "f" << function;
  }
}

TEST(Bbob, InstancesDifferInTheirOptima) {
  for (int function = 1; function <= 24; ++function) {
    std::set<Row> optima;
    for (int instance = 1; instance <= 8; ++instance) {
      optima.insert(bbob_instance(function, 5, instance).optimum);
    }
    // Some take corners alone, of which there are 32.
    EXPECT_GE(optima.size(), 6U) << "f" << function;
  }
}

TEST(BenchmarkProblems, MixedOptimaLieOnLevels) {
  const Problem problem = mixed_problem(1, 5, 7);
  // Over all levels of the whole coordinates, the sphere is least where each is.
  const BbobInstance made = bbob_instance(1, 5, 7);
  double least = 1e9;
  for (int a = 0; a < 2; ++a) {
    for (int b = 0; b < 4; ++b) {
      for (int c = 0; c < 8; ++c) {
        for (int d = 0; d < 16; ++d) {
          const Params params = {{"x0", Value(std::int64_t{a})},
                                 {"x1", Value(std::int64_t{b})},
                                 {"x2", Value(std::int64_t{c})},
                                 {"x3", Value(std::int64_t{d})},
                                 {"x4", Value(made.optimum[4])}};
          least = std::min(least, problem.values(params).front());
        }
      }
    }
  }
  EXPECT_NEAR(least, problem.best, 1e-9);
}

TEST(BenchmarkProblems, CategoricalOptimaAreThoseOfAFullSearch) {
  for (const Problem& problem : {one_max_problem(5, 3, 4), chain_problem(5, 3, 4)}) {
    double least = 1e9;
    for (int code = 0; code < 243; ++code) {
      Params params;
      for (int i = 0, rest = code; i < 5; ++i, rest /= 3) {
        params["x" + std::to_string(i)] = std::int64_t{rest % 3};
      }
      least = std::min(least, problem.values(params).front());
    }
    EXPECT_NEAR(least, problem.best, 1e-12);
  }
}

TEST(BenchmarkProblems, ContaminationCostsWhatIsPreventedAndWhatIsNot) {
  const Problem problem = contamination_problem(6, 2);
  const auto cost = [&](std::int64_t decision) {
    Params params;
    for (int i = 0; i < 6; ++i) params["x" + std::to_string(i)] = decision;
    return problem.values(params).front();
  };
  // All prevented: 6, and few violations. None: at most 6 violations and nothing to pay.
  EXPECT_GE(cost(1), 6);
  EXPECT_LT(cost(1), 6.6);
  EXPECT_GT(cost(0), 0);
  EXPECT_LE(cost(0), 6);
  EXPECT_LE(problem.best, std::min(cost(0), cost(1)));
}

TEST(BenchmarkProblems, BranchesReachZeroInOneBranchOnly) {
  // The published optima of Branin and Hartmann, which an instance may mirror.
  const Row branin = {(std::numbers::pi + 5) / 15, 2.275 / 15};
  const Row hartmann = {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573};
  const auto least = [](const Problem& problem, const std::string& branch, const Row& at) {
    double found = 1e9;
    for (unsigned mirrored = 0; mirrored < 1U << at.size(); ++mirrored) {
      Params params = {{"branch", Value(branch)}};
      for (std::size_t i = 0; i < at.size(); ++i) {
        params[branch.substr(0, 1) + std::to_string(i)] =
            (mirrored >> i & 1U) != 0 ? 1 - at[i] : at[i];
      }
      found = std::min(found, problem.values(params).front());
    }
    return found;
  };
  for (int instance = 1; instance <= 6; ++instance) {
    const Problem problem = branin_or_hartmann_problem(instance);
    const double a = least(problem, "branin", branin);
    const double b = least(problem, "hartmann", hartmann);
    EXPECT_NEAR(std::min(a, b), 0, 1e-5);
    EXPECT_NEAR(std::max(a, b), 0.5, 1e-5);
  }
}

TEST(BenchmarkProblems, FrontsOfSeveralObjectivesHaveTheStatedVolume) {
  // Points of the front alone, so many that little of its volume is missing.
  constexpr int kPoints = 4000;
  for (const int function : {1, 2, 3}) {
    const Problem problem = zdt_problem(function, 6);
    Row points;
    for (int k = 0; k <= kPoints; ++k) {
      const auto values = problem.values(numbered({1.0 * k / kPoints, 0, 0, 0, 0, 0}));
      points.insert(points.end(), values.begin(), values.end());
    }
    const double volume = hypervolume({points, 2}, problem.reference);
    EXPECT_LT(volume, problem.best + 1e-6) << "ZDT" << function;
    EXPECT_NEAR(volume, problem.best, 0.005) << "ZDT" << function;
  }
  // DTLZ2: nothing lies inside of the sphere around 0 whose volume is taken off.
  const Problem problem = dtlz2_problem(6, 3);
  for (std::uint64_t k = 0; k < 500; ++k) {
    const auto v = problem.values(random_params(problem.space, Rng(k)));
    EXPECT_GE(std::hypot(v[0], v[1], v[2]), 1 - 1e-12);
    EXPECT_LE(*std::ranges::max_element(v), problem.reference[0]);
  }
}

TEST(BenchmarkProblems, NoTrialOfAnyProblemBeatsItsBest) {
  std::set<std::string> families;
  for (const std::string& name : problem_names(false)) {
    const Problem problem = make_problem(name, 2);
    families.insert(problem.family);
    Attempt attempt(problem, 2);
    for (std::uint64_t k = 0; k < 20; ++k) {
      const auto values = attempt.evaluate(random_params(problem.space, Rng(k)));
      EXPECT_EQ(values.size(), static_cast<std::size_t>(problem.objectives)) << name;
    }
    EXPECT_GE(attempt.regret(), -1e-9) << name;
    EXPECT_TRUE(std::isfinite(attempt.regret())) << name;
  }
  EXPECT_THAT(families, ::testing::ElementsAre("bbob", "categorical", "conditional", "mixed",
                                               "noisy", "several"));
  EXPECT_GE(problem_names(true).size(), 30U);
  EXPECT_THROW(make_problem("bbob-f25-d2", 1), Error);
}

TEST(BenchmarkProblems, NoiseHidesTheTrueValueThatCounts) {
  const Problem problem = noisy_problem(1, 2, 1);
  ASSERT_GT(problem.noise, 0);
  Attempt attempt(problem, 5);
  const Params params = numbered({1, 1});
  const double truth = problem.values(params).front();
  const double first = attempt.evaluate(params).front();
  const double second = attempt.evaluate(params).front();
  EXPECT_NE(first, second);
  EXPECT_NE(first, truth);
  EXPECT_DOUBLE_EQ(attempt.regret(), truth - problem.best);
  // The noise is that of the seed.
  EXPECT_EQ(Attempt(problem, 5).evaluate(params).front(), first);
  EXPECT_NE(Attempt(problem, 6).evaluate(params).front(), first);
}

}  // namespace
}  // namespace hypertune::bench

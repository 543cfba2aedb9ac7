// The gp sampler: what it learns from, where it goes, and that it finds minima.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "hypertune/error.h"
#include "hypertune/sampler.h"
#include "hypertune/stopper.h"
#include "math/hypervolume.h"

namespace hypertune {
namespace {

const std::vector<Objective> kLoss = {{"loss", Direction::Minimize}};
constexpr std::uint64_t kSeed = 20;

TrialRecord trial_of(int number, Params params, TrialState state, Metrics metrics = {}) {
  TrialRecord trial;
  trial.number = number;
  trial.state = state;
  trial.params = std::move(params);
  trial.metrics = std::move(metrics);
  return trial;
}

/// Numbers in [0, 1] called x0, x1, ...
SearchSpace cube(int dims) {
  SearchSpace space;
  for (int d = 0; d < dims; ++d) space.add("x" + std::to_string(d), FloatDomain{0, 1});
  return space;
}

std::vector<double> point_of(const Params& params) {
  std::vector<double> x;
  for (const auto& [name, value] : params) x.push_back(*as_number(value));
  return x;
}

/// Along a line, best at `best`.
std::vector<TrialRecord> valley(int trials, double best) {
  std::vector<TrialRecord> records;
  for (int i = 0; i < trials; ++i) {
    const double x = (i * 7 % trials + 0.5) / trials;
    records.push_back(
        trial_of(i, {{"x0", x}}, TrialState::Complete, {{"loss", (x - best) * (x - best)}}));
  }
  return records;
}

Params ask(const Sampler& sampler, const SearchSpace& space, const std::vector<TrialRecord>& trials,
           const std::vector<Objective>& objectives = kLoss, std::uint64_t seed = kSeed) {
  const int number = trials.empty() ? 0 : trials.back().number + 1;
  const auto draw = static_cast<std::uint64_t>(number);
  const History history{objectives, trials, seed, number, draw};
  return sampler.sample(space, history, Rng::for_trial(seed, draw));
}

double x_of(const Params& params) { return std::get<double>(params.at("x0")); }

using Evaluate = std::function<Metrics(const Params&)>;

/// A study of so many trials, one after the other.
std::vector<TrialRecord> run(const Sampler& sampler, const SearchSpace& space, int trials,
                             const Evaluate& evaluate,
                             const std::vector<Objective>& objectives = kLoss,
                             std::uint64_t seed = kSeed) {
  std::vector<TrialRecord> records;
  for (int number = 0; number < trials; ++number) {
    Params params = ask(sampler, space, records, objectives, seed);
    Metrics metrics = evaluate(params);
    records.push_back(trial_of(number, std::move(params), TrialState::Complete, metrics));
    for (const Parameter& p : space.parameters()) {
      if (records.back().params.contains(p.name)) records.back().domains.set(p.name, p.domain);
    }
  }
  return records;
}

double best_of(const std::vector<TrialRecord>& trials, const std::string& metric = "loss") {
  double best = std::numeric_limits<double>::infinity();
  for (const TrialRecord& trial : trials) best = std::min(best, trial.metrics.at(metric));
  return best;
}

/// How far above its minimum the function of Branin is.
double branin(const std::vector<double>& u) {
  constexpr double pi = std::numbers::pi;
  const double x = 15 * u[0] - 5;
  const double y = 15 * u[1];
  const double t = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
  return t * t + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10 - 0.397887;
}

/// The same for Hartmann's function of six variables; most of the cube is above 2.
double hartmann6(const std::vector<double>& u) {
  constexpr double a[4][6] = {{10, 3, 17, 3.5, 1.7, 8},
                              {0.05, 10, 17, 0.1, 8, 14},
                              {3, 3.5, 1.7, 10, 17, 8},
                              {17, 8, 0.05, 10, 0.1, 14}};
  constexpr double p[4][6] = {{.1312, .1696, .5569, .0124, .8283, .5886},
                              {.2329, .4135, .8307, .3736, .1004, .9991},
                              {.2348, .1451, .3522, .2883, .3047, .6650},
                              {.4047, .8828, .8732, .5743, .1091, .0381}};
  constexpr double heights[4] = {1, 1.2, 3, 3.2};
  double sum = 3.32237;
  for (std::size_t i = 0; i < 4; ++i) {
    double squared = 0;
    for (std::size_t d = 0; d < 6; ++d) squared += a[i][d] * (u[d] - p[i][d]) * (u[d] - p[i][d]);
    sum -= heights[i] * std::exp(-squared);
  }
  return sum;
}

Evaluate loss_of(double (*function)(const std::vector<double>&)) {
  return [=](const Params& params) { return Metrics{{"loss", function(point_of(params))}}; };
}

TEST(Gp, FindsTheMinimumOfBranin) {
  // Random search is above 0.3 in 40 trials nine times out of ten.
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto gp = run(*gp_sampler(), cube(2), 40, loss_of(branin), kLoss, seed);
    EXPECT_LT(best_of(gp), 0.02) << seed;
  }
}

TEST(Gp, BeatsRandomSearchOnHartmann) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto gp = run(*gp_sampler(), cube(6), 50, loss_of(hartmann6), kLoss, seed);
    const auto random = run(*random_sampler(), cube(6), 200, loss_of(hartmann6), kLoss, seed);
    EXPECT_LT(best_of(gp), 0.6) << seed;
    EXPECT_LT(best_of(gp), best_of(random) - 0.2) << seed;
  }
}

TEST(Gp, FillsTheSpaceEvenlyUntilEnoughTrialsAreComplete) {
  std::vector<TrialRecord> trials = valley(9, 0.3);
  trials.push_back(trial_of(9, {{"x0", 0.5}}, TrialState::Failed));
  trials.push_back(trial_of(10, {{"x0", 0.6}}, TrialState::Running));
  const auto even = qmc_sampler();
  EXPECT_EQ(ask(*gp_sampler(), cube(1), trials), ask(*even, cube(1), trials));
  EXPECT_NE(ask(*gp_sampler({.n_startup_trials = 9}), cube(1), trials),
            ask(*even, cube(1), trials));
}

TEST(Gp, MaximizesWhenToldTo) {
  std::vector<TrialRecord> trials = valley(20, 0.4);
  for (TrialRecord& trial : trials) trial.metrics["loss"] *= -1;
  const double x = x_of(ask(*gp_sampler(), cube(1), trials, {{"loss", Direction::Maximize}}));
  EXPECT_NEAR(x, 0.4, 0.05);
}

TEST(Gp, AnswersAlikeForTheSameHistory) {
  const std::vector<TrialRecord> trials = valley(30, 0.3);
  const auto sampler = gp_sampler();
  const Params first = ask(*sampler, cube(1), trials);
  ask(*sampler, cube(1), valley(40, 0.9));
  EXPECT_EQ(ask(*sampler, cube(1), trials), first);
  EXPECT_EQ(ask(*gp_sampler(), cube(1), trials), first);
}

TEST(Gp, KeepsAwayFromWhatRuns) {
  auto trials = run(*gp_sampler(), cube(2), 15, loss_of(branin));
  const auto ask_as = [&](int number) {
    const History history{kLoss, trials, kSeed, number, static_cast<std::uint64_t>(number)};
    return point_of(gp_sampler()->sample(cube(2), history, Rng::for_trial(kSeed, history.draw)));
  };
  const auto distance = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1]);
  };
  const std::vector<double> first = ask_as(15);
  EXPECT_LT(distance(first, ask_as(16)), 0.01) << "while the first is not known to run";
  trials.push_back(trial_of(15, {{"x0", first[0]}, {"x1", first[1]}}, TrialState::Running));
  EXPECT_GT(distance(first, ask_as(16)), 0.03);
}

TEST(Gp, SpreadsManyWorkersOverTheSpace) {
  std::vector<TrialRecord> trials = run(*gp_sampler(), cube(2), 15, loss_of(branin));
  std::vector<std::vector<double>> points;
  for (int i = 0; i < 8; ++i) {
    Params params = ask(*gp_sampler(), cube(2), trials);
    points.push_back(point_of(params));
    trials.push_back(trial_of(15 + i, std::move(params), TrialState::Running));
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_GT(std::hypot(points[i][0] - points[j][0], points[i][1] - points[j][1]), 0.01);
    }
  }
}

TEST(Gp, IgnoresFailedAndUndecidedTrialsAndTheOneInQuestion) {
  const std::vector<TrialRecord> plain = valley(20, 0.7);
  std::vector<TrialRecord> more = plain;
  more.push_back(trial_of(20, {}, TrialState::Running));
  more.push_back(trial_of(21, {{"x0", 0.7}}, TrialState::Failed));
  more.push_back(trial_of(22, {{"x0", 0.7}}, TrialState::Waiting));
  more.push_back(trial_of(23, {{"x0", 0.7}}, TrialState::Running));
  more.push_back(trial_of(24, {{"x0", 7.0}}, TrialState::Complete, {{"loss", -10.0}}));
  more.push_back(trial_of(25, {{"x0", 0.5}}, TrialState::Complete, {{"other", -10.0}}));
  const History before{kLoss, plain, kSeed, 23, 1};
  const History after{kLoss, more, kSeed, 23, 1};
  const Rng rng = Rng::for_trial(kSeed, 1);
  EXPECT_EQ(gp_sampler()->sample(cube(1), before, rng), gp_sampler()->sample(cube(1), after, rng));
}

TEST(Gp, TakesInfiniteAndPrunedValuesForBadOnes) {
  std::vector<TrialRecord> trials = valley(20, 0.8);
  for (TrialRecord& trial : trials) {
    const double x = x_of(trial.params);
    if (x > 0.7) trial.metrics["loss"] = std::numeric_limits<double>::infinity();
    if (x < 0.3) {
      trial.state = TrialState::Pruned;
      trial.reports.push_back({1, {{"loss", -5.0}}});  // as if it were the best
      trial.metrics.clear();
    }
  }
  const double x = x_of(ask(*gp_sampler({.n_startup_trials = 8}), cube(1), trials));
  EXPECT_GT(x, 0.5);
  EXPECT_LT(x, 0.75);
}

TEST(Gp, SeesTheValleyThroughNoise) {
  // Deviation 0.1 around a valley that is 0.25 deep; a noiseless model would chase the noise.
  Rng noise(3);
  const auto evaluate = [&](const Params& params) {
    const double x = x_of(params);
    return Metrics{{"loss", (x - 0.3) * (x - 0.3) + 0.1 * noise.normal()}};
  };
  const auto trials = run(*gp_sampler(), cube(1), 45, evaluate);
  int near = 0;
  for (std::size_t i = 30; i < trials.size(); ++i) {
    near += std::abs(x_of(trials[i].params) - 0.3) < 0.2 ? 1 : 0;
  }
  EXPECT_GE(near, 8);  // of 15; evenly spread points would be 6
}

SearchSpace mixed() {
  return SearchSpace()
      .add("rate", FloatDomain{1e-4, 1, true})
      .add("width", IntDomain{1, 200})
      .add("depth", IntDomain{1, 8})
      .add("kind", CategoricalDomain{{std::string("a"), std::string("b"), std::string("c")}})
      .add("extra", FloatDomain{0, 1}, Condition("kind == 'b'"));
}

/// Least, 0, at rate 0.01, width 120, depth 3, kind b and extra 0.25.
Metrics mixed_loss(const Params& params) {
  const double rate = std::log10(std::get<double>(params.at("rate"))) + 2;
  const double width = (*as_number(params.at("width")) - 120) / 100;
  const double depth = *as_number(params.at("depth")) - 3;
  const auto extra = params.find("extra");
  const double rest =
      extra == params.end() ? 2 : 4 * std::abs(std::get<double>(extra->second) - 0.25);
  return {{"loss", rate * rate + 4 * width * width + 0.3 * depth * depth + rest}};
}

TEST(Gp, SearchesNumbersCategoriesAndConditionsTogether) {
  for (const std::uint64_t seed : {1, 2}) {
    const auto gp = run(*gp_sampler(), mixed(), 50, mixed_loss, kLoss, seed);
    const auto random = run(*random_sampler(), mixed(), 200, mixed_loss, kLoss, seed);
    EXPECT_LT(best_of(gp), 0.2) << seed;
    EXPECT_LT(best_of(gp), best_of(random)) << seed;
  }
}

TEST(Gp, LearnsFromOtherGridPointsWhatTheyHaveInCommon) {
  // The second cell has three trials of its own, all of them on one side of the valley.
  SearchSpace space = cube(1);
  space.grid("cell", {std::int64_t{0}, std::int64_t{1}});
  std::vector<TrialRecord> trials = valley(20, 0.4);
  for (TrialRecord& trial : trials) trial.params["cell"] = std::int64_t{0};
  for (const double x : {0.8, 0.9, 1.0}) {
    trials.push_back(trial_of(static_cast<int>(trials.size()),
                              {{"x0", x}, {"cell", std::int64_t{1}}}, TrialState::Complete,
                              {{"loss", 0.05 + (x - 0.4) * (x - 0.4)}}));
  }
  for (TrialRecord& trial : trials) {
    for (const Parameter& p : space.parameters()) trial.domains.set(p.name, p.domain);
  }
  const Params params = ask(*gp_sampler(), space.without({{"cell", std::int64_t{1}}}), trials);
  EXPECT_EQ(params.size(), 1U);
  EXPECT_NEAR(x_of(params), 0.4, 0.1);
  const Params other = ask(*gp_sampler(), space.without({{"cell", std::int64_t{0}}}), trials);
  EXPECT_NEAR(x_of(other), 0.4, 0.05);
}

TEST(Gp, BeginsWhereOtherStudiesWereGood) {
  std::vector<TrialRecord> earlier = valley(20, 0.3);
  for (TrialRecord& trial : earlier) trial.metrics["loss"] += 1000;  // another offset
  const std::vector<TrialRecord> own = {
      trial_of(0, {{"x0", 0.9}}, TrialState::Complete, {{"loss", 0.36}})};
  History history{kLoss, own, kSeed, 1, 1};
  const Rng rng = Rng::for_trial(kSeed, 1);
  EXPECT_EQ(gp_sampler()->sample(cube(1), history, rng),
            qmc_sampler()->sample(cube(1), history, rng));
  history.earlier = earlier;
  EXPECT_NEAR(x_of(gp_sampler()->sample(cube(1), history, rng)), 0.3, 0.15);
  history.trials = {};
  EXPECT_NEAR(x_of(gp_sampler()->sample(cube(1), history, rng)), 0.3, 0.15);
}

TEST(Gp, FollowsConstraintsToTheirEdge) {
  // Without the constraint the minimum lies at (0, 0); with it at (1, 0), at the end of the edge.
  const auto evaluate = [](const Params& params) {
    const auto x = point_of(params);
    return Metrics{{"loss", x[0] + 2 * x[1]}, {"excess", 1 - x[0] - x[1]}};
  };
  const auto trials = run(*gp_sampler({.constraints = {"excess"}}), cube(2), 40, evaluate);
  int far_out = 0;
  double best = 3;
  for (std::size_t i = 10; i < trials.size(); ++i) {
    const double excess = trials[i].metrics.at("excess");
    far_out += excess > 0.1 ? 1 : 0;
    if (excess <= 0) best = std::min(best, trials[i].metrics.at("loss"));
  }
  EXPECT_LE(far_out, 3);  // of 30
  EXPECT_LT(best, 1.02);
}

TEST(Gp, LooksForFeasiblePlacesWhileThereAreNone) {
  const auto evaluate = [](const Params& params) {
    const auto x = point_of(params);
    return Metrics{{"loss", x[0]}, {"excess", std::hypot(x[0] - 0.8, x[1] - 0.7) - 0.05}};
  };
  const auto trials = run(*gp_sampler({.constraints = {"excess"}}), cube(2), 30, evaluate);
  EXPECT_LE(best_of(trials, "excess"), 0);
}

TEST(Gp, WidensTheFrontOfTwoObjectivesMoreThanRandomSearch) {
  const std::vector<Objective> both = {{"f", Direction::Minimize}, {"g", Direction::Minimize}};
  // The problem ZDT1 in four dimensions; random points stay far from its front.
  const auto evaluate = [](const Params& params) {
    const auto x = point_of(params);
    const double g = 1 + 3 * (x[1] + x[2] + x[3]);
    return Metrics{{"f", x[0]}, {"g", g * (1 - std::sqrt(x[0] / g))}};
  };
  const auto volume = [](const std::vector<TrialRecord>& trials) {
    std::vector<double> points;
    for (const TrialRecord& trial : trials) {
      points.push_back(trial.metrics.at("f"));
      points.push_back(trial.metrics.at("g"));
    }
    const std::vector<double> reference = {1.1, 3.0};
    return hypervolume({points, 2}, reference);
  };
  const auto gp = run(*gp_sampler({.n_candidates = 256}), cube(4), 40, evaluate, both);
  const auto random = run(*random_sampler(), cube(4), 200, evaluate, both);
  // The front encloses 2.93 of 3.3.
  EXPECT_GT(volume(gp), 2.7);
  EXPECT_GT(volume(gp), volume(random) + 0.2);
}

TEST(Gp, SpreadsPendingTrialsOfSeveralObjectives) {
  const std::vector<Objective> both = {{"f", Direction::Minimize}, {"g", Direction::Minimize}};
  const auto evaluate = [](const Params& params) {
    const double x = x_of(params);
    return Metrics{{"f", x * x}, {"g", (x - 1) * (x - 1)}};
  };
  auto trials = run(*gp_sampler({.n_candidates = 128}), cube(1), 14, evaluate, both);
  const double first = x_of(ask(*gp_sampler(), cube(1), trials, both));
  trials.push_back(trial_of(14, {{"x0", first}}, TrialState::Running));
  EXPECT_GT(std::abs(x_of(ask(*gp_sampler(), cube(1), trials, both)) - first), 1e-3);
}

TEST(Gp, KeepsToTheConstraintsOfTheSpace) {
  SearchSpace space = cube(2);
  space.constraint(Condition("x0 + x1 >= 1"));
  std::vector<TrialRecord> trials;
  Rng rng(7);
  for (int i = 0; i < 15; ++i) {
    const double x = rng.uniform();
    const double y = 1 - x + x * rng.uniform();
    trials.push_back(trial_of(i, {{"x0", x}, {"x1", y}}, TrialState::Complete, {{"loss", x + y}}));
  }
  for (int i = 15; i < 20; ++i) {
    Params params = ask(*gp_sampler(), space, trials);
    const auto x = point_of(params);
    EXPECT_GE(x[0] + x[1], 1);
    trials.push_back(trial_of(i, std::move(params), TrialState::Complete, {{"loss", x[0] + x[1]}}));
  }
}

TEST(Gp, TriesEachPointOfAFiniteSpaceOnce) {
  const SearchSpace space = SearchSpace()
                                .add("i", IntDomain{1, 5})
                                .add("c", CategoricalDomain{{true, false}})
                                .add("s", FloatDomain{.low = 0, .high = 1, .step = 0.5});
  // The startup trials may repeat points; those of the model do not.
  auto trials = run(*gp_sampler(), space, 25, [](const Params& params) {
    return Metrics{{"loss", *as_number(params.at("i")) + *as_number(params.at("s"))}};
  });
  for (std::size_t i = 10; i < trials.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(trials[i].params, trials[j].params);
  }
}

TEST(Gp, LearnsFromHugeAndTinyValuesAsFromOthers) {
  const Params expected = ask(*gp_sampler(), cube(1), valley(15, 0.3));
  for (const double factor : {0x1p+1000, 0x1p-1000}) {
    std::vector<TrialRecord> trials = valley(15, 0.3);
    for (TrialRecord& trial : trials) trial.metrics["loss"] *= factor;
    EXPECT_EQ(ask(*gp_sampler(), cube(1), trials), expected) << factor;
  }
  // Their difference is infinite.
  std::vector<TrialRecord> trials = valley(20, 0.3);
  for (TrialRecord& trial : trials) {
    trial.metrics["loss"] = x_of(trial.params) < 0.5 ? -1.7e308 : 1.7e308;
  }
  EXPECT_LT(x_of(ask(*gp_sampler(), cube(1), trials)), 0.5);
}

/// Uncut, the front of 80 points in ten dimensions has more boxes than a test's time allows.
TEST(Gp, LooksAtFewPointsOfAFrontOfManyObjectives) {
  std::vector<Objective> objectives;
  for (int k = 0; k < 10; ++k) objectives.push_back({"f" + std::to_string(k)});
  std::vector<TrialRecord> trials = run(
      *random_sampler(), cube(3), 80,
      [](const Params& params) {
        Metrics metrics;
        const auto x = point_of(params);
        for (int k = 0; k < 10; ++k) {
          metrics["f" + std::to_string(k)] = std::sin(7 * (k + 1) * (x[0] + x[1] * k + x[2]));
        }
        return metrics;
      },
      objectives);
  trials.push_back(trial_of(80, trials.front().params, TrialState::Running));
  const Params params = ask(*gp_sampler({.n_candidates = 64}), cube(3), trials, objectives);
  EXPECT_EQ(params.size(), 3U);
}

TEST(Gp, RefusesOptionsOutOfTheirRange) {
  EXPECT_THROW(gp_sampler({.n_startup_trials = 0}), ConfigError);
  EXPECT_THROW(gp_sampler({.n_candidates = 0}), ConfigError);
  EXPECT_THROW(gp_sampler({.max_trials = 19}), ConfigError);
}

TEST(ExpectedImprovement, StopsOnceTheValleyIsKnown) {
  std::vector<TrialRecord> trials = valley(25, 0.3);
  const auto reason = [&](double bound, int known) {
    const std::vector<TrialRecord> some(trials.begin(), trials.begin() + known);
    const History history{kLoss, some, kSeed, known, 1};
    return expected_improvement_stopper({.bound = bound})->reason_to_stop(cube(1), history);
  };
  EXPECT_FALSE(reason(0.01, 19)) << "fewer than min_trials";
  const auto text = reason(0.01, 25);
  ASSERT_TRUE(text);
  EXPECT_NE(text->find("loss"), std::string::npos);
  EXPECT_FALSE(reason(1e-12, 25));
}

TEST(ExpectedImprovement, IsInUnitsOfTheObjective) {
  std::vector<TrialRecord> trials = valley(25, 0.3);
  for (TrialRecord& trial : trials) trial.metrics["loss"] *= 1e9;
  const History history{kLoss, trials, kSeed, 25, 1};
  EXPECT_FALSE(expected_improvement_stopper({.bound = 0.01})->reason_to_stop(cube(1), history));
  EXPECT_TRUE(expected_improvement_stopper({.bound = 1e7})->reason_to_stop(cube(1), history));
}

TEST(ExpectedImprovement, StopsInUnitsHoweverLarge) {
  std::vector<TrialRecord> trials = valley(25, 0.3);
  for (TrialRecord& trial : trials) trial.metrics["loss"] *= 0x1p+1000;
  const History history{kLoss, trials, kSeed, 25, 1};
  const auto stops = [&](double bound) {
    return expected_improvement_stopper({.bound = bound})
        ->reason_to_stop(cube(1), history)
        .has_value();
  };
  EXPECT_TRUE(stops(0.01 * 0x1p+1000));
  EXPECT_FALSE(stops(1));
}

TEST(ExpectedImprovement, RefusesBoundsThatMeanNothing) {
  EXPECT_THROW(expected_improvement_stopper({.bound = 0}), ConfigError);
  EXPECT_THROW(expected_improvement_stopper({.bound = std::nan("")}), ConfigError);
  EXPECT_THROW(expected_improvement_stopper({.bound = 1, .min_trials = 1}), ConfigError);
}

}  // namespace
}  // namespace hypertune

// The tpe sampler: what it learns from, what it ignores, and that it finds minima.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>

#include "hypertune/error.h"
#include "hypertune/sampler.h"

namespace hypertune {
namespace {

const std::vector<Objective> kLoss = {{"loss", Direction::Minimize}};
constexpr std::uint64_t kSeed = 20;

SearchSpace line() { return SearchSpace().add("x", FloatDomain{0, 1}); }

TrialRecord trial_of(int number, Params params, TrialState state, Metrics metrics = {}) {
  TrialRecord trial;
  trial.number = number;
  trial.state = state;
  trial.params = std::move(params);
  trial.metrics = std::move(metrics);
  return trial;
}

TrialRecord complete(int number, double x, double loss) {
  return trial_of(number, {{"x", x}}, TrialState::Complete, {{"loss", loss}});
}

/// Evenly spread over the line; best at `best`.
std::vector<TrialRecord> valley(int trials, double best) {
  std::vector<TrialRecord> records;
  for (int i = 0; i < trials; ++i) {
    const double x = (i * 7 % trials + 0.5) / trials;
    records.push_back(complete(i, x, std::abs(x - best)));
  }
  return records;
}

Params ask(const Sampler& sampler, const SearchSpace& space, const std::vector<TrialRecord>& trials,
           std::uint64_t draw = 1, const std::vector<Objective>& objectives = kLoss) {
  const History history{objectives, trials, kSeed, static_cast<int>(trials.size()), draw};
  return sampler.sample(space, history, Rng::for_trial(kSeed, draw));
}

double x_of(const Params& params) { return std::get<double>(params.at("x")); }

/// Share of 200 answers with `low` <= x <= `high`.
double share_within(double low, double high, const Sampler& sampler,
                    const std::vector<TrialRecord>& trials,
                    const std::vector<Objective>& objectives = kLoss) {
  constexpr int kDraws = 200;
  int within = 0;
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    const double x = x_of(ask(sampler, line(), trials, draw, objectives));
    within += x >= low && x <= high ? 1 : 0;
  }
  return within / double{kDraws};
}

TEST(Tpe, DrawsAtRandomUntilEnoughTrialsAreFinished) {
  std::vector<TrialRecord> trials = valley(9, 0.3);
  trials.push_back(trial_of(9, {{"x", 0.5}}, TrialState::Failed));
  trials.push_back(trial_of(10, {{"x", 0.6}}, TrialState::Running));
  const auto random = random_sampler();
  EXPECT_EQ(ask(*tpe_sampler(), line(), trials), ask(*random, line(), trials));
  EXPECT_NE(ask(*tpe_sampler({.n_startup_trials = 9}), line(), trials),
            ask(*random, line(), trials));
}

TEST(Tpe, WhatASamplerWasAskedBeforeChangesNoAnswer) {
  // Two studies and two spaces with the same numbers of trials; trials that end late; a group of
  // parameters that only some trials have.
  const SearchSpace two = SearchSpace()
                              .add("x", FloatDomain{0, 1})
                              .add("kind", CategoricalDomain{{std::string("a"), std::string("b")}})
                              .add("n", IntDomain{1, 9});
  const SearchSpace narrow = SearchSpace().add("x", FloatDomain{0, 0.5});
  for (const std::optional<bool> multivariate : {std::optional<bool>(), std::optional(false)}) {
    const TpeOptions options{.multivariate = multivariate, .max_bad_trials = 150};
    const auto kept = tpe_sampler(options);
    for (const std::uint64_t seed : {1, 2, 1}) {
      std::vector<TrialRecord> trials;
      for (int i = 0; i < 330; ++i) {
        const auto draw = static_cast<std::uint64_t>(i);
        const History history{kLoss, trials, seed, i, draw};
        const Rng rng = Rng::for_trial(seed, draw);
        const Params params = kept->sample(two, history, rng);
        if (i % 4 == 0) {
          ASSERT_EQ(params, tpe_sampler(options)->sample(two, history, rng)) << seed << " " << i;
          ASSERT_EQ(kept->sample(narrow, history, rng),
                    tpe_sampler(options)->sample(narrow, history, rng));
        }
        trials.push_back(trial_of(i, params, TrialState::Complete, {{"loss", x_of(params)}}));
        trials.back().id = i + 1;
        trials.back().ended = TimePoint(std::chrono::seconds(i));
        if (i % 9 == 5) trials.back().params.erase("n");
        if (i % 6 == 1) {
          trials.back().state = TrialState::Running;
          trials.back().ended.reset();
        }
        if (i >= 12 && (i - 12) % 6 == 1) {
          TrialRecord& late = trials[static_cast<std::size_t>(i - 12)];
          late.state = TrialState::Complete;
          late.ended = TimePoint(std::chrono::seconds(i));
        }
      }
    }
  }
}

TEST(Tpe, DrawsMostlyNearTheGoodTrials) {
  // A third of the line around the optimum; random search would put a third there.
  EXPECT_GT(share_within(0.13, 0.47, *tpe_sampler(), valley(60, 0.3)), 0.8);
}

TEST(Tpe, MaximizesWhenToldTo) {
  EXPECT_GT(share_within(0.66, 1, *tpe_sampler(), valley(60, 0.1), {{"loss", Direction::Maximize}}),
            0.8);
}

TEST(Tpe, KeepsAwayFromWhatRunsUnlessToldOtherwise) {
  std::vector<TrialRecord> trials = valley(60, 0.3);
  for (int i = 0; i < 30; ++i) {
    trials.push_back(trial_of(60 + i, {{"x", 0.25 + i * 0.003}}, TrialState::Running));
  }
  const double spread = share_within(0.24, 0.345, *tpe_sampler(), trials);
  const double alike = share_within(0.24, 0.345, *tpe_sampler({.constant_liar = false}), trials);
  EXPECT_LT(spread + 0.2, alike);
}

TEST(Tpe, IgnoresFailedAndUndecidedTrialsAndTheOneInQuestion) {
  const std::vector<TrialRecord> plain = valley(30, 0.7);
  std::vector<TrialRecord> noisy = plain;
  noisy.push_back(trial_of(30, {}, TrialState::Running));
  noisy.push_back(trial_of(31, {{"x", 0.7}}, TrialState::Failed));
  noisy.push_back(trial_of(32, {{"x", 0.7}}, TrialState::Waiting));
  noisy.push_back(trial_of(33, {{"x", 0.7}}, TrialState::Running));
  const History before{kLoss, plain, kSeed, 33, 1};
  const History after{kLoss, noisy, kSeed, 33, 1};
  const Rng rng = Rng::for_trial(kSeed, 1);
  EXPECT_EQ(tpe_sampler()->sample(line(), before, rng), tpe_sampler()->sample(line(), after, rng));
}

TEST(Tpe, IgnoresValuesThatTheDomainDoesNotHave) {
  const std::vector<TrialRecord> plain = valley(30, 0.7);
  std::vector<TrialRecord> odd = plain;
  odd.push_back(complete(30, 1.5, 100));
  odd.push_back(trial_of(31, {{"x", std::string("a")}}, TrialState::Complete, {{"loss", 100.0}}));
  odd.push_back(trial_of(32, {{"y", 0.5}}, TrialState::Complete, {{"loss", 100.0}}));
  // 33 trials would have four good ones, so that the counts have to be equal too.
  std::vector<TrialRecord> longer = plain;
  for (int i = 30; i < 33; ++i) longer.push_back(trial_of(i, {}, TrialState::Pruned));
  EXPECT_EQ(ask(*tpe_sampler(), line(), longer), ask(*tpe_sampler(), line(), odd));
}

TEST(Tpe, TakesTrialsForBetterTheLaterTheyWerePruned) {
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 40; ++i) {
    const double x = (i * 7 % 40 + 0.5) / 40;
    TrialRecord trial = trial_of(i, {{"x", x}}, TrialState::Pruned);
    // Values speak for large x, steps for small ones.
    trial.reports.push_back({x < 0.15 ? 10 : 1, {{"loss", 1 - x}}});
    trials.push_back(std::move(trial));
  }
  EXPECT_GT(share_within(0, 0.33, *tpe_sampler(), trials), 0.8);
}

TEST(Tpe, PrefersCompleteTrialsToPrunedOnes) {
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 40; ++i) {
    const double x = (i * 7 % 40 + 0.5) / 40;
    trials.push_back(x > 0.8 ? complete(i, x, 1000) : trial_of(i, {{"x", x}}, TrialState::Pruned));
    trials.back().reports.push_back({10, {{"loss", 0}}});
  }
  EXPECT_GT(share_within(0.66, 1, *tpe_sampler(), trials), 0.8);
}

TEST(Tpe, WeighsSeveralObjectivesByDominance) {
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 80; ++i) {
    const double x = (i * 7 % 80 + 0.5) / 80;
    trials.push_back(trial_of(i, {{"x", x}}, TrialState::Complete,
                              {{"loss", std::abs(x - 0.3)}, {"gain", -std::abs(x - 0.5)}}));
  }
  // Between 0.3 and 0.5 no trial dominates another, and outside each is dominated.
  const std::vector<Objective> both = {{"loss", Direction::Minimize},
                                       {"gain", Direction::Maximize}};
  EXPECT_GT(share_within(0.25, 0.55, *tpe_sampler(), trials, both), 0.6);
}

TEST(Tpe, ModelsAConditionalParameterFromTheTrialsThatHaveIt) {
  SearchSpace space;
  space.add("kind", CategoricalDomain{{std::string("a"), std::string("b")}})
      .add("x", FloatDomain{0, 1}, Condition("kind == 'a'"))
      .add("y", FloatDomain{0, 1}, Condition("kind == 'b'"));
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 60; ++i) {
    const double at = (i * 7 % 60 + 0.5) / 60;
    const bool a = i % 2 == 0;
    trials.push_back(trial_of(i, {{"kind", std::string(a ? "a" : "b")}, {a ? "x" : "y", at}},
                              TrialState::Complete, {{"loss", a ? std::abs(at - 0.2) : 2.0}}));
  }
  int kind_a = 0;
  int near = 0;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const Params params = ask(*tpe_sampler(), space, trials, draw);
    const bool a = std::get<std::string>(params.at("kind")) == "a";
    ASSERT_EQ(params.contains("x"), a);
    ASSERT_EQ(params.contains("y"), !a);
    kind_a += a ? 1 : 0;
    near += a && std::abs(x_of(params) - 0.2) < 0.17 ? 1 : 0;
  }
  EXPECT_GT(kind_a, 150);
  EXPECT_GT(near, kind_a * 3 / 4);
}

TEST(Tpe, AnswersAboutTheSameFromThinnedTrials) {
  // Both shares have a standard error of at most 0.035; five of them, twice.
  const std::vector<TrialRecord> trials = valley(3'000, 0.3);
  const double thin = share_within(0.29, 0.31, *tpe_sampler({.max_bad_trials = 300}), trials);
  const double full = share_within(0.29, 0.31, *tpe_sampler({.max_bad_trials = 3'000}), trials);
  EXPECT_NEAR(thin, full, 0.25);
}

TEST(Tpe, SeesRunningTrialsWhenThinned) {
  std::vector<TrialRecord> trials = valley(1'000, 0.3);
  for (int i = 0; i < 40; ++i) {
    trials.push_back(trial_of(1'000 + i, {{"x", 0.3}}, TrialState::Running));
  }
  TpeOptions options{.max_bad_trials = 100};
  const double spread = share_within(0.29, 0.31, *tpe_sampler(options), trials);
  options.constant_liar = false;
  EXPECT_LT(spread + 0.2, share_within(0.29, 0.31, *tpe_sampler(options), trials));
}

TEST(Tpe, LearnsFromEarlierTrialsBeforeItHasItsOwn) {
  const std::vector<TrialRecord> earlier = valley(60, 0.3);
  const auto sampler = tpe_sampler();
  int near = 0;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const History history{kLoss, {}, kSeed, 0, draw, earlier};
    const double x = x_of(sampler->sample(line(), history, Rng::for_trial(kSeed, draw)));
    near += x >= 0.13 && x <= 0.47 ? 1 : 0;
  }
  EXPECT_GT(near, 160);
}

TEST(Tpe, DividesEarlierTrialsApartFromItsOwn) {
  // All of the earlier values are better than any of its own, and yet its own count.
  std::vector<TrialRecord> earlier = valley(60, 0.8);
  for (TrialRecord& trial : earlier) trial.metrics["loss"] -= 1'000;
  const std::vector<TrialRecord> trials = valley(100, 0.2);
  int own = 0;
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    const History history{kLoss, trials, kSeed, 100, draw, earlier};
    own += x_of(tpe_sampler()->sample(line(), history, Rng::for_trial(kSeed, draw))) < 0.4 ? 1 : 0;
  }
  EXPECT_GT(own, 60);
}

TEST(Tpe, AvoidsWhatViolatesAConstraint) {
  std::vector<TrialRecord> trials = valley(60, 0.3);
  for (TrialRecord& trial : trials) trial.metrics["size"] = x_of(trial.params) < 0.5 ? 1 : -1;
  EXPECT_GT(share_within(0.45, 0.8, *tpe_sampler({.constraints = {"size"}}), trials), 0.7);
  EXPECT_LT(share_within(0.45, 0.8, *tpe_sampler(), trials), 0.3);
}

TEST(Tpe, CopesWithDomainsAtTheLimitsOfArithmetic) {
  using Limits = std::numeric_limits<std::int64_t>;
  SearchSpace space;
  space.add("all", IntDomain{Limits::min(), Limits::max()})
      .add("steps", IntDomain{.low = Limits::min(), .high = Limits::max(), .step = 1'000'003})
      .add("log", IntDomain{1, Limits::max(), true})
      .add("large", FloatDomain{-1e308, 1e308})
      .add("small", FloatDomain{0, 5e-324})
      .add("point", FloatDomain{2, 2})
      .add("near", FloatDomain{1e300, 1.0000000000000002e300, true})
      .add("one", CategoricalDomain{{true}})
      .add("odd", FloatDomain{.low = 0.1, .high = 0.95, .step = 0.2});
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 40; ++i) {
    Params params = ask(*tpe_sampler(), space, trials, static_cast<std::uint64_t>(i));
    for (const Parameter& p : space.parameters()) {
      ASSERT_TRUE(contains(p.domain, params.at(p.name)))
          << p.name << " = " << to_string(params.at(p.name));
    }
    trials.push_back(trial_of(i, std::move(params), TrialState::Complete, {{"loss", i * 0.5}}));
  }
}

TEST(Tpe, CopesWithInfiniteAndEqualResults) {
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 30; ++i) {
    trials.push_back(complete(i, 0.5, i % 2 == 0 ? std::numeric_limits<double>::infinity() : 1));
  }
  const double x = x_of(ask(*tpe_sampler(), line(), trials));
  EXPECT_TRUE(x >= 0 && x <= 1);
}

TEST(Tpe, RefusesOptionsOutOfRange) {
  EXPECT_THROW(tpe_sampler({.n_startup_trials = 0}), ConfigError);
  EXPECT_THROW(tpe_sampler({.n_ei_candidates = 0}), ConfigError);
  EXPECT_THROW(tpe_sampler({.prior_weight = 0}), ConfigError);
  EXPECT_THROW(tpe_sampler({.max_bad_trials = 99}), ConfigError);
}

struct Problem {
  const char* name;
  SearchSpace space;
  std::function<double(const Params&)> loss;
};

double number(const Params& params, std::string_view name) {
  return *as_number(params.find(name)->second);
}

std::vector<Problem> problems() {
  SearchSpace box;
  for (const char* name : {"x0", "x1", "x2", "x3"}) box.add(name, FloatDomain{-5, 5});
  const auto squares = [](const Params& params) {
    double sum = 0;
    for (const auto& [name, value] : params) sum += std::pow(*as_number(value) - 1.3, 2);
    return sum;
  };
  const auto valley_of_rosenbrock = [](const Params& params) {
    double sum = 0;
    double before = number(params, "x0");
    for (const char* name : {"x1", "x2", "x3"}) {
      const double x = number(params, name);
      sum += 100 * std::pow(x - before * before, 2) + std::pow(1 - before, 2);
      before = x;
    }
    return std::log1p(sum);
  };
  SearchSpace training;
  training.add("lr", FloatDomain{1e-5, 1, true})
      .add("width", IntDomain{8, 512, true})
      .add("layers", IntDomain{1, 8})
      .add("optimizer", CategoricalDomain{{std::string("sgd"), std::string("adam")}})
      .add("momentum", FloatDomain{0, 0.99}, Condition("optimizer == 'sgd'"));
  const auto trained = [](const Params& params) {
    const bool sgd = std::get<std::string>(params.at("optimizer")) == "sgd";
    return std::pow(std::log10(number(params, "lr")) + (sgd ? 1.5 : 3.2), 2) +
           0.2 * std::pow(std::log2(number(params, "width")) - 6.5, 2) +
           0.1 * std::pow(number(params, "layers") - 5, 2) +
           (sgd ? std::pow(number(params, "momentum") - 0.9, 2) : 1.5);
  };
  return {{"squares", box, squares},
          {"Rosenbrock", box, valley_of_rosenbrock},
          {"training", training, trained}};
}

double best_after(int trials, const Problem& problem, const Sampler& sampler, std::uint64_t seed) {
  std::vector<TrialRecord> records;
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < trials; ++i) {
    const auto draw = static_cast<std::uint64_t>(i);
    const History history{kLoss, records, seed, i, draw};
    Params params = sampler.sample(problem.space, history, Rng::for_trial(seed, draw));
    const double loss = problem.loss(params);
    best = std::min(best, loss);
    records.push_back(trial_of(i, std::move(params), TrialState::Complete, {{"loss", loss}}));
  }
  return best;
}

double median_best(const Problem& problem, const Sampler& sampler) {
  std::vector<double> results;
  for (std::uint64_t seed = 0; seed < 11; ++seed) {
    results.push_back(best_after(100, problem, sampler, seed));
  }
  std::ranges::sort(results);
  return results[results.size() / 2];
}

// Medians of 11 studies of 100 trials. Seeds are fixed; the factors leave room for other seeds.
TEST(Tpe, FindsBetterMinimaThanRandomSearch) {
  for (const Problem& problem : problems()) {
    const double random = median_best(problem, *random_sampler());
    const double jointly = median_best(problem, *tpe_sampler());
    const double apart = median_best(problem, *tpe_sampler({.multivariate = false}));
    RecordProperty(problem.name, std::to_string(random) + " " + std::to_string(jointly) + " " +
                                     std::to_string(apart));
    EXPECT_LT(jointly, 0.7 * random) << problem.name;
    EXPECT_LT(apart, 0.7 * random) << problem.name;
  }
}

}  // namespace
}  // namespace hypertune

// Importance of parameters in studies: against Optuna, against known answers, and what is left out.
#include "report/importance.h"

#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/files.h"
#include "base/json.h"
#include "hypertune/error.h"
#include "space/encoding.h"
#include "support/sampled_study.h"

namespace hypertune {
namespace {

using namespace testing_support;
using ::testing::HasSubstr;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// What tests/interop/optuna_importance.py wrote.
Json golden() {
  return parse_json(read_file(std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" / "unit" /
                              "golden" / "importance.json"));
}

/// A study that a program other than hypertune stored: the domains are known from the trials.
std::vector<TrialRecord> trials_of(const Json& rows, const SearchSpace& space) {
  std::vector<TrialRecord> trials;
  for (const Json& row : rows) {
    trials.push_back(finished_trial(space, static_cast<int>(trials.size()),
                                    params_from_json(row.at("params")),
                                    {{"loss", row.at("loss").get<double>()}}));
  }
  return trials;
}

StudySpec spec_of(SearchSpace space) {
  return {.name = "made-up",
          .objectives = {{"loss", Direction::Minimize}},
          .space = std::move(space),
          .seed = 5};
}

/// Trials at random points of a space without conditions.
std::vector<TrialRecord> random_trials(const SearchSpace& space, const Evaluation& evaluate,
                                       int count) {
  Rng rng(11);
  std::vector<TrialRecord> trials;
  for (int i = 0; i < count; ++i) {
    Params params;
    for (const Parameter& parameter : space.parameters()) {
      params[parameter.name] = decode(parameter.domain, rng.uniform());
    }
    const Metrics metrics = evaluate(params);
    trials.push_back(finished_trial(space, i, std::move(params), metrics));
  }
  return trials;
}

double number(const Params& params, const std::string& name) {
  return as_number(params.at(name)).value();
}

const ImportanceShare& share_of(const Importance& importance, const std::string& name) {
  for (const ParameterImportance& parameter : importance.parameters) {
    if (parameter.name == name) return parameter.share;
  }
  throw Error("no parameter " + name);
}

TEST(Importance, IsJudgedWhereBoundsAreFurtherApartThanNumbersGo) {
  SearchSpace space;
  space.add("wide", FloatDomain{.low = -1.7e308, .high = 1.7e308});
  space.add("idle", FloatDomain{.low = 0, .high = 1});
  const auto trials = random_trials(
      space,
      [](const Params& params) {
        return Metrics{{"loss", number(params, "wide")}};
      },
      60);
  for (const auto method : {ImportanceMethod::Fanova, ImportanceMethod::PedAnova}) {
    const Importance importance = judge_importance(spec_of(space), trials, {.method = method});
    EXPECT_GT(*share_of(importance, "wide").share, 0.6);
    EXPECT_LT(*share_of(importance, "idle").share, 0.4);
  }
}

TEST(Importance, ByFanovaIsThatOfOptunaWithinTheSpreadOfItsForests) {
  SearchSpace space;
  space.add("alone", FloatDomain{.low = -2, .high = 2});
  space.add("paired", FloatDomain{.low = 0, .high = 1});
  space.add("idle", FloatDomain{.low = 10, .high = 20});
  space.add("switch", CategoricalDomain{{false, true}});
  const Json given = golden().at("plain");
  const Importance found =
      judge_importance(spec_of(SearchSpace()), trials_of(given.at("trials"), space));
  ASSERT_EQ(found.parameters.size(), 4U);
  for (const auto& [name, expected] : given.at("fanova").items()) {
    // One forest of ours against the mean of twenty: four standard deviations, and a hundredth for
    // the points that Optuna averages over though no trial can lie there.
    const double tolerance = 4 * expected.at("spread").get<double>() + 0.01;
    EXPECT_NEAR(share_of(found, name).share.value(), expected.at("mean").get<double>(), tolerance)
        << name;
  }
}

TEST(Importance, ByPedAnovaIsThatOfOptuna) {
  SearchSpace space;
  space.add("rate", FloatDomain{.low = 1e-5, .high = 1e-1, .log = true});
  space.add("stepped", FloatDomain{.low = 0, .high = 3, .step = 0.25});
  space.add("layers", IntDomain{.low = 1, .high = 9});
  space.add("units", IntDomain{.low = 4, .high = 300, .log = true});
  space.add("kind", CategoricalDomain{{std::string("a"), std::string("b"), std::string("c")}});
  space.add("momentum", FloatDomain{.low = 0, .high = 1}, Condition("kind == \"b\""));
  space.add("fixed", IntDomain{.low = 3, .high = 3});
  const Json given = golden().at("mixed");
  for (const SearchSpace& declared : {space, SearchSpace()}) {
    const Importance found =
        judge_importance(spec_of(declared), trials_of(given.at("trials"), space),
                         {.method = ImportanceMethod::PedAnova});
    ASSERT_EQ(found.parameters.size(), given.at("ped_anova").size());
    for (const auto& [name, expected] : given.at("ped_anova").items()) {
      EXPECT_NEAR(share_of(found, name).share.value(), expected.get<double>(), 1e-9) << name;
    }
    EXPECT_EQ(found.parameters.front().name, "rate");
    EXPECT_LT(share_of(found, "momentum").n, 130);
  }
}

TEST(Importance, OfALogarithmicParameterIsMeasuredInItsLogarithm) {
  SearchSpace space;
  space.add("rate", FloatDomain{.low = 1e-6, .high = 1, .log = true});
  space.add("other", FloatDomain{.low = 0, .high = 1});
  // Variances of the terms: 36/12 and 9/12. Evenly between its bounds the rate would hardly vary.
  const auto trials = random_trials(
      space,
      [](const Params& params) -> Metrics {
        return {{"loss", std::log10(number(params, "rate")) + 3 * number(params, "other")}};
      },
      600);
  const Importance found = judge_importance(spec_of(space), trials);
  EXPECT_NEAR(share_of(found, "rate").share.value(), 0.8, 0.03);
  EXPECT_NEAR(share_of(found, "other").share.value(), 0.2, 0.03);
  EXPECT_GT(found.explained.value(), 0.95);
}

TEST(Importance, OfAParameterThatSomeTrialsHaveIsJudgedAmongThese) {
  SearchSpace space;
  space.grid("optimizer", {std::string("sgd"), std::string("adam")});
  space.add("momentum", FloatDomain{.low = 0, .high = 1}, Condition("optimizer == \"sgd\""));
  space.add("rate", FloatDomain{.low = 0, .high = 1});
  space.constant("epochs", std::int64_t{3});
  std::vector<TrialRecord> trials;
  Rng rng(3);
  for (int i = 0; i < 400; ++i) {
    const bool sgd = i % 2 == 0;
    Params params = {{"optimizer", std::string(sgd ? "sgd" : "adam")},
                     {"rate", rng.uniform()},
                     {"epochs", std::int64_t{3}}};
    if (sgd) params["momentum"] = rng.uniform();
    const double loss = number(params, "rate") + (sgd ? 3 * number(params, "momentum") : 5);
    trials.push_back(finished_trial(space, i, params, {{"loss", loss}}));
  }
  const Importance found = judge_importance(spec_of(space), trials, {.interactions = true});
  ASSERT_EQ(found.parameters.size(), 3U) << "constants have no importance";
  EXPECT_EQ(share_of(found, "optimizer").n, 400);
  EXPECT_EQ(share_of(found, "momentum").n, 200);
  // Among sgd's trials: 9/12 of the variance of 9/12 + 1/12.
  EXPECT_NEAR(share_of(found, "momentum").share.value(), 0.9, 0.03);
  EXPECT_GT(share_of(found, "optimizer").share.value(), 0.7);
  EXPECT_THAT(importance_notes(found), ::testing::Contains(HasSubstr("only some trials have")));
  ASSERT_EQ(found.interactions.size(), 2U) << "the optimizer is the same where momentum exists";
  for (const InteractionImportance& pair : found.interactions) {
    EXPECT_LT(pair.share.share.value(), 0.1) << "the loss is a sum";
  }
}

TEST(Importance, OfAParameterThatFewTrialsHaveIsNotJudged) {
  SearchSpace space;
  space.add("common", FloatDomain{.low = 0, .high = 1});
  space.add("rare", FloatDomain{.low = 0, .high = 1});
  auto trials = random_trials(
      space,
      [](const Params& params) -> Metrics {
        return {{"loss", number(params, "common")}};
      },
      30);
  for (std::size_t i = kFewestTrialsForImportance - 1; i < trials.size(); ++i) {
    trials[i].params.erase("rare");
  }
  for (const ImportanceMethod method : {ImportanceMethod::Fanova, ImportanceMethod::PedAnova}) {
    const Importance found = judge_importance(spec_of(space), trials, {.method = method});
    EXPECT_FALSE(share_of(found, "rare").share);
    EXPECT_EQ(share_of(found, "rare").n, kFewestTrialsForImportance - 1);
    EXPECT_EQ(found.parameters.back().name, "rare");
    EXPECT_GT(share_of(found, "common").share.value(), 0.9);
  }
}

TEST(Importance, LeavesOutTrialsWithoutResultsAndSaysSo) {
  SearchSpace space;
  space.add("x", FloatDomain{.low = 0, .high = 1});
  space.add("y", FloatDomain{.low = 0, .high = 1});
  auto trials = random_trials(
      space,
      [](const Params& params) -> Metrics {
        return {{"loss", number(params, "x")}};
      },
      60);
  const Importance before = judge_importance(spec_of(space), trials);
  const auto add = [&](TrialState state, double value) {
    TrialRecord trial = trials[0];
    trial.number = static_cast<int>(trials.size());
    trial.state = state;
    trial.metrics = {{"loss", value}};
    trials.push_back(trial);
  };
  add(TrialState::Pruned, 100);
  add(TrialState::Failed, 100);
  add(TrialState::Failed, 100);
  add(TrialState::Running, 100);
  add(TrialState::Complete, std::nan(""));
  const Importance after = judge_importance(spec_of(space), trials);
  EXPECT_EQ(after.trials, 60);
  EXPECT_EQ(share_of(after, "x").share, share_of(before, "x").share);
  EXPECT_THAT(importance_notes(after),
              ::testing::Contains("Trials left out: 1 pruned, 2 failed, 1 complete without loss."));
}

TEST(Importance, CountsInfiniteValuesAsTheNearestFiniteOnes) {
  SearchSpace space;
  space.add("x", FloatDomain{.low = 0, .high = 1});
  space.add("y", FloatDomain{.low = 0, .high = 1});
  const auto trials = random_trials(
      space,
      [](const Params& params) -> Metrics {
        const double x = number(params, "x");
        return {{"loss", x > 0.8 ? kInfinity : 0.001 * number(params, "y") + (x > 0.4 ? 1 : 0)}};
      },
      100);
  for (const ImportanceMethod method : {ImportanceMethod::Fanova, ImportanceMethod::PedAnova}) {
    const Importance found = judge_importance(spec_of(space), trials, {.method = method});
    EXPECT_GT(found.clipped, 5);
    EXPECT_EQ(found.trials, 100);
    EXPECT_TRUE(std::isfinite(share_of(found, "x").share.value()));
    EXPECT_THAT(importance_notes(found), ::testing::Contains(HasSubstr("infinite loss")));
  }
  EXPECT_GT(share_of(judge_importance(spec_of(space), trials), "x").share.value(), 0.9);
}

TEST(Importance, DoesNotDependOnTheScaleOfTheMetric) {
  SearchSpace space;
  space.add("x", FloatDomain{.low = 0, .high = 1});
  space.add("y", IntDomain{.low = 1, .high = 4});
  const auto with_exponent = [&](int exponent) {
    const auto trials = random_trials(
        space,
        [&](const Params& params) -> Metrics {
          return {{"loss", std::ldexp(number(params, "x") + 0.1 * number(params, "y"), exponent)}};
        },
        80);
    return share_of(judge_importance(spec_of(space), trials), "x").share.value();
  };
  EXPECT_EQ(with_exponent(1000), with_exponent(0)) << "squares of 1e300 are infinite";
  EXPECT_EQ(with_exponent(-1000), with_exponent(0)) << "squares of 1e-300 are 0";
}

TEST(Importance, OfAParameterOrAMetricThatNeverVariesIsZero) {
  SearchSpace space;
  space.add("x", FloatDomain{.low = 0, .high = 1});
  space.add("only", IntDomain{.low = 3, .high = 3});
  space.grid("axis", {std::string("one")});
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 20; ++i) {
    trials.push_back(finished_trial(
        space, i, {{"x", i / 20.0}, {"only", std::int64_t{3}}, {"axis", std::string("one")}},
        {{"loss", i / 20.0}, {"constant", 2}}));
  }
  for (const ImportanceMethod method : {ImportanceMethod::Fanova, ImportanceMethod::PedAnova}) {
    const Importance found = judge_importance(spec_of(space), trials, {.method = method});
    EXPECT_EQ(share_of(found, "only").share, 0);
    EXPECT_EQ(share_of(found, "axis").share, 0);
    EXPECT_NEAR(share_of(found, "x").share.value(), 1, 1e-9);
    const Importance none =
        judge_importance(spec_of(space), trials, {.method = method, .metric = "constant"});
    EXPECT_EQ(share_of(none, "x").share, 0);
    EXPECT_FALSE(none.is_objective);
  }
}

TEST(Importance, OfALargeBetterObjectiveJudgesTheLargeValuesGood) {
  SearchSpace space;
  space.add("low", FloatDomain{.low = 0, .high = 1});
  space.add("high", FloatDomain{.low = 0, .high = 1});
  // The smallest values are had by `low` alone, the largest by `high` alone.
  const auto trials = random_trials(
      space,
      [](const Params& params) -> Metrics {
        const double low = number(params, "low");
        const double high = number(params, "high");
        return {{"loss", low < 0.15 ? low - 1 : (high > 0.85 ? high + 1 : 0)}};
      },
      300);
  StudySpec spec = spec_of(space);
  const ImportanceOptions options{.method = ImportanceMethod::PedAnova};
  EXPECT_EQ(judge_importance(spec, trials, options).parameters.front().name, "low");
  spec.objectives[0].direction = Direction::Maximize;
  EXPECT_EQ(judge_importance(spec, trials, options).parameters.front().name, "high");
}

TEST(Importance, RefusesTooFewTrialsAndUnknownMetrics) {
  SearchSpace space;
  space.add("x", FloatDomain{.low = 0, .high = 1});
  const auto trials = random_trials(
      space,
      [](const Params& params) -> Metrics {
        return {{"loss", number(params, "x")}};
      },
      9);
  const auto message_of = [&](const ImportanceOptions& options, const StudySpec& spec) {
    try {
      judge_importance(spec, trials, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("nothing was thrown");
  };
  EXPECT_EQ(message_of({}, spec_of(space)),
            "study \"made-up\" has 9 complete trials with a finite loss: importance needs at least "
            "10; run more trials");
  EXPECT_THAT(message_of({.metric = "los"}, spec_of(space)), HasSubstr("did you mean \"loss\"?"));
  StudySpec without = spec_of(space);
  without.objectives.clear();
  EXPECT_THAT(message_of({}, without), HasSubstr("name a metric"));
}

TEST(Importance, OfAForestThatExplainsLittleComesWithAWarning) {
  SearchSpace space;
  space.add("x", FloatDomain{.low = 0, .high = 1});
  Rng noise(1);
  const auto trials = random_trials(
      space,
      [&](const Params&) -> Metrics {
        return {{"loss", noise.normal()}};
      },
      60);
  EXPECT_THAT(importance_notes(judge_importance(spec_of(space), trials)),
              ::testing::Contains(HasSubstr("do not rely on the shares")));
}

}  // namespace
}  // namespace hypertune

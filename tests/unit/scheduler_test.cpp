// Each scheduler's own rules, options and reasons, and that it decides as Optuna does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>

#include "base/files.h"
#include "base/json.h"
#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "math/signed_rank.h"
#include "schedulers/successive_halving.h"
#include "support/reported_trial.h"

namespace hypertune {
namespace {

using namespace testing_support;
using testing::HasSubstr;

constexpr double kInf = std::numeric_limits<double>::infinity();
const std::vector<Objective> kLoss = {{"loss", Direction::Minimize}};

Ruling decide(const Scheduler& scheduler, const TrialRecord& trial,
              const std::vector<TrialRecord>& others) {
  return scheduler.on_report(trial, {kLoss, others, 7, trial.number, trial.draw()});
}

TrialRecord running(int number, const std::vector<double>& losses) {
  return reported_trial(number, losses, TrialState::Running);
}

Json golden() {
  const auto folder = std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" / "unit" / "golden";
  return parse_json(read_file(folder / "scheduler-decisions.json"));
}

// --- Against Optuna ---

std::unique_ptr<Scheduler> scheduler_of(const std::string& name, const Json& options) {
  const auto whole = [&](const char* key, auto fallback) { return options.value(key, fallback); };
  const auto bound = [&](const char* key) -> std::optional<double> {
    return options.contains(key) ? std::optional(options[key].get<double>()) : std::nullopt;
  };
  if (name == "median") return median_scheduler({.startup_trials = whole("startup_trials", 5)});
  if (name == "percentile") {
    return percentile_scheduler({.percentile = options["percentile"],
                                 .startup_trials = options["startup_trials"],
                                 .warmup_steps = options["warmup_steps"],
                                 .interval_steps = options["interval_steps"],
                                 .min_trials = options["min_trials"]});
  }
  if (name == "threshold") {
    return threshold_scheduler({.lower = bound("lower"),
                                .upper = bound("upper"),
                                .warmup_steps = whole("warmup_steps", 0),
                                .interval_steps = whole("interval_steps", 1)});
  }
  const PatienceOptions patience{.patience = whole("patience", 5),
                                 .tolerance = whole("tolerance", 0.0)};
  if (name == "patience") return patience_scheduler(patience);
  if (name == "patience of median") return patience_scheduler(patience, median_scheduler());
  if (name == "asha") {
    return asha_scheduler({.min_resource = whole("min_resource", 1),
                           .reduction_factor = options["reduction_factor"]});
  }
  if (name == "hyperband") return hyperband_scheduler({.max_resource = options["max_resource"]});
  return wilcoxon_scheduler(
      {.p_threshold = whole("p_threshold", 0.1), .startup_steps = whole("startup_steps", 2)});
}

/// Runs the trials of a case again, as Optuna let them run.
void replay(const Json& made) {
  const auto scheduler = scheduler_of(made["scheduler"], made["options"]);
  const std::vector<Objective> objectives = {
      {"loss", made["maximize"] ? Direction::Maximize : Direction::Minimize}};
  std::vector<TrialRecord> trials;
  for (const Json& event : made["events"]) {
    const int number = event[0];
    while (std::ssize(trials) <= number) {
      trials.push_back(running(static_cast<int>(trials.size()), {}));
    }
    TrialRecord& trial = trials[static_cast<std::size_t>(number)];
    if (event.size() == 2) {
      trial.state = TrialState::Complete;
      trial.metrics["loss"] = event[1];
      continue;
    }
    trial.reports.push_back({event[1], {{"loss", event[2].get<double>()}}});
    const Ruling ruling =
        scheduler->on_report(trial, {objectives, trials, 7, number, trial.draw()});
    const bool stopped = ruling.decision == Decision::Stop;
    ASSERT_EQ(stopped, event[3] == 1)
        << "trial " << number << " at step " << event[1] << ": " << ruling.reason;
    if (stopped) trial.state = TrialState::Pruned;
  }
}

TEST(Schedulers, DecideAsOptunaDoes) {
  int cases = 0;
  const Json all = golden();
  for (const Json& made : all["decisions"]) {
    SCOPED_TRACE(made["scheduler"].get<std::string>() + " " + made["options"].dump());
    replay(made);
    ++cases;
  }
  EXPECT_EQ(cases, 19);
}

TEST(SignedRank, GivesTheProbabilityThatSciPyGives) {
  const Json all = golden();
  EXPECT_EQ(all["signed_rank"].size(), 9U);
  for (const Json& made : all["signed_rank"]) {
    const auto differences = made["differences"].get<std::vector<double>>();
    EXPECT_NEAR(signed_rank_p(differences), made["p"].get<double>(), 1e-12) << made.dump();
  }
}

TEST(SignedRank, CountsSignPatternsExactlyWhereSizesAreEqual) {
  // With n differences of one size the sum of ranks counts the positive ones.
  EXPECT_DOUBLE_EQ(signed_rank_p(std::vector<double>(20, 1.5)), 0x1p-20);
  EXPECT_DOUBLE_EQ(signed_rank_p(std::vector<double>{1, 1, 1, -1}), 5.0 / 16);
  EXPECT_DOUBLE_EQ(signed_rank_p(std::vector<double>{0, 0, 0}), 1);
  EXPECT_DOUBLE_EQ(signed_rank_p(std::vector<double>{0, 0, 3}), 0.5);
  EXPECT_DOUBLE_EQ(signed_rank_p({}), 1);
}

// --- Median, percentile, threshold, patience ---

TEST(MedianScheduler, SaysWhatTheTrialWasComparedWith) {
  std::vector<TrialRecord> others;
  for (int i = 0; i < 5; ++i) others.push_back(reported_trial(i, {0.5 + i, 0.1}));
  const Ruling ruling = decide(*median_scheduler(), running(5, {3.25}), others);
  EXPECT_EQ(ruling.decision, Decision::Stop);
  EXPECT_EQ(ruling.reason,
            "its best loss 3.25 is worse than the median 2.5 of 5 complete trials at step 1");
}

TEST(MedianScheduler, ComparesWithCompleteTrialsAlone) {
  std::vector<TrialRecord> others;
  for (int i = 0; i < 4; ++i) others.push_back(reported_trial(i, {1}));
  others.push_back(reported_trial(4, {1}, TrialState::Pruned));
  others.push_back(reported_trial(5, {1}, TrialState::Running));
  EXPECT_EQ(decide(*median_scheduler(), running(6, {2}), others).decision, Decision::Continue);
  others.push_back(reported_trial(7, {1}));
  EXPECT_EQ(decide(*median_scheduler(), running(6, {2}), others).decision, Decision::Stop);
}

TEST(PercentileScheduler, StaysTheWorseOfTwoBoundsWhenOneIsInfinite) {
  const std::vector<TrialRecord> others = {reported_trial(0, {1}), reported_trial(1, {kInf})};
  const auto scheduler = percentile_scheduler({.percentile = 60, .startup_trials = 0});
  EXPECT_EQ(decide(*scheduler, running(2, {1e9}), others).decision, Decision::Continue);
  EXPECT_EQ(decide(*percentile_scheduler({.percentile = 0, .startup_trials = 0}), running(2, {1e9}),
                   others)
                .decision,
            Decision::Stop);
}

TEST(ThresholdScheduler, NamesTheBoundThatWasCrossed) {
  const auto scheduler = threshold_scheduler({.lower = 0, .upper = 10});
  EXPECT_EQ(decide(*scheduler, running(0, {5, 12.5}), {}).reason,
            "loss 12.5 at step 2 is above the bound 10");
  EXPECT_EQ(decide(*scheduler, running(0, {-kInf}), {}).reason,
            "loss -inf at step 1 is below the bound 0");
  EXPECT_EQ(decide(*scheduler, running(0, {0, 10}), {}).decision, Decision::Continue);
}

TEST(PatienceScheduler, StopsATrialThatGotWorseAndStayedWorse) {
  const auto scheduler = patience_scheduler({.patience = 2, .tolerance = 0.5});
  EXPECT_EQ(decide(*scheduler, running(0, {1, 2, 2, 2}), {}).reason,
            "loss 1 of step 1 was not met again in the last 3 reports");
  EXPECT_EQ(decide(*scheduler, running(0, {1, 2, 2}), {}).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler, running(0, {1, 2, 1.5, 2}), {}).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler, running(0, {1, 1, 1, 1}), {}).decision, Decision::Continue);
}

TEST(PatienceScheduler, AddsTheReasonOfTheSchedulerThatItWraps) {
  const auto scheduler = patience_scheduler({.patience = 0}, threshold_scheduler({.upper = 3}));
  EXPECT_FALSE(scheduler->uses_history());
  EXPECT_EQ(decide(*scheduler, running(0, {1, 2}), {}).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler, running(0, {1, 4}), {}).reason,
            "loss 1 of step 1 was not met again in the last 1 report, and loss 4 at step 2 is "
            "above the bound 3");
}

// --- ASHA, Hyperband, Wilcoxon ---

TEST(AshaScheduler, LetsTheBestOfEachRungPassAndSaysTheRank) {
  const auto scheduler = asha_scheduler({.reduction_factor = 2});
  std::vector<TrialRecord> others = {reported_trial(0, {1, 1}),
                                     reported_trial(1, {4}, TrialState::Pruned),
                                     reported_trial(2, {2, 5}, TrialState::Running)};
  EXPECT_EQ(decide(*scheduler, running(3, {2}), others).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler, running(3, {3}), others).reason,
            "loss 3 at step 1 is number 3 of the 4 trials at rung 1, of which 2 went on");
}

TEST(AshaScheduler, TakesTheFirstReportAtARungOrAfterItForEverAfterwards) {
  const auto scheduler = asha_scheduler({.min_resource = 2, .reduction_factor = 2});
  TrialRecord sparse = reported_trial(0, {}, TrialState::Running);
  sparse.reports = {{3, {{"loss", 1}}}, {5, {{"loss", 9}}}};
  TrialRecord trial = reported_trial(1, {}, TrialState::Running);
  trial.reports = {{2, {{"loss", 2}}}};
  EXPECT_THAT(decide(*scheduler, trial, {sparse}).reason, HasSubstr("at rung 2"));
  trial.reports = {{2, {{"loss", 0}}}, {3, {{"loss", 10}}}};  // between two rungs
  EXPECT_EQ(decide(*scheduler, trial, {sparse}).decision, Decision::Continue);
  trial.reports.push_back({4, {{"loss", 10}}});
  EXPECT_THAT(decide(*scheduler, trial, {sparse}).reason, HasSubstr("at rung 4"));
}

TEST(AshaScheduler, HasNoRungAtTheEndOfATrialAndCountsNoFailedOnes) {
  const std::vector<TrialRecord> others = {reported_trial(0, {1, 1, 1, 1})};
  const TrialRecord last = running(1, {0, 0, 0, 2});
  const AshaOptions ends{.max_resource = 4, .reduction_factor = 2};
  EXPECT_EQ(decide(*asha_scheduler(ends), last, others).decision, Decision::Continue);
  EXPECT_EQ(decide(*asha_scheduler({.reduction_factor = 2}), last, others).decision,
            Decision::Stop);
  const std::vector<TrialRecord> failed = {reported_trial(0, {1}, TrialState::Failed)};
  EXPECT_EQ(decide(*asha_scheduler(), running(1, {2}), failed).decision, Decision::Continue);
}

TEST(AshaScheduler, StopsNothingAtARungWithFewerThanTheGraceTrials) {
  const auto scheduler = asha_scheduler({.grace_trials = 3});
  std::vector<TrialRecord> others = {reported_trial(0, {1})};
  EXPECT_EQ(decide(*scheduler, running(5, {2}), others).decision, Decision::Continue);
  others.push_back(reported_trial(1, {3}));
  EXPECT_EQ(decide(*scheduler, running(5, {2}), others).decision, Decision::Stop);
}

TEST(AshaScheduler, LetsTrialsCompeteWithinTheirBracket) {
  const AshaOptions options{.reduction_factor = 2, .brackets = 2};
  const SuccessiveHalving halving(options);
  const auto scheduler = asha_scheduler(options);
  std::map<int, std::vector<TrialRecord>> by_bracket;
  for (int number = 0; number < 20; ++number) {
    const TrialRecord trial = running(number, {1});
    by_bracket[halving.bracket_of(trial)].push_back(trial);
  }
  ASSERT_EQ(by_bracket.size(), 2U);
  TrialRecord bad = by_bracket[0].back();
  bad.reports.back().metrics["loss"] = 9;
  EXPECT_THAT(decide(*scheduler, bad, by_bracket[0]).reason, HasSubstr("(bracket 0)"));
  EXPECT_EQ(decide(*scheduler, bad, by_bracket[1]).decision, Decision::Continue);
  TrialRecord late = by_bracket[1].back();  // its first rung is at step 2
  late.reports.back().metrics["loss"] = 9;
  EXPECT_EQ(decide(*scheduler, late, by_bracket[1]).decision, Decision::Continue);
}

TEST(HyperbandScheduler, GivesEveryRunOfDrawsToTheBracketsByTheirShares) {
  // R = 27, eta = 3: four brackets that begin with 27, 12, 6 and 4 trials of 49. Multiples of the
  // golden ratio hit an interval within 3 of its share of 49 consecutive ones.
  const SuccessiveHalving halving({.max_resource = 27, .reduction_factor = 3, .brackets = 4});
  for (int first = 0; first < 1000; first += 7) {
    std::array<int, 4> counts{};
    for (int number = first; number < first + 49; ++number) {
      ++counts[static_cast<std::size_t>(halving.bracket_of(reported_trial(number, {})))];
    }
    constexpr std::array<int, 4> kBudgets = {27, 12, 6, 4};
    for (std::size_t b = 0; b < 4; ++b) EXPECT_NEAR(counts[b], kBudgets[b], 3) << first;
  }
}

TEST(HyperbandScheduler, KeepsARetryAndTheTrialsOfAPairInOneBracket) {
  const SuccessiveHalving halving({.max_resource = 27, .reduction_factor = 3, .brackets = 4});
  for (int number = 0; number < 50; ++number) {
    const TrialRecord trial = reported_trial(number, {});
    TrialRecord retry = reported_trial(number + 100, {});
    retry.plan.draw = trial.draw();
    EXPECT_EQ(halving.bracket_of(retry), halving.bracket_of(trial));
  }
}

TEST(HyperbandScheduler, CountsItsBracketsExactly) {
  EXPECT_EQ(brackets_between(1, 243, 3), 6);  // floor(log(243) / log(3)) is 4 in doubles
  EXPECT_EQ(brackets_between(1, 242, 3), 5);
  EXPECT_EQ(brackets_between(5, 9, 2), 1);
  EXPECT_EQ(brackets_between(1, std::numeric_limits<std::int64_t>::max(), 1000), 6);
}

TEST(WilcoxonScheduler, SaysWhichTrialWasBetterAndHowSureThatIs) {
  const std::vector<TrialRecord> others = {reported_trial(0, {1, 1, 1, 1, 1}),
                                           reported_trial(1, {2, 2, 2, 2, 2})};
  const auto scheduler = wilcoxon_scheduler();
  EXPECT_EQ(decide(*scheduler, running(2, {3, 3, 3}), others).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler, running(2, {3, 3, 3, 3}), others).reason,
            "its loss is worse than that of trial 0 on 4 common steps (p = 0.062)");
}

TEST(Schedulers, RefuseOptionsThatMakeNoSense) {
  const std::vector<std::function<void()>> senseless = {
      [] { percentile_scheduler({.percentile = 101}); },
      [] { percentile_scheduler({.percentile = std::numeric_limits<double>::quiet_NaN()}); },
      [] { median_scheduler({.startup_trials = -1}); },
      [] { median_scheduler({.min_trials = 0}); },
      [] { median_scheduler({.warmup_steps = -1}); },
      [] { median_scheduler({.interval_steps = 0}); },
      [] { threshold_scheduler({}); },
      [] { threshold_scheduler({.lower = 2, .upper = 1}); },
      [] { threshold_scheduler({.lower = std::numeric_limits<double>::quiet_NaN()}); },
      [] { patience_scheduler({.patience = -1}); },
      [] { patience_scheduler({.tolerance = -1}); },
      [] { asha_scheduler({.min_resource = 0}); },
      [] { asha_scheduler({.min_resource = 5, .max_resource = 5}); },
      [] { asha_scheduler({.reduction_factor = 1}); },
      [] { asha_scheduler({.reduction_factor = 1001}); },
      [] { asha_scheduler({.brackets = 0}); },
      [] { asha_scheduler({.brackets = 33}); },
      [] { asha_scheduler({.max_resource = 63, .brackets = 4}); },
      [] { asha_scheduler({.grace_trials = 0}); },
      [] { hyperband_scheduler({}); },
      [] { hyperband_scheduler({.max_resource = 1}); },
      [] { wilcoxon_scheduler({.p_threshold = 1.5}); },
      [] { wilcoxon_scheduler({.startup_steps = -1}); }};
  for (std::size_t i = 0; i < senseless.size(); ++i) {
    EXPECT_THROW(senseless[i](), ConfigError) << "number " << i;
  }
  EXPECT_NO_THROW(asha_scheduler({.max_resource = 64, .brackets = 4}));
}

}  // namespace
}  // namespace hypertune

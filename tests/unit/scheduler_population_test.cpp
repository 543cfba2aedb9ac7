// Population-based training: who gives way to whom, and how parameters change.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <set>

#include "hypertune/error.h"
#include "hypertune/scheduler.h"
#include "math/drifting_process.h"
#include "schedulers/perturbation.h"
#include "support/reported_trial.h"

namespace hypertune {
namespace {

using namespace testing_support;
using testing::HasSubstr;

const std::vector<Objective> kLoss = {{"loss", Direction::Minimize}};

/// A member that reported `loss` at steps 1 to `steps`.
TrialRecord member(int number, double loss, int steps, TrialState state = TrialState::Running) {
  TrialRecord trial = reported_trial(number, std::vector<double>(steps, loss), state);
  trial.params = {{"learning_rate", 0.01 * (number + 1)}, {"units", std::int64_t{32}}};
  trial.domains = {{"learning_rate", FloatDomain{1e-3, 1, true}}, {"units", IntDomain{8, 64}}};
  return trial;
}

/// Eight members, number 0 the best and number 7 the worst.
std::vector<TrialRecord> population(int steps) {
  std::vector<TrialRecord> members;
  for (int i = 0; i < 8; ++i) members.push_back(member(i, 1.0 + i, steps));
  return members;
}

Ruling decide(const Scheduler& scheduler, const TrialRecord& trial,
              const std::vector<TrialRecord>& others) {
  return scheduler.on_report(trial, {kLoss, others, 7, trial.number, trial.draw()});
}
Ruling decide(const Scheduler& scheduler, const std::vector<TrialRecord>& members, int number) {
  return decide(scheduler, members[static_cast<std::size_t>(number)], members);
}

std::vector<std::unique_ptr<Scheduler>> both() {
  std::vector<std::unique_ptr<Scheduler>> schedulers;
  schedulers.push_back(pbt_scheduler({.interval = 2, .max_resource = 10}));
  schedulers.push_back(pb2_scheduler({.interval = 2, .max_resource = 10}));
  return schedulers;
}

TEST(Population, ReplacesTheWorstQuarterByTheBestQuarter) {
  for (const auto& scheduler : both()) {
    std::set<int> parents;
    for (int steps : {2, 4, 6, 8}) {
      const auto members = population(steps);
      for (int number = 0; number < 8; ++number) {
        const Ruling ruling = decide(*scheduler, members, number);
        ASSERT_EQ(ruling.decision == Decision::Stop, number >= 6) << number << " at " << steps;
        ASSERT_EQ(ruling.successor.has_value(), number >= 6);
        if (ruling.successor) parents.insert(ruling.successor->parent);
      }
    }
    EXPECT_THAT(parents, testing::ElementsAre(0, 1));
  }
}

TEST(Population, SaysWhoIsFollowedAndWithWhat) {
  const auto scheduler = pbt_scheduler({.interval = 2, .parameters = {"units"}});
  const Ruling ruling = decide(*scheduler, population(2), 7);
  const Params& params = ruling.successor->params;
  const std::string parent = std::to_string(ruling.successor->parent);
  const std::string loss = std::to_string(ruling.successor->parent + 1);
  EXPECT_EQ(ruling.reason, "loss 8 at step 2 is number 8 of 8 trials; a copy of trial " + parent +
                               " (loss " + loss +
                               ") takes its place with units=" + to_string(params.at("units")));
}

TEST(Population, ComparesAtTheMultiplesOfTheIntervalAlone) {
  for (const auto& scheduler : both()) {
    for (const int steps : {1, 3, 5, 10}) {  // 10 is the end
      const auto members = population(steps);
      EXPECT_EQ(decide(*scheduler, members, 7).decision, Decision::Continue) << steps;
      EXPECT_FALSE(scheduler->wants_checkpoint(members[0])) << steps;
    }
    EXPECT_TRUE(scheduler->wants_checkpoint(member(0, 1, 4)));
  }
  const auto late = pbt_scheduler({.interval = 2, .burn_in = 5});
  EXPECT_EQ(decide(*late, population(4), 7).decision, Decision::Continue);
  EXPECT_FALSE(late->wants_checkpoint(member(0, 1, 4)));
  EXPECT_EQ(decide(*late, population(6), 7).decision, Decision::Stop);
}

TEST(Population, ComparesWithWhatOthersReportedAtTheSameStep) {
  // At step 2 the others were worse, whatever they are by now.
  const auto scheduler = pbt_scheduler({.interval = 2});
  auto members = population(2);
  for (std::size_t i = 0; i < 7; ++i) {
    for (Report& report : members[i].reports) report.metrics["loss"] = 9;
    report_loss(members[i], 1);
    report_loss(members[i], 1);
  }
  EXPECT_EQ(decide(*scheduler, members, 7).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler, population(2), 7).decision, Decision::Stop);
}

TEST(Population, FollowsNobodyWhoStoppedOrIsFarAhead) {
  const auto scheduler = pbt_scheduler({.interval = 2, .max_resource = 20});
  auto members = population(2);
  members[0] = member(0, 1, 10);  // eight steps, or four intervals
  for (int i = 0; i < 20; ++i) {
    members[7].number = 7 + i;
    EXPECT_EQ(decide(*scheduler, members, 7).successor->parent, 1);
  }
  members[1].state = TrialState::Pruned;
  EXPECT_EQ(decide(*scheduler, members, 7).decision, Decision::Continue);
  members[0] = member(0, 1, 6, TrialState::Complete);
  EXPECT_EQ(decide(*scheduler, members, 7).successor->parent, 0);
}

TEST(Population, DoesNotCountTrialsThatFailed) {
  const auto scheduler = pbt_scheduler({.interval = 2});
  auto members = population(2);
  for (std::size_t i = 0; i < 7; ++i) members[i].state = TrialState::Failed;
  EXPECT_EQ(decide(*scheduler, members, 7).decision, Decision::Continue);
}

TEST(Population, LeavesEqualsAlone) {
  auto members = population(2);
  for (TrialRecord& trial : members) {
    for (Report& report : trial.reports) report.metrics["loss"] = 3;
  }
  for (const auto& scheduler : both()) {
    EXPECT_EQ(decide(*scheduler, members, 7).decision, Decision::Continue);
  }
}

TEST(Population, JudgesASuccessorFromItsFirstFullIntervalOn) {
  const auto scheduler = pbt_scheduler({.interval = 2});
  auto members = population(6);
  TrialRecord child = member(8, 50, 0);
  child.plan.parent = 0;
  child.reports = {{5, {{"loss", 50}}}};
  EXPECT_EQ(decide(*scheduler, child, members).decision, Decision::Continue);
  EXPECT_FALSE(scheduler->wants_checkpoint(child));
  child.reports.push_back({6, {{"loss", 50}}});
  EXPECT_EQ(decide(*scheduler, child, members).decision, Decision::Stop);
  EXPECT_TRUE(scheduler->wants_checkpoint(child));
}

TEST(Population, LeavesASuccessorAloneThatHadToBeginAnew) {
  const auto scheduler = pbt_scheduler({.interval = 2});
  TrialRecord child = member(8, 50, 4);
  EXPECT_EQ(decide(*scheduler, child, population(4)).decision, Decision::Stop);
  child.plan.parent = 0;
  EXPECT_EQ(decide(*scheduler, child, population(4)).decision, Decision::Continue);
}

TEST(Population, KeepsWhatThePlanFixedAndComparesWithinAGridPoint) {
  for (const auto& scheduler : both()) {
    auto members = population(2);
    for (TrialRecord& trial : members) {
      const Value axis = trial.number % 2 == 0;
      trial.params["batch_norm"] = axis;
      trial.domains.set("batch_norm", CategoricalDomain{{true, false}});
      trial.plan = {.key = "grid/0/" + std::to_string(trial.number),
                    .fixed = {{"batch_norm", axis}},
                    .draw = static_cast<std::uint64_t>(trial.number)};
    }
    EXPECT_EQ(decide(*scheduler, members, 6).successor->parent, 0);
    EXPECT_EQ(decide(*scheduler, members, 7).successor->parent, 1);
    EXPECT_EQ(decide(*scheduler, members, 5).decision, Decision::Continue);
    const Params params = decide(*scheduler, members, 7).successor->params;
    EXPECT_EQ(params.at("batch_norm"), Value(false));
    EXPECT_NE(params.at("learning_rate"), members[1].params.at("learning_rate"));
  }
}

TEST(Population, ChangesTheNamedParametersAlone) {
  auto members = population(2);
  for (TrialRecord& trial : members) trial.params["units"] = std::int64_t{trial.number + 10};
  const auto pbt = pbt_scheduler({.interval = 2, .parameters = {"learning_rate"}});
  const auto pb2 = pb2_scheduler({.interval = 2, .parameters = {"learning_rate"}});
  for (const Scheduler* scheduler : {pbt.get(), pb2.get()}) {
    const auto successor = decide(*scheduler, members, 7).successor;
    ASSERT_TRUE(successor.has_value());
    const Params& parent = members[static_cast<std::size_t>(successor->parent)].params;
    EXPECT_EQ(successor->params.at("units"), parent.at("units"));
    EXPECT_NE(successor->params.at("learning_rate"), parent.at("learning_rate"));
  }
}

TEST(Population, DrawsAnewForEveryTrialAndStep) {
  const auto scheduler = pbt_scheduler({.interval = 2});
  std::set<double> rates;
  for (const int steps : {2, 4, 6}) {
    auto members = population(steps);
    for (const int number : {6, 7}) {
      const auto successor = decide(*scheduler, members, number).successor;
      rates.insert(std::get<double>(successor->params.at("learning_rate")));
      EXPECT_EQ(decide(*scheduler, members, number).successor->params, successor->params);
    }
  }
  EXPECT_GE(rates.size(), 4U);  // two parents and two factors, at the least
}

// --- Exploration ---

std::set<Value> all_of(const Domain& domain, const Value& value, double resample = 0) {
  std::set<Value> found;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const Value changed = perturbed(domain, value, Rng(seed), {.resample_probability = resample});
    EXPECT_TRUE(contains(domain, changed)) << to_string(changed);
    found.insert(changed);
  }
  return found;
}

using Whole = std::int64_t;

TEST(Perturbation, MultipliesNumbersAndStaysInTheDomain) {
  EXPECT_EQ(all_of(FloatDomain{0, 10}, 5.0), (std::set<Value>{4.0, 6.0}));
  EXPECT_EQ(all_of(FloatDomain{1, 10, true}, 9.0), (std::set<Value>{9.0 * 0.8, 10.0}));
  EXPECT_EQ(all_of(FloatDomain{0, 1, false, 0.25}, 0.5), (std::set<Value>{0.25, 0.75}));
  EXPECT_EQ(all_of(IntDomain{1, 100}, Whole{50}), (std::set<Value>{Whole{40}, Whole{60}}));
  EXPECT_EQ(all_of(IntDomain{1, 100, true}, Whole{90}), (std::set<Value>{Whole{72}, Whole{100}}));
}

TEST(Perturbation, MovesWholeNumbersByAStepAtLeast) {
  EXPECT_EQ(all_of(IntDomain{1, 8}, Whole{2}), (std::set<Value>{Whole{1}, Whole{3}}));
  EXPECT_EQ(all_of(IntDomain{8, 64, false, 8}, Whole{16}), (std::set<Value>{Whole{8}, Whole{24}}));
  EXPECT_EQ(all_of(IntDomain{-9, 0}, Whole{-1}), (std::set<Value>{Whole{0}, Whole{-2}}));
  EXPECT_EQ(all_of(IntDomain{0, 5}, Whole{0}), (std::set<Value>{Whole{0}, Whole{1}}));
  const Whole largest = std::numeric_limits<Whole>::max();
  EXPECT_TRUE(all_of(IntDomain{std::numeric_limits<Whole>::min(), largest}, largest)
                  .contains(Whole{largest}));
}

TEST(Perturbation, MovesAChoiceToItsNeighbors) {
  const CategoricalDomain domain{{std::string("a"), std::string("b"), std::string("c")}};
  EXPECT_EQ(all_of(domain, std::string("b")),
            (std::set<Value>{std::string("a"), std::string("c")}));
  EXPECT_EQ(all_of(domain, std::string("a")),
            (std::set<Value>{std::string("a"), std::string("b")}));
}

TEST(Perturbation, DrawsFromTheWholeDomainAsOftenAsItIsTold) {
  EXPECT_EQ(all_of(IntDomain{1, 5}, Whole{1}, 1).size(), 5U);
  int drawn = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    const double x = std::get<double>(
        perturbed(FloatDomain{0, 10}, 5.0, Rng(seed), {.resample_probability = 0.25}));
    if (x != 4.0 && x != 6.0) ++drawn;
  }
  EXPECT_NEAR(drawn, 250, 3 * std::sqrt(1000 * 0.25 * 0.75));  // three standard deviations
}

// --- The model of PB2 ---

TEST(DriftingProcess, InterpolatesWhatItSawAndIsUnsureElsewhere) {
  std::vector<DriftingSample> samples;
  for (int i = 0; i <= 10; ++i) {
    const double x = i / 10.0;
    samples.push_back({{x}, 1, std::sin(6 * x)});
  }
  const DriftingProcess process(samples, {});
  double last = process.at(std::vector{0.26}, 1).mean;  // the top; it falls from there to 0.78
  for (const double x : {0.4, 0.5, 0.65, 0.75}) {
    const double mean = process.at(std::vector{x}, 1).mean;
    EXPECT_LT(mean, last) << x;
    last = mean;
  }
  EXPECT_LT(process.at(std::vector{0.5}, 1).deviation, 0.3);
  EXPECT_GT(process.at(std::vector{0.5}, 60).deviation,
            2 * process.at(std::vector{0.5}, 1).deviation);
  EXPECT_NEAR(process.at(std::vector{0.5}, 1e6).mean, 0, 1e-9);
}

TEST(DriftingProcess, IsSurerAroundWhatIsPendingWithTheSameMean) {
  const std::vector<DriftingSample> samples = {{{0.1}, 1, 1}, {{0.2}, 1, 2}, {{0.3}, 1, 1.5}};
  const std::vector<DriftingSample> pending = {{{0.9}, 2, 0}};
  const DriftingProcess without(samples, {});
  const DriftingProcess with(samples, pending);
  const std::vector<double> point = {0.9};
  EXPECT_DOUBLE_EQ(with.at(point, 2).mean, without.at(point, 2).mean);
  EXPECT_LT(with.at(point, 2).deviation, 0.8 * without.at(point, 2).deviation);
}

TEST(DriftingProcess, KnowsNothingWithoutSamples) {
  const DriftingProcess process({}, {});
  EXPECT_EQ(process.at(std::vector{0.5}, 3).mean, 0);
  EXPECT_EQ(process.at(std::vector{0.5}, 3).deviation, 1);
}

TEST(Pb2, TakesTheNumbersThatGainedMost) {
  // The gain over each interval is the larger the nearer the rate is to 0.3, and it does not drift.
  auto members = population(0);
  for (std::size_t i = 0; i < 8; ++i) {
    const double rate = 0.05 + 0.12 * static_cast<double>(i);
    members[i].params = {{"rate", rate}};
    members[i].domains = {{"rate", FloatDomain{0, 1}}};
    double loss = 20;
    for (int step = 1; step <= 8; ++step) {
      loss -= 1 - std::abs(rate - 0.3);
      report_loss(members[i], loss);
    }
  }
  const auto scheduler = pb2_scheduler({.interval = 2});
  for (const int number : {6, 7}) {
    const auto successor = decide(*scheduler, members, number).successor;
    ASSERT_TRUE(successor);
    EXPECT_NEAR(std::get<double>(successor->params.at("rate")), 0.3, 0.15);
  }
}

TEST(Population, RefusesOptionsThatMakeNoSense) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::function<void()>> senseless = {
      [] { pbt_scheduler({.interval = 0}); },
      [] { pbt_scheduler({.quantile = 0}); },
      [] { pbt_scheduler({.quantile = 0.6}); },
      [&] { pbt_scheduler({.quantile = nan}); },
      [] { pbt_scheduler({.burn_in = -1}); },
      [] { pbt_scheduler({.interval = 3, .max_resource = 3}); },
      [] { pbt_scheduler({.resample_probability = 1.5}); },
      [] { pbt_scheduler({.factor_low = 0}); },
      [] { pbt_scheduler({.factor_low = 1}); },
      [] { pbt_scheduler({.factor_high = 1}); },
      [] { pbt_scheduler({.factor_high = std::numeric_limits<double>::infinity()}); },
      [] { pb2_scheduler({.interval = 0}); },
      [] { pb2_scheduler({.quantile = 2}); }};
  for (std::size_t i = 0; i < senseless.size(); ++i) {
    EXPECT_THROW(senseless[i](), ConfigError) << "number " << i;
  }
}

}  // namespace
}  // namespace hypertune

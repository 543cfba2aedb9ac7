// Studies: asking, telling, planning.
#include "hypertune/study.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <set>

#include "hypertune/error.h"
#include "support/quadratic.h"

namespace hypertune {
namespace {

using testing::HasSubstr;
using testing_support::quadratic_spec;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

StudySpec bare_spec() {
  StudySpec spec;
  spec.name = "bare";
  spec.objectives = {{"loss", Direction::Minimize}};
  return spec;
}

TEST(Study, NeedsANameAndAnObjective) {
  EXPECT_THROW(Study(StudySpec{}), ConfigError);
  StudySpec spec = bare_spec();
  spec.objectives.clear();
  EXPECT_THROW(Study{spec}, ConfigError);
}

TEST(Study, AskDecidesEveryParameterOfTheSpace) {
  Study study(quadratic_spec());
  const Trial trial = study.ask();
  EXPECT_EQ(trial.number(), 0);
  EXPECT_TRUE(trial.params().contains("x"));
  EXPECT_TRUE(trial.params().contains("shift"));
  EXPECT_EQ(study.trials().at(0).params, trial.params());
  EXPECT_EQ(study.trials().at(0).state, TrialState::Running);
}

TEST(Study, SuggestSamplesUndeclaredNamesOnceAndStoresThem) {
  Study study(bare_spec());
  Trial trial = study.ask();
  const double x = trial.suggest_float("x", {0, 1});
  EXPECT_EQ(trial.suggest_float("x", {0, 1}), x);
  EXPECT_EQ(std::get<double>(study.trials().at(0).params.at("x")), x);
  EXPECT_GE(trial.suggest_int("n", {3, 5}), 3);
  EXPECT_NO_THROW(trial.suggest_bool("flag"));
  EXPECT_EQ(trial.suggest_categorical("one", {std::string("a")}), Value(std::string("a")));
}

TEST(Study, SuggestRefusesAnotherDomainForADecidedName) {
  Study study(bare_spec());
  Trial trial = study.ask();
  trial.suggest_float("x", {0, 1});
  EXPECT_THROW(trial.suggest_float("x", {5, 6}), ParameterConflict);
  EXPECT_THROW(trial.suggest_float("y", {2, 1}), ConfigError);
}

TEST(Study, EnqueuedValuesAreUsedAndTheOthersSampled) {
  Study study(quadratic_spec());
  study.enqueue({{"x", 2.5}});
  const Trial trial = study.ask();
  EXPECT_EQ(trial.params().at("x"), Value(2.5));
  EXPECT_TRUE(trial.params().contains("shift"));
}

TEST(Study, EnqueueAlsoFixesNamesThatAreSuggestedLater) {
  Study study(bare_spec());
  study.enqueue({{"y", std::int64_t{1}}});
  Trial trial = study.ask();
  EXPECT_EQ(trial.suggest_float("y", {0, 3}), 1.0);
}

TEST(Study, RefusesToEnqueueAValueOutsideItsDomain) {
  Study study(quadratic_spec());
  EXPECT_THROW(study.enqueue({{"x", 11.0}}), ParameterConflict);
  EXPECT_TRUE(study.trials().empty());
}

TEST(Study, SkipsAWaitingTrialThatTheSpaceDoesNotAllow) {
  Study study(quadratic_spec());
  const TrialPlan foreign{.fixed = {{"x", 99.0}}};
  study.storage().enqueue(study.id(), std::span(&foreign, 1));
  study.enqueue({{"x", 1.0}});
  const auto trial = study.next({"w", std::chrono::seconds(60)});
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->number(), 1);
  EXPECT_EQ(study.trials()[0].state, TrialState::Failed);
  EXPECT_THAT(study.trials()[0].reason, HasSubstr("does not lie in"));
}

TEST(Study, AskSkipsItTooAndLeavesItFailed) {
  Study study(quadratic_spec());
  const TrialPlan foreign{.fixed = {{"x", 99.0}}};
  study.storage().enqueue(study.id(), std::span(&foreign, 1));
  EXPECT_EQ(study.ask().number(), 1);
  EXPECT_EQ(study.trials()[0].state, TrialState::Failed);
}

/// Decides by a function.
class MadeUpSampler final : public Sampler {
 public:
  explicit MadeUpSampler(std::function<Params()> sample) : sample_(std::move(sample)) {}
  Params sample(const SearchSpace&, const History&, const Rng&) const override { return sample_(); }

 private:
  std::function<Params()> sample_;
};

TEST(Study, RefusesASamplerThatLeavesAParameterOut) {
  Study study(quadratic_spec(), memory_storage(), std::make_unique<MadeUpSampler>([] {
                return Params{{"shift", 0.0}};
              }));
  try {
    study.ask();
    FAIL() << "no exception";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("no value for the parameter \"x\""));
  }
}

TEST(Study, GoesOnWithTheNextTrialWhenDecidingOutlastsTheLease) {
  TimePoint now{std::chrono::hours(1'000)};
  const auto storage = memory_storage([&] { return now; });
  Study* running = nullptr;
  int calls = 0;
  Study study(quadratic_spec(), storage, std::make_unique<MadeUpSampler>([&] {
                if (calls++ == 0) {
                  now += std::chrono::seconds(61);
                  storage->fail_stale(running->id());
                }
                return Params{{"x", 1.0}, {"shift", 0.0}};
              }));
  running = &study;
  study.plan(1);
  const auto trial = study.next({"elsewhere:1", std::chrono::seconds(60)});
  ASSERT_TRUE(trial);
  EXPECT_EQ(trial->number(), 1);
  EXPECT_EQ(study.trials()[0].failure, Failure::WorkerLost);
}

TEST(Study, TellRecordsTheOutcomeOnce) {
  Study study(quadratic_spec());
  Trial trial = study.ask();
  study.tell(trial, Outcome::complete({{"loss", 1.5}, {"extra", 2}}));
  EXPECT_EQ(study.best_trial().metrics, (Metrics{{"extra", 2}, {"loss", 1.5}}));
  EXPECT_THROW(study.tell(trial, Outcome::complete({{"loss", 0}})), TrialFinished);
  EXPECT_THROW(trial.report(1, {{"loss", 1}}), TrialFinished);
  EXPECT_EQ(study.best_trial().metrics.at("loss"), 1.5);
}

TEST(Study, AResultWithoutANumberFailsWithTheMetricsName) {
  Study study(quadratic_spec());
  Trial missing = study.ask();
  study.tell(missing, Outcome::complete({{"accuracy", 1}}));
  Trial nan = study.ask();
  study.tell(nan, Outcome::complete({{"loss", kNaN}}));
  Trial infinite = study.ask();
  study.tell(infinite, Outcome::complete({{"loss", std::numeric_limits<double>::infinity()}}));
  const auto trials = study.trials();
  EXPECT_EQ(trials[0].state, TrialState::Failed);
  EXPECT_THAT(trials[0].reason, HasSubstr("\"loss\" was not returned"));
  EXPECT_EQ(trials[1].state, TrialState::Failed);
  EXPECT_THAT(trials[1].reason, HasSubstr("\"loss\" is NaN"));
  EXPECT_EQ(trials[1].failure, Failure::Error);
  EXPECT_EQ(trials[2].state, TrialState::Complete);
}

TEST(Study, ANaNReportMeansStop) {
  Study study(quadratic_spec());
  Trial trial = study.ask();
  EXPECT_EQ(trial.report(1, {{"loss", 3}, {"other", kNaN}}), Decision::Continue);
  EXPECT_EQ(trial.report(2, {{"loss", kNaN}}), Decision::Stop);
  study.tell(trial, Outcome::pruned());
  EXPECT_THAT(study.trials()[0].reason, HasSubstr("NaN at step 2"));
}

TEST(Study, StepsMustIncrease) {
  Study study(quadratic_spec());
  Trial trial = study.ask();
  trial.report(2, {{"loss", 3}});
  EXPECT_THROW(trial.report(2, {{"loss", 3}}), Error);
  EXPECT_EQ(study.trials()[0].reports.size(), 1U);
}

TEST(Study, PlansGridTimesSamplesAndPlanningTwicePlansOnce) {
  Study study(quadratic_spec());
  EXPECT_EQ(study.plan(3), 6);
  EXPECT_EQ(study.plan(3), 0);
  EXPECT_EQ(study.plan(5), 4);
  const auto trials = study.trials();
  ASSERT_EQ(trials.size(), 10U);
  EXPECT_EQ(trials[0].plan.fixed.at("shift"), Value(0.0));
  EXPECT_EQ(trials[1].plan.fixed.at("shift"), Value(1.0));
}

std::vector<Trial> run_plan(Study& study) {
  std::vector<Trial> trials;
  while (auto trial = study.next({"w", std::chrono::seconds(60)}))
    trials.push_back(std::move(*trial));
  return trials;
}

TEST(Study, PairedCellsShareSampledValuesAndSeed) {
  Study study(quadratic_spec());
  study.plan(2, true);
  const auto trials = run_plan(study);
  ASSERT_EQ(trials.size(), 4U);
  EXPECT_EQ(trials[0].params().at("x"), trials[1].params().at("x"));
  EXPECT_EQ(trials[0].seed(), trials[1].seed());
  EXPECT_NE(trials[0].params().at("x"), trials[2].params().at("x"));
  EXPECT_NE(trials[0].seed(), trials[2].seed());
}

TEST(Study, UnpairedCellsShareNothing) {
  Study study(quadratic_spec());
  study.plan(2);
  std::set<Value> values;
  for (const Trial& trial : run_plan(study)) values.insert(trial.params().at("x"));
  EXPECT_EQ(values.size(), 4U);
}

TEST(Study, TrialsOutsideThePlanShareNoDrawWithIt) {
  Study study(quadratic_spec());
  study.enqueue(Params{});
  study.plan(3, true);
  std::set<std::uint64_t> planned;
  const auto trials = study.trials();
  for (std::size_t i = 1; i < trials.size(); ++i) planned.insert(trials[i].draw());
  EXPECT_EQ(planned.size(), 3U);
  EXPECT_FALSE(planned.contains(trials[0].draw()));
}

TEST(Study, RefusesToGoOnPairedWhereItBeganUnpaired) {
  Study study(quadratic_spec());
  study.plan(2, false);
  EXPECT_THROW(study.plan(3, true), StudyMismatch);
  EXPECT_EQ(study.trials().size(), 4U);
}

TEST(Study, RepeatsInterruptedTrialsWithTheirValuesAndSeed) {
  Study study(quadratic_spec());
  Trial trial = study.ask();
  study.tell(trial, Outcome::interrupted("interrupted after epoch 2"));
  EXPECT_EQ(study.plan_retries(), 1);
  EXPECT_EQ(study.plan_retries(), 0);
  const Trial twin = study.ask();
  EXPECT_EQ(twin.record().plan.retry_of, 0);
  EXPECT_EQ(twin.params(), trial.params());
  EXPECT_EQ(twin.seed(), trial.seed());
}

TEST(Study, DoesNotRepeatTrialsThatFailedByThemselves) {
  Study study(quadratic_spec());
  Trial trial = study.ask();
  study.tell(trial, Outcome::failed("division by zero"));
  EXPECT_EQ(study.plan_retries(), 0);
}

TEST(Study, RepeatsLostTrialsALimitedNumberOfTimes) {
  TimePoint now{std::chrono::hours(1'000)};
  Study study(quadratic_spec(), memory_storage([&] { return now; }));
  study.plan(1);
  int runs = 0;
  // One of the two cells is lost again and again; the other is told.
  auto other = study.next({"elsewhere:1", std::chrono::seconds(60)});
  study.tell(*other, Outcome::complete({{"loss", 1}}));
  while (study.next({"elsewhere:1", std::chrono::seconds(60)})) {
    ++runs;
    now += std::chrono::seconds(61);
    EXPECT_EQ(study.storage().fail_stale(study.id()).size(), 1U);
    study.plan_retries(3);
  }
  EXPECT_EQ(runs, 3);
}

TEST(Study, BestTrialOfNothingIsAnError) {
  EXPECT_THROW(Study(quadratic_spec()).best_trial(), Error);
}

TEST(Study, OpensAgainWithTheSameSpecificationOnly) {
  const auto storage = memory_storage();
  Study first(quadratic_spec(), storage);
  first.plan(1);
  EXPECT_EQ(Study(quadratic_spec(), storage).trials().size(), 2U);
  StudySpec other = quadratic_spec();
  other.seed = 8;
  EXPECT_THROW(Study(other, storage), StudyMismatch);
}

}  // namespace
}  // namespace hypertune

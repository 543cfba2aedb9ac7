// Studies whose space has constraints or finitely many points: what trials get, and how they end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "hypertune/error.h"
#include "hypertune/tune.h"

namespace hypertune {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr std::chrono::seconds kLease{60};

StudySpec spec_of(SearchSpace space) {
  StudySpec spec;
  spec.name = "s";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.space = std::move(space);
  spec.seed = 11;
  return spec;
}

SearchSpace twelve_points() {
  SearchSpace space;
  space.add("layers", IntDomain{1, 4})
      .add("kind", CategoricalDomain{{std::string("a"), std::string("b"), std::string("c")}});
  return space;
}

Outcome zero(Trial&) { return Outcome::complete({{"loss", 0.0}}); }

TuneSummary run(Study& study, TuneOptions options) {
  const auto executor = function_executor(zero);
  return tune(study, *executor, options);
}

std::set<Params> points_of(const Study& study) {
  std::set<Params> points;
  for (const TrialRecord& trial : study.trials()) {
    if (!trial.params.empty()) points.insert(trial.params);
  }
  return points;
}

/// Always the same point.
class StubbornSampler final : public Sampler {
 public:
  explicit StubbornSampler(Params params) : params_(std::move(params)) {}
  Params sample(const SearchSpace&, const History&, const Rng&) const override { return params_; }

 private:
  Params params_;
};

TEST(FiniteSpace, IsPlannedNoFurtherThanItHasPointsAndSaysSo) {
  Study study(spec_of(twelve_points()));
  const TuneSummary summary = run(study, {.num_samples = 20, .workers = 3});
  EXPECT_EQ(summary.planned, 12);
  EXPECT_EQ(summary.complete, 12);
  EXPECT_EQ(summary.stopped, "the space of 12 points is exhausted");
  EXPECT_THAT(points_of(study), SizeIs(12));
}

TEST(FiniteSpace, IsNotExhaustedByAPlanThatJustFits) {
  Study study(spec_of(twelve_points()));
  EXPECT_EQ(run(study, {.num_samples = 12}).stopped, "");
  EXPECT_THAT(points_of(study), SizeIs(12));
}

TEST(FiniteSpace, IsNeverSampledTwiceByASamplerThatRepeatsItself) {
  const Params same = {{"layers", std::int64_t{2}}, {"kind", std::string("b")}};
  Study study(spec_of(twelve_points()), memory_storage(), std::make_unique<StubbornSampler>(same));
  run(study, {.num_samples = 12});
  EXPECT_EQ(study.trials().front().params, same);
  EXPECT_THAT(points_of(study), SizeIs(12));
}

TEST(FiniteSpace, EndsTheStudyAndLeavesTheRestWaitingWhereOthersTookItsPoints) {
  Study study(spec_of(twelve_points()));
  study.enqueue({{"layers", std::int64_t{1}}, {"kind", std::string("a")}});
  const TuneSummary first = run(study, {.num_samples = 12});
  EXPECT_EQ(first.complete, 12);
  EXPECT_EQ(first.stopped, "the space of 12 points is exhausted");
  EXPECT_EQ(study.trials().back().state, TrialState::Waiting);
  EXPECT_TRUE(study.trials().back().worker.empty());
  EXPECT_EQ(study.stopped(), first.stopped);
  const TuneSummary again = run(study, {.num_samples = 12});
  EXPECT_EQ(again.complete, 12);
  EXPECT_EQ(again.stopped, first.stopped);
  EXPECT_THROW(study.ask(), Error);
}

TEST(FiniteSpace, AskEndsWithAnErrorThatSaysWhy) {
  Study study(spec_of(SearchSpace().add("x", IntDomain{1, 2})));
  study.ask();
  study.ask();
  try {
    study.ask();
    FAIL() << "no exception";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("the space of 2 points is exhausted"));
  }
}

TEST(FiniteSpace, CountsEachGridPointAlone) {
  SearchSpace space;
  space.grid("bn", {true, false})
      .add("x", IntDomain{1, 2})
      .add("rate", FloatDomain{0, 1}, Condition("bn"));
  Study study(spec_of(space));
  const TuneSummary summary = run(study, {.num_samples = 5});
  EXPECT_EQ(summary.planned, 5 + 2);
  EXPECT_EQ(summary.complete, 7);
  EXPECT_EQ(summary.stopped, "");
}

TEST(FiniteSpace, RepeatsGridPointsInWhichNothingIsSampled) {
  SearchSpace space;
  space.grid("x", {1.0, 2.0}).constant("y", true);
  Study study(spec_of(space));
  const TuneSummary summary = run(study, {.num_samples = 3});
  EXPECT_EQ(summary.complete, 6);
  EXPECT_EQ(summary.stopped, "");
}

TEST(FiniteSpace, GivesEachDrawOfAPairedStudyNewValuesForAllCells) {
  SearchSpace space = twelve_points();
  space.grid("bn", {true, false});
  Study study(spec_of(space));
  const TuneSummary summary = run(study, {.num_samples = 20, .paired = true, .workers = 2});
  EXPECT_EQ(summary.complete, 24);
  EXPECT_EQ(summary.stopped, "the space of 24 points is exhausted");
  EXPECT_THAT(points_of(study), SizeIs(24));
  std::map<std::uint64_t, std::set<std::pair<Value, Value>>> draws;
  for (const TrialRecord& trial : study.trials()) {
    draws[trial.draw()].insert({trial.params.at("layers"), trial.params.at("kind")});
  }
  EXPECT_THAT(draws, SizeIs(12));
  for (const auto& [draw, values] : draws) EXPECT_THAT(values, SizeIs(1)) << draw;
}

TEST(FiniteSpace, RepeatsAnInterruptedTrialWithItsOwnPoint) {
  Study study(spec_of(SearchSpace().add("x", IntDomain{1, 2})));
  study.plan(2);
  auto trial = study.next({"w", kLease});
  study.tell(*trial, Outcome::interrupted("interrupted"));
  EXPECT_EQ(study.plan_retries(), 1);
  EXPECT_EQ(run(study, {.num_samples = 2}).complete, 2);
  EXPECT_EQ(study.trials().back().params, trial->params());
}

TEST(FiniteSpace, IsNotSampledTwiceByWorkersAndStudiesThatDecideAtTheSameTime) {
  for (const std::uint64_t seed : {1, 2, 3}) {
    const auto storage = memory_storage();
    SearchSpace space;
    space.add("x", IntDomain{1, 8}).add("y", IntDomain{1, 8});
    StudySpec spec = spec_of(space);
    spec.seed = seed;
    {
      std::vector<std::jthread> processes;
      for (int i = 0; i < 2; ++i) {
        processes.emplace_back([&] {
          Study study(spec, storage);
          run(study, {.num_samples = 64, .workers = 4});
        });
      }
    }
    Study study(spec, storage);
    EXPECT_THAT(points_of(study), SizeIs(64));
    EXPECT_THAT(study.trials(), SizeIs(64));
  }
}

SearchSpace batches() {
  SearchSpace space;
  space.grid("batch_size", {std::int64_t{32}, std::int64_t{64}})
      .add("accumulate", IntDomain{1, 8})
      .add("lr", FloatDomain{0, 1})
      .constraint(Condition("batch_size * accumulate <= 256"));
  return space;
}

TEST(Constraint, LeavesOutGridPointsThatItRulesOut) {
  SearchSpace space;
  space.grid("batch_size", {std::int64_t{32}, std::int64_t{64}, std::int64_t{512}})
      .constant("accumulate", std::int64_t{2})
      .add("lr", FloatDomain{0, 1})
      .constraint(Condition("batch_size * accumulate <= 256"));
  Study study(spec_of(space));
  EXPECT_EQ(study.plan(2), 4);
}

TEST(Constraint, IsViolatedByNoTrial) {
  Study study(spec_of(batches()));
  const TuneSummary summary = run(study, {.num_samples = 50, .workers = 2});
  EXPECT_EQ(summary.complete, 100);
  for (const TrialRecord& trial : study.trials()) {
    EXPECT_LE(std::get<std::int64_t>(trial.params.at("batch_size")) *
                  std::get<std::int64_t>(trial.params.at("accumulate")),
              256);
  }
}

TEST(Constraint, HoldsForASamplerThatDoesNotCare) {
  SearchSpace space = twelve_points();
  space.constraint(Condition("layers != 2 or kind == 'c'"));
  const Params same = {{"layers", std::int64_t{2}}, {"kind", std::string("b")}};
  Study study(spec_of(space), memory_storage(), std::make_unique<StubbornSampler>(same));
  run(study, {.num_samples = 10});
  EXPECT_THAT(points_of(study), SizeIs(10));
  for (const TrialRecord& trial : study.trials()) EXPECT_TRUE(space.allows(trial.params));
}

TEST(Constraint, HoldsAtAllGridPointsForTheSharedValuesOfAPairedStudy) {
  SearchSpace space;
  space.grid("batch_size", {std::int64_t{32}, std::int64_t{128}})
      .add("accumulate", IntDomain{1, 8})
      .constraint(Condition("batch_size * accumulate <= 256"));
  Study study(spec_of(space));
  const TuneSummary summary = run(study, {.num_samples = 9, .paired = true});
  EXPECT_EQ(summary.complete, 4);  // accumulate 1 and 2
  for (const TrialRecord& trial : study.trials()) EXPECT_TRUE(space.allows(trial.params));
}

TEST(Constraint, ThatNamesAParameterThatDoesNotExistIsMet) {
  SearchSpace space;
  space.add("kind", CategoricalDomain{{std::string("a"), std::string("b")}})
      .add("x", IntDomain{1, 3}, Condition("kind == 'a'"))
      .constraint(Condition("x > 2"));
  Study study(spec_of(space));
  run(study, {.num_samples = 9});
  EXPECT_EQ(points_of(study),
            (std::set<Params>{{{"kind", std::string("a")}, {"x", std::int64_t{3}}},
                              {{"kind", std::string("b")}}}));
}

TEST(Constraint, RefusesToEnqueueWhatViolatesIt) {
  Study study(spec_of(batches()));
  EXPECT_THROW(study.enqueue({{"batch_size", std::int64_t{64}}, {"accumulate", std::int64_t{8}}}),
               ParameterConflict);
  EXPECT_TRUE(study.trials().empty());
  study.enqueue({{"batch_size", std::int64_t{64}}, {"accumulate", std::int64_t{4}}});
}

TEST(Constraint, RefusesASpaceWithoutAnyPoint) {
  SearchSpace space = twelve_points();
  space.constraint(Condition("layers > 4"));
  EXPECT_THROW(Study{spec_of(space)}, ConfigError);
}

TEST(Constraint, ThatCannotBeMetIsAnErrorThatNamesItAtTheFirstTrial) {
  SearchSpace space;
  space.add("x", FloatDomain{0, 1}).constraint(Condition("x > 2"));
  Study study(spec_of(space));
  study.plan(2);
  try {
    study.next({"w", kLease});
    FAIL() << "no exception";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr("x > 2"));
  }
  EXPECT_EQ(study.trials().front().state, TrialState::Failed);
}

}  // namespace
}  // namespace hypertune

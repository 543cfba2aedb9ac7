// What every store promises. A new store adds one line at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <ostream>
#include <thread>

#include "base/worker_id.h"
#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "support/manual_clock.h"
#ifdef HYPERTUNE_HAS_POSTGRES
#include "support/postgres_server.h"
#endif
#include "support/record_text.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using namespace testing_support;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Row {
  const char* name;
  std::function<std::shared_ptr<Storage>(const TemporaryFolder&, Clock)> make;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

class StorageContract : public testing::TestWithParam<Row> {
 protected:
  StudyId open(const std::string& name = "s") { return store().open_study(spec(name)); }
  Storage& store() { return *storage_; }

  static StudySpec spec(const std::string& name = "s") {
    StudySpec spec;
    spec.name = name;
    spec.objectives = {{"accuracy", Direction::Maximize}};
    spec.seed = 42;
    spec.space.grid("bn", {true, false})
        .add("lr", FloatDomain{1e-4, 1e-1, true})
        .add("momentum", FloatDomain{0, 1}, Condition("bn"));
    return spec;
  }

  /// A trial that runs under lease `claim()`.
  TrialRecord running(StudyId study, TrialPlan plan = {}) {
    store().enqueue(study, std::span(&plan, 1));
    return store().claim(study, {"worker", seconds(60)}).value();
  }
  static Claim claim_of(const TrialRecord& record) { return {record.id, record.lease}; }
  TrialRecord stored(StudyId study, int number) { return store().trials(study, number).at(0); }
  void set(const TrialRecord& trial, const std::string& name, const Domain& domain,
           const Value& value) {
    const Storage::ParamValue param{name, domain, value};
    store().set_params(claim_of(trial), std::span(&param, 1));
  }
  template <class Exception, class Function>
  static std::string message_of(Function function) {
    try {
      function();
    } catch (const Exception& e) {
      return e.what();
    }
    ADD_FAILURE() << "nothing of the kind was thrown";
    return "";
  }

  TemporaryFolder folder_;
  ManualClock clock_;
  std::shared_ptr<Storage> storage_ = GetParam().make(folder_, clock_.function());
};

// --- Studies ---

TEST_P(StorageContract, FindsAStudyAgainUnderItsName) {
  const StudyId a = open("a");
  const StudyId b = open("b");
  EXPECT_NE(a, b);
  EXPECT_EQ(open("a"), a);
  EXPECT_EQ(store().find_study("b"), b);
  EXPECT_EQ(store().find_study("c"), std::nullopt);
  EXPECT_THAT(store().study_names(), ElementsAre("a", "b"));
}

TEST_P(StorageContract, GivesBackTheSpecificationAsItWasOpened) {
  const StudySpec before = spec();
  const StudySpec after = store().spec(open());
  EXPECT_EQ(after.name, before.name);
  EXPECT_EQ(after.objectives, before.objectives);
  EXPECT_EQ(after.seed, before.seed);
  EXPECT_EQ(after.space, before.space);
}

TEST_P(StorageContract, KeepsTheConstraintsOfTheSpace) {
  StudySpec constrained = spec();
  constrained.space.constraint(Condition("lr * 2 < 1"));
  const StudyId study = store().open_study(constrained);
  EXPECT_EQ(store().spec(study).space, constrained.space);
  EXPECT_THAT(message_of<StudyMismatch>([&] { store().open_study(spec()); }),
              HasSubstr("the constraints were lr * 2 < 1 and are now nothing"));
}

TEST_P(StorageContract, GivesBackATrialThatWasNotBegun) {
  const StudyId study = open();
  const TrialRecord first = running(study, {.fixed = {{"bn", true}}});
  store().release(claim_of(first));
  const TrialRecord waiting = stored(study, 0);
  EXPECT_EQ(waiting.state, TrialState::Waiting);
  EXPECT_EQ(waiting.started, std::nullopt);
  EXPECT_EQ(waiting.worker, "");
  EXPECT_EQ(store().next_waiting(study), 0);
  EXPECT_THAT(store().begun_trials(study), IsEmpty());
  EXPECT_THROW(store().finish(claim_of(first), Outcome::failed("late")), LeaseLost);
  clock_.advance(seconds(100));
  EXPECT_THAT(store().fail_stale(study), IsEmpty());
  const TrialRecord second = store().claim(study, {"other", seconds(60)}).value();
  EXPECT_EQ(second.plan.fixed, first.plan.fixed);
  EXPECT_GT(second.lease, first.lease);
  store().finish(claim_of(second), Outcome::failed("done"));
  EXPECT_THROW(store().release(claim_of(second)), TrialFinished);
}

TEST_P(StorageContract, SaysExactlyWhatDiffersFromTheStudyThatExists) {
  open();
  StudySpec other;
  other.name = "s";
  other.objectives = {{"loss", Direction::Minimize}};
  other.seed = 43;
  other.space.grid("bn", {true, false})
      .add("lr", FloatDomain{1e-5, 1e-1, true})
      .constant("depth", std::int64_t{3});
  EXPECT_THAT(message_of<StudyMismatch>([&] { store().open_study(other); }),
              testing::AllOf(HasSubstr("study \"s\""), HasSubstr("maximize accuracy"),
                             HasSubstr("minimize loss"), HasSubstr("\"momentum\" was removed"),
                             HasSubstr("\"depth\" was added"),
                             HasSubstr("\"lr\" was float [0.0001, 0.1] log"),
                             HasSubstr("now float [1e-05, 0.1] log"),
                             HasSubstr("seed was 42 and is now 43"), HasSubstr("--out")));
}

TEST_P(StorageContract, TakesAnotherOrderOrConditionOfParametersForAnotherStudy) {
  open();
  StudySpec reordered = spec();
  reordered.space = SearchSpace()
                        .add("lr", FloatDomain{1e-4, 1e-1, true})
                        .grid("bn", {true, false})
                        .add("momentum", FloatDomain{0, 1}, Condition("bn"));
  EXPECT_THAT(message_of<StudyMismatch>([&] { store().open_study(reordered); }),
              HasSubstr("order"));
  StudySpec unconditional = spec();
  unconditional.space = SearchSpace()
                            .grid("bn", {true, false})
                            .add("lr", FloatDomain{1e-4, 1e-1, true})
                            .add("momentum", FloatDomain{0, 1});
  EXPECT_THAT(message_of<StudyMismatch>([&] { store().open_study(unconditional); }),
              HasSubstr("when bn"));
}

TEST_P(StorageContract, RefusesAStudyWithoutNameOrObjective) {
  StudySpec nameless = spec("");
  EXPECT_THROW(store().open_study(nameless), ConfigError);
  StudySpec aimless = spec();
  aimless.objectives.clear();
  EXPECT_THROW(store().open_study(aimless), ConfigError);
  StudySpec twice = spec();
  twice.objectives.push_back(twice.objectives.front());
  EXPECT_THROW(store().open_study(twice), ConfigError);
  EXPECT_THAT(store().study_names(), IsEmpty());
}

TEST_P(StorageContract, KeepsAttributesAndReplacesThem) {
  const StudyId study = open();
  store().set_attribute(study, "hypertune:provenance", R"({"rows": 1})");
  store().set_attribute(study, "hypertune:provenance", R"({"rows": 2, "x": NaN})");
  const auto all = store().attributes(study);
  EXPECT_EQ(all.at("hypertune:provenance"), R"({"rows": 2, "x": NaN})");
  EXPECT_FALSE(store().attributes(open("other")).contains("hypertune:provenance"));
}

TEST_P(StorageContract, RefusesAttributesThatAreNotJson) {
  const StudyId study = open();
  EXPECT_THROW(store().set_attribute(study, "a", "{"), StorageError);
  EXPECT_THROW(store().set_attribute(study, "", "1"), StorageError);
  EXPECT_FALSE(store().attributes(study).contains("a"));
}

TEST_P(StorageContract, KnowsNoStudyThatWasNotOpened) {
  constexpr StudyId kUnknown = 77;
  EXPECT_THROW(store().spec(kUnknown), StorageError);
  EXPECT_THROW(store().attributes(kUnknown), StorageError);
  EXPECT_THROW(store().set_attribute(kUnknown, "a", "1"), StorageError);
  EXPECT_THROW(store().enqueue(kUnknown, std::vector<TrialPlan>(1)), StorageError);
  EXPECT_THROW(store().claim(kUnknown, {"w"}), StorageError);
  EXPECT_THROW(store().trials(kUnknown), StorageError);
  EXPECT_THROW(store().fail_stale(kUnknown), StorageError);
  EXPECT_THROW(store().checkpoint(kUnknown, 0), StorageError);
}

// --- The queue ---

TEST_P(StorageContract, NumbersTheTrialsOfEachStudyFromZero) {
  const StudyId a = open("a");
  const StudyId b = open("b");
  EXPECT_EQ(store().enqueue(a, std::vector<TrialPlan>(2)), 2);
  EXPECT_EQ(store().enqueue(b, std::vector<TrialPlan>(1)), 1);
  EXPECT_EQ(store().enqueue(a, std::vector<TrialPlan>(1)), 1);
  const auto trials = store().trials(a);
  ASSERT_THAT(trials, SizeIs(3));
  for (int number = 0; number < 3; ++number) {
    const auto& trial = trials[static_cast<std::size_t>(number)];
    EXPECT_EQ(trial.number, number);
    EXPECT_EQ(trial.state, TrialState::Waiting);
    EXPECT_EQ(trial.started, std::nullopt);
  }
  EXPECT_THAT(store().trials(b), SizeIs(1));
  EXPECT_THAT(store().trials(a, 2), SizeIs(1));
  EXPECT_THAT(store().trials(a, 3), IsEmpty());
}

TEST_P(StorageContract, TellsTrialsThatHaveBegunFromThoseThatWait) {
  const StudyId study = open();
  EXPECT_THAT(store().begun_trials(study), IsEmpty());
  EXPECT_EQ(store().next_waiting(study), std::nullopt);
  store().enqueue(study, std::vector<TrialPlan>(4));
  EXPECT_THAT(store().begun_trials(study), IsEmpty());
  EXPECT_EQ(store().next_waiting(study), 0);
  const TrialRecord first = store().claim(study, {"w", seconds(60)}).value();
  store().claim(study, {"w", seconds(60)});
  store().finish(claim_of(first), Outcome::failed("no luck"));
  EXPECT_EQ(store().next_waiting(study), 2);
  const auto begun = store().begun_trials(study);
  ASSERT_THAT(begun, SizeIs(2));
  EXPECT_EQ(begun[0].state, TrialState::Failed);
  EXPECT_EQ(begun[1].state, TrialState::Running);
  EXPECT_THAT(store().begun_trials(study, 1), SizeIs(1));
  EXPECT_THAT(store().begun_trials(study, 2), IsEmpty());
  EXPECT_THAT(store().begun_trials(study, 9), IsEmpty());
}

TEST_P(StorageContract, GivesAReaderWhatChangedSince) {
  const StudyId study = open();
  store().enqueue(study, std::vector<TrialPlan>(6));
  std::vector<TrialRecord> trials;
  for (int i = 0; i < 5; ++i) trials.push_back(store().claim(study, {"w", seconds(60)}).value());
  for (int i = 0; i < 3; ++i) store().pause(claim_of(trials[static_cast<std::size_t>(i)]));
  using Unfinished = Storage::Unfinished;
  const std::vector<Unfinished> seen = {{0, trials[0].lease},
                                        {1, trials[1].lease},
                                        {2, trials[2].lease},
                                        {3, std::nullopt},
                                        {4, std::nullopt}};
  const TrialRecord again = store().resume(claim_of(trials[1]), {"w", seconds(60)}).value();
  store().pause(claim_of(again));
  ASSERT_TRUE(store().end_paused(claim_of(trials[2]), Outcome::pruned()));
  store().release(claim_of(trials[4]));
  auto changed = store().changed_trials(study, 5, seen);
  ASSERT_THAT(changed, SizeIs(4)) << "the first one pauses still, the last one waits";
  EXPECT_EQ(changed[0].number, 1);
  EXPECT_EQ(changed[0].lease, again.lease);
  EXPECT_EQ(changed[1].state, TrialState::Pruned);
  EXPECT_EQ(changed[2].state, TrialState::Running);
  EXPECT_EQ(changed[3].state, TrialState::Waiting);
  for (int i = 0; i < 2; ++i) store().claim(study, {"w", seconds(60)});
  changed = store().changed_trials(study, 5, std::span(seen).first(1));
  ASSERT_THAT(changed, SizeIs(1)) << "new ones";
  EXPECT_EQ(changed[0].number, 5);
}

TEST_P(StorageContract, GivesNoTrialThatIsNotWanted) {
  const StudyId study = open();
  store().enqueue(study, std::vector<TrialPlan>(2));
  const Lease lease{.worker = "w", .highest_number = 0};
  EXPECT_EQ(store().claim(study, lease)->number, 0);
  EXPECT_EQ(store().claim(study, lease), std::nullopt);
  EXPECT_EQ(store().next_waiting(study), 1);
}

TEST_P(StorageContract, PlansAKeyOnceInAStudy) {
  const StudyId study = open();
  const std::vector<TrialPlan> plans = {{.key = "grid/0/0"}, {.key = "grid/0/1"}, {}, {}};
  EXPECT_EQ(store().enqueue(study, plans), 4);
  EXPECT_EQ(store().enqueue(study, plans), 2);
  EXPECT_EQ(store().enqueue(study, std::vector<TrialPlan>{{.key = "k"}, {.key = "k"}}), 1);
  EXPECT_THAT(store().trials(study), SizeIs(7));
  EXPECT_EQ(store().enqueue(open("other"), plans), 4);
}

TEST_P(StorageContract, KeepsEveryPartOfAPlan) {
  const StudyId study = open();
  const TrialPlan plan = {.key = "retry/0/2",
                          .fixed = {{"bn", true},
                                    {"depth", std::int64_t{3}},
                                    {"lr", 1.0},
                                    {"optimizer", std::string("sgd")}},
                          .draw = std::numeric_limits<std::uint64_t>::max(),
                          .retry_of = 0,
                          .attempt = 2,
                          .parent = 0};
  store().enqueue(study, std::span(&plan, 1));
  const TrialPlan kept = stored(study, 0).plan;
  EXPECT_EQ(kept.key, plan.key);
  EXPECT_EQ(kept.fixed, plan.fixed);
  EXPECT_EQ(kept.draw, plan.draw);
  EXPECT_EQ(kept.retry_of, plan.retry_of);
  EXPECT_EQ(kept.attempt, plan.attempt);
  EXPECT_EQ(kept.parent, plan.parent);

  const TrialPlan child = {.parent = 5};
  store().enqueue(study, std::span(&child, 1));
  EXPECT_EQ(stored(study, 1).plan.parent, 5);
  EXPECT_EQ(stored(study, 1).plan.attempt, 1);
}

TEST_P(StorageContract, HandsOutWaitingTrialsByNumberAndEachOnce) {
  const StudyId study = open();
  EXPECT_EQ(store().claim(study, {"w"}), std::nullopt);
  store().enqueue(study, std::vector<TrialPlan>{{.key = "a"}, {.key = "b"}});
  const auto first = store().claim(study, {"w0"});
  const auto second = store().claim(study, {"w1"});
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->plan.key, "a");
  EXPECT_EQ(second->plan.key, "b");
  EXPECT_EQ(store().claim(study, {"w2"}), std::nullopt);
  EXPECT_EQ(second->state, TrialState::Running);
  EXPECT_EQ(second->worker, "w1");
  EXPECT_EQ(second->started, clock_.now());
  EXPECT_EQ(record_text(*second), record_text(stored(study, 1)));
}

TEST_P(StorageContract, ClaimsEachTrialOnceFromManyThreads) {
  constexpr int kTrials = 200;
  constexpr int kThreads = 4;
  const StudyId study = open();
  store().enqueue(study, std::vector<TrialPlan>(kTrials));
  std::array<std::vector<int>, kThreads> taken;
  {
    std::vector<std::jthread> threads;
    for (auto& mine : taken) {
      threads.emplace_back([&] {
        while (const auto trial = store().claim(study, {"w"})) {
          mine.push_back(trial->number);
          store().finish(claim_of(*trial), Outcome::complete({{"accuracy", 1}}));
        }
      });
    }
  }
  std::vector<int> all;
  for (const auto& mine : taken) all.insert(all.end(), mine.begin(), mine.end());
  std::ranges::sort(all);
  ASSERT_THAT(all, SizeIs(kTrials));
  EXPECT_EQ(std::ranges::adjacent_find(all), all.end());
}

// --- Parameters ---

TEST_P(StorageContract, KeepsParametersWithTheirDomains) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  const IntDomain wide{0, std::numeric_limits<std::int64_t>::max()};
  const std::vector<Storage::ParamValue> params = {
      {"lr", FloatDomain{1e-4, 1e-1, true}, 0.01},
      {"drop", FloatDomain{.low = 0, .high = 0.5, .step = 0.1}, 0.3},
      {"width", IntDomain{.low = 1, .high = 9, .step = 2}, std::int64_t{3}},
      {"seed", wide, std::numeric_limits<std::int64_t>::max() - 1},
      {"bn", CategoricalDomain{{true, false}}, false},
      {"mixed", CategoricalDomain{{true, std::int64_t{2}, 2.5, std::string("x")}}, 2.5}};
  store().set_params(claim_of(trial), params);
  const TrialRecord kept = stored(study, 0);
  ASSERT_THAT(kept.params, SizeIs(params.size()));
  for (const auto& param : params) {
    EXPECT_EQ(kept.params.at(param.name), param.value) << param.name;
    EXPECT_EQ(kept.domains.at(param.name), param.domain) << param.name;
  }
}

TEST_P(StorageContract, KeepsDomainsOnceThatSeveralTrialsHave) {
  const StudyId study = open();
  for (const double high : {1.0, 1.0, 2.0}) {
    const TrialRecord trial = running(study);
    set(trial, "rate", FloatDomain{0, high}, 0.5);
    set(trial, "drop", FloatDomain{0, 1}, 0.5);
  }
  const auto trials = store().trials(study);
  ASSERT_THAT(trials[2].domains, SizeIs(2));
  EXPECT_EQ(&trials[0].domains.map(), &trials[1].domains.map());
  EXPECT_EQ(trials[2].domains.at("rate"), Domain(FloatDomain{0, 2}));
  Domains own = trials[0].domains;
  own.set("rate", FloatDomain{0, 3});
  EXPECT_EQ(trials[0].domains.at("rate"), Domain(FloatDomain{0, 1}));
}

TEST_P(StorageContract, GivesAValueTheTypeOfItsDomain) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  set(trial, "lr", FloatDomain{0, 2}, std::int64_t{1});
  set(trial, "size", CategoricalDomain{{16.0, 32.0}}, std::int64_t{32});
  EXPECT_EQ(stored(study, 0).params, (Params{{"lr", 1.0}, {"size", 32.0}}));
}

TEST_P(StorageContract, RefusesAnIncompatibleDomainAndWritesNothing) {
  const StudyId study = open();
  set(running(study), "lr", FloatDomain{0, 1}, 0.5);
  const TrialRecord trial = running(study);
  set(trial, "wider", FloatDomain{0, 1}, 0.5);
  const std::vector<Storage::ParamValue> params = {{"fine", FloatDomain{0, 1}, 0.5},
                                                   {"lr", FloatDomain{0.1, 1, true}, 0.5}};
  EXPECT_THAT(message_of<ParameterConflict>([&] { store().set_params(claim_of(trial), params); }),
              testing::AllOf(HasSubstr("\"lr\""), HasSubstr("float [0, 1]"), HasSubstr("trial 1")));
  EXPECT_EQ(stored(study, 1).params, (Params{{"wider", 0.5}}));
  // The name that was undone is as free as before.
  set(trial, "fine", IntDomain{0, 1}, std::int64_t{1});
  // Bounds may differ, and so may everything in another study.
  set(trial, "lr", FloatDomain{0, 9}, 5.0);
  set(running(open("other")), "lr", IntDomain{0, 9}, std::int64_t{5});
}

TEST_P(StorageContract, RefusesValuesOutsideTheirDomainAndSecondValues) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  EXPECT_THROW(set(trial, "lr", FloatDomain{0, 1}, 1.5), ParameterConflict);
  EXPECT_THROW(set(trial, "lr", FloatDomain{0, 1}, kNaN), ParameterConflict);
  EXPECT_THROW(set(trial, "bn", CategoricalDomain{{true}}, false), ParameterConflict);
  set(trial, "lr", FloatDomain{0, 1}, 0.5);
  EXPECT_THROW(set(trial, "lr", FloatDomain{0, 1}, 0.6), ParameterConflict);
  EXPECT_EQ(stored(study, 0).params, (Params{{"lr", 0.5}}));
}

// --- Reports and ends ---

TEST_P(StorageContract, KeepsReportsOfAnyNumbersInOrder) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  store().add_report(claim_of(trial), {-1, {{"accuracy", 0.1}, {"loss", kNaN}}});
  store().add_report(claim_of(trial), {7, {{"accuracy", kInf}, {"Größe \"λ\"", -kInf}}});
  store().add_report(claim_of(trial), {std::int64_t{1} << 40, {}});
  const TrialRecord kept = stored(study, 0);
  ASSERT_THAT(kept.reports, SizeIs(3));
  EXPECT_EQ(kept.reports[0].step, -1);
  EXPECT_TRUE(std::isnan(kept.reports[0].metrics.at("loss")));
  EXPECT_EQ(kept.reports[1].metrics, (Metrics{{"accuracy", kInf}, {"Größe \"λ\"", -kInf}}));
  EXPECT_EQ(kept.reports[2].step, std::int64_t{1} << 40);
  EXPECT_THAT(kept.reports[2].metrics, IsEmpty());
}

TEST_P(StorageContract, RefusesStepsThatDoNotIncrease) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  store().add_report(claim_of(trial), {2, {{"accuracy", 0.1}}});
  EXPECT_THROW(store().add_report(claim_of(trial), {2, {{"accuracy", 0.2}}}), StorageError);
  EXPECT_THROW(store().add_report(claim_of(trial), {1, {{"loss", 0.2}}}), StorageError);
  EXPECT_THAT(stored(study, 0).reports, SizeIs(1));
  // Whatever was reported with them.
  store().add_report(claim_of(trial), {4, {{"loss", 0.3}}});
  EXPECT_THROW(store().add_report(claim_of(trial), {3, {{"accuracy", 0.2}}}), StorageError);
  store().add_report(claim_of(trial), {5, {{"accuracy", 0.4}}});
  EXPECT_THROW(store().add_report(claim_of(trial), {5, {{"loss", 0.2}}}), StorageError);
  const TrialRecord kept = stored(study, 0);
  ASSERT_THAT(kept.reports, SizeIs(3));
  EXPECT_EQ(kept.reports[0].metrics, (Metrics{{"accuracy", 0.1}}));
  EXPECT_EQ(kept.reports[1].metrics, (Metrics{{"loss", 0.3}}));
  EXPECT_EQ(kept.reports[2].metrics, (Metrics{{"accuracy", 0.4}}));
}

TEST_P(StorageContract, KeepsTheFinalMetricsOfACompleteTrial) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  clock_.advance(seconds(90));
  const Metrics metrics = {{"accuracy", -kInf}, {"loss", kInf}, {"diverged", 1}};
  store().finish(claim_of(trial), Outcome::complete(metrics));
  const TrialRecord kept = stored(study, 0);
  EXPECT_EQ(kept.state, TrialState::Complete);
  EXPECT_EQ(kept.metrics, metrics);
  EXPECT_EQ(kept.failure, Failure::None);
  EXPECT_EQ(kept.worker, "worker");
  EXPECT_EQ(kept.duration_s(), 90);
}

TEST_P(StorageContract, RefusesToCompleteATrialWithoutANumberForEachObjective) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  EXPECT_THAT(message_of<StorageError>([&] {
                store().finish(claim_of(trial), Outcome::complete({{"loss", 1}}));
              }),
              HasSubstr("accuracy"));
  EXPECT_THROW(store().finish(claim_of(trial), Outcome::complete({{"accuracy", kNaN}})),
               StorageError);
  EXPECT_EQ(stored(study, 0).state, TrialState::Running);
  EXPECT_THAT(stored(study, 0).metrics, IsEmpty());
}

TEST_P(StorageContract, RefusesToEndATrialInAStateThatIsNoEnd) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  EXPECT_THROW(store().finish(claim_of(trial), {TrialState::Running}), StorageError);
  EXPECT_THROW(store().finish(claim_of(trial), {TrialState::Paused}), StorageError);
  EXPECT_EQ(stored(study, 0).state, TrialState::Running);
}

TEST_P(StorageContract, GivesAPrunedTrialItsLastReportedValue) {
  const StudyId study = open();
  const TrialRecord plain = running(study);
  store().add_report(claim_of(plain), {1, {{"accuracy", 0.25}}});
  store().add_report(claim_of(plain), {2, {{"loss", 3}}});
  store().finish(claim_of(plain), Outcome::pruned("hopeless", {{"loss", 3}}));
  const TrialRecord kept = stored(study, 0);
  EXPECT_EQ(kept.state, TrialState::Pruned);
  EXPECT_EQ(kept.reason, "hopeless");
  EXPECT_EQ(kept.metrics, (Metrics{{"accuracy", 0.25}, {"loss", 3}}));

  const TrialRecord nan = running(study);
  store().add_report(claim_of(nan), {1, {{"accuracy", kNaN}}});
  store().finish(claim_of(nan), Outcome::pruned());
  EXPECT_THAT(stored(study, 1).metrics, IsEmpty());

  const TrialRecord own = running(study);
  store().add_report(claim_of(own), {1, {{"accuracy", 0.25}}});
  store().finish(claim_of(own), Outcome::pruned("", {{"accuracy", 0.5}}));
  EXPECT_EQ(stored(study, 2).metrics, (Metrics{{"accuracy", 0.5}}));
}

TEST_P(StorageContract, KeepsWhatATrialOfSeveralObjectivesHasWhenItWasPruned) {
  StudySpec two = spec();
  two.objectives.push_back({"latency", Direction::Minimize});
  const StudyId study = store().open_study(two);
  const TrialRecord part = running(study);
  store().add_report(claim_of(part), {1, {{"accuracy", 0.25}}});
  store().finish(claim_of(part), Outcome::pruned("", {{"latency", 2}}));
  EXPECT_EQ(stored(study, 0).metrics, (Metrics{{"latency", 2}}));
  const TrialRecord whole = running(study);
  store().finish(claim_of(whole), Outcome::complete({{"latency", kInf}, {"accuracy", 1}}));
  EXPECT_EQ(stored(study, 1).metrics, (Metrics{{"latency", kInf}, {"accuracy", 1}}));
}

TEST_P(StorageContract, KeepsWhyATrialFailed) {
  const StudyId study = open();
  store().finish(claim_of(running(study)), Outcome::failed("out of memory"));
  store().finish(claim_of(running(study)), Outcome::interrupted("by the user"));
  store().finish(claim_of(running(study)), {TrialState::Failed, {{"accuracy", kNaN}}, "", {}});
  EXPECT_EQ(stored(study, 0).reason, "out of memory");
  EXPECT_EQ(stored(study, 0).failure, Failure::Error);
  EXPECT_EQ(stored(study, 1).failure, Failure::Interrupted);
  EXPECT_EQ(stored(study, 2).failure, Failure::Error);
  EXPECT_TRUE(std::isnan(stored(study, 2).metrics.at("accuracy")));
}

// --- Leases ---

TEST_P(StorageContract, ChangesAFinalTrialNoMore) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  store().finish(claim_of(trial), Outcome::complete({{"accuracy", 1}}));
  const std::string before = record_text(stored(study, 0));
  clock_.advance(seconds(1));
  EXPECT_THROW(set(trial, "lr", FloatDomain{0, 1}, 0.5), TrialFinished);
  EXPECT_THROW(store().add_report(claim_of(trial), {1, {}}), TrialFinished);
  EXPECT_THROW(store().finish(claim_of(trial), Outcome::failed("late")), TrialFinished);
  EXPECT_EQ(record_text(stored(study, 0)), before);
}

TEST_P(StorageContract, RefusesWritesUnderAnotherLease) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  for (const Claim stale : {Claim{trial.id, trial.lease - 1}, Claim{trial.id, trial.lease + 1}}) {
    EXPECT_THROW(store().set_params(stale, {}), LeaseLost);
    EXPECT_THROW(store().add_report(stale, {1, {}}), LeaseLost);
    EXPECT_THROW(store().finish(stale, Outcome::failed("")), LeaseLost);
  }
  EXPECT_EQ(stored(study, 0).state, TrialState::Running);
}

TEST_P(StorageContract, RefusesWritesToATrialThatWaitsOrDoesNotExist) {
  const StudyId study = open();
  store().enqueue(study, std::vector<TrialPlan>(1));
  EXPECT_THROW(store().finish({stored(study, 0).id, 0}, Outcome::failed("")), LeaseLost);
  EXPECT_THROW(store().finish({999, 1}, Outcome::failed("")), StorageError);
  EXPECT_EQ(stored(study, 0).state, TrialState::Waiting);
}

TEST_P(StorageContract, FailsATrialWhoseLeaseRanOut) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  clock_.advance(seconds(59));
  EXPECT_THAT(store().fail_stale(study), IsEmpty());
  clock_.advance(seconds(1));
  const auto failed = store().fail_stale(study);
  ASSERT_THAT(failed, SizeIs(1));
  EXPECT_EQ(failed[0].state, TrialState::Failed);
  EXPECT_EQ(failed[0].failure, Failure::WorkerLost);
  EXPECT_THAT(failed[0].reason, HasSubstr("worker"));
  EXPECT_EQ(record_text(failed[0]), record_text(stored(study, 0)));
  EXPECT_THAT(store().fail_stale(study), IsEmpty());
  EXPECT_THROW(store().finish(claim_of(trial), Outcome::complete({{"accuracy", 1}})),
               TrialFinished);
}

TEST_P(StorageContract, RenewsLeasesAndNamesTheOnesThatAreLost) {
  const StudyId study = open();
  const TrialRecord kept = running(study);
  const TrialRecord ended = running(study);
  store().finish(claim_of(ended), Outcome::failed(""));
  clock_.advance(seconds(50));
  const std::vector<Claim> claims = {
      claim_of(kept), claim_of(ended), {kept.id, kept.lease + 1}, {999, 1}};
  const auto lost = store().heartbeat(claims, seconds(60));
  ASSERT_THAT(lost, SizeIs(3));
  EXPECT_EQ(lost[0].trial, ended.id);
  EXPECT_EQ(lost[1].lease, kept.lease + 1);
  EXPECT_EQ(lost[2].trial, 999);
  clock_.advance(seconds(59));
  EXPECT_THAT(store().fail_stale(study), IsEmpty());
  clock_.advance(seconds(1));
  EXPECT_THAT(store().fail_stale(study), SizeIs(1));
}

TEST_P(StorageContract, LeavesLivingWorkersAndOtherStudiesAlone) {
  const StudyId study = open();
  running(study);
  store().enqueue(study, std::vector<TrialPlan>(1));
  const auto mine = store().claim(study, {worker_id(0), seconds(60)});
  ASSERT_TRUE(mine);
  EXPECT_THAT(store().fail_stale(study), IsEmpty());
  clock_.advance(seconds(600));
  EXPECT_THAT(store().fail_stale(open("other")), IsEmpty());
  EXPECT_THAT(store().fail_stale(study), SizeIs(2));
}

// --- Pauses and checkpoints ---

TEST_P(StorageContract, APausedTrialGoesOnUnderANewLeaseWithAllItHad) {
  const StudyId study = open();
  const TrialRecord before = running(study, {.parent = 7});
  set(before, "lr", FloatDomain{1e-4, 1e-1, true}, 0.01);
  store().add_report(claim_of(before), {1, {{"accuracy", 0.5}}});
  store().pause(claim_of(before));
  const TrialRecord paused = stored(study, 0);
  EXPECT_EQ(paused.state, TrialState::Paused);
  EXPECT_EQ(paused.worker, "worker");
  EXPECT_EQ(paused.ended, std::nullopt);
  EXPECT_THAT(store().begun_trials(study), SizeIs(1));
  EXPECT_EQ(store().claim(study, {"other"}), std::nullopt);

  clock_.advance(seconds(5));
  const TrialRecord after = store().resume(claim_of(paused), {"other", seconds(60)}).value();
  EXPECT_EQ(after.state, TrialState::Running);
  EXPECT_EQ(after.worker, "other");
  EXPECT_GT(after.lease, before.lease);
  EXPECT_EQ(after.started, before.started);
  EXPECT_EQ(after.params, (Params{{"lr", 0.01}}));
  EXPECT_EQ(after.plan.parent, 7);
  EXPECT_THAT(after.reports, SizeIs(1));
  EXPECT_EQ(record_text(after), record_text(stored(study, 0)));
  store().add_report(claim_of(after), {2, {{"accuracy", 0.75}}});
  store().pause(claim_of(after));
  EXPECT_EQ(store().resume(claim_of(paused), {"third"}), std::nullopt) << "it paused again";
  EXPECT_FALSE(store().end_paused(claim_of(paused), Outcome::pruned()));
  EXPECT_EQ(store().resume(claim_of(after), {"third"})->lease, after.lease + 1);
}

TEST_P(StorageContract, ResumesWhatIsPausedAndNothingElse) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  const Claim claim = claim_of(trial);
  EXPECT_EQ(store().resume(claim, {"w"}), std::nullopt);
  store().pause(claim);
  EXPECT_EQ(store().resume({999, claim.lease}, {"w"}), std::nullopt);
  EXPECT_EQ(store().resume({claim.trial, claim.lease + 1}, {"w"}), std::nullopt);
  const auto again = store().resume(claim, {"w"});
  ASSERT_TRUE(again);
  EXPECT_EQ(store().resume(claim, {"w"}), std::nullopt);
  EXPECT_EQ(store().resume(claim_of(*again), {"w"}), std::nullopt);
  store().finish(claim_of(*again), Outcome::complete({{"accuracy", 1}}));
  EXPECT_EQ(store().resume(claim_of(*again), {"w"}), std::nullopt);
  EXPECT_EQ(stored(study, 0).state, TrialState::Complete);
}

TEST_P(StorageContract, ResumesEachTrialOnceFromManyThreads) {
  const StudyId study = open();
  constexpr int kTrials = 40;
  std::vector<Claim> claims;
  for (int i = 0; i < kTrials; ++i) {
    claims.push_back(claim_of(running(study)));
    store().pause(claims.back());
  }
  std::array<int, 4> resumed{};
  {
    std::vector<std::jthread> threads;
    for (int& count : resumed) {
      threads.emplace_back([&] {
        for (const Claim& claim : claims) count += store().resume(claim, {"w"}).has_value();
      });
    }
  }
  EXPECT_EQ(resumed[0] + resumed[1] + resumed[2] + resumed[3], kTrials);
}

TEST_P(StorageContract, RefusesWritesToAPausedTrialAndUnderItsOldLease) {
  const StudyId study = open();
  const Claim old = claim_of(running(study));
  store().pause(old);
  const auto expect_refused = [&] {
    EXPECT_THROW(store().add_report(old, {1, {{"accuracy", 1}}}), LeaseLost);
    EXPECT_THROW(store().save_checkpoint(old, "late"), LeaseLost);
    EXPECT_THROW(store().pause(old), LeaseLost);
    EXPECT_THROW(store().finish(old, Outcome::failed("late")), LeaseLost);
    EXPECT_THAT(store().heartbeat(std::span(&old, 1), seconds(60)), SizeIs(1));
  };
  expect_refused();
  EXPECT_EQ(stored(study, 0).state, TrialState::Paused);
  ASSERT_TRUE(store().resume(old, {"w"}));
  expect_refused();
  EXPECT_EQ(stored(study, 0).state, TrialState::Running);
  EXPECT_EQ(store().checkpoint(study, 0), std::nullopt);
}

TEST_P(StorageContract, APausedTrialOutlivesItsWorkerAndItsLease) {
  const StudyId study = open();
  const Claim claim = claim_of(running(study));
  store().pause(claim);
  clock_.advance(seconds(1'000'000));
  EXPECT_THAT(store().fail_stale(study), IsEmpty());
  ASSERT_TRUE(store().resume(claim, {"w", seconds(60)}));
  EXPECT_THAT(store().fail_stale(study), IsEmpty());
  clock_.advance(seconds(60));
  EXPECT_THAT(store().fail_stale(study), SizeIs(1));
}

TEST_P(StorageContract, EndsATrialThatIsPausedAndNoOther) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  const Outcome outcome = Outcome::pruned("not promoted");
  EXPECT_FALSE(store().end_paused(claim_of(trial), outcome));
  EXPECT_FALSE(store().end_paused({999, 1}, outcome));
  store().add_report(claim_of(trial), {1, {{"accuracy", 0.25}}});
  store().save_checkpoint(claim_of(trial), "nobody goes on from it");
  store().pause(claim_of(trial));
  clock_.advance(seconds(5));
  EXPECT_FALSE(store().end_paused({trial.id, trial.lease + 1}, outcome));
  EXPECT_TRUE(store().checkpoint(study, 0));
  EXPECT_TRUE(store().end_paused(claim_of(trial), outcome));
  EXPECT_EQ(store().checkpoint(study, 0), std::nullopt);
  const TrialRecord kept = stored(study, 0);
  EXPECT_EQ(kept.state, TrialState::Pruned);
  EXPECT_EQ(kept.reason, "not promoted");
  EXPECT_EQ(kept.metrics, (Metrics{{"accuracy", 0.25}}));
  EXPECT_EQ(kept.worker, "worker");
  EXPECT_EQ(kept.lease, trial.lease);
  EXPECT_EQ(kept.duration_s(), 5);
  EXPECT_FALSE(store().end_paused(claim_of(trial), outcome));
  EXPECT_THROW(store().add_report(claim_of(trial), {2, {}}), TrialFinished);
}

TEST_P(StorageContract, KeepsTheLastCheckpointOfATrialAsItIs) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  const TrialRecord other = running(study);
  EXPECT_EQ(store().checkpoint(study, 0), std::nullopt);
  EXPECT_EQ(store().checkpoint(study, 9), std::nullopt);
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  store().save_checkpoint(claim_of(trial), "first");
  store().save_checkpoint(claim_of(trial), every_byte);
  store().save_checkpoint(claim_of(other), "");
  EXPECT_EQ(store().checkpoint(study, 0), every_byte);
  EXPECT_EQ(store().checkpoint(study, 1), "");
  EXPECT_EQ(store().checkpoint(open("other"), 0), std::nullopt);
  store().finish(claim_of(trial), Outcome::failed("late"));
  EXPECT_EQ(store().checkpoint(study, 0), every_byte);
  EXPECT_THROW(store().save_checkpoint(claim_of(trial), "later"), TrialFinished);
}

TEST_P(StorageContract, ForgetsCheckpointsThatAreDroppedAndNoOthers) {
  const StudyId study = open();
  const StudyId other_study = open("other");
  for (const StudyId of : {study, study, study, other_study}) {
    store().save_checkpoint(claim_of(running(of)), "half way");
  }
  store().drop_checkpoints(study, std::vector<int>{0, 2, 9});
  store().drop_checkpoints(study, {});
  EXPECT_FALSE(store().checkpoint(study, 0));
  EXPECT_TRUE(store().checkpoint(study, 1));
  EXPECT_FALSE(store().checkpoint(study, 2));
  EXPECT_TRUE(store().checkpoint(other_study, 0));
}

TEST_P(StorageContract, RefusesACheckpointThatIsTooLargeAndKeepsTheOneBefore) {
  const StudyId study = open();
  const TrialRecord trial = running(study);
  store().save_checkpoint(claim_of(trial), "small");
  const auto unread = std::make_unique_for_overwrite<char[]>(kMaxCheckpointBytes + 1);
  const std::string_view large(unread.get(), kMaxCheckpointBytes + 1);
  EXPECT_THAT(
      message_of<Error>([&] { store().save_checkpoint(claim_of(trial), large); }),
      testing::AllOf(HasSubstr("trial 0"), HasSubstr("268435457 bytes"), HasSubstr("268435456")));
  EXPECT_EQ(store().checkpoint(study, 0), "small");
}

// --- What is asked of large studies ---

TEST_P(StorageContract, CountsTheTrialsOfAStudyInEachState) {
  const StudyId study = open();
  running(open("other"));
  EXPECT_EQ(store().counts(study).total(), 0);
  store().finish(claim_of(running(study)), Outcome::complete({{"accuracy", 1}}));
  store().finish(claim_of(running(study)), Outcome::pruned("slow"));
  for (int i = 0; i < 2; ++i) store().finish(claim_of(running(study)), Outcome::failed("broken"));
  store().pause(claim_of(running(study)));
  for (int i = 0; i < 3; ++i) running(study);
  store().enqueue(study, std::vector<TrialPlan>(4));
  const TrialCounts counts = store().counts(study);
  EXPECT_EQ(counts.complete, 1);
  EXPECT_EQ(counts.pruned, 1);
  EXPECT_EQ(counts.failed, 2);
  EXPECT_EQ(counts.paused, 1);
  EXPECT_EQ(counts.running, 3);
  EXPECT_EQ(counts.waiting, 4);
  EXPECT_EQ(counts.total(), 12);
}

TEST_P(StorageContract, GivesTheTrialsInTheStatesAskedForAsTheyAre) {
  using enum TrialState;
  const StudyId study = open();
  running(open("other"));
  store().pause(claim_of(running(study)));
  store().finish(claim_of(running(study, {.key = "k", .fixed = {{"bn", true}}})),
                 Outcome::complete({{"accuracy", 1}, {"loss", 2}}));
  running(study);
  store().finish(claim_of(running(study)), Outcome::failed("broken"));
  store().enqueue(study, std::vector<TrialPlan>(2));
  const auto numbers = [&](const std::vector<TrialState>& states) {
    std::vector<int> found;
    for (const TrialRecord& trial : store().trials_in(study, states)) {
      EXPECT_EQ(record_json(trial), record_json(stored(study, trial.number)));
      found.push_back(trial.number);
    }
    return found;
  };
  EXPECT_THAT(numbers({Paused}), ElementsAre(0));
  EXPECT_THAT(numbers({Complete}), ElementsAre(1));
  EXPECT_THAT(numbers({Running}), ElementsAre(2));
  EXPECT_THAT(numbers({Waiting, Waiting}), ElementsAre(4, 5));
  EXPECT_THAT(numbers({Failed, Running, Paused}), ElementsAre(0, 2, 3));
  EXPECT_THAT(numbers({Pruned}), IsEmpty());
  EXPECT_THAT(numbers({}), IsEmpty());
}

TEST_P(StorageContract, FindsTheBestTrialAmongTiesInfinitiesAndOtherStates) {
  for (const bool maximize : {true, false}) {
    StudySpec one = spec(maximize ? "up" : "down");
    one.objectives = {{"accuracy", maximize ? Direction::Maximize : Direction::Minimize}};
    const StudyId study = store().open_study(one);
    const double sign = maximize ? 1 : -1;
    const auto best = [&]() -> std::optional<int> {
      const auto trial = store().best_trial(study);
      return trial ? std::optional(trial->number) : std::nullopt;
    };
    const auto complete = [&](double value) {
      store().finish(claim_of(running(study)), Outcome::complete({{"accuracy", sign * value}}));
    };
    EXPECT_EQ(best(), std::nullopt);
    const TrialRecord pruned = running(study);
    store().add_report(claim_of(pruned), {1, {{"accuracy", sign * 9}}});
    store().finish(claim_of(pruned), Outcome::pruned("slow"));
    EXPECT_EQ(best(), std::nullopt);
    complete(-kInf);
    EXPECT_EQ(best(), 1);
    complete(0.5);
    complete(0.75);
    complete(0.75);
    complete(0.25);
    EXPECT_EQ(best(), 3);
    EXPECT_EQ(record_json(*store().best_trial(study)), record_json(stored(study, 3)));
    complete(kInf);
    complete(kInf);
    EXPECT_EQ(best(), 6);
  }
}

// --- Copies ---

TEST_P(StorageContract, RestoresTrialsAsTheyWere) {
  const StudyId study = open("from");
  const TrialRecord complete = running(study, {.key = "k", .fixed = {{"bn", true}}, .draw = 7});
  set(complete, "bn", CategoricalDomain{{true, false}}, true);
  set(complete, "lr", FloatDomain{1e-4, 1e-1, true}, 0.01);
  clock_.advance(seconds(3));
  store().add_report(claim_of(complete), {1, {{"accuracy", kInf}, {"loss", kNaN}}});
  store().add_report(claim_of(complete), {5, {{"accuracy", 0.5}}});
  store().finish(claim_of(complete), Outcome::complete({{"accuracy", 0.5}, {"loss", kInf}}));
  const TrialRecord pruned = running(study);
  store().add_report(claim_of(pruned), {1, {{"accuracy", 0.25}}});
  store().finish(claim_of(pruned), Outcome::pruned("slow"));
  store().finish(claim_of(running(study)), {TrialState::Failed, {}, "gone", Failure::Timeout});
  const TrialPlan waiting{.key = "w", .retry_of = 2, .attempt = 2, .parent = 1};
  store().enqueue(study, std::span(&waiting, 1));

  const StudyId copy = open("to");
  const auto originals = store().trials(study);
  store().restore(copy, std::span(originals).first(1));
  store().restore(copy, std::span(originals).subspan(1));
  const auto copies = store().trials(copy);
  ASSERT_THAT(copies, SizeIs(originals.size()));
  for (std::size_t i = 0; i < copies.size(); ++i) {
    Json expected = record_json(originals[i]);
    expected["lease"] = 0;
    EXPECT_EQ(dump_json(record_json(copies[i])), dump_json(expected));
    EXPECT_NE(copies[i].id, originals[i].id);
  }
  // And the study goes on: its keys are taken, its queue is in order.
  EXPECT_EQ(store().enqueue(copy, std::span(&waiting, 1)), 0);
  EXPECT_EQ(store().claim(copy, {"worker"})->number, 3);
}

TEST_P(StorageContract, RestoresNothingWhereOneTrialDoesNotFit) {
  const StudyId study = open("from");
  store().finish(claim_of(running(study, {.key = "k"})), Outcome::complete({{"accuracy", 1}}));
  const TrialRecord good = stored(study, 0);
  const StudyId copy = open("to");
  const auto refused = [&](const std::function<void(TrialRecord&)>& spoil) {
    std::vector<TrialRecord> two = {good, good};
    two[1].number = 1;
    two[1].plan.key.clear();
    spoil(two[1]);
    const std::string message = message_of<Error>([&] { store().restore(copy, two); });
    EXPECT_EQ(store().counts(copy).total(), 0);
    return message;
  };
  EXPECT_THAT(refused([](TrialRecord& t) { t.number = 2; }), HasSubstr("the next number is 1"));
  EXPECT_THAT(refused([](TrialRecord& t) { t.state = TrialState::Running; }), HasSubstr("running"));
  EXPECT_THAT(refused([](TrialRecord& t) { t.state = TrialState::Paused; }), HasSubstr("paused"));
  EXPECT_THAT(refused([](TrialRecord& t) { t.plan.key = "k"; }), HasSubstr("planned as \"k\""));
  EXPECT_THAT(refused([](TrialRecord& t) { t.metrics.clear(); }), HasSubstr("accuracy"));
  EXPECT_THAT(refused([](TrialRecord& t) {
                t.reports = {{2, {}}, {1, {}}};
              }),
              HasSubstr("step 1 after step 2"));
  // What was refused left nothing behind.
  store().restore(copy, std::span(&good, 1));
  EXPECT_EQ(store().counts(copy).complete, 1);
}

TEST_P(StorageContract, FindsNothingWrongWithAStoreThatIsInUse) {
  const StudyId study = open();
  const TrialRecord trial = running(study, {.key = "k"});
  store().add_report(claim_of(trial), {1, {{"accuracy", 1}}});
  store().finish(claim_of(trial), Outcome::complete({{"accuracy", 1}}));
  store().pause(claim_of(running(study)));
  running(study);
  store().enqueue(study, std::vector<TrialPlan>(2));
  for (const Finding& finding : store().examine()) ADD_FAILURE() << finding.what;
}

TEST_P(StorageContract, GivesTheTrialsBetweenTwoNumbers) {
  const StudyId study = open();
  store().enqueue(study, std::vector<TrialPlan>(5));
  const auto numbers = [&](int first, int last) {
    std::vector<int> all;
    for (const TrialRecord& trial : store().trials(study, first, last)) all.push_back(trial.number);
    return all;
  };
  EXPECT_THAT(numbers(1, 3), ElementsAre(1, 2, 3));
  EXPECT_THAT(numbers(4, 9), ElementsAre(4));
  EXPECT_THAT(numbers(3, 2), IsEmpty());
  EXPECT_THAT(numbers(5, std::numeric_limits<int>::max()), IsEmpty());
}

TEST_P(StorageContract, HasAnotherRevisionAfterEachChangeAndTheSameWithoutOne) {
  std::string last = store().revision();
  const auto changed = [&] { return std::exchange(last, store().revision()) != last; };
  EXPECT_FALSE(changed());
  const StudyId study = open();
  EXPECT_TRUE(changed());
  const TrialRecord trial = running(study);
  EXPECT_TRUE(changed());
  set(trial, "lr", FloatDomain{1e-4, 1e-1, true}, 0.01);
  EXPECT_TRUE(changed());
  store().add_report(claim_of(trial), {1, {{"accuracy", 0.5}}});
  EXPECT_TRUE(changed());
  store().finish(claim_of(trial), Outcome::complete({{"accuracy", 0.5}}));
  EXPECT_TRUE(changed());
  store().set_attribute(study, "hypertune:x", "1");
  EXPECT_TRUE(changed());
  stored(study, 0);
  EXPECT_EQ(store().note(study).version, 0);
  EXPECT_FALSE(changed());
}

TEST_P(StorageContract, KeepsANoteOfTheStudyAndOneOfEachTrial) {
  const StudyId study = open();
  store().enqueue(study, std::vector<TrialPlan>(2));
  EXPECT_EQ(store().note(study).text, "");
  EXPECT_TRUE(store().set_note(study, {}, "of the *study*", 0));
  EXPECT_TRUE(store().set_note(study, 1, "of trial 1", 0));
  EXPECT_EQ(store().note(study).text, "of the *study*");
  EXPECT_EQ(store().note(study, 1).text, "of trial 1");
  EXPECT_EQ(store().note(study, 0).version, 0);
  EXPECT_THAT(message_of<StorageError>([&] { store().note(study, 2); }), HasSubstr("no trial 2"));
}

TEST_P(StorageContract, ReplacesANoteOnlyInTheVersionThatItsWriterSaw) {
  const StudyId study = open();
  EXPECT_TRUE(store().set_note(study, {}, "first", 0));
  EXPECT_FALSE(store().set_note(study, {}, "of one who saw none", 0));
  EXPECT_EQ(store().note(study).text, "first");
  EXPECT_TRUE(store().set_note(study, {}, "second", 1));
  EXPECT_EQ(store().note(study).text, "second");
  EXPECT_EQ(store().note(study).version, 2);
}

TEST_P(StorageContract, GivesLongNotesBackAndRefusesTooLongOnes) {
  const StudyId study = open();
  std::string text;
  for (int i = 0; i < 3000; ++i) text += "\"\u00e4\\\n";  // pieces end between characters
  EXPECT_TRUE(store().set_note(study, {}, text, 0));
  EXPECT_EQ(store().note(study).text, text);
  EXPECT_TRUE(store().set_note(study, {}, "short", 1));
  EXPECT_EQ(store().note(study).text, "short");
  EXPECT_TRUE(store().set_note(study, {}, "", 2));
  EXPECT_EQ(store().note(study).text, "");
  EXPECT_THAT(message_of<Error>(
                  [&] { store().set_note(study, {}, std::string(kMaxNoteBytes + 1, 'a'), 3); }),
              HasSubstr("shorten it"));
  EXPECT_EQ(store().note(study).version, 3);
}

std::shared_ptr<Storage> in_memory(const TemporaryFolder&, Clock clock) {
  return memory_storage(std::move(clock));
}
std::shared_ptr<Storage> in_sqlite(const TemporaryFolder& folder, Clock clock) {
  return sqlite_storage(folder / "study.db", {.clock = std::move(clock)});
}
std::shared_ptr<Storage> in_durable_sqlite(const TemporaryFolder& folder, Clock clock) {
  return sqlite_storage(folder / "study.db", {.durable = true, .clock = std::move(clock)});
}

#ifdef HYPERTUNE_HAS_POSTGRES
std::shared_ptr<Storage> in_postgres(const TemporaryFolder&, Clock clock) {
  return postgres_storage(PostgresServer::shared().create_database(), {.clock = std::move(clock)});
}
INSTANTIATE_TEST_SUITE_P(Postgres, StorageContract, testing::Values(Row{"postgres", in_postgres}));
#endif

INSTANTIATE_TEST_SUITE_P(Memory, StorageContract, testing::Values(Row{"memory", in_memory}));
INSTANTIATE_TEST_SUITE_P(Sqlite, StorageContract, testing::Values(Row{"sqlite", in_sqlite}));
INSTANTIATE_TEST_SUITE_P(DurableSqlite, StorageContract,
                         testing::Values(Row{"durable", in_durable_sqlite}));

}  // namespace
}  // namespace hypertune

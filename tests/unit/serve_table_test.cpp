// The table of trials, and the events of the dashboard.
#include "serve/trial_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "serve/events.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr double kInf = std::numeric_limits<double>::infinity();

StudySpec spec() {
  StudySpec spec;
  spec.name = "s";
  spec.objectives = {{"accuracy", Direction::Maximize}};
  spec.space.grid("bn", {true, false}).add("lr", FloatDomain{1e-4, 1e-1, true});
  return spec;
}

TrialRecord trial(int number, TrialState state = TrialState::Complete) {
  TrialRecord trial;
  trial.number = number;
  trial.state = state;
  return trial;
}

void decide(TrialRecord& trial, const std::string& name, const Domain& domain, const Value& value) {
  trial.domains.set(name, domain);
  trial.params.insert_or_assign(name, value);
}

TrialRecord scored(int number, double accuracy) {
  TrialRecord record = trial(number);
  decide(record, "bn", CategoricalDomain{{true, false}}, number % 2 == 0);
  decide(record, "lr", FloatDomain{1e-4, 1e-1, true}, 0.001 * (number + 1));
  record.metrics = {{"accuracy", accuracy}};
  return record;
}

std::vector<std::string> names(const TrialTable& table) {
  std::vector<std::string> all;
  for (const TableColumn* column : table.columns()) all.push_back(column->name);
  return all;
}

std::vector<int> steps(std::span<const CurvePoint> curve) {
  std::vector<int> all;
  for (const CurvePoint& point : curve) all.push_back(point.step);
  return all;
}

TEST(TrialTable, HasTheColumnsOfItsSpecificationBeforeTheFirstTrial) {
  const TrialTable table(spec());
  EXPECT_EQ(table.size(), 0);
  EXPECT_THAT(names(table),
              ElementsAre("number", "state", "params.bn", "params.lr", "metrics.accuracy",
                          "duration_s", "worker", "attempt", "started_ms", "ended_ms"));
  EXPECT_TRUE(table.find("params.lr")->log);
  EXPECT_EQ(table.find("params.bn")->labels, (std::vector<Value>{true, false}));
  EXPECT_EQ(table.find("params.momentum"), nullptr);
}

TEST(TrialTable, KeepsWhatIsKnownOfATrial) {
  TrialTable table(spec());
  TrialRecord record = scored(0, 0.9);
  record.worker = "host/1";
  record.reason = "early";
  record.plan.attempt = 2;
  record.plan.draw = 7;
  record.started = TimePoint(milliseconds(1000));
  record.ended = TimePoint(milliseconds(3500));
  table.put(record);
  EXPECT_EQ(table.find("metrics.accuracy")->values[0], 0.9);
  EXPECT_EQ(table.find("duration_s")->values[0], 2.5);
  EXPECT_EQ(table.find("state")->labels[static_cast<std::size_t>(table.find("state")->values[0])],
            Value("Complete"));
  EXPECT_EQ(table.reason(0), "early");
  const TrialRecord back = table.record(0);
  EXPECT_EQ(back.params, record.params);
  EXPECT_EQ(back.metrics, record.metrics);
  EXPECT_EQ(back.worker, "host/1");
  EXPECT_EQ(back.plan.attempt, 2);
  EXPECT_EQ(back.draw(), 7U);
  EXPECT_EQ(back.started, record.started);
  EXPECT_EQ(back.ended, record.ended);
}

TEST(TrialTable, AddsColumnsForParametersAndMetricsThatNobodyDeclared) {
  TrialTable table(spec());
  table.put(scored(0, 0.5));
  TrialRecord other = scored(1, 0.6);
  decide(other, "depth", IntDomain{1, 4}, std::int64_t{3});
  other.metrics["loss"] = kInf;
  table.put(other);
  EXPECT_THAT(names(table), ElementsAre("number", "state", "params.bn", "params.lr", "params.depth",
                                        "metrics.accuracy", "metrics.loss", "duration_s", "worker",
                                        "attempt", "started_ms", "ended_ms"));
  EXPECT_FALSE(table.find("params.depth")->has(0));
  EXPECT_EQ(table.find("metrics.loss")->values[1], kInf);
  EXPECT_EQ(table.record(1).params.at("depth"), Value(std::int64_t{3}));
  decide(other, "depth", IntDomain{2, 8}, std::int64_t{8});
  table.put(other);
  EXPECT_EQ(*table.domain("depth"), Domain(IntDomain({1, 8})));
  ASSERT_NE(table.space().find("depth"), nullptr);
}

TEST(TrialTable, AppendsCategoriesThatTheDomainDoesNotHave) {
  TrialTable table(spec());
  TrialRecord record = trial(0);
  decide(record, "bn", CategoricalDomain{{true, false, "maybe"}}, "maybe");
  table.put(record);
  EXPECT_EQ(table.find("params.bn")->labels, (std::vector<Value>{true, false, "maybe"}));
  EXPECT_EQ(table.find("params.bn")->values[0], 2);
}

TEST(TrialTable, ReplacesWhatWasKnownOfATrial) {
  TrialTable table(spec());
  TrialRecord record = scored(0, 0.5);
  record.state = TrialState::Running;
  record.metrics.clear();
  table.put(record);
  EXPECT_EQ(table.counts().running, 1);
  record = trial(0, TrialState::Waiting);  // it was given back
  record.plan.fixed = {{"lr", 0.01}};
  table.put(record);
  EXPECT_EQ(table.counts().running, 0);
  EXPECT_EQ(table.counts().waiting, 1);
  EXPECT_FALSE(table.find("params.bn")->has(0));
  EXPECT_EQ(table.find("params.lr")->values[0], 0.01);  // as planned
}

TEST(TrialTable, LeavesRowsWithoutAStateWhereNumbersAreMissing) {
  TrialTable table(spec());
  table.put(scored(3, 0.5));
  EXPECT_EQ(table.size(), 4);
  EXPECT_FALSE(table.has(2));
  EXPECT_TRUE(table.has(3));
  EXPECT_FALSE(table.has(4));
  EXPECT_EQ(table.counts().total(), 1);
  EXPECT_THAT(table.records(std::vector{TrialState::Complete}), SizeIs(1));
}

TEST(TrialTable, KnowsTheBestTrialOfAllThatArePutInAnyOrder) {
  TrialTable table(spec());
  EXPECT_FALSE(table.best());
  table.put(scored(4, 0.5));
  table.put(scored(2, 0.7));
  table.put(scored(3, 0.7));
  EXPECT_EQ(table.best(), 2);
  table.put(scored(1, 0.7));
  EXPECT_EQ(table.best(), 1);
  table.put(scored(1, 0.1));
  EXPECT_EQ(table.best(), 2);
}

TEST(TrialTable, KeepsCurvesOfTrialsThatGrowBesideEachOther) {
  TrialTable table(spec());
  constexpr int kSteps = 300;
  constexpr int kTrials = 200;
  std::vector<TrialRecord> running;
  for (int number = 0; number < kTrials; ++number) {
    running.push_back(trial(number, TrialState::Running));
  }
  for (int step = 0; step < kSteps; ++step) {
    for (TrialRecord& record : running) {
      record.reports.push_back({step, {{"accuracy", record.number + step}}});
      table.put(record);
    }
  }
  for (TrialRecord& record : running) {
    record.state = TrialState::Complete;
    record.metrics = {{"accuracy", 1}};
    table.put(record);
  }
  for (int number = 0; number < kTrials; ++number) {
    const auto curve = table.curve(number, "accuracy");
    ASSERT_THAT(curve, SizeIs(kSteps));
    for (int step = 0; step < kSteps; ++step) {
      ASSERT_EQ(curve[static_cast<std::size_t>(step)].step, step);
      ASSERT_EQ(curve[static_cast<std::size_t>(step)].value, static_cast<float>(number + step));
    }
  }
}

TEST(TrialTable, KeepsACurveForEachMetricThatWasReported) {
  TrialTable table(spec());
  TrialRecord record = trial(1, TrialState::Running);
  record.reports = {{1, {{"loss", 2}}}, {2, {{"accuracy", 0.5}, {"loss", 1}}}};
  table.put(record);
  EXPECT_THAT(table.report_metrics(), ElementsAre("accuracy", "loss"));
  EXPECT_THAT(steps(table.curve(1, "loss")), ElementsAre(1, 2));
  EXPECT_THAT(steps(table.curve(1, "accuracy")), ElementsAre(2));
  EXPECT_THAT(table.curve(0, "loss"), IsEmpty());
  EXPECT_THAT(table.curve(1, "f1"), IsEmpty());
  record.reports.clear();
  table.put(record);
  EXPECT_THAT(table.curve(1, "loss"), IsEmpty());
}

// --- Events ---

std::vector<std::uint64_t> ids(const std::vector<LiveEvent>& events) {
  std::vector<std::uint64_t> all;
  for (const LiveEvent& event : events) all.push_back(event.id);
  return all;
}

TEST(Events, GivesThoseAfterAPlaceAboutOneStudyOrAll) {
  Events events;
  events.publish(1, "trial", {{"n", 1}});
  events.publish(2, "trial", {{"n", 2}});
  events.publish(0, "studies", {});
  events.publish(1, "trial", {{"n", 3}});
  const auto after = [&](std::uint64_t id, std::optional<StudyId> study, std::size_t limit) {
    return ids(events.after(id, study, limit, milliseconds(0), {}));
  };
  EXPECT_THAT(after(0, {}, 10), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(after(0, 1, 10), ElementsAre(1, 3, 4));  // what is about none is for all
  EXPECT_THAT(after(1, {}, 2), ElementsAre(2, 3));
  EXPECT_THAT(after(4, {}, 10), IsEmpty());
  EXPECT_EQ(events.last_id(), 4U);
}

TEST(Events, KnowsItsOwnPlacesAndNoOthers) {
  Events events;
  events.publish(1, "trial", {});
  EXPECT_EQ(events.id_of(events.place(1)), 1U);
  EXPECT_EQ(events.id_of(events.place(0)), 0U);
  for (const std::string& place :
       {events.place(2), events.place(1) + "x", std::string("1"), std::string(),
        events.place(1) + "9", "x" + events.place(1), std::string("-1"), std::string("abc-1")}) {
    EXPECT_FALSE(events.id_of(place)) << place;
  }
}

TEST(Events, ForgetsTheOldestAndTellsWhoMissedThem) {
  Events events;
  for (std::size_t i = 0; i < Events::kKeptEvents + 5; ++i) events.publish(1, "trial", {});
  EXPECT_FALSE(events.id_of(events.place(4)));
  EXPECT_EQ(events.id_of(events.place(5)), 5U);
  EXPECT_THAT(events.after(4, {}, 10, milliseconds(60'000), {}), IsEmpty());
  EXPECT_EQ(events.after(5, {}, 1, milliseconds(0), {}).front().id, 6U);
}

TEST(Events, WakesWhoWaitsForAnEventOrForTheEnd) {
  Events events;
  std::vector<LiveEvent> got;
  {
    const std::jthread listener([&] { got = events.after(0, 7, 10, milliseconds(60'000), {}); });
    events.publish(1, "trial", {});
    events.publish(7, "trial", {});
  }
  EXPECT_THAT(ids(got), ElementsAre(2));
  std::jthread other([&](const std::stop_token& stop) {
    got = events.after(2, 7, 10, milliseconds(60'000), stop);
  });
  other.request_stop();
  other.join();
  EXPECT_THAT(got, IsEmpty());
}

TEST(Events, KnowsWhatSomebodyListensTo) {
  Events events;
  EXPECT_FALSE(events.listened_to(3, milliseconds(60'000)));
  events.after(0, 3, 1, milliseconds(0), {});
  EXPECT_TRUE(events.listened_to(3, milliseconds(60'000)));
  EXPECT_FALSE(events.listened_to({}, milliseconds(60'000)));
}

}  // namespace
}  // namespace hypertune

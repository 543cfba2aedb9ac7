// What the dashboard's figures are drawn from.
#include "serve/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "serve/figures/parts.h"

namespace hypertune {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::SizeIs;

constexpr double kInf = std::numeric_limits<double>::infinity();

StudySpec spec_of(std::vector<Objective> objectives = {{"loss", Direction::Minimize}}) {
  StudySpec spec{.name = "s", .objectives = std::move(objectives)};
  spec.space.add("lr", FloatDomain{1e-4, 1, true}).add("x", FloatDomain{-1, 1});
  spec.space.grid("bn", {true, false});
  return spec;
}

TrialRecord trial_of(const StudySpec& spec, int number) {
  TrialRecord trial;
  trial.number = number;
  trial.state = TrialState::Complete;
  for (const Parameter& parameter : spec.space.parameters()) {
    trial.domains.set(parameter.name, parameter.domain);
  }
  // Numbers that fill the ranges evenly and in no order.
  const double a = std::fmod(number * 0.61803398875, 1);
  const double b = std::fmod(number * 0.75487766624, 1);
  trial.params = {{"lr", std::pow(10, -4 + 4 * a)}, {"x", 2 * b - 1}, {"bn", number % 2 == 0}};
  trial.metrics["loss"] = (2 * b - 1) * (2 * b - 1) + a;
  trial.worker = number % 2 == 0 ? "one" : "two";
  trial.started = TimePoint(std::chrono::seconds(1000 + number / 2));
  trial.ended = *trial.started + std::chrono::seconds(1);
  for (int step = 1; step <= 3; ++step) {
    trial.reports.push_back({step, {{"loss", trial.metrics["loss"] + 1.0 / step}}});
  }
  return trial;
}

struct Studied {
  StudyFacts facts;
  TrialTable table;
  explicit Studied(StudySpec spec) : facts{.spec = spec}, table(std::move(spec)) {}

  Json answer(std::string_view name, std::map<std::string, std::string, std::less<>> query = {}) {
    const LiveStudies::Reading reading{table, facts, 1, 9, TimePoint(std::chrono::seconds(5000))};
    return Json::parse(figure(name, reading, {.method = "GET", .path = "", .query = query}));
  }
};

Studied many(int trials, const StudySpec& spec = spec_of()) {
  Studied study(spec);
  for (int number = 0; number < trials; ++number) study.table.put(trial_of(spec, number));
  return study;
}

std::vector<int> numbers_below(int count) {
  std::vector<int> numbers(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) numbers[static_cast<std::size_t>(i)] = i;
  return numbers;
}

Json column(const Json& columns, std::string_view name) {
  const auto found = std::ranges::find(columns, name, [](const Json& c) { return c.at("name"); });
  return found == columns.end() ? Json() : *found;
}

TEST(Thinned, KeepsExtremesAndTheBestTrials) {
  Studied study = many(5000);
  TrialRecord odd = trial_of(spec_of(), 4321);
  odd.params["x"] = 1.0;
  odd.metrics["loss"] = 99;
  study.table.put(odd);
  odd.number = 77;
  odd.metrics["loss"] = -5;
  study.table.put(odd);
  const TableColumn* x = study.table.find("params.x");
  const auto shown = thinned(study.table, numbers_below(5000), std::span(&x, 1U), 100);
  EXPECT_THAT(shown, SizeIs(100));
  EXPECT_TRUE(std::ranges::is_sorted(shown));
  EXPECT_THAT(shown, IsSupersetOf({77, 4321}));
}

TEST(Thinned, ATrialThatComesLaterTakesThePlaceOfAtMostOneOther) {
  std::vector<int> before = chosen(numbers_below(3000), {}, 200);
  for (int count = 3001; count < 3300; ++count) {
    std::vector<int> now = chosen(numbers_below(count), {}, 200);
    std::vector<int> gone;
    std::ranges::set_difference(before, now, std::back_inserter(gone));
    ASSERT_LE(gone.size(), 1U);
    before = std::move(now);
  }
}

TEST(Thinned, FewTrialsAreAllShown) {
  EXPECT_EQ(chosen(numbers_below(50), {3}, 50), numbers_below(50));
}

TEST(PointsFigure, HasTheColumnsThatWereAskedForAndTheNumbers) {
  const Json answer =
      many(30).answer("points", {{"columns", "params.bn,metrics.loss"},
                                 {"filter", R"([{"column": "number", "low": 10, "high": 12}])"}});
  EXPECT_EQ(answer["total"], 3);
  EXPECT_EQ(answer["shown"], 3);
  EXPECT_EQ(answer["revision"], 9);
  ASSERT_THAT(answer["columns"], SizeIs(3));
  EXPECT_EQ(column(answer["columns"], "number")["values"], Json({10, 11, 12}));
  const Json bn = column(answer["columns"], "params.bn");
  EXPECT_EQ(bn["kind"], "category");
  EXPECT_EQ(bn["labels"], Json({true, false}));
  EXPECT_EQ(bn["values"], Json({0, 1, 0}));
}

TEST(HistoryFigure, NeverLosesAStepOfTheBest) {
  Studied study(spec_of());
  for (int number = 0; number < 2000; ++number) {
    TrialRecord trial = trial_of(spec_of(), number);
    trial.metrics["loss"] = number % 100 == 50 ? -number : number;
    if (number == 150) trial.metrics["loss"] = kInf;
    study.table.put(trial);
  }
  const Json answer = study.answer("history", {{"points", "60"}});
  EXPECT_EQ(answer["shown"], 60);
  EXPECT_EQ(answer["direction"], "minimize");
  const auto best = answer["best_numbers"].get<std::vector<int>>();
  EXPECT_THAT(best, SizeIs(20));  // 0, 50, 250, 350, ...
  EXPECT_EQ(answer["best_values"].back(), -1950);
  EXPECT_THAT(answer["numbers"].get<std::vector<int>>(), IsSupersetOf(best));
}

TEST(HistoryFigure, TheBestIsTakenAmongTheTrialsOfTheFilter) {
  Studied study(spec_of({{"loss", Direction::Maximize}}));
  for (int number = 0; number < 4; ++number) {
    TrialRecord trial = trial_of(study.facts.spec, number);
    trial.metrics["loss"] = 10 - number;
    if (number == 1) trial.state = TrialState::Pruned;
    study.table.put(trial);
  }
  const Json answer = study.answer("history", {{"filter", R"([{"column": "number", "low": 1}])"}});
  EXPECT_EQ(answer["best_numbers"], Json({2}));
  EXPECT_EQ(answer["states"], Json({"Pruned", "Complete", "Complete"}));
}

TEST(ContourFigure, IsNullFarFromEveryTrialAndNearTheTruthElsewhere) {
  Studied study = many(400);
  const Json answer = study.answer(
      "contour", {{"x", "params.lr"}, {"y", "params.x"}, {"z", "metrics.loss"}, {"cells", "20"}});
  EXPECT_TRUE(answer["x_log"]);
  EXPECT_FALSE(answer["y_log"]);
  ASSERT_THAT(answer["grid_z"], SizeIs(20));
  const double lr = answer["grid_x"][10];
  const double x = answer["grid_y"][10];
  EXPECT_NEAR(answer["grid_z"][10][10].get<double>(), x * x + (std::log10(lr) + 4) / 4, 0.15);

  Studied two_corners(spec_of());
  for (int number = 0; number < 200; ++number) {
    TrialRecord trial = trial_of(spec_of(), number);
    const double spread = 0.02 * (number % 10) / 10;
    trial.params["x"] = number % 2 == 0 ? -1 + spread : 1 - spread;
    trial.params["lr"] = number % 2 == 0 ? 1e-4 * (1 + spread) : 1 - spread;
    two_corners.table.put(trial);
  }
  const Json corners = two_corners.answer("contour", {{"x", "params.lr"}, {"y", "params.x"}});
  EXPECT_TRUE(corners["grid_z"][0].back().is_null());
  EXPECT_FALSE(corners["grid_z"][0][0].is_null());
}

TEST(ContourFigure, SaysWhyThereIsNoSurface) {
  const Json few = many(2).answer("contour");
  EXPECT_THAT(few["grid_z"], IsEmpty());
  EXPECT_THAT(few["notes"][0].get<std::string>(), HasSubstr("takes 3 complete trials"));
  EXPECT_THROW(many(2).answer("contour", {{"x", "params.bn"}}), HttpError);
}

TEST(CurvesFigure, ThinsACurveWithoutLosingItsPeaks) {
  Studied study(spec_of());
  TrialRecord trial = trial_of(spec_of(), 0);
  trial.reports.clear();
  for (int step = 0; step < 5000; ++step) {
    trial.reports.push_back({step, {{"loss", step == 3333 ? 1e6 : step * 0.001}}});
  }
  study.table.put(trial);
  const Json curve = study.answer("curves", {{"group", "params.bn"}})["curves"][0];
  EXPECT_LE(curve["steps"].size(), 200U);
  EXPECT_EQ(curve["group"], 0);
  EXPECT_EQ(curve["steps"].front(), 0);
  EXPECT_EQ(curve["steps"].back(), 4999);
  EXPECT_THAT(curve["steps"].get<std::vector<int>>(), Contains(3333));
  EXPECT_TRUE(std::ranges::is_sorted(curve["steps"].get<std::vector<int>>()));
}

TEST(CurvesFigure, BandsAreQuartilesOfAllTrialsAndCurvesTheEndsAmongOthers) {
  Studied study(spec_of());
  for (int number = 0; number < 101; ++number) {
    TrialRecord trial = trial_of(spec_of(), number);
    trial.reports = {{1, {{"loss", number}}}, {2, {{"loss", number == 5 ? kInf : 2.0 * number}}}};
    study.table.put(trial);
  }
  const Json answer = study.answer("curves", {{"curves", "8"}});
  EXPECT_EQ(answer["metric"], "loss");
  EXPECT_EQ(answer["total"], 101);
  ASSERT_THAT(answer["curves"], SizeIs(8));
  EXPECT_EQ(answer["bands"][0],
            Json({{"step", 1}, {"n", 101}, {"low", 25}, {"median", 50}, {"high", 75}}));
  std::vector<int> shown;
  for (const Json& curve : answer["curves"]) shown.push_back(curve["number"]);
  EXPECT_THAT(shown, IsSupersetOf({0, 1, 5, 100}));  // the best two, the worst two
}

TEST(CurvesFigure, AStudyWithoutReportsHasNoCurves) {
  Studied study(spec_of());
  EXPECT_THAT(study.answer("curves")["curves"], IsEmpty());
  EXPECT_THROW(study.answer("curves", {{"metric", "loss"}}), HttpError);
}

TEST(TimelineFigure, GivesTrialsThatOverlapLanesOfTheirOwn) {
  Studied study(spec_of());
  for (int number = 0; number < 3; ++number) {
    TrialRecord trial = trial_of(spec_of(), number);
    trial.worker = "one";
    trial.started = TimePoint(std::chrono::seconds(100 + 10 * number));
    trial.ended = *trial.started + std::chrono::seconds(15);
    if (number == 2) {
      trial.state = TrialState::Running;
      trial.ended.reset();
    }
    study.table.put(trial);
  }
  const Json answer = study.answer("timeline");
  EXPECT_EQ(answer["workers"], Json({"one"}));
  EXPECT_EQ(answer["now_ms"], 5'000'000);
  ASSERT_THAT(answer["spans"], SizeIs(3));
  EXPECT_EQ(answer["spans"][0]["lane"], 0);
  EXPECT_EQ(answer["spans"][1]["lane"], 1);
  EXPECT_EQ(answer["spans"][2]["lane"], 0);
  EXPECT_EQ(answer["spans"][0]["from_ms"], 100'000);
  EXPECT_TRUE(answer["spans"][2]["to_ms"].is_null());
}

TEST(FrontFigure, HasExactlyTheTrialsThatNoOtherDominates) {
  Studied study(spec_of({{"loss", Direction::Minimize}, {"speed", Direction::Maximize}}));
  const std::vector<std::pair<double, double>> results = {
      {1, 1}, {2, 5}, {3, 3}, {kInf, 9}, {2, 4}};
  for (std::size_t i = 0; i < results.size(); ++i) {
    TrialRecord trial = trial_of(study.facts.spec, static_cast<int>(i));
    trial.metrics = {{"loss", results[i].first}, {"speed", results[i].second}};
    study.table.put(trial);
  }
  const Json answer = study.answer("front", {{"points", "4"}});
  EXPECT_EQ(answer["front"], Json({0, 1, 3}));
  EXPECT_EQ(answer["shown"], 4);
  EXPECT_THAT(column(answer["columns"], "number")["values"].get<std::vector<int>>(),
              IsSupersetOf({0, 1, 3}));
}

TEST(Figures, EachAnswersAboutAStudyWithoutTrials) {
  Studied study(spec_of({{"loss", Direction::Minimize}, {"speed", Direction::Maximize}}));
  for (const char* name : {"points", "history", "contour", "curves", "timeline", "front"}) {
    EXPECT_EQ(study.answer(name)["total"], 0) << name;
  }
}

TEST(Figures, ArgumentsAreChecked) {
  Studied study = many(3);
  EXPECT_THROW(study.answer("scatter"), HttpError);
  EXPECT_THROW(study.answer("points", {{"points", "0"}}), HttpError);
  EXPECT_THROW(study.answer("points", {{"points", "20001"}}), HttpError);
  EXPECT_THROW(study.answer("points", {{"columns", "params.nothing"}}), HttpError);
  EXPECT_THROW(study.answer("history", {{"metric", "nothing"}}), HttpError);
  EXPECT_THROW(study.answer("curves", {{"group", "number"}}), HttpError);
}

}  // namespace
}  // namespace hypertune

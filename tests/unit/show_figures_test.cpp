// The figures of `hypertune show`: what each draws of a study, and when there is none.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "hypertune/rng.h"
#include "report/document.h"
#include "report/figures/figure.h"
#include "report/figures/surface.h"
#include "report/gnuplot.h"
#include "report/study_figures.h"
#include "support/golden.h"

namespace hypertune {
namespace {

using namespace testing_support;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TrialRecord trial_of(int number, Params params, double loss) {
  TrialRecord trial;
  trial.number = number;
  trial.state = TrialState::Complete;
  trial.params = std::move(params);
  trial.metrics = {{"loss", loss}};
  trial.worker = "host:1:2:" + std::to_string(number % 2);
  trial.started = TimePoint() + std::chrono::seconds(10 * (number / 2));
  trial.ended = *trial.started + std::chrono::seconds(8);
  return trial;
}

/// 30 trials over a logarithmic rate, a momentum that only sgd has, and a choice with odd names.
StudyView made_up() {
  StudyView study;
  study.spec.name = "made_up";
  study.spec.objectives = {{"loss", Direction::Minimize}};
  study.spec.space.add("rate", FloatDomain{.low = 1e-4, .high = 1, .log = true});
  study.spec.space.add("optimizer",
                       CategoricalDomain{{std::string("sgd"), std::string("it's_%d {x}^2 \"")}});
  study.spec.space.add("momentum", FloatDomain{.low = 0, .high = 1},
                       Condition("optimizer == \"sgd\""));
  const auto& optimizers =
      std::get<CategoricalDomain>(study.spec.space.find("optimizer")->domain).choices;
  Rng rng(1, 2);
  for (int i = 0; i < 30; ++i) {
    const double log_rate = -4 + 4 * rng.uniform();
    Params params = {{"rate", std::pow(10, log_rate)}, {"optimizer", optimizers[i % 2]}};
    const double momentum = rng.uniform();
    if (i % 2 == 0) params["momentum"] = momentum;
    study.trials.push_back(
        trial_of(i, std::move(params), 0.5 + std::pow(log_rate + 2, 2) + 0.1 * momentum));
  }
  return study;
}

FigureInput input_of(const StudyView& study) { return {.study = study, .metric = study.metric()}; }

std::vector<std::string> labels(const Plot& plot) {
  std::vector<std::string> result;
  for (const Series& series : plot.panels[0].series) result.push_back(series.label);
  return result;
}

const Series& series_named(const Plot& plot, const std::string& label) {
  const auto& all = plot.panels[0].series;
  const auto found = std::ranges::find(all, label, &Series::label);
  if (found == all.end()) throw std::runtime_error("no series " + label);
  return *found;
}

/// Every figure that there is, accepted by gnuplot; returns their names.
std::vector<std::string> drawn(const StudyView& study) {
  std::vector<std::string> names;
  for (const FigureKind& kind : figure_kinds()) {
    const Figure figure = kind.draw(input_of(study));
    EXPECT_NE(figure.plot.has_value(), !figure.why_not.empty()) << kind.name;
    if (!figure.plot) continue;
    EXPECT_EQ(figure.plot->name, kind.name);
    EXPECT_THAT(run_gnuplot(gnuplot_script(*figure.plot, ImageFormat::Svg)), HasSubstr("</svg>"));
    names.emplace_back(kind.name);
  }
  return names;
}

TEST(ShowFigures, AreDrawnWhereTheStudyHasSomethingForThem) {
  StudyView study = made_up();
  EXPECT_THAT(drawn(study),
              ElementsAre("history", "slice", "contour", "parallel", "rank", "edf", "timeline"));
  study.spec.objectives.push_back({"cost", Direction::Maximize});
  for (TrialRecord& trial : study.trials) {
    trial.metrics["cost"] = -trial.metrics["loss"];
    trial.reports = {{1, {{"loss", 3}}}, {2, {{"loss", 2}}}};
  }
  EXPECT_THAT(drawn(study), ElementsAre("history", "slice", "contour", "parallel", "rank", "edf",
                                        "pareto", "intermediate", "timeline"));
}

TEST(ShowFigures, OfOneTrialAreDrawnAndOfNoneSayWhyNot) {
  StudyView study = made_up();
  study.trials.resize(1);
  EXPECT_THAT(drawn(study), ElementsAre("history", "edf", "timeline"));
  study.trials[0].metrics["loss"] = kInfinity;
  EXPECT_THAT(drawn(study), ElementsAre("timeline"));
  EXPECT_EQ(history_figure(input_of(study)).why_not,
            "no trial is complete with a finite value of \"loss\"");
  study.trials.clear();
  EXPECT_THAT(drawn(study), ElementsAre());
  EXPECT_EQ(timeline_figure(input_of(study)).why_not, "no trial has begun");
}

TEST(ShowFigures, CopeWithEqualHugeAndInfiniteValues) {
  StudyView study = made_up();
  for (TrialRecord& trial : study.trials) trial.metrics["loss"] = 3;
  EXPECT_EQ(drawn(study).size(), 7U);
  study.trials[0].metrics["loss"] = -1e200;
  study.trials[1].metrics["loss"] = 1e200;
  study.trials[2].metrics["loss"] = kInfinity;
  EXPECT_EQ(drawn(study).size(), 7U);
  EXPECT_THAT(slice_figure(input_of(study)).plot->caption,
              HasSubstr("1 trial without a finite value is left out"));
}

TEST(HistoryFigure, FollowsTheBestSoFarAndMarksWhatDidNotEndWell) {
  StudyView study = made_up();
  study.trials.resize(5);
  const std::vector<double> losses = {5, 7, 4, 6, 0};
  for (std::size_t i = 0; i < losses.size(); ++i) study.trials[i].metrics["loss"] = losses[i];
  study.trials[1].state = TrialState::Pruned;
  study.trials[1].reports = {{1, {{"loss", 9}}}, {2, {{"loss", 8}}}};
  study.trials[4].state = TrialState::Failed;
  const Plot plot = *history_figure(input_of(study)).plot;
  EXPECT_THAT(labels(plot),
              ElementsAre("best so far", "complete", "pruned, last report", "failed"));
  std::vector<double> best;
  for (const Point& point : series_named(plot, "best so far").points) best.push_back(point.y);
  EXPECT_THAT(best, ElementsAre(5, 5, 4, 4)) << "a failed trial is never the best";
  EXPECT_EQ(series_named(plot, "pruned, last report").points[0].y, 8);
  EXPECT_NEAR(series_named(plot, "failed").points[0].y, plot.y.low, 0.2);
  study.spec.objectives[0].direction = Direction::Maximize;
  EXPECT_EQ(series_named(*history_figure(input_of(study)).plot, "best so far").points.back().y, 6);
}

TEST(SliceFigure, LeavesConditionalParametersOutWhereTheyAreNotSet) {
  const StudyView study = made_up();
  const Plot plot = *slice_figure(input_of(study)).plot;
  ASSERT_EQ(plot.panels.size(), 3U);
  EXPECT_EQ(plot.panels[0].series[0].points.size(), 30U);
  EXPECT_EQ(plot.panels[2].x->label, "Momentum");
  EXPECT_EQ(plot.panels[2].series[0].points.size(), 15U);
  EXPECT_EQ(plot.panels[0].series[0].points[7].shade, 7);
}

TEST(SliceFigure, SpreadsCategoriesAndPutsLogarithmsInPlace) {
  const StudyView study = made_up();
  const Plot plot = *slice_figure(input_of(study)).plot;
  const double rate = std::get<double>(study.trials[3].params.at("rate"));
  EXPECT_DOUBLE_EQ(plot.panels[0].series[0].points[3].x, std::log10(rate));
  EXPECT_EQ(plot.panels[0].x->ticks.front().label, "10⁻⁴");
  std::vector<double> of_sgd;
  for (std::size_t i = 0; i < 30; i += 2) {
    of_sgd.push_back(plot.panels[1].series[0].points[i].x);
    EXPECT_LE(std::abs(of_sgd.back()), 0.25) << "sgd lies at 0";
  }
  std::ranges::sort(of_sgd);
  EXPECT_EQ(std::ranges::unique(of_sgd).begin(), of_sgd.end());
}

TEST(FigureParameters, AreTheWantedOnesOrThoseThatMatterMost) {
  StudyView study = made_up();
  const auto names = [&](FigureInput input, std::size_t limit) {
    std::vector<std::string> result;
    for (const auto& axis : chosen_parameters(input, measured(input), limit)) {
      result.push_back(axis.name);
    }
    return result;
  };
  EXPECT_THAT(names(input_of(study), 9), ElementsAre("rate", "optimizer", "momentum"));
  EXPECT_THAT(names(input_of(study), 1), ElementsAre("rate"));
  FigureInput wanted = input_of(study);
  wanted.params = {"momentum", "rate"};
  EXPECT_THAT(names(wanted, 9), ElementsAre("momentum", "rate"));
}

TEST(ThinnedTrials, KeepTheBest) {
  StudyView study = made_up();
  for (TrialRecord& trial : study.trials) trial.metrics["loss"] = 3;
  study.trials[17].metrics["loss"] = 1;
  const FigureInput input = input_of(study);
  const auto few = thinned(measured(input), 5);
  EXPECT_LE(few.size(), 5U);
  EXPECT_TRUE(std::ranges::any_of(few, [](const auto* trial) { return trial->number == 17; }));
}

TEST(Surface, IsTheMeanOfNearTrialsAndEmptyFarFromThem) {
  StudyView study;
  study.spec.objectives = {{"loss", Direction::Minimize}};
  study.spec.space.add("a", FloatDomain{}).add("b", FloatDomain{});
  for (int i = 0; i < 100; ++i) {
    const double a = 0.05 + 0.01 * (i / 10);
    const double b = 0.1 * (i % 10);
    study.trials.push_back(trial_of(i, {{"a", a}, {"b", b}}, 2 + b));
  }
  const FigureInput input = input_of(study);
  const Measured from = measured(input);
  const auto axes = chosen_parameters(input, from, 2);
  const Surface result = surface(axes[0], axes[1], from);
  const std::size_t rows = result.y.size();
  EXPECT_NEAR(result.at(4, rows / 2), 2 + result.y[rows / 2], 0.05);
  EXPECT_LT(result.at(4, 3), result.at(4, rows - 3));
  EXPECT_TRUE(std::isnan(result.at(result.x.size() - 1, 3))) << "nothing was tried there";
}

TEST(Isolines, PassWhereTheSurfaceHasTheLevel) {
  Surface plane{.x = {0, 1, 2}, .y = {0, 1}, .heights = {0, 1, 2, 0, 1, 2}};
  const std::vector<Point> line = isolines(plane, std::vector{0.25});
  ASSERT_EQ(line.size(), 3U) << "a stretch, and its end";
  EXPECT_EQ(line[0].x, 0.25);
  EXPECT_EQ(line[1].x, 0.25);
  EXPECT_TRUE(std::isnan(line[2].x));
  plane.heights[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(isolines(plane, std::vector{0.25}).empty());
}

TEST(ParallelFigure, DrawsTheBestLastAndTakesMissingParametersBelowTheAxes) {
  const StudyView study = made_up();
  const Plot plot = *parallel_figure(input_of(study)).plot;
  const auto& points = plot.panels[0].series[0].points;
  ASSERT_EQ(points.size(), 30U * 5);
  EXPECT_GT(points[0].shade, points[points.size() - 2].shade);
  int below = 0;
  for (std::size_t i = 3; i < points.size(); i += 5) below += points[i].y < 0 ? 1 : 0;
  EXPECT_EQ(below, 15) << "trials without momentum";
  EXPECT_TRUE(plot.dark_is_low);
}

TEST(RankFigure, GoesFromTheBestToTheWorstWhateverTheDirection) {
  StudyView study = made_up();
  study.spec.space = SearchSpace();
  study.spec.space.add("a", FloatDomain{}).add("b", FloatDomain{});
  for (TrialRecord& trial : study.trials) {
    trial.params = {{"a", trial.number / 30.0}, {"b", 1 - trial.number / 30.0}};
    trial.metrics["loss"] = std::pow(2, trial.number);
  }
  const auto last_shade = [&] {
    return rank_figure(input_of(study)).plot->panels[0].series[0].points.back();
  };
  EXPECT_EQ(last_shade().shade, 0);
  EXPECT_EQ(last_shade().x, 0) << "the smallest loss";
  study.spec.objectives[0].direction = Direction::Maximize;
  EXPECT_EQ(last_shade().shade, 0);
  EXPECT_NEAR(last_shade().x, 29 / 30.0, 1e-12);
}

TEST(EdfFigure, ComparesStudies) {
  const StudyView study = made_up();
  std::vector<StudyView> others = {made_up()};
  others[0].spec.name = "other";
  others[0].trials.resize(4);
  FigureInput input = input_of(study);
  EXPECT_THAT(labels(*edf_figure(input).plot), ElementsAre("")) << "one study needs no legend";
  input.others = others;
  const Plot plot = *edf_figure(input).plot;
  EXPECT_THAT(labels(plot), ElementsAre("made_up", "other"));
  std::vector<double> shares;
  for (const Point& point : plot.panels[0].series[1].points) shares.push_back(point.y);
  EXPECT_THAT(shares, ElementsAre(0, 0, 0.25, 0.25, 0.5, 0.5, 0.75, 0.75, 1, 1));
}

TEST(ParetoFigure, SetsTheFrontApart) {
  StudyView study = made_up();
  study.spec.objectives.push_back({"accuracy", Direction::Maximize});
  study.trials.resize(4);
  const std::vector<std::pair<double, double>> values = {{1, 1}, {2, 3}, {3, 2}, {4, 4}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    study.trials[i].metrics = {{"loss", values[i].first}, {"accuracy", values[i].second}};
  }
  const Plot plot = *pareto_figure(input_of(study)).plot;
  ASSERT_EQ(series_named(plot, "dominated").points.size(), 1U);
  EXPECT_EQ(series_named(plot, "dominated").points[0].x, 3);
  EXPECT_EQ(series_named(plot, "not dominated").points.size(), 3U);
  const auto& border = plot.panels[0].series[0].points;
  EXPECT_EQ(border[1].x, 2) << "from (1, 1) along the accuracy that the first trial has";
  EXPECT_EQ(border[1].y, 1);
  study.spec.objectives.push_back({"size", Direction::Minimize});
  for (TrialRecord& trial : study.trials) trial.metrics["size"] = trial.number;
  EXPECT_EQ(pareto_figure(input_of(study)).plot->panels.size(), 3U);
}

TEST(IntermediateFigure, MarksWhereTrialsWereStopped) {
  StudyView study = made_up();
  study.trials.resize(3);
  study.trials[0].reports = {{1, {{"loss", 3}}}, {2, {{"loss", 2}}}, {3, {{"loss", 1}}}};
  study.trials[1].reports = {{1, {{"loss", 4}}}, {2, {{"loss", 0.5}}}};
  study.trials[1].state = TrialState::Pruned;
  study.trials[2].reports = {{1, {{"loss", kInfinity}}}};
  study.trials[0].metrics["loss"] = 1;
  study.trials[1].metrics["loss"] = 0.5;
  study.trials[2].metrics["loss"] = kInfinity;
  const Plot plot = *intermediate_figure(input_of(study)).plot;
  const auto& pruned = series_named(plot, "pruned").points;
  ASSERT_EQ(pruned.size(), 1U);
  EXPECT_EQ(pruned[0].x, 2);
  EXPECT_EQ(pruned[0].y, 0.5);
  EXPECT_EQ(series_named(plot, "best, trial 0").points.size(), 3U) << "a pruned trial is no best";
}

TEST(TimelineFigure, HasARowForEachWorkerAndCutsTimesInWhichNothingRan) {
  StudyView study = made_up();
  study.trials.resize(4);
  study.trials[3].state = TrialState::Pruned;
  Plot plot = *timeline_figure(input_of(study)).plot;
  EXPECT_THAT(labels(plot), ElementsAre("complete", "pruned"));
  EXPECT_EQ(plot.x.label, "Time since the first trial began, in s");
  EXPECT_EQ(plot.y.ticks.size(), 2U);
  const Point begin = series_named(plot, "pruned").points[0];
  EXPECT_EQ(begin.x, 10);
  EXPECT_EQ(begin.y, 1);
  for (int i = 2; i < 4; ++i) {
    *study.trials[i].started += std::chrono::hours(5);
    *study.trials[i].ended += std::chrono::hours(5);
  }
  plot = *timeline_figure(input_of(study)).plot;
  EXPECT_LT(plot.x.high, 20);
  EXPECT_THAT(plot.caption, HasSubstr("a long time in which nothing ran is cut out"));
}

TEST(TimelineFigure, PutsTrialsOfAWorkerThatOverlapBesideEachOther) {
  StudyView study = made_up();
  study.trials.resize(3);
  for (TrialRecord& trial : study.trials) trial.worker = "one";
  const TimePoint begin = *study.trials[0].started;
  const auto last = [&](int trial, int from_s, int to_s) {
    study.trials[trial].started = begin + std::chrono::seconds(from_s);
    study.trials[trial].ended = begin + std::chrono::seconds(to_s);
  };
  last(0, 0, 10);
  last(1, 10, 20);
  last(2, 20, 30);
  Plot plot = *timeline_figure(input_of(study)).plot;
  for (const Point& point : series_named(plot, "complete").points) {
    EXPECT_TRUE(std::isnan(point.x) || point.y == 0);
  }
  EXPECT_THAT(plot.caption, Not(HasSubstr("pauses")));
  last(1, 5, 20);
  plot = *timeline_figure(input_of(study)).plot;
  const auto& bars = series_named(plot, "complete").points;
  ASSERT_EQ(bars.size(), 9U);
  EXPECT_EQ(bars[0].y, 0);
  EXPECT_EQ(bars[3].y, 1) << "trial 0 was paused meanwhile";
  EXPECT_EQ(bars[6].y, 0);
  ASSERT_EQ(plot.y.ticks.size(), 1U);
  EXPECT_EQ(plot.y.ticks[0].at, 0.5);
  EXPECT_THAT(plot.caption, HasSubstr("pauses included"));
}

TEST(TimelineFigure, CutsNothingOutThatIsShorterThanASecond) {
  StudyView study = made_up();
  study.trials.resize(2);
  const TimePoint begin = *study.trials[0].started;
  for (int i = 0; i < 2; ++i) {
    study.trials[i].started = begin + std::chrono::milliseconds(100 * i);
    study.trials[i].ended = *study.trials[i].started + std::chrono::milliseconds(1);
  }
  EXPECT_THAT(timeline_figure(input_of(study)).plot->caption, Not(HasSubstr("cut out")));
}

TEST(MetricAxis, IsLogarithmicForSmallValuesThatSpanDecades) {
  const std::vector<Objective> loss = {{"loss", Direction::Minimize}};
  const std::vector<Objective> gain = {{"loss", Direction::Maximize}};
  EXPECT_TRUE(metric_axis("loss", loss, std::vector{0.01, 1.0, 50.0}).log);
  EXPECT_FALSE(metric_axis("loss", loss, std::vector{1.0, 50.0}).log);
  EXPECT_FALSE(metric_axis("loss", loss, std::vector{0.0, 1.0, 500.0}).log);
  EXPECT_FALSE(metric_axis("loss", gain, std::vector{0.01, 1.0, 50.0}).log);
}

TEST(AxisBetween, HasAFewRoundTicks) {
  const auto ticks = [](const Axis& axis) {
    std::vector<std::string> result;
    for (const Tick& tick : axis.ticks) result.push_back(tick.label);
    return result;
  };
  EXPECT_THAT(ticks(axis_between("x", false, 0, 1)),
              ElementsAre("0", "0.2", "0.4", "0.6", "0.8", "1"));
  EXPECT_THAT(ticks(axis_between("x", true, 0.01, 10)), ElementsAre("0.01", "0.1", "1", "10"));
  EXPECT_THAT(ticks(axis_between("x", true, 1e-6, 1e-3)),
              ElementsAre("10⁻⁶", "10⁻⁵", "10⁻⁴", "10⁻³"));
  EXPECT_THAT(ticks(axis_between("x", true, 8, 64)), ElementsAre("10", "20", "50"));
  for (const double high : {1e-300, 1.0, 1e300}) {
    EXPECT_LE(axis_between("x", false, 0, high).ticks.size(), 13U);
  }
}

TEST(ShowFigures, NeverTurnNamesIntoMarkupOrFormats) {
  const StudyView study = made_up();
  for (const auto& draw : {slice_figure, contour_figure, parallel_figure}) {
    const std::string svg =
        run_gnuplot(gnuplot_script(*draw(input_of(study)).plot, ImageFormat::Svg));
    EXPECT_TRUE(svg.find(">it's_%d {x}^2 \"<") != std::string::npos) << "as it is, no subscript";
  }
}

TEST(ShowFigures, OfASmallStudyAreTheGoldenOnes) {
  StudyView study = made_up();
  study.trials.resize(12);
  for (const auto& draw : {slice_figure, parallel_figure}) {
    const Plot plot = *draw(input_of(study)).plot;
    const std::string svg = run_gnuplot(gnuplot_script(plot, ImageFormat::Svg));
    if (svg.find("GNUPLOT 5.4 patchlevel 4") == std::string::npos) {
      GTEST_SKIP() << "the golden files are those of gnuplot 5.4.4";
    }
    expect_golden("show-" + plot.name + ".svg", svg);
  }
}

TEST(ShowFigures, KeepTheirWordsReadableOnADarkPage) {
  const StudyView study = made_up();
  const Plot plot = *parallel_figure(input_of(study)).plot;
  const std::string html =
      to_html({.title = "",
               .sections = {{.title = "",
                             .blocks = {Illustration{
                                 .name = plot.name,
                                 .caption = "",
                                 .svg = run_gnuplot(gnuplot_script(plot, ImageFormat::Svg))}}}}});
  const auto has = [&](const char* text) { return html.find(text) != std::string::npos; };
  EXPECT_TRUE(has("url(#parallel-textbox)"));
  EXPECT_FALSE(has("url(#textbox)"));
  EXPECT_FALSE(has("flood-color='#FFFFFF'"));
}

TEST(StudyFigures, HoldThoseOfASearchWhereTheyHelp) {
  StudyView study = made_up();
  const auto names = [&] {
    std::vector<std::string> result;
    for (const Plot& plot : study_figures(study)) result.push_back(plot.name);
    return result;
  };
  EXPECT_THAT(names(), ElementsAre("objective", "history", "slice", "parallel", "timeline"));
  EXPECT_THAT(kFigureNames, ::testing::IsSupersetOf(names()));
  for (TrialRecord& trial : study.trials) trial.worker = "one";
  study.trials[0].state = TrialState::Pruned;
  study.trials[0].reports = {{1, {{"loss", 2}}}, {2, {{"loss", 1}}}};
  EXPECT_THAT(names(), ElementsAre("objective", "history", "slice", "parallel", "intermediate"))
      << "medians of what was pruned say nothing";
  study.trials[0].state = TrialState::Complete;
  EXPECT_THAT(names(), Contains("learning-curves"));
}

}  // namespace
}  // namespace hypertune

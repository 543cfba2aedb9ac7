// Figures: what is drawn of a study, and that gnuplot draws it the same each time.
#include <gmock/gmock.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "base/files.h"
#include "hypertune/error.h"
#include "report/gnuplot.h"
#include "report/study_figures.h"
#include "support/golden.h"
#include "support/simulated_study.h"

namespace hypertune {
namespace {

using namespace testing_support;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

StudyView simulated_view() {
  StudyView view;
  view.spec = simulated_spec();
  view.trials = simulated_trials();
  view.provenance = parse_json(simulated_provenance());
  return view;
}

std::vector<std::string> names(const std::vector<Plot>& plots) {
  std::vector<std::string> result;
  for (const Plot& plot : plots) result.push_back(plot.name);
  return result;
}

/// Every figure of the study, drawn in both formats; gnuplot accepts each.
void expect_drawable(const StudyView& study) {
  for (const Plot& plot : study_figures(study)) {
    EXPECT_THAT(run_gnuplot(gnuplot_script(plot, ImageFormat::Svg)), HasSubstr("</svg>"));
    EXPECT_THAT(run_gnuplot(gnuplot_script(plot, ImageFormat::Png)), HasSubstr("PNG"));
  }
}

TEST(StudyFigures, ShowObjectiveCurvesAndPairedDifference) {
  const std::vector<Plot> plots = study_figures(simulated_view());
  EXPECT_EQ(names(plots),
            (std::vector<std::string>{"objective", "learning-curves", "paired-difference"}));
  const Plot& objective = plots[0];
  EXPECT_EQ(objective.x.label, "Learning rate");
  EXPECT_TRUE(objective.x.log);
  EXPECT_EQ(objective.y.label, "Validation accuracy");
  ASSERT_EQ(objective.panels[0].series.size(), 3U);
  EXPECT_EQ(objective.panels[0].series[0].label, "with batch normalization");
  EXPECT_EQ(objective.panels[0].series[0].color, 0) << "a green cross";
  EXPECT_EQ(objective.panels[0].series[1].label, "without batch normalization");
  EXPECT_EQ(objective.panels[0].series[1].color, 1) << "a blue circle";
  EXPECT_EQ(objective.panels[0].series[2].drawing, Drawing::Level);
  EXPECT_EQ(plots[2].panels[0].series.back().points.size(), 10U);
}

TEST(StudyFigures, AreTheGoldenOnes) {
  for (const Plot& plot : study_figures(simulated_view())) {
    const std::string svg = run_gnuplot(gnuplot_script(plot, ImageFormat::Svg));
    EXPECT_EQ(svg, run_gnuplot(gnuplot_script(plot, ImageFormat::Svg)));
    if (svg.find("GNUPLOT 5.4 patchlevel 4") == std::string::npos) {
      GTEST_SKIP() << "the golden files are those of gnuplot 5.4.4";
    }
    expect_golden(plot.name + ".svg", svg);
  }
}

TEST(StudyFigures, CarryTheLastValueOfATrialThatEndedEarlyIntoTheMedian) {
  StudyView study = simulated_view();
  study.spec.space = SearchSpace();
  study.trials.resize(3);
  const auto reports = [](std::vector<double> values) {
    std::vector<Report> all;
    for (const double value : values) {
      all.push_back({std::ssize(all) + 1, {{"val_accuracy", value}}});
    }
    return all;
  };
  study.trials[0].reports = reports({0.2, 0.6});
  study.trials[1].reports = reports({0.1});
  study.trials[2].reports = reports({0.1});
  const auto plots = study_figures(study);
  const auto& median = plots.at(1).panels[0].series.back();
  EXPECT_EQ(median.drawing, Drawing::Line);
  EXPECT_EQ(median.points.back().x, 2);
  EXPECT_EQ(median.points.back().y, 0.1);
}

TEST(StudyFigures, LeaveOutTrialsWithoutValuesAndSaySo) {
  StudyView study = simulated_view();
  study.trials[0].params.erase("learning_rate");
  study.trials[1].metrics["val_accuracy"] = std::numeric_limits<double>::infinity();
  study.trials[2].params["learning_rate"] = -1.0;
  const Plot objective = study_figures(study).at(0);
  EXPECT_THAT(objective.caption, HasSubstr("17 trials"));
  EXPECT_THAT(objective.caption, HasSubstr("3 trials without a finite value"));
  expect_drawable(study);
}

TEST(StudyFigures, OfAStudyWithoutNumbersShowTheObjectiveByTrial) {
  StudyView study;
  study.spec.objectives = {{"loss", Direction::Minimize}};
  EXPECT_THAT(study_figures(study), IsEmpty()) << "there is no trial";
  TrialRecord trial;
  trial.state = TrialState::Complete;
  trial.metrics = {{"loss", 3}};
  study.trials = {trial};
  ASSERT_EQ(names(study_figures(study)), std::vector<std::string>{"objective"});
  EXPECT_EQ(study_figures(study)[0].x.label, "Trial");
  expect_drawable(study);
  study.spec.objectives.clear();
  EXPECT_THAT(study_figures(study), IsEmpty());
}

TEST(StudyFigures, OfManyArmsShowMediansInOnePanel) {
  StudyView study = simulated_view();
  study.spec.space = SearchSpace();
  std::vector<Value> optimizers;
  for (const char* name : {"sgd", "momentum", "adam", "adamw", "rmsprop"}) {
    optimizers.emplace_back(std::string(name));
  }
  study.spec.space.grid("optimizer", optimizers);
  for (std::size_t i = 0; i < study.trials.size(); ++i) {
    study.trials[i].params = {{"optimizer", optimizers[i % optimizers.size()]}};
  }
  const Plot curves = study_figures(study).at(1);
  EXPECT_EQ(curves.panels.size(), 1U);
  EXPECT_EQ(curves.panels[0].series.back().label, "optimizer = rmsprop");
  expect_drawable(study);
}

TEST(GnuplotScript, LabelsALogarithmicAxisOfAnyWidth) {
  Plot plot{.name = "p",
            .panels = {Panel{.title = "", .series = {Series{.label = "", .points = {{2, 1}}}}}}};
  const auto script = [&](double low, double high) {
    plot.x = {.label = "x", .log = true, .low = low, .high = high};
    EXPECT_THAT(run_gnuplot(gnuplot_script(plot, ImageFormat::Svg)), HasSubstr("</svg>"));
    return gnuplot_script(plot, ImageFormat::Svg);
  };
  EXPECT_THAT(script(9e-5, 0.11), HasSubstr("set format x '10^{%T}'"));
  EXPECT_THAT(script(1.5, 8), HasSubstr("set xtics (2, 5)"));
  EXPECT_THAT(script(1.5, 2.5), HasSubstr("unset logscale x"));
}

TEST(GnuplotScript, TurnsNoNameIntoACommand) {
  const std::filesystem::path trace =
      std::filesystem::temp_directory_path() / "hypertune-figure-test-trace";
  std::filesystem::remove(trace);
  const std::string command = "system(\"touch " + trace.string() + "\")";
  StudyView study = simulated_view();
  const std::string metric =
      "it's'\n" + command + "\n`touch " + trace.string() + "` <b>&\" @x {/Bold y} %s\x01";
  study.spec.objectives = {{metric, Direction::Maximize}};
  study.spec.space = SearchSpace();
  study.spec.space.grid(command + "'", {"'; " + command + " #", std::string("END\n") + command});
  for (std::size_t i = 0; i < study.trials.size(); ++i) {
    TrialRecord& trial = study.trials[i];
    trial.metrics = {{metric, 0.5 + 0.01 * static_cast<double>(i)}};
    trial.params = {
        {command + "'",
         std::get<CategoricalDomain>(study.spec.space.parameters()[0].domain).choices[i % 2]}};
  }
  ASSERT_EQ(study_figures(study).size(), 3U);
  for (const Plot& plot : study_figures(study)) {
    const std::string svg = run_gnuplot(gnuplot_script(plot, ImageFormat::Svg));
    EXPECT_THAT(svg, Not(HasSubstr("<b>")));
  }
  EXPECT_FALSE(std::filesystem::exists(trace));
}

TEST(GnuplotScript, CopesWithEqualAndHugeValues) {
  StudyView study = simulated_view();
  for (TrialRecord& trial : study.trials) trial.metrics["val_accuracy"] = 3;
  expect_drawable(study);
  study.trials[0].metrics["val_accuracy"] = 1e200;
  study.trials[1].metrics["val_accuracy"] = -1e200;
  expect_drawable(study);
}

TEST(RunGnuplot, ReportsWhatGnuplotSaid) {
  EXPECT_THROW(
      {
        try {
          run_gnuplot("plot nonsense\n");
        } catch (const Error& error) {
          EXPECT_THAT(error.what(), HasSubstr("nonsense"));
          throw;
        }
      },
      Error);
  EXPECT_THROW(run_gnuplot(""), Error);
}

}  // namespace
}  // namespace hypertune

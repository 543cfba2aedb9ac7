// What a report says of importance, and its figure.
#include "report/importance_section.h"

#include <gmock/gmock.h>

#include "report/gnuplot.h"
#include "support/simulated_study.h"

namespace hypertune {
namespace {

using namespace testing_support;
using ::testing::HasSubstr;

StudyView simulated_view() {
  StudyView view;
  view.spec = simulated_spec();
  view.trials = simulated_trials();
  return view;
}

TEST(ImportanceSection, IsLeftOutOfAReportWithFewTrialsOrOneParameter) {
  EXPECT_TRUE(importance_for_report(simulated_view()));
  StudyView few = simulated_view();
  few.trials.back().state = TrialState::Failed;
  EXPECT_FALSE(importance_for_report(few)) << "19 of 20 trials are complete";
  StudyView one = simulated_view();
  for (TrialRecord& trial : one.trials) trial.params["batch_norm"] = true;
  EXPECT_FALSE(importance_for_report(one)) << "one parameter varies";
  StudyView aimless = simulated_view();
  aimless.spec.objectives.clear();
  EXPECT_FALSE(importance_for_report(aimless));
}

TEST(ImportanceSection, TellsSharesAndWhatTheyMean) {
  Importance importance{.method = ImportanceMethod::Fanova, .metric = "loss"};
  importance.trials = 40;
  importance.explained = 0.1;
  importance.parameters = {{"rate", {40, 0.5, 0.25, 0.75}}, {"rare", {4, std::nullopt}}};
  const Section section = importance_section(importance, std::nullopt);
  EXPECT_EQ(section.title, "What mattered");
  const Table& table = std::get<Table>(section.blocks.at(1));
  EXPECT_THAT(table.rows[0], ::testing::ElementsAre("rate", "0.500", "[0.250, 0.750]", "40"));
  EXPECT_THAT(table.rows[1], ::testing::ElementsAre("rare", "too few trials", "", "4"));
  EXPECT_THAT(std::get<List>(section.blocks.back()).items,
              ::testing::Contains(HasSubstr("predicts 10 % of the variance")));
}

TEST(ImportanceFigure, HasABarForEachParameterTheMostImportantOnTop) {
  Importance importance{.method = ImportanceMethod::Fanova, .metric = "loss"};
  importance.trials = 40;
  importance.parameters = {{"learning_rate", {40, 0.5, 0.25, 0.75}},
                           {"it's \"odd\" {/Bold x}", {40, 0.2, 0.1, 0.3}},
                           {"rare", {4, std::nullopt}}};
  const Plot plot = importance_plot(importance).value();
  ASSERT_EQ(plot.y.ticks.size(), 2U) << "no bar where there is no share";
  EXPECT_EQ(plot.y.ticks[0].label, "learning rate");
  EXPECT_GT(plot.y.ticks[0].at, plot.y.ticks[1].at);
  const Series& bars = plot.panels.at(0).series.at(0);
  EXPECT_EQ(bars.points.at(1).x, 0.5);
  EXPECT_EQ(bars.points.at(1).y, plot.y.ticks[0].at);
  EXPECT_EQ(plot.panels[0].series.back().points.at(1).x, 0.75) << "the spread over the trees";
  EXPECT_GT(plot.x.high, 0.75);
  EXPECT_THAT(run_gnuplot(gnuplot_script(plot, ImageFormat::Svg)), HasSubstr("</svg>"));
  EXPECT_THAT(run_gnuplot(gnuplot_script(plot, ImageFormat::Png)), HasSubstr("PNG"));
  importance.parameters = {{"rare", {4, std::nullopt}}};
  EXPECT_FALSE(importance_plot(importance));
}

TEST(ImportanceFigure, OfManyParametersShowsTheFirstAndSaysSo) {
  Importance importance{.method = ImportanceMethod::PedAnova, .metric = "loss"};
  for (int i = 0; i < 30; ++i) importance.parameters.push_back({"p", {40, 1.0 / 30}});
  const Plot plot = importance_plot(importance).value();
  EXPECT_EQ(plot.y.ticks.size(), 20U);
  EXPECT_THAT(plot.caption, HasSubstr("The first 20 of 30 parameters."));
  EXPECT_EQ(plot.panels.at(0).series.size(), 1U) << "PED-ANOVA has no trees to spread";
}

}  // namespace
}  // namespace hypertune

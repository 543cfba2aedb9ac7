// Reports: Markdown, HTML, the table of trials, and what is stated before and after.
#include "hypertune/report.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>

#include "base/files.h"
#include "base/text.h"
#include "hypertune/error.h"
#include "report/confirmation.h"
#include "report/document.h"
#include "report/experiment.h"
#include "report/gnuplot.h"
#include "report/sections.h"
#include "report/study_figures.h"
#include "report/trials_csv.h"
#include "support/golden.h"
#include "support/simulated_study.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using namespace testing_support;
using ::testing::HasSubstr;
using ::testing::Not;

struct StoredStudy {
  ManualClock clock;
  std::shared_ptr<Storage> storage = memory_storage(clock.function());
  StudyId id = storage->open_study(simulated_spec());

  void run() { store_study(*storage, clock, simulated_spec(), simulated_trials()); }
};

TEST(WriteReport, WritesEveryFileFromWhatIsStored) {
  StoredStudy study;
  study.storage->set_attribute(study.id, kProvenanceKey, simulated_provenance());
  state_experiment(*study.storage, study.id, simulated_experiment());
  study.run();
  const TemporaryFolder folder;
  const ReportSummary summary = write_report(*study.storage, study.id, folder.path());
  EXPECT_EQ(summary.warning, "");
  EXPECT_EQ(summary.judgements.size(), 4U);
  for (const char* name :
       {"report.md", "report.html", "trials.csv", "figures/objective.svg", "figures/objective.png",
        "figures/learning-curves.svg", "figures/paired-difference.png"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / name)) << name;
  }
  EXPECT_EQ(summary.files.size(), 11U);
  expect_golden("report.md", read_file(folder / "report.md"));
  expect_golden("trials.csv", read_file(folder / "trials.csv"));
  const std::string html = read_file(folder / "report.html");
  EXPECT_THAT(html, HasSubstr("fashion-mnist (in place of gestures)"));
  EXPECT_THAT(html, Not(HasSubstr("<script")));
  EXPECT_THAT(html, Not(HasSubstr("<?xml")));
  EXPECT_THAT(html, Not(HasSubstr("src=")));
}

TEST(WriteReport, DescribesAStudyThatNobodyDescribed) {
  StoredStudy study;
  const TemporaryFolder folder;
  EXPECT_EQ(write_report(*study.storage, study.id, folder.path()).files.size(), 3U);
  study.run();
  const ReportSummary summary = write_report(*study.storage, study.id, folder.path());
  EXPECT_TRUE(summary.judgements.empty());
  const std::string text = read_file(folder / "report.md");
  EXPECT_THAT(text, HasSubstr("# simulated\n"));
  EXPECT_THAT(text, HasSubstr("No hypothesis was stated"));
  EXPECT_THAT(text, HasSubstr("nothing is concluded"));
}

TEST(WriteReport, ToleratesAnyProvenanceButNoDamagedExperiment) {
  StoredStudy study;
  study.run();
  const TemporaryFolder folder;
  for (const char* odd : {"3", "[]", R"({"dataset": null, "trainer": 3, "dataset_wanted": [],
       "parameters": [1], "hardware": "old", "chance": "no", "extra_fact": {"a": [1, 2.5, true]}})",
                          R"({"dataset_wanted": [{"x": 1}], "dataset": 4})"}) {
    study.storage->set_attribute(study.id, kProvenanceKey, odd);
    EXPECT_NO_THROW(write_report(*study.storage, study.id, folder.path(), {.figures = false}));
  }
  study.storage->set_attribute(study.id, kExperimentKey, R"({"title": 3})");
  EXPECT_THROW(write_report(*study.storage, study.id, folder.path()), Error);
}

TEST(WriteReport, WithoutGnuplotWarnsAndWritesTheRest) {
  StoredStudy study;
  study.run();
  const TemporaryFolder folder;
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", folder.path().c_str(), 1);
  const ReportSummary summary = write_report(*study.storage, study.id, folder.path());
  ::setenv("PATH", path.c_str(), 1);
  EXPECT_THAT(summary.warning, HasSubstr("gnuplot"));
  EXPECT_EQ(summary.files.size(), 3U);
  EXPECT_THAT(read_file(folder / "report.md"), HasSubstr("Figures are missing"));
}

TEST(WriteReport, EscapesNamesAndTextsInBothFormats) {
  const std::string evil = "<b>&\"|x`*";
  StudyView study;
  study.spec.name = evil;
  study.spec.objectives = {{evil, Direction::Minimize}};
  study.spec.space.grid(evil, {evil, std::string("# no heading")});
  study.provenance = {{"dataset", evil}, {"trainer", {{evil, evil}}}, {"command", "```\n</code>"}};
  study.experiment = StatedExperiment{};
  study.experiment->title = "";
  study.experiment->hypothesis = "# heading\n\n<script>alert(1)</script>\n\n- item | cell";
  TrialRecord trial;
  trial.state = TrialState::Complete;
  trial.params = {{evil, evil}};
  trial.metrics = {{evil, 1}};
  study.trials = {trial};
  const Document document{
      .title = report_title(study),
      .sections = {hypothesis_section(study), methodology_section(study),
                   results_section(study, {}, evil), conclusion_section(study, {}),
                   limits_section(study), reproduction_section(study)}};
  const std::string html = to_html(document);
  EXPECT_THAT(html, HasSubstr("&lt;b&gt;&amp;&quot;|x`*"));
  for (const char* raw : {"<b>", "<script", "</code>\n</code>", "&\""}) {
    EXPECT_THAT(html, Not(HasSubstr(raw)));
  }
  const std::string markdown = to_markdown(document);
  EXPECT_THAT(markdown, HasSubstr("&lt;b>&amp;\"\\|x\\`\\*"));
  EXPECT_THAT(markdown, HasSubstr("\n\\# heading\n"));
  EXPECT_THAT(markdown, HasSubstr("\n\\- item \\| cell\n"));
  EXPECT_THAT(markdown, HasSubstr("````sh\n```\n</code>\n````\n"));
  for (const char* raw : {"<b>", "<script", "\n# heading"}) {
    EXPECT_THAT(markdown, Not(HasSubstr(raw)));
  }
}

TEST(Html, GivesEveryFigureNamesOfItsOwn) {
  const std::string svg =
      "<?xml?>\n<svg width=\"1\"><g id=\"gnuplot_canvas\"><circle id='gpPt5'/>"
      "<use xlink:href='#gpPt5'/></g></svg>\n";
  const Document document{
      .title = "t",
      .sections = {{"s", {Illustration{"one", "c", svg}, Illustration{"two", "c", svg}}}}};
  const std::string html = to_html(document);
  EXPECT_THAT(html, HasSubstr("id='one-gpPt5'"));
  EXPECT_THAT(html, HasSubstr("'#two-gpPt5'"));
  EXPECT_THAT(html, Not(HasSubstr("gnuplot_canvas")));
}

TEST(TrialsCsv, QuotesFieldsAndKeepsEveryNumber) {
  StudySpec spec;
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.space.add("z", FloatDomain{});
  TrialRecord first;
  first.state = TrialState::Complete;
  first.params = {{"z", 0.1}, {"a,b", std::string("say \"hi\"\nthere")}};
  first.metrics = {{"loss", std::numeric_limits<double>::infinity()},
                   {"acc", std::numeric_limits<double>::quiet_NaN()}};
  first.started = TimePoint{};
  first.ended = TimePoint{} + std::chrono::milliseconds(1500);
  TrialRecord second;
  second.number = 1;
  second.params = {{"z", 1e-5}};
  const std::vector<TrialRecord> trials = {first, second};
  EXPECT_EQ(trials_csv(spec, trials),
            "number,state,z,\"a,b\",loss,acc,duration_s\n"
            "0,complete,0.1,\"say \"\"hi\"\"\nthere\",inf,nan,1.5\n"
            "1,waiting,1e-05,,,,\n");
}

TEST(StateExperiment, KeepsWhatWasStatedFirstAndMarksWhatCameLater) {
  StoredStudy study;
  state_experiment(*study.storage, study.id, simulated_experiment());
  study.run();
  Experiment later = simulated_experiment();
  later.title = "Another title";
  later.study_file_sha256 = "bb22";
  later.claims[0].expect = Expectation::parse(">= 0.9");
  state_experiment(*study.storage, study.id, later);
  state_experiment(*study.storage, study.id, later);

  const StatedExperiment stated =
      parse_experiment(study.storage->attributes(study.id).find(kExperimentKey)->second);
  EXPECT_EQ(stated.title, "Batch normalization and the learning rate");
  ASSERT_EQ(stated.claims.size(), 5U);
  EXPECT_EQ(stated.claims[0].trials_begun, 0);
  EXPECT_EQ(stated.claims[0].claim.expect.text, ">= 0.8");
  EXPECT_EQ(stated.claims[0].claim.where->text(), "batch_norm and learning_rate > 0.01");
  EXPECT_EQ(stated.claims[3].claim.along, "batch_norm");
  EXPECT_EQ(stated.claims[4].trials_begun, 20);
  ASSERT_EQ(stated.changes.size(), 1U);
  EXPECT_EQ(stated.changes[0].sha256, "bb22");
  EXPECT_EQ(stated.changes[0].trials_begun, 20);

  const TemporaryFolder folder;
  write_report(*study.storage, study.id, folder.path(), {.figures = false});
  const std::string text = read_file(folder / "report.md");
  EXPECT_THAT(text, HasSubstr("The study file was changed since: its SHA-256 became bb22 after 20 "
                              "trials had begun"));
  EXPECT_THAT(text, HasSubstr("1 of 5 claims was stored after trials had begun"));
}

TEST(StateExperiment, CountsATrialThatHasBegunThoughNotEnded) {
  StoredStudy study;
  const std::vector<TrialPlan> plans(2);
  study.storage->enqueue(study.id, plans);
  state_experiment(*study.storage, study.id, {.title = "first"});
  ASSERT_TRUE(study.storage->claim(study.id, {.worker = "test"}));
  state_experiment(*study.storage, study.id, simulated_experiment());
  const StatedExperiment stated =
      parse_experiment(study.storage->attributes(study.id).find(kExperimentKey)->second);
  EXPECT_EQ(stated.trials_begun, 0);
  EXPECT_EQ(stated.claims.front().trials_begun, 1);
}

TEST(RecordProvenance, KeepsTheFirstOneAndTakesObjectsAlone) {
  StoredStudy study;
  record_provenance(*study.storage, study.id, R"({"dataset": "waves"})");
  record_provenance(*study.storage, study.id, R"({"dataset": "bars"})");
  EXPECT_EQ(study.storage->attributes(study.id).find(kProvenanceKey)->second,
            R"({"dataset": "waves"})");
  EXPECT_THROW(record_provenance(*study.storage, study.id, "[]"), Error);
  EXPECT_THROW(record_provenance(*study.storage, study.id, "{"), Error);
}

TEST(Methodology, NamesVersionsAndTheHashOfTheStudyFile) {
  StudyView study;
  study.provenance = {{"hypertune_version", "1.2.3"}, {"libraries", {{"LibTorch", "9.8"}}}};
  study.experiment = StatedExperiment{};
  study.experiment->study_file_sha256 = "aa11";
  const std::string text = to_markdown({.title = "t", .sections = {methodology_section(study)}});
  EXPECT_THAT(text, HasSubstr("Versions: hypertune 1.2.3, LibTorch 9.8."));
  EXPECT_THAT(text, HasSubstr("the SHA-256 of the study file (aa11), were stored with the study "
                              "before the first trial began"));
}

TEST(Methodology, SaysThatDurationsIncludePauses) {
  StudyView study;
  study.trials.resize(2);
  for (TrialRecord& trial : study.trials) {
    trial.worker = "one";
    trial.started = TimePoint();
    trial.ended = TimePoint() + std::chrono::seconds(5);
  }
  const auto text = [&] {
    return to_markdown({.title = "t", .sections = {methodology_section(study)}});
  };
  EXPECT_THAT(text(), HasSubstr("the trials' durations, pauses included, add up to"));
  study.trials[1].started = study.trials[0].ended;
  EXPECT_THAT(text(), HasSubstr("the trials' durations add up to"));
}

TEST(HowToReproduce, SaysWhatSampledValuesDependOn) {
  const auto text = [](const Json& provenance) {
    StudyView study;
    study.provenance = provenance;
    return to_markdown({.title = "t", .sections = {reproduction_section(study)}});
  };
  EXPECT_THAT(text({{"sampler", "random"}, {"workers", 2}}),
              HasSubstr("depend on the study's seed and the trial's draw alone. Trained"));
  EXPECT_THAT(text({{"sampler", "tpe"}, {"workers", 2}}),
              HasSubstr("another run with several workers may draw others"));
  EXPECT_THAT(text({{"sampler", "tpe"}, {"workers", 2}, {"lag", 2}}),
              HasSubstr("precede theirs by more than the lag"));
  EXPECT_THAT(text({{"sampler", "tpe"}, {"workers", 1}}),
              HasSubstr("also on the results of earlier trials. Trained"));
}

TEST(Limits, NameASamplerThatPrefersGoodTrialsWhereClaimsAreJudged) {
  const auto text = [](const std::string& sampler, bool claims) {
    StudyView study;
    study.provenance = {{"sampler", sampler}};
    study.experiment = StatedExperiment{};
    if (claims) study.experiment->claims.resize(1);
    return to_markdown({.title = "t", .sections = {limits_section(study)}});
  };
  EXPECT_THAT(text("gp", true), HasSubstr("Values were drawn where earlier results were good"));
  EXPECT_THAT(text("gp", false), Not(HasSubstr("Values were drawn where")));
  EXPECT_THAT(text("qmc (scramble = false)", true), Not(HasSubstr("Values were drawn where")));
}

TEST(Methodology, SaysWhatComputedAndInWhichPrecision) {
  const auto text = [](const Json& provenance) {
    StudyView study;
    study.provenance = provenance;
    return to_markdown({.title = "t", .sections = {methodology_section(study)}});
  };
  const Json native = {{"backend", "native"}, {"version", "1.2.3"}, {"instructions", "avx512"}};
  const std::string f32 = text({{"engine", native}, {"trainer", {{"precision", "f32"}}}});
  EXPECT_THAT(f32, HasSubstr("Networks were trained by hypertune's engine (AVX-512) in f32."));
  EXPECT_THAT(f32, Not(HasSubstr("bf16")));
  EXPECT_THAT(text({{"engine", native}, {"trainer", {{"precision", "bf16"}}}}),
              HasSubstr("(AVX-512) in bf16. In bf16 the factors"));
  EXPECT_THAT(text({{"engine", native}, {"trainer", Json::object()}}),
              HasSubstr("in the precision of each trial. In bf16 the factors"));
  EXPECT_THAT(text({{"engine", {{"backend", "torch"}, {"version", "1.13.1"}}},
                    {"trainer", {{"precision", "f32"}}}}),
              HasSubstr("Networks were trained by LibTorch 1.13.1 in f32."));
  Json older = native;
  older["instructions"] = "avx2";
  EXPECT_THAT(text({{"engine", native}, {"resumed", {{{"engine", native}}, {{"engine", older}}}}}),
              HasSubstr("Later runs used hypertune's engine (AVX2)."));
  for (const Json& odd : {Json(3), Json({{"backend", 3}}), Json::object()}) {
    EXPECT_NO_THROW(text({{"engine", odd}, {"resumed", odd}, {"trainer", odd}}));
  }
}

TEST(Confirmation, StandsBesideTheWinnerWhileItIsTheWinner) {
  StoredStudy study;
  study.run();
  const std::vector<TrialRecord> trials = study.storage->trials(study.id);
  const TrialRecord& best = *best_trial(simulated_spec().objectives.front(), trials);
  const TemporaryFolder folder;
  const auto report = [&] {
    write_report(*study.storage, study.id, folder.path(), {.figures = false});
    return read_file(folder / "report.md");
  };
  EXPECT_THAT(report(), Not(HasSubstr("confirmed")));
  record_confirmation(*study.storage, study.id, {best.number, {{"val_accuracy", 0.9625}}});
  EXPECT_EQ(stored_confirmation(*study.storage, study.id)->metrics.at("val_accuracy"), 0.9625);
  EXPECT_THAT(report(), HasSubstr("confirmed in f32: val_accuracy 0.9625 (bf16: " +
                                  format_number(best.metrics.at("val_accuracy"), 4) + ")"));
  record_confirmation(*study.storage, study.id, {best.number + 1, {{"val_accuracy", 0.9}}});
  EXPECT_THAT(report(), Not(HasSubstr("confirmed")));
  for (const char* damaged : {"[]", "{}", R"({"trial": "0", "metrics": {}})"}) {
    study.storage->set_attribute(study.id, kConfirmationKey, damaged);
    EXPECT_EQ(stored_confirmation(*study.storage, study.id), std::nullopt) << damaged;
  }
}

TEST(Methodology, TellsTheNumberOfParametersOnceWhenAllArmsHaveAsMany) {
  StudyView study;
  study.provenance = {{"parameters", 33684}};
  const auto text = [&] {
    return to_markdown({.title = "t", .sections = {methodology_section(study)}});
  };
  EXPECT_THAT(text(), HasSubstr("Trainable parameters: 33684."));
  study.provenance = {{"parameters", {{"kernel=3", 1}, {"kernel=5", 2}}},
                      {"parameters_left_out", 900}};
  EXPECT_THAT(text(), HasSubstr("There are 900 arms more"));
}

TEST(WriteReport, RemovesFiguresOfAnEarlierReportThatItDoesNotHave) {
  StoredStudy study;
  study.run();
  const TemporaryFolder folder;
  const auto draw = [&](bool figures) {
    return write_report(*study.storage, study.id, folder.path(), {.figures = figures});
  };
  draw(true);
  write_file(folder / "figures/mine.svg", "kept");
  draw(false);
  EXPECT_TRUE(std::filesystem::exists(folder / "figures/mine.svg"));
  for (const std::string_view name : kFigureNames) {
    for (const char* ending : {".svg", ".png"}) {
      EXPECT_FALSE(std::filesystem::exists(folder / "figures" / (std::string(name) + ending)));
    }
  }
  draw(true);
  std::filesystem::remove(folder / "figures/mine.svg");
  draw(false);
  EXPECT_FALSE(std::filesystem::exists(folder / "figures"));
}

TEST(Gnuplot, IsStoppedWhenItsTimeIsUp) {
  try {
    run_gnuplot("while (1) { x = 1 }\n", std::chrono::milliseconds(100));
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("did not end within"));
  }
}

TEST(ParseExperiment, RejectsDamagedTexts) {
  const std::string good = to_json_text(restate({}, simulated_experiment(), 0));
  EXPECT_EQ(to_json_text(parse_experiment(good)), good);
  for (std::string_view damaged :
       {"", "null", "{}", "[1]", R"({"title": "t", "hypothesis": "h", "study_file": "",
       "study_file_sha256": "", "trials_begun": 0, "changes": [], "claims": [{"text": "t",
       "estimand": "magic", "subject": "", "along": "", "expect": "> 1", "trials_begun": 0}]})",
        R"({"title": "t", "hypothesis": "h", "study_file": "", "study_file_sha256": "",
       "trials_begun": 0, "changes": [], "claims": [{"text": "t", "estimand": "share",
       "subject": "a >", "along": "", "expect": "> 1", "trials_begun": 0}]})"}) {
    EXPECT_THROW(parse_experiment(damaged), Error) << damaged;
  }
}

}  // namespace
}  // namespace hypertune

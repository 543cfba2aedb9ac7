// Lines from programs: what is read from them, and what is refused.
#include "exec/report_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/files.h"
#include "base/text.h"
#include "exec/kept_output.h"
#include "exec/line_splitter.h"
#include "exec/output_patterns.h"
#include "hypertune/error.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr double kInf = std::numeric_limits<double>::infinity();

TEST(ReportLine, HoldsAStepAndItsMetrics) {
  const auto parsed = parse_report_line(R"({"step": 3, "val_loss": 0.21, "ok": true})");
  ASSERT_TRUE(parsed.line) << parsed.fault;
  EXPECT_FALSE(parsed.line->is_result);
  EXPECT_EQ(parsed.line->step, 3);
  EXPECT_THAT(parsed.line->metrics, ElementsAre(Pair("ok", 1.0), Pair("val_loss", 0.21)));
}

TEST(ReportLine, HoldsTheResultOfTheTrial) {
  const auto parsed = parse_report_line(R"({"result": {"val_accuracy": 0.9}})");
  ASSERT_TRUE(parsed.line) << parsed.fault;
  EXPECT_TRUE(parsed.line->is_result);
  EXPECT_THAT(parsed.line->metrics, ElementsAre(Pair("val_accuracy", 0.9)));
}

TEST(ReportLine, NeedsNoStepAndTakesOneThatIsWrittenAsAFloat) {
  EXPECT_EQ(parse_report_line(R"({"loss": 1})").line->step, std::nullopt);
  EXPECT_EQ(parse_report_line(R"({"step": 2.0, "loss": 1})").line->step, 2);
  EXPECT_EQ(parse_report_line(R"({"step": -9223372036854775808, "loss": 1})").line->step,
            std::numeric_limits<std::int64_t>::min());
}

TEST(ReportLine, TakesNumbersThatAreNotFiniteAsTokensAndAsTexts) {
  const auto parsed = parse_report_line(
      R"({"a": NaN, "b": Infinity, "c": -Infinity, "d": "nan", "e": "-inf", "f": "Infinity"})");
  ASSERT_TRUE(parsed.line) << parsed.fault;
  const Metrics& metrics = parsed.line->metrics;
  EXPECT_TRUE(std::isnan(metrics.at("a")));
  EXPECT_EQ(metrics.at("b"), kInf);
  EXPECT_EQ(metrics.at("c"), -kInf);
  EXPECT_TRUE(std::isnan(metrics.at("d")));
  EXPECT_EQ(metrics.at("e"), -kInf);
  EXPECT_EQ(metrics.at("f"), kInf);
}

TEST(ReportLine, RefusesWhatIsNoReportAndSaysWhy) {
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"", "no JSON object"},
      {"epoch 3 done", "`epoch 3 done` is no JSON object"},
      {"[1, 2]", "no JSON object"},
      {"\x1b[31mred\x01", "`red?`"},
      {R"({"step": 3)", "parse error"},
      {R"({"step": 3})", "no metric"},
      {"{}", "no metric"},
      {R"({"step": "3", "loss": 1})", "step \"3\" is no whole number"},
      {R"({"step": 1.5, "loss": 1})", "no whole number"},
      {R"({"step": 1e300, "loss": 1})", "no whole number"},
      {R"({"step": NaN, "loss": 1})", "no whole number"},
      {R"({"step": 18446744073709551615, "loss": 1})", "no whole number"},
      {R"({"step": 1, "loss": "0.5"})", "\"loss\" is \"0.5\", no number"},
      {R"({"step": 1, "loss": null})", "\"loss\" is null"},
      {R"({"step": 1, "loss": [1]})", "lists"},
      {R"({"step": 1, "loss": {"a": {"b": 1}}})", "nested"},
      {R"({"step": 1, "loss": {"a": 1}})", "no number"},
      {R"({"result": 0.9})", "not an object"},
      {R"({"result": {"a": 1}, "step": 3})", "beside"},
      {R"({"": 1})", "name"},
      {R"({"a\u0000b": 1})", "name"},
      {"{\"\xff\": 1}", "not valid JSON"},
      {"{\"" + std::string(kMaxMetricName + 1, 'm') + "\": 1}", "too long"},
      {std::string(kMaxReportLine + 1, '{'), "longer than"},
      {std::string(kMaxReportLine, '{'), "nested"},
      {std::string(kMaxReportLine, '['), "no JSON object"}};
  for (const auto& [line, why] : lines) {
    SCOPED_TRACE(line.substr(0, 80));
    const auto parsed = parse_report_line(line);
    EXPECT_FALSE(parsed.line);
    EXPECT_THAT(parsed.fault, HasSubstr(why));
  }
}

TEST(NumberInText, IsWhatTheWholeTextSays) {
  EXPECT_EQ(number_in_text(" -1.5e3 "), -1500.0);
  EXPECT_EQ(number_in_text("+2"), 2.0);
  EXPECT_EQ(number_in_text("1e999"), kInf);
  EXPECT_EQ(number_in_text("-1e999"), -kInf);
  EXPECT_EQ(number_in_text("1e-999"), 0.0);
  EXPECT_EQ(number_in_text("INF"), kInf);
  for (const char* text : {"", "x", "1,5", "1 2", "+-1", "91%"}) {
    EXPECT_EQ(number_in_text(text), std::nullopt) << text;
  }
}

std::vector<std::string> lines_of(const std::vector<std::string>& pieces, std::size_t limit) {
  LineSplitter splitter("\r\n", limit);
  std::vector<std::string> lines;
  const auto keep = [&](std::string_view line, bool is_cut) {
    lines.push_back(std::string(line) + (is_cut ? "..." : ""));
  };
  for (const std::string& piece : pieces) splitter.feed(piece, keep);
  splitter.finish(keep);
  return lines;
}

TEST(LineSplitter, JoinsPiecesAndCutsLongLines) {
  EXPECT_THAT(lines_of({"on", "e\ntwo\r", "\nthree"}, 10), ElementsAre("one", "two", "three"));
  EXPECT_THAT(lines_of({"abcdef", "ghi\nx\n"}, 4), ElementsAre("abcd...", "x"));
}

std::vector<std::string> reports_of(OutputPatterns patterns,
                                    const std::vector<std::string>& lines) {
  std::vector<std::string> reports;
  const auto keep = [&](const std::vector<ReportLine>& found) {
    for (const ReportLine& report : found) {
      std::string text = std::to_string(*report.step);
      for (const auto& [name, value] : report.metrics)
        text += " " + name + "=" + format_number(value);
      reports.push_back(text);
    }
  };
  for (const std::string& line : lines) keep(patterns.feed(line));
  keep(patterns.finish());
  return reports;
}

TEST(OutputPatterns, ReportAStepOnceItHasAllMetrics) {
  const OutputPatterns patterns({{"loss", "loss ([^ ]+)"}, {"acc", "acc ([^ ]+)"}}, "epoch (\\d+)");
  EXPECT_THAT(reports_of(patterns, {"epoch 5", "loss 1", "acc 0.5", "epoch 6 loss 0.9", "noise",
                                    "acc 0.6", "epoch 7 loss nan acc inf"}),
              ElementsAre("5 acc=0.5 loss=1", "6 acc=0.6 loss=0.9", "7 acc=inf loss=nan"));
}

TEST(OutputPatterns, BeginAStepWhereAMetricComesAgain) {
  const OutputPatterns patterns({{"loss", "loss=(\\S+)"}, {"final", "final=(\\S+)"}}, "");
  EXPECT_THAT(reports_of(patterns, {"loss=3", "loss=2", "loss=1", "final=9"}),
              ElementsAre("1 loss=3", "2 loss=2", "3 final=9 loss=1"));
}

TEST(OutputPatterns, TakeTheFirstValueOfAStepThatRepeatsItself) {
  const OutputPatterns patterns({{"loss", "loss (\\S+)"}}, "epoch (\\d+)");
  EXPECT_THAT(reports_of(patterns, {"epoch 1 loss 3", "epoch 1 loss 2", "epoch 2 loss 1"}),
              ElementsAre("1 loss=3", "2 loss=1"));
}

TEST(OutputPatterns, CountWhatIsNoNumber) {
  OutputPatterns patterns({{"loss", "loss (\\S+)"}}, "");
  EXPECT_TRUE(patterns.feed("loss oops").empty());
  EXPECT_EQ(patterns.faults(), 1);
  EXPECT_THAT(patterns.first_fault(), HasSubstr("\"oops\""));
}

TEST(OutputPatterns, StandLongLinesAndExpressionsThatTryEverything) {
  OutputPatterns patterns({{"loss", "(a*)*b(a*)*c"}}, "");
  EXPECT_TRUE(patterns.feed(std::string(1'000'000, 'a')).empty());
}

TEST(OutputPatterns, RefuseWhatIsNoExpressionOrHasNoGroup) {
  EXPECT_THROW(OutputPatterns({{"loss", "loss ("}}, ""), ConfigError);
  EXPECT_THROW(OutputPatterns({{"loss", "loss .*"}}, ""), ConfigError);
  EXPECT_THROW(OutputPatterns({{"loss", "(a)\\1"}}, ""), ConfigError);
  EXPECT_THROW(OutputPatterns({{"loss", "(a)"}}, "epoch"), ConfigError);
  EXPECT_THROW(OutputPatterns({{"loss", std::string(30'000, '(')}}, ""), ConfigError);
  EXPECT_THROW(OutputPatterns({{"loss", "((a?){100}){100}"}}, ""), ConfigError);
}

TEST(KeptOutput, KeepsTheEnd) {
  const testing_support::TemporaryFolder folder;
  KeptOutput output(folder / "out", 10);
  for (int i = 0; i < 1000; ++i) output.append("line " + std::to_string(i) + "\n");
  EXPECT_LE(std::filesystem::file_size(folder / "out"), 20U);
  output.finish();
  EXPECT_EQ(read_file(folder / "out"), "\nline 999\n");
  EXPECT_EQ(output.last_lines(2, 100), "line 998 | line 999");
}

TEST(KeptOutput, ReplacesTheOutputOfAnEarlierRun) {
  const testing_support::TemporaryFolder folder;
  write_file(folder / "out", "old and longer than the new one");
  KeptOutput output(folder / "out", 100);
  output.append("new");
  output.finish();
  EXPECT_EQ(read_file(folder / "out"), "new");
}

TEST(PlainText, LeavesOutColorsAndWhatIsNotPrintable) {
  EXPECT_EQ(plain_text("\x1b[1;31mred\x1b[0m \x07\nπ \xff\xc3"), "red ?\nπ ??");
  EXPECT_EQ(plain_text("\xe0\x80\x80 \xed\xa0\x80 \xf4\x90\x80\x80 \x1b["), "??? ??? ???? ");
}

}  // namespace
}  // namespace hypertune

// The display of a run: counts, time left, cutting, and what the lines and JSON lines say.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <clocale>
#include <cmath>
#include <limits>

#include "base/shell_words.h"
#include "base/text.h"
#include "cli/download_bar.h"
#include "cli/progress.h"
#include "cli/run_state.h"
#include "cli/table.h"
#include "cli/terminal.h"

namespace hypertune {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr TerminalStyle kPlainStyle{.utf8 = false, .color = false};

TrialRecord trial(int number, TrialState state = TrialState::Running, Metrics metrics = {}) {
  TrialRecord record;
  record.id = number + 1;
  record.number = number;
  record.state = state;
  record.params = {{"learning_rate", 0.0123456}, {"batch_norm", true}};
  record.metrics = std::move(metrics);
  return record;
}

RunStart start_of(int planned, int workers) {
  return {.study = "digits",
          .objective = {"val_accuracy", Direction::Maximize},
          .planned = planned,
          .workers = workers,
          .epochs = 10};
}

void started(RunState& state, int worker, const TrialRecord& record, double now_s) {
  state.apply({Event::Kind::Started, worker, record}, now_s);
}
void finished(RunState& state, int worker, const TrialRecord& record, double now_s) {
  state.apply({Event::Kind::Finished, worker, record}, now_s);
}
void reported(RunState& state, int worker, TrialRecord record, std::int64_t step, double value,
              double now_s) {
  record.reports.push_back({step, {{"val_accuracy", value}}});
  state.apply({Event::Kind::Reported, worker, record}, now_s);
}

std::string block(const RunState& state, TerminalSize size = {}, double now_s = 0) {
  return join(state.render(size, kPlainStyle, now_s), "\n");
}

TEST(RunState, CountsWhatEarlierRunsFinishedAndWhatFailedForGood) {
  RunStart start = start_of(10, 2);
  start.history = {trial(0, TrialState::Complete, {{"val_accuracy", 0.5}}),
                   trial(1, TrialState::Pruned),
                   trial(2, TrialState::Failed),
                   trial(3, TrialState::Failed),
                   trial(4, TrialState::Failed),
                   trial(5, TrialState::Failed),
                   trial(6, TrialState::Waiting)};
  start.history[2].failure = Failure::Error;
  start.history[3].failure = Failure::Interrupted;  // is planned again
  start.history[4].failure = Failure::WorkerLost;   // is planned again
  start.history[5].failure = Failure::WorkerLost;
  start.history[5].plan.attempt = 3;
  const RunState state(start, 0);
  EXPECT_EQ(state.done(), 2);
  EXPECT_EQ(state.failed(), 2);
  EXPECT_THAT(block(state), HasSubstr("2/10 done, 0 running, 2 failed"));
}

TEST(RunState, ShowsTheBestTrialByTheObjectivesDirection) {
  for (const Direction direction : {Direction::Maximize, Direction::Minimize}) {
    RunStart start = start_of(4, 1);
    start.objective.direction = direction;
    RunState state(start, 0);
    finished(state, 0, trial(0, TrialState::Complete, {{"val_accuracy", 0.5}}), 1);
    finished(state, 0, trial(1, TrialState::Complete, {{"val_accuracy", std::nan("")}}), 1);
    finished(state, 0, trial(2, TrialState::Complete, {{"val_accuracy", 0.7}}), 1);
    finished(state, 0, trial(3, TrialState::Pruned, {{"val_accuracy", 9}}), 1);
    EXPECT_THAT(block(state),
                HasSubstr(direction == Direction::Maximize ? "best val_accuracy 0.7: trial 2"
                                                           : "best val_accuracy 0.5: trial 0"));
  }
}

TEST(RunState, ANaNFirstDoesNotHideABetterValue) {
  RunState state(start_of(2, 1), 0);
  finished(state, 0, trial(0, TrialState::Complete, {{"val_accuracy", std::nan("")}}), 1);
  finished(state, 0, trial(1, TrialState::Complete, {{"val_accuracy", 0.1}}), 1);
  EXPECT_THAT(block(state), HasSubstr("best val_accuracy 0.1: trial 1"));
}

TEST(RunState, TimeLeftComesFromTheEpochsOfRunningTrialsUntilOneHasFinished) {
  RunState state(start_of(4, 2), 0);
  EXPECT_EQ(state.time_left_s(0), std::nullopt);
  started(state, 0, trial(0), 0);
  EXPECT_EQ(state.time_left_s(1), std::nullopt);
  reported(state, 0, trial(0), 5, 0.5, 10);  // half of a trial in 10 s
  EXPECT_DOUBLE_EQ(state.time_left_s(10).value(), 3.5 * 20 / 2);
}

TEST(RunState, TimeLeftComesFromTheMeanDurationOfFinishedTrials) {
  RunState state(start_of(4, 2), 0);
  started(state, 0, trial(0), 0);
  started(state, 1, trial(1), 0);
  finished(state, 0, trial(0, TrialState::Complete), 10);
  finished(state, 1, trial(1, TrialState::Complete), 30);
  EXPECT_DOUBLE_EQ(state.time_left_s(30).value(), 2 * 20.0 / 2);
  started(state, 0, trial(2), 30);
  finished(state, 0, trial(2, TrialState::Complete), 50);
  EXPECT_DOUBLE_EQ(state.time_left_s(50).value(), 20.0) << "the last trial has one worker";
  finished(state, 0, trial(3, TrialState::Complete), 50);
  EXPECT_EQ(state.time_left_s(50), std::nullopt);
}

TEST(RunState, AnInterruptedTrialIsNeitherDoneNorFailed) {
  RunState state(start_of(4, 1), 0);
  started(state, 0, trial(0), 0);
  TrialRecord record = trial(0, TrialState::Failed);
  record.failure = Failure::Interrupted;
  finished(state, 0, record, 5);
  EXPECT_EQ(state.done() + state.failed(), 0);
  EXPECT_THAT(block(state), HasSubstr("worker 1: idle"));
}

TEST(RunState, ALostTrialLeavesItsWorkerAndNobodyElse) {
  RunState state(start_of(4, 2), 0);
  started(state, 0, trial(3), 0);
  state.apply({Event::Kind::Lost, 0, trial(1)}, 1);  // another process's
  EXPECT_THAT(block(state), HasSubstr("worker 1: trial 3"));
  state.apply({Event::Kind::Lost, 0, trial(3)}, 1);
  EXPECT_THAT(block(state), HasSubstr("worker 1: idle"));
}

TEST(RunState, AWorkersLineShowsEpochAndLatestValueBeforeTheParameters) {
  RunState state(start_of(4, 1), 0);
  started(state, 0, trial(3), 0);
  reported(state, 0, trial(3), 4, 0.8351, 2);
  EXPECT_THAT(block(state, {.columns = 120, .rows = 24}),
              HasSubstr("worker 1: trial 3  epoch 4/10  val_accuracy 0.835  "
                        "batch_norm=true, learning_rate=0.0123"));
}

TEST(RunState, AParameterNamedEpochsSetsTheNumberOfSteps) {
  RunState state(start_of(4, 1), 0);
  TrialRecord record = trial(0);
  record.params["epochs"] = std::int64_t{3};
  started(state, 0, record, 0);
  EXPECT_THAT(block(state), HasSubstr("epoch 0/3"));
}

TEST(RunState, TheBlockIsNeverAsWideOrHighAsTheTerminal) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  RunStart start = start_of(100, 50);
  start.study = "日本語 study \x1b[31m with a very long name and control characters\n";
  RunState state(start, 0);
  for (int worker = 0; worker < 50; ++worker) started(state, worker, trial(worker), 0);
  state.set_notice("a notice that is longer than many terminals are wide, as it happens");
  for (const int columns : {1, 2, 7, 20, 41, 80, 200}) {
    for (const int rows : {1, 2, 3, 4, 5, 24, 60}) {
      for (const bool utf8 : {false, true}) {
        const auto lines = state.render({columns, rows}, {.utf8 = utf8}, 1);
        EXPECT_LE(static_cast<int>(lines.size()), rows - 1);
        for (const std::string& line : lines) {
          EXPECT_LE(display_width(line), std::max(1, columns - 1));
          EXPECT_THAT(line, Not(HasSubstr("\x1b")));
          EXPECT_THAT(line, Not(HasSubstr("\n")));
        }
      }
    }
  }
}

TEST(Terminal, TextIsCutBetweenCharactersAndByTheirWidth) {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  EXPECT_EQ(cut("abc", 2), "ab");
  EXPECT_EQ(cut("äöü", 2), "äö");
  EXPECT_EQ(cut("日本", 3), "日");
  EXPECT_EQ(cut("abc", 0), "");
  EXPECT_EQ(display_width("日本"), 4);
}

TEST(Terminal, ControlCharactersAndBadUtf8AreReplaced) {
  EXPECT_EQ(printable("a\x1b[2Jb\r\n\x7f", true), "a?[2Jb???");
  EXPECT_EQ(printable("\xff\xc3+\xe2\x82", true), "??+??");
  EXPECT_EQ(printable("\xc2\x9b"
                      "1m",
                      true),
            "?1m")
      << "C1 controls are controls too";
  EXPECT_EQ(printable("\xe2\x80\xae"
                      "abc",
                      true),
            "?abc")
      << "text direction is not for names";
  EXPECT_EQ(printable("grün", true), "grün");
  EXPECT_EQ(printable("grün", false), "gr?n");
}

TEST(Table, NumbersAreAlignedToTheRightAndTextToTheLeft) {
  EXPECT_EQ(format_table({{"name", "n"}, {"a", "10"}, {"long", "9"}}),
            "name   n\n"
            "a     10\n"
            "long   9\n");
}

TEST(ShellWords, QuotesOnlyWhatNeedsQuotes) {
  const std::array words = {"run", "my file.toml", "a='b'", "", "x=[1,2]"};
  EXPECT_EQ(shell_line(words), "run 'my file.toml' 'a='\\''b'\\''' '' 'x=[1,2]'");
}

TEST(JsonLine, NumbersThatAreNotFiniteAreTexts) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(json_line({{"a", std::nan("")}, {"b", {infinity, -infinity, 1.5}}}),
            "{\"a\":\"NaN\",\"b\":[\"Infinity\",\"-Infinity\",1.5]}\n");
}

/// What a display writes, taken from a pipe.
class DisplayTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(pipe(ends_.data()), 0); }
  void TearDown() override { close(ends_[0]); }

  int fd() const { return ends_[1]; }
  std::string written() {
    close(ends_[1]);
    std::string text;
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = read(ends_[0], part.data(), part.size())) > 0;) {
      text.append(part.data(), static_cast<std::size_t>(got));
    }
    return text;
  }

 private:
  std::array<int, 2> ends_{};
};

TEST_F(DisplayTest, LinesNameEachTrialThatStartsAndEndsButNotEachEpoch) {
  const auto progress = line_progress(start_of(2, 1), fd());
  TrialRecord record = trial(0);
  progress->on_event({Event::Kind::Started, 0, record});
  record.reports.push_back({1, {{"val_accuracy", 0.1}}});
  progress->on_event({Event::Kind::Reported, 0, record});
  progress->on_event(
      {Event::Kind::Finished, 0, trial(0, TrialState::Complete, {{"val_accuracy", 0.25}})});
  TrialRecord failed = trial(1, TrialState::Failed);
  failed.reason = "out of\nmemory";
  progress->on_event({Event::Kind::Finished, 0, failed});
  const auto lines = split(written(), '\n');
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0], "trial 0 started: batch_norm=true, learning_rate=0.0123");
  EXPECT_THAT(lines[1],
              testing::MatchesRegex("trial 0 .*omplete in .* s: val_accuracy 0.25 .1 of 2 done."));
  EXPECT_THAT(lines[2], HasSubstr("out of?memory"));
}

TEST_F(DisplayTest, JsonLinesHoldTheEventAndItsTrial) {
  JsonLines json(fd());
  const auto progress = json_progress(start_of(2, 1), json);
  TrialRecord record = trial(0);
  progress->on_event({Event::Kind::Started, 0, record});
  record.reports.push_back({3, {{"val_accuracy", std::nan("")}}});
  progress->on_event({Event::Kind::Reported, 0, record});
  progress->notice("not an event");
  record.state = TrialState::Complete;
  record.metrics = {{"val_accuracy", 0.25}};
  progress->on_event({Event::Kind::Finished, 0, record});
  const auto lines = split(written(), '\n');
  ASSERT_EQ(lines.size(), 4U);
  const Json began = parse_json(lines[0]);
  EXPECT_EQ(began["event"], "started");
  EXPECT_EQ(began["params"]["batch_norm"], true);
  const Json step = parse_json(lines[1]);
  EXPECT_EQ(step["step"], 3);
  EXPECT_EQ(step["metrics"]["val_accuracy"], "NaN");
  const Json ended = parse_json(lines[2]);
  EXPECT_EQ(ended["metrics"]["val_accuracy"], 0.25);
  EXPECT_EQ(ended["done"], 1);
  EXPECT_TRUE(ended.contains("duration_s"));
}

TEST_F(DisplayTest, TheLiveBlockTakesTheTerminalOnceAndGivesItBack) {
  {
    const auto progress = live_progress(start_of(2, 1), fd());
    progress->show();
    progress->show();
    const TrialRecord record = trial(0);
    for (int i = 0; i < 1000; ++i) progress->on_event({Event::Kind::Started, 0, record});
    TrialRecord failed = trial(0, TrialState::Failed);
    failed.reason = "no luck";
    progress->on_event({Event::Kind::Finished, 0, failed});
    progress->finish();
    progress->finish();
  }
  const std::string text = written();
  EXPECT_THAT(text, testing::StartsWith("\x1b[?25l"));
  EXPECT_THAT(text, testing::EndsWith("\x1b[?25h"));
  EXPECT_EQ(text.find("\x1b[?25l", 1), std::string::npos);
  EXPECT_THAT(text, HasSubstr("trial 0 failed: no luck"));
  EXPECT_THAT(text, HasSubstr("1 failed"));
  // A thousand events are drawn in few frames, each of which clears what is below it.
  const auto frames = split(text, 'J').size();
  EXPECT_LT(frames, 100U);
}

TEST_F(DisplayTest, ABlockThatIsNeverShownWritesNothing) {
  live_progress(start_of(2, 1), fd()).reset();
  EXPECT_EQ(written(), "");
}

TEST_F(DisplayTest, ADownloadIsOneLineElsewhereThanOnATerminal) {
  {
    DownloadBar bar(fd());
    const DownloadProgress progress = bar.callback();
    for (int i = 0; i <= 100; ++i) progress(i, 100);
  }
  EXPECT_EQ(written(), "downloading the data set\n");
}

TEST_F(DisplayTest, WithoutADownloadTheBarWritesNothing) {
  DownloadBar(fd()).callback();
  EXPECT_EQ(written(), "");
}

}  // namespace
}  // namespace hypertune

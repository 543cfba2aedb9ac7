// What a run has done so far, as its display shows it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/terminal.h"
#include "hypertune/tune.h"

namespace hypertune {

/// What is known when a run begins.
struct RunStart {
  std::string study;
  Objective objective;  ///< the first one; its best value is shown
  int planned =
      0;  ///< trials in the plan, repeats left out; 0: not known, and lines have no counts
  int workers = 1;          ///< threads of this process, or processes that it follows
  int max_attempts = 3;     ///< see TuneOptions
  std::int64_t epochs = 0;  ///< steps of a trial without a parameter `epochs`; 0: not known
  std::vector<TrialRecord> history = {};  ///< trials stored by earlier or other runs
};

/// Counts events. Not thread-safe. Times are seconds on any clock that does not go back.
class RunState {
 public:
  RunState(RunStart start, double now_s);

  void apply(const Event& event, double now_s);

  /// A line to show until the end.
  void set_notice(std::string notice) { notice_ = std::move(notice); }

  int planned() const { return planned_; }
  int done() const { return done_; }      ///< Complete or Pruned
  int failed() const { return failed_; }  ///< for good

  /// How long the trial that an event names has run here; nothing when it began elsewhere.
  std::optional<double> duration_s(const TrialRecord& trial, double now_s) const;

  /// From the mean duration of finished trials, or the steps of the running ones before that.
  std::optional<double> time_left_s(double now_s) const;

  /// The block of the live display: at most `size.rows - 1` lines, none as wide as the terminal.
  std::vector<std::string> render(TerminalSize size, TerminalStyle style, double now_s) const;

 private:
  struct Running {
    int trial = 0;
    Params params;
    std::int64_t epoch = 0;
    std::int64_t epochs = 0;
    std::optional<double> value;  ///< latest report of the first objective
    double since_s = 0;
  };
  struct Best {
    int trial;
    Params params;
    double value;
  };

  void count(const TrialRecord& trial);
  double share_of(const Running& running) const;
  std::string worker_line(int worker, const Running* running) const;
  std::string bar(int columns, bool utf8) const;

  RunStart start_;
  int planned_;
  int done_ = 0;
  int failed_ = 0;
  double began_s_;
  double seconds_of_trials_ = 0;
  int timed_trials_ = 0;
  std::map<int, Running> running_;  // by worker
  std::optional<Best> best_;
  std::string notice_;
};

/// Whether the trial failed and is not planned again.
bool failed_for_good(const TrialRecord& trial, int max_attempts);

/// `batch_norm=true, learning_rate=0.00123`: numbers to three digits.
std::string brief(const Params& params);

}  // namespace hypertune

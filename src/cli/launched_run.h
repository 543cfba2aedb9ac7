// A run whose trials are run by worker processes, here or on other machines.
#pragma once

#include <atomic>
#include <chrono>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>

#include "cli/follow.h"
#include "cli/progress.h"
#include "cli/run_folder.h"
#include "config/study_file.h"
#include "launch/launcher.h"

namespace hypertune {

/// Why workers that are started so cannot reach the store, and what helps; empty when they can.
std::string launcher_obstacle(const LauncherChoice& choice, const RunPlace& place);
/// Throws ConfigError when there is one.
void check_launcher(const LauncherChoice& choice, const RunPlace& place);

/// Not thread-safe.
class LaunchedRun {
 public:
  /// Workers of the study in `place`, `file.tune.workers` of them. The study is planned, and its
  /// study file stored.
  LaunchedRun(Study& study, const StudyFile& file, const RunPlace& place);

  /// Starts the workers that are missing: those of an earlier run that still run trials stay.
  /// Throws Error when they cannot be started.
  void start();
  /// How somebody stops those that were started; empty when none were.
  std::string how_to_stop() const;

  enum class End : std::uint8_t {
    Done,     ///< nothing is left to do, or the study has ended
    Stopped,  ///< by a signal; the workers have left
    Left,     ///< somebody wants the workers to go on alone
  };
  /// Shows what happens until there is nothing more to follow. `asks`: Ctrl-C asks the person at
  /// the terminal what to do; otherwise it stops the workers, and a second one kills them. Throws
  /// Error when no worker is left and trials wait.
  End follow(Progress& progress, bool asks);

  /// Why trials of the plan were not run; see TuneSummary.
  std::string stopped() const;

 private:
  enum class Answer : std::uint8_t { Leave, Stop, Continue };
  using Clock = std::chrono::steady_clock;

  WorkerCommand worker_command() const;
  void start(int workers);
  bool watch(Progress& progress, const std::stop_token& stop);
  void look(Progress& progress);
  bool is_over(Progress& progress);
  void poll(Progress& progress);
  Answer ask(Progress& progress);
  bool wait_for_workers(Progress& progress, Clock::time_point until, bool breaks_off);
  void stop_workers(Progress& progress);
  void see_workers_off(Progress& progress);

  Study& study_;
  const StudyFile& file_;
  RunPlace place_;
  std::unique_ptr<Launcher> launcher_;
  StudyFollower follower_;
  WorkerCounts counts_;
  bool started_ = false;
  std::atomic<int> stops_again_ = 0;  // signals after the first
};

}  // namespace hypertune

// One run of a program for one trial.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "exec/kept_output.h"
#include "exec/line_splitter.h"
#include "exec/output_patterns.h"
#include "exec/slots.h"
#include "exec/trial_folders.h"
#include "hypertune/command.h"
#include "hypertune/trial.h"

namespace hypertune {

/// What is the same for all trials, or found before the start of one.
struct ProgramStart {
  const CommandOptions& options;
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::filesystem::path working_directory;
  TrialFolders folders;
  Slot slot;
};

/// Starts a program, listens to it until it has ended, and says how the trial ended. Waits in poll
/// alone, for the program, its reports, its output, a stop and the time. Used once.
class ProgramRun {
 public:
  ProgramRun(Trial& trial, ProgramStart start, OutputPatterns patterns, std::stop_token stop);

  /// Throws what Trial::report throws; the program is then killed.
  Outcome run();

 private:
  using Clock = std::chrono::steady_clock;
  /// Why we end it.
  enum class Cause : std::uint8_t { None, Interrupted, Timeout, Stop, Pause, NotANumber };

  void start();
  void wait();
  void meet_deadlines();
  std::optional<Clock::time_point> next_deadline() const;
  void end_because_of(Cause cause);
  void terminate();

  void read_from(FileDescriptor& source);
  void read_rest();
  void on_bytes(const FileDescriptor& source, std::string_view bytes);
  void on_report_line(std::string_view line, bool is_cut);
  void on_output_line(std::string_view line);
  void take(const ReportLine& line);
  void drop(const std::string& fault);
  void answer(const std::string& fault);
  void send_answers();

  Outcome outcome(const ProcessEnd& end) const;
  Outcome failed(Failure failure, const std::string& what) const;
  std::string when() const;
  std::string dropped_text() const;
  void note_dropped() const;

  Trial& trial_;
  ProgramStart start_;
  OutputPatterns patterns_;
  std::stop_token stop_;
  StopDescriptor stopped_;
  KeptOutput output_;
  KeptOutput errors_;
  FileDescriptor report_pipe_;
  FileDescriptor answer_pipe_;
  FileDescriptor output_pipe_;
  FileDescriptor error_pipe_;
  std::optional<Process> process_;  // after what it writes to
  Clock::time_point began_;
  std::optional<ProcessEnd> end_;

  LineSplitter report_lines_;
  LineSplitter output_lines_;
  LineSplitter error_lines_;
  std::string answers_;  // not sent yet

  Cause cause_ = Cause::None;
  bool signalled_ = false;
  std::optional<Clock::time_point> terminate_at_;
  std::optional<Clock::time_point> kill_at_;

  std::optional<std::int64_t> last_step_;
  Metrics latest_;  // of each metric the value reported last
  std::optional<Metrics> result_;
  bool result_was_free_ = false;  // it came before we asked for the end
  std::int64_t dropped_ = 0;
  std::string first_fault_;
};

}  // namespace hypertune

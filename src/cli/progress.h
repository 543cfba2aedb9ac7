// How a run shows what it does: a live block, lines, JSON lines, or nothing.
#pragma once

#include <memory>
#include <string>

#include "base/json.h"
#include "cli/run_state.h"

namespace hypertune {

/// A view of a run. Thread-safe: events come from workers, the others from the signals' thread.
class Progress {
 public:
  virtual ~Progress() = default;

  virtual void on_event(const Event& event) = 0;

  /// Something that a person should know now, such as what Ctrl-C just did.
  virtual void notice(const std::string& text) = 0;

  virtual void resize() {}
  /// Takes the terminal, and gives it back. A new display does not have it yet.
  virtual void show() {}
  virtual void hide() {}
  /// Draws the last state and gives the terminal back for good; the destructor does so too.
  virtual void finish() {}
};

/// Rows that a terminal must have for a block.
constexpr int kFewestRows = 3;

/// One block on a terminal, redrawn in place at most ten times a second.
std::unique_ptr<Progress> live_progress(RunStart start, int fd);

/// One line for each trial that starts or ends.
std::unique_ptr<Progress> line_progress(RunStart start, int fd);

/// Lines of JSON on a file. After the first that cannot be written no other is, so that there are
/// no lines after a torn one. Not thread-safe.
class JsonLines {
 public:
  explicit JsonLines(int fd) : fd_(fd) {}
  void write(const Json& json);
  /// Why a line could not be written, as errno; 0 when all were.
  int error() const { return error_; }

 private:
  int fd_;
  int error_ = 0;
};

/// Every event as a line of JSON; see docs/reference/cli.md for the fields. Notices are left out.
/// Nothing else may write to `lines` while it lives.
std::unique_ptr<Progress> json_progress(RunStart start, JsonLines& lines);

/// Nothing but notices.
std::unique_ptr<Progress> quiet_progress(int fd);

/// Seconds on a clock that does not go back.
double steady_now_s();

/// One line of strict JSON with its line end; numbers that are not finite become the texts "NaN",
/// "Infinity" and "-Infinity".
std::string json_line(const Json& json);

}  // namespace hypertune

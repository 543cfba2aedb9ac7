// Progress on a terminal: one block that is redrawn in place.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/files.h"
#include "base/text.h"
#include "cli/progress.h"

namespace hypertune {
namespace {

constexpr std::chrono::milliseconds kShortestPause{100};  // ten redraws a second
constexpr std::chrono::milliseconds kLongestPause{1000};  // the clock in the block goes on

constexpr std::string_view kClearToLineEnd = "\x1b[K";
constexpr std::string_view kClearBelow = "\x1b[J";

/// Columns of a line that may hold color sequences.
int visible_width(std::string_view line) {
  std::string plain;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\x1b') {
      at = line.find('m', at);
      if (at == std::string_view::npos) break;
    } else {
      plain += line[at];
    }
  }
  return display_width(plain);
}

class LiveProgress : public Progress {
 public:
  LiveProgress(RunStart start, int fd)
      : fd_(fd),
        style_(terminal_style()),
        state_(std::move(start), steady_now_s()),
        painter_([this](const std::stop_token& stop) { paint(stop); }) {}

  ~LiveProgress() override { LiveProgress::finish(); }

  void finish() override {
    if (!painter_.joinable()) return;
    painter_.request_stop();
    painter_.join();
    const std::scoped_lock lock(mutex_);
    draw();
    give_back();
  }

  void on_event(const Event& event) override {
    const std::scoped_lock lock(mutex_);
    state_.apply(event, steady_now_s());
    if (event.kind == Event::Kind::Finished && event.record.state == TrialState::Failed) {
      lines_above_.push_back(
          fmt::format("trial {} failed: {}", event.record.number, event.record.reason));
    }
    changed();
  }

  void notice(const std::string& text) override {
    const std::scoped_lock lock(mutex_);
    state_.set_notice(text);
    changed();
  }

  void resize() override {
    const std::scoped_lock lock(mutex_);
    changed();
  }

  void hide() override {
    const std::scoped_lock lock(mutex_);
    give_back();
  }

  void show() override {
    const std::scoped_lock lock(mutex_);
    if (!hidden_) return;
    hidden_ = false;
    drawn_.clear();  // somebody else may have written below the block
    hide_cursor(fd_);
    changed();
  }

 private:
  void give_back() {
    if (hidden_) return;
    hidden_ = true;
    show_cursor();
  }

  void changed() {
    dirty_ = true;
    wake_.notify_one();
  }

  void paint(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
      draw();
      wake_.wait_for(lock, stop, kShortestPause, [] { return false; });
      wake_.wait_for(lock, stop, kLongestPause - kShortestPause, [this] { return dirty_; });
    }
  }

  /// One write: the old block is overwritten from its first line.
  void draw() {
    if (hidden_) return;
    dirty_ = false;
    const TerminalSize size = terminal_size(fd_);
    std::string frame = "\r";
    if (const int up = rows_drawn(size.columns); up > 0) frame += fmt::format("\x1b[{}A", up);
    for (const std::string& line : lines_above_) {
      frame += fmt::format("{}{}\r\n", printable(line, style_.utf8), kClearToLineEnd);
    }
    lines_above_.clear();
    drawn_ = state_.render(size, style_, steady_now_s());
    for (const std::string& line : drawn_) {
      frame += fmt::format("{}{}\r\n", line, kClearToLineEnd);
    }
    frame += kClearBelow;
    write_all(fd_, frame);
  }

  /// Rows that the block takes now; a terminal that became narrower has wrapped its lines.
  int rows_drawn(int columns) const {
    int rows = 0;
    for (const std::string& line : drawn_) {
      rows += std::max(1, (visible_width(line) + columns - 1) / columns);
    }
    return rows;
  }

  const int fd_;
  const TerminalStyle style_;
  std::mutex mutex_;  // guards what follows, and keeps frames whole
  std::condition_variable_any wake_;
  bool dirty_ = false;
  RunState state_;
  std::vector<std::string> lines_above_;  // to be written above the block, once
  std::vector<std::string> drawn_;        // the block on the screen
  bool hidden_ = true;
  std::jthread painter_;  // last: it uses all others
};

}  // namespace

std::unique_ptr<Progress> live_progress(RunStart start, int fd) {
  return std::make_unique<LiveProgress>(std::move(start), fd);
}

}  // namespace hypertune

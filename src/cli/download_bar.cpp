// The progress of a download.
#include "cli/download_bar.h"

#include <fmt/format.h>

#include "base/files.h"
#include "cli/progress.h"
#include "cli/terminal.h"

namespace hypertune {
namespace {

constexpr double kShortestPauseS = 0.1;
constexpr int kBarColumns = 30;
constexpr double kBytesPerMegabyte = 1e6;

std::string bar_line(std::int64_t done, std::int64_t total, int columns) {
  const double megabytes = static_cast<double>(done) / kBytesPerMegabyte;
  if (total <= 0) return cut(fmt::format("downloading: {:.1f} MB", megabytes), columns);
  const auto full = static_cast<std::size_t>(kBarColumns * std::min(done, total) / total);
  return cut(fmt::format("downloading: {}{} {:.1f} of {:.1f} MB", std::string(full, '#'),
                         std::string(kBarColumns - full, '-'), megabytes,
                         static_cast<double>(total) / kBytesPerMegabyte),
             columns);
}

}  // namespace

DownloadBar::DownloadBar(int fd) : fd_(fd), live_(is_live_terminal(fd)) {}

DownloadBar::~DownloadBar() { end_line(); }

DownloadProgress DownloadBar::callback() {
  return [this](std::int64_t done, std::int64_t total) { update(done, total); };
}

void DownloadBar::update(std::int64_t done, std::int64_t total) {
  const bool first = !begun_;
  begun_ = true;
  if (!live_) {
    if (first) write_all(fd_, "downloading the data set\n");
    return;
  }
  const double now = steady_now_s();
  const bool last = done == total && total > 0;
  if (!first && !last && now - drawn_s_ < kShortestPauseS) return;
  drawn_s_ = now;
  write_all(fd_, "\r" + bar_line(done, total, terminal_size(fd_).columns - 1) + "\x1b[K");
  line_open_ = true;
  if (last) end_line();
}

void DownloadBar::end_line() {
  if (line_open_) write_all(fd_, "\n");
  line_open_ = false;
}

}  // namespace hypertune

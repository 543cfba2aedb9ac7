// The progress of a download.
#pragma once

#include <cstdint>
#include <string>

#include "hypertune/trainer.h"

namespace hypertune {

/// A bar on a terminal, one line at the beginning elsewhere. Nothing while there is no download.
class DownloadBar {
 public:
  explicit DownloadBar(int fd);
  ~DownloadBar();
  DownloadBar(const DownloadBar&) = delete;
  DownloadBar& operator=(const DownloadBar&) = delete;

  /// Valid while the bar lives.
  DownloadProgress callback();

 private:
  void update(std::int64_t done, std::int64_t total);
  void end_line();

  int fd_;
  bool live_;
  bool begun_ = false;
  bool line_open_ = false;
  double drawn_s_ = 0;
};

}  // namespace hypertune

// Cuts a stream of bytes into lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace hypertune {

/// Lines end with any of the characters of `ends`. Of longer lines the first `limit` bytes are
/// kept.
class LineSplitter {
 public:
  LineSplitter(std::string_view ends, std::size_t limit) : ends_(ends), limit_(limit) {}

  /// Calls `on_line(line, is_cut)` for each line that ends in `bytes`.
  template <typename OnLine>
  void feed(std::string_view bytes, OnLine on_line) {
    while (!bytes.empty()) {
      const std::size_t end = bytes.find_first_of(ends_);
      append(bytes.substr(0, end));
      if (end == std::string_view::npos) return;
      bytes.remove_prefix(end + 1);
      finish(on_line);
    }
  }
  /// The same for what came after the last line's end, if anything.
  template <typename OnLine>
  void finish(OnLine on_line) {
    if (!line_.empty()) on_line(std::string_view(line_), is_cut_);
    line_.clear();
    is_cut_ = false;
  }

 private:
  void append(std::string_view piece) {
    const std::size_t room = limit_ - line_.size();
    if (piece.size() > room) is_cut_ = true;
    line_ += piece.substr(0, room);
  }

  std::string ends_;
  std::size_t limit_;
  std::string line_;
  bool is_cut_ = false;
};

}  // namespace hypertune

// What a program printed, as far as it is kept: the end.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/process.h"

namespace hypertune {

/// Appends to a file (made anew, mode 0600), of which at least the last `limit` bytes are kept, and
/// no more than twice as much; after `finish` no more than the last `limit`. A file that cannot be
/// written is given up: output is no result.
class KeptOutput {
 public:
  KeptOutput(const std::filesystem::path& file, std::int64_t limit);

  void append(std::string_view bytes);
  /// Cuts the file to its last bytes.
  void finish();
  /// The last lines, for people: at most `lines` and about `bytes`.
  std::string last_lines(std::size_t lines, std::size_t bytes) const;

 private:
  void rewrite();

  FileDescriptor file_;
  std::size_t limit_;
  std::size_t written_ = 0;  // bytes in the file
  std::string tail_;         // the last of what was printed, up to twice the larger of two limits
};

}  // namespace hypertune

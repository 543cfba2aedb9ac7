// The end of a stream, in memory and in a file.
#include "exec/kept_output.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "base/files.h"
#include "base/text.h"

namespace hypertune {
namespace {

/// Kept for the reason of a failure, however little goes to the file.
constexpr std::size_t kLeastTail = 4096;

}  // namespace

KeptOutput::KeptOutput(const std::filesystem::path& file, std::int64_t limit)
    : limit_(static_cast<std::size_t>(limit)) {
  if (limit_ == 0) return;
  constexpr int kPrivate = 0600;
  file_ = FileDescriptor(
      ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kPrivate));
}

void KeptOutput::append(std::string_view bytes) {
  const std::size_t kept = std::max(limit_, kLeastTail);
  tail_ += bytes;
  if (tail_.size() > 2 * kept) tail_.erase(0, tail_.size() - kept);
  if (!file_) return;
  if (written_ + bytes.size() > 2 * limit_) return rewrite();
  written_ += bytes.size();
  if (!write_all(file_.number(), bytes)) file_.close();
}

void KeptOutput::rewrite() {
  const std::string_view end =
      std::string_view(tail_).substr(tail_.size() - std::min(limit_, tail_.size()));
  written_ = end.size();
  const bool emptied =
      ::ftruncate(file_.number(), 0) == 0 && ::lseek(file_.number(), 0, SEEK_SET) == 0;
  if (!emptied || !write_all(file_.number(), end)) file_.close();
}

void KeptOutput::finish() {
  if (file_ && written_ > limit_) rewrite();
  file_.close();
}

std::string KeptOutput::last_lines(std::size_t lines, std::size_t bytes) const {
  const std::string_view end =
      std::string_view(tail_).substr(tail_.size() - std::min(bytes, tail_.size()));
  std::string text = plain_text(end);
  std::vector<std::string> last;
  for (const std::string& line : split(text, '\n')) {
    if (!trim(line).empty()) last.emplace_back(trim(line));
  }
  if (last.size() > lines)
    last.erase(last.begin(), last.end() - static_cast<std::ptrdiff_t>(lines));
  return join(last, " | ");
}

}  // namespace hypertune

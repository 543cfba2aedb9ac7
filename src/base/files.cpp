// Whole files, read and written.
#include "base/files.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

#include "hypertune/error.h"

namespace hypertune {

std::string read_file(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  std::error_code error;
  if (std::filesystem::is_directory(file, error))
    errno = EISDIR;
  else if (in)
    content << in.rdbuf();
  if (!in || errno == EISDIR) {
    throw Error(
        fmt::format("cannot read {}: {}", file.string(), std::strerror(errno == 0 ? EIO : errno)));
  }
  return content.str();
}

void write_file(const std::filesystem::path& file, std::string_view content) {
  const auto fail = [&](int code) {
    throw Error(fmt::format("cannot write {}: {}", file.string(), std::strerror(code)));
  };
  if (file.has_parent_path()) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    if (error) fail(error.value());
  }
  static std::atomic<int> counter = 0;
  const std::string temporary = fmt::format("{}.{}.{}.tmp", file.string(), ::getpid(), ++counter);
  std::FILE* out = std::fopen(temporary.c_str(), "wb");
  if (out == nullptr) fail(errno);
  const bool written = std::fwrite(content.data(), 1, content.size(), out) == content.size();
  int code = errno;
  const bool closed = std::fclose(out) == 0;
  if (written && !closed) code = errno;
  if (!written || !closed || std::rename(temporary.c_str(), file.c_str()) != 0) {
    if (written && closed) code = errno;
    ::unlink(temporary.c_str());
    fail(code);
  }
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) {  // somebody made the file non-blocking
      pollfd room{.fd = fd, .events = POLLOUT, .revents = 0};
      ::poll(&room, 1, -1);
      continue;
    }
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace hypertune

// Files that come to be as a whole, or not at all.
#include "cli/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

[[noreturn]] void fail_exists(const fs::path& file) {
  throw ConfigError(
      fmt::format("{}: there is a file of this name already; choose another name, or replace it "
                  "with --force",
                  file.string()));
}

[[noreturn]] void fail(const fs::path& file, int code) {
  throw Error(fmt::format("cannot write {}: {}", file.string(), std::strerror(code)));
}

/// Waits until the file, or the entries of the folder, are on the disk.
void sync(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail(path, errno);
  const int code = ::fsync(fd) == 0 ? 0 : errno;
  ::close(fd);
  // Some file systems cannot do it for folders.
  if (code != 0 && code != EINVAL) fail(path, code);
}

}  // namespace

NewFile::NewFile(fs::path file, Replace replace) : file_(std::move(file)), replace_(replace) {
  std::error_code error;
  if (fs::is_directory(file_, error)) {
    throw ConfigError(fmt::format("{}: is a folder; name a file in it", file_.string()));
  }
  if (replace_ == Replace::No && fs::exists(file_, error)) fail_exists(file_);
  if (file_.has_parent_path()) {
    fs::create_directories(file_.parent_path(), error);
    if (error) fail(file_, error.value());
  }
  temporary_ = fmt::format("{}.{}.tmp", file_.string(), ::getpid());
  fs::remove(temporary_, error);  // left by a process that died and had our number
}

NewFile::~NewFile() {
  std::error_code error;
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
    fs::remove(temporary_.string() + suffix, error);
  }
}

void NewFile::put_in_place() {
  sync(temporary_);
  if (replace_ == Replace::Yes) {
    if (std::rename(temporary_.c_str(), file_.c_str()) != 0) fail(file_, errno);
  } else if (::link(temporary_.c_str(), file_.c_str()) != 0) {
    if (errno == EEXIST) fail_exists(file_);
    // Not every file system has links.
    std::error_code error;
    if (fs::exists(file_, error)) fail_exists(file_);
    if (std::rename(temporary_.c_str(), file_.c_str()) != 0) fail(file_, errno);
  }
  sync(file_.has_parent_path() ? file_.parent_path() : fs::path("."));
}

}  // namespace hypertune

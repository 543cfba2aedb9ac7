// Runs gnuplot as a child process.
#include "report/gnuplot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>

#include "base/text.h"
#include "hypertune/error.h"

extern char** environ;

namespace hypertune {
namespace {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

/// A file without a name, in place of a pipe: neither side ever waits for the other.
File nameless_file(std::string_view content = "") {
  File file(std::tmpfile());
  if (!file || std::fwrite(content.data(), 1, content.size(), file.get()) != content.size() ||
      std::fflush(file.get()) != 0 || std::fseek(file.get(), 0, SEEK_SET) != 0) {
    throw Error(fmt::format("cannot write a temporary file for gnuplot: {}", std::strerror(errno)));
  }
  return file;
}

std::string content_of(const File& file) {
  std::rewind(file.get());
  std::string content;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t n = std::fread(buffer.data(), 1, buffer.size(), file.get())) {
    content.append(buffer.data(), n);
  }
  return content;
}

/// A descriptor, closed with its owner.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_;
};

/// Starts gnuplot in a process group of its own; `life` stays open in it until it has ended.
pid_t spawn(const File& input, const File& output, const File& errors, const Descriptor& life) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(input.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(output.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(errors.get()), STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, life.number(), life.number());  // keep it past exec
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  std::string program = "gnuplot";
  std::string option = "--default-settings";
  std::array<char*, 3> arguments = {program.data(), option.data(), nullptr};
  pid_t child = 0;
  const int code =
      posix_spawnp(&child, program.c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) {
    throw Error(fmt::format("cannot start gnuplot ({}); install the package gnuplot-nox",
                            std::strerror(code)));
  }
  return child;
}

/// Waits until nobody holds the other end of the pipe open. False: the time is up.
bool wait_for_end(const Descriptor& pipe, std::chrono::milliseconds limit) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + limit;
  pollfd waiting{pipe.number(), POLLIN, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw Error(fmt::format("lost gnuplot: {}", std::strerror(errno)));
  }
}

/// Its exit status; nothing when it was killed for want of time.
std::optional<int> run(const File& input, const File& output, const File& errors,
                       std::chrono::milliseconds limit) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(fmt::format("cannot start gnuplot: {}", std::strerror(errno)));
  }
  const Descriptor ours(ends[0]);
  Descriptor theirs(ends[1]);
  const pid_t child = spawn(input, output, errors, theirs);
  theirs.close();
  const bool ended = wait_for_end(ours, limit);
  if (!ended) ::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(fmt::format("lost gnuplot: {}", std::strerror(errno)));
  }
  return ended ? std::optional(status) : std::nullopt;
}

}  // namespace

std::string run_gnuplot(std::string_view script, std::chrono::milliseconds limit) {
  const File input = nameless_file(script);
  const File output = nameless_file();
  const File errors = nameless_file();
  const std::optional<int> status = run(input, output, errors, limit);
  if (!status) {
    throw Error(fmt::format("gnuplot did not end within {} and was stopped",
                            format_duration(std::chrono::duration<double>(limit).count())));
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    throw Error(fmt::format("gnuplot failed: {}", shorten(trim(content_of(errors)), 300)));
  }
  std::string image = content_of(output);
  if (image.empty()) throw Error("gnuplot wrote no image; is its package complete?");
  return image;
}

}  // namespace hypertune

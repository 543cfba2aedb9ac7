// Runs gnuplot as a child process.
#include "report/gnuplot.h"

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

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

int spawn(const File& input, const File& output, const File& errors) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fileno(input.get()), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(output.get()), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, fileno(errors.get()), STDERR_FILENO);
  std::string program = "gnuplot";
  std::string option = "--default-settings";
  std::array<char*, 3> arguments = {program.data(), option.data(), nullptr};
  pid_t child = 0;
  const int code =
      posix_spawnp(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (code != 0) {
    throw Error(fmt::format("cannot start gnuplot ({}); install the package gnuplot-nox",
                            std::strerror(code)));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw Error(fmt::format("lost gnuplot: {}", std::strerror(errno)));
  }
  return status;
}

}  // namespace

std::string run_gnuplot(std::string_view script) {
  const File input = nameless_file(script);
  const File output = nameless_file();
  const File errors = nameless_file();
  const int status = spawn(input, output, errors);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    throw Error(fmt::format("gnuplot failed: {}", shorten(trim(content_of(errors)), 300)));
  }
  std::string image = content_of(output);
  if (image.empty()) throw Error("gnuplot wrote no image; is its package complete?");
  return image;
}

}  // namespace hypertune

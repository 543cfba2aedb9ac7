// What the program prints: results on the standard output stream, everything else on the other one.
#include "cli/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/files.h"
#include "cli/exit_code.h"
#include "cli/terminal.h"

namespace hypertune {

void occupy_closed_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
    if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF) continue;
    // The lowest free number is this one. For reading, so that a lost result is noticed.
    [[maybe_unused]] const int taken = open("/dev/null", O_RDONLY);
  }
}

void print_notice(std::string_view text) { write_all(STDERR_FILENO, text); }

void print_error(std::string_view message) {
  print_notice(fmt::format("hypertune: {}\n", message));
}

void print_lost_output(int error_number) {
  print_error(error_number == 0
                  ? "cannot write the output"
                  : fmt::format("cannot write the output: {}", std::strerror(error_number)));
}

int finish_output(int code) {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
  print_lost_output(errno);
  return code == kDone ? kRunFailed : code;
}

}  // namespace hypertune

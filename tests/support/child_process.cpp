// Fork, pipe and wait.
#include "support/child_process.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <stdexcept>

namespace hypertune::testing_support {
namespace {

void open_pipe(int (&ends)[2]) {
  if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
}

void write_all(int file, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = ::write(file, text.data() + written, text.size() - written);
    if (n <= 0) return;
    written += static_cast<std::size_t>(n);
  }
}

std::string answer_of(const std::function<std::string()>& body) {
  try {
    return body();
  } catch (const std::exception& e) {
    return std::string("threw: ") + e.what();
  }
}

}  // namespace

ChildProcess::ChildProcess(const std::function<std::string()>& body) {
  int ends[2];
  open_pipe(ends);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ == 0) {
    ::close(ends[0]);
    write_all(ends[1], answer_of(body));
    ::_exit(0);  // without the parent's exit handlers and test reports
  }
  ::close(ends[1]);
  pipe_ = ends[0];
}

ChildProcess::~ChildProcess() {
  kill();
  ::close(pipe_);
}

void ChildProcess::reap() {
  if (pid_ < 0) return;
  ::waitpid(pid_, &status_, 0);
  pid_ = -1;
}

void ChildProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  reap();
}

void ChildProcess::send(int signal) {
  if (pid_ > 0) ::kill(pid_, signal);
}

bool ChildProcess::runs() {
  if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) pid_ = -1;
  return pid_ > 0;
}

bool ChildProcess::ends_within(std::chrono::microseconds time) const {
  // The pipe is closed, or has the answer.
  pollfd pipe{pipe_, POLLIN, 0};
  const timespec limit{0, std::chrono::nanoseconds(time).count()};
  return ::ppoll(&pipe, 1, &limit, nullptr) > 0;
}

std::string ChildProcess::answer() {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t n = ::read(pipe_, buffer.data(), buffer.size());
    if (n <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
  reap();
  return WIFSIGNALED(status_) ? "signal " + std::to_string(WTERMSIG(status_)) : text;
}

Flag::Flag() { open_pipe(pipe_); }
Flag::~Flag() {
  ::close(pipe_[0]);
  ::close(pipe_[1]);
}
void Flag::raise() { write_all(pipe_[1], "!"); }
void Flag::wait() {
  char byte = 0;
  if (::read(pipe_[0], &byte, 1) != 1) throw std::runtime_error("the flag was never raised");
}

}  // namespace hypertune::testing_support

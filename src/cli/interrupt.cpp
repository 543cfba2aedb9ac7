// Signals of a run: Ctrl-C ends it in good order, a second one at once.
#include "cli/interrupt.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/assert.h"
#include "cli/exit_code.h"
#include "cli/terminal.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::array kSignals = {SIGINT, SIGTERM, SIGWINCH, SIGTSTP};
constexpr int kStopsWithAgain = 3;
constexpr unsigned char kEndOfListening = 0;  // no signal has this number

// A signal handler can reach nothing else: the pipe's end to write to, -1 while nobody listens.
std::atomic<int> pipe_to_listener{-1};
std::atomic<int> stops_received{0};  // SIGINT and SIGTERM
std::atomic<int> stops_taken{1};     // how many are listened to; one more ends the process
static_assert(std::atomic<int>::is_always_lock_free);

void send(unsigned char byte) {
  const int fd = pipe_to_listener.load();
  // A full pipe means that the listener has enough to do; the byte may be lost.
  if (fd >= 0) [[maybe_unused]]
    const auto written = write(fd, &byte, 1);
}

void on_signal(int signal) {
  const int saved = errno;
  // The last one must not wait for anybody: the listener may hang in writing to a terminal.
  if ((signal == SIGINT || signal == SIGTERM) && stops_received.fetch_add(1) >= stops_taken) {
    show_cursor_in_handler();
    _exit(kInterrupted);
  }
  send(static_cast<unsigned char>(signal));
  errno = saved;
}

void set_handler(void (*handler)(int)) {
  for (const int signal : kSignals) {
    struct sigaction action {};
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace

Interrupts::Interrupts(InterruptHooks hooks) : hooks_(std::move(hooks)) {
  HT_ASSERT(pipe_to_listener.load() < 0);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(std::string("cannot make a pipe: ") + std::strerror(errno));
  }
  fcntl(ends[1], F_SETFL, O_NONBLOCK);
  pipe_to_listener = ends[1];
  stops_received = 0;
  stops_taken = hooks_.on_again ? kStopsWithAgain : 1;
  listener_ = std::jthread([this, end = ends[0]] { listen(end); });
  set_handler(on_signal);
}

Interrupts::~Interrupts() {
  set_handler(SIG_DFL);
  const int fd = pipe_to_listener.exchange(-1);
  // Unlike a signal's, this byte must arrive: wait for room in the pipe.
  fcntl(fd, F_SETFL, 0);
  [[maybe_unused]] const auto written = write(fd, &kEndOfListening, 1);
  listener_.join();
  close(fd);
}

void Interrupts::listen(int pipe_end) {
  unsigned char byte = kEndOfListening;
  for (;;) {
    const ssize_t got = read(pipe_end, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || byte == kEndOfListening) break;
    take(byte);
  }
  close(pipe_end);
}

void Interrupts::take(int signal) {
  const auto call = [](const std::function<void()>& hook) {
    if (hook) hook();
  };
  if (signal == SIGWINCH) return call(hooks_.on_resize);
  if (signal == SIGTSTP) {
    call(hooks_.on_suspend);
    raise(SIGSTOP);  // stops the whole process until it is continued
    return call(hooks_.on_resume);
  }
  int none = 0;
  first_signal_.compare_exchange_strong(none, signal);
  call(stop_.request_stop() ? hooks_.on_stop : hooks_.on_again);
}

}  // namespace hypertune

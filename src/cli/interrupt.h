// Signals of a run: Ctrl-C ends it in good order, a second one at once.
#pragma once

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>

namespace hypertune {

/// What a run does on signals. All are called on one thread that is not in a signal handler. They
/// may hang; the second SIGINT or SIGTERM ends the process with 130 all the same, the cursor shown:
/// where there is an `on_again`, the fourth.
struct InterruptHooks {
  std::function<void()> on_stop = {};     ///< first SIGINT or SIGTERM, after the stop was requested
  std::function<void()> on_again = {};    ///< one that follows
  std::function<void()> on_resize = {};   ///< SIGWINCH
  std::function<void()> on_suspend = {};  ///< Ctrl-Z, before the process stops
  std::function<void()> on_resume = {};   ///< after it goes on
};

/// While it lives, signals are taken from the process: their handler writes a byte into a pipe, and
/// a thread reads it. At most one may live at a time.
class Interrupts {
 public:
  explicit Interrupts(InterruptHooks hooks);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  /// Stop is requested by the first SIGINT or SIGTERM.
  std::stop_token token() const { return stop_.get_token(); }
  /// Which of the two that was; 0 before.
  int signal() const { return first_signal_; }

 private:
  void listen(int pipe_end);
  void take(int signal);

  InterruptHooks hooks_;
  std::stop_source stop_;
  std::atomic<int> first_signal_ = 0;
  std::jthread listener_;
};

}  // namespace hypertune

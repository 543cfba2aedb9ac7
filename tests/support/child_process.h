// Forked processes for tests of what happens between processes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <string>

namespace hypertune::testing_support {

/// A forked process that runs a function. Fork before the test starts threads.
class ChildProcess {
 public:
  /// The child ends when `body` returns; what it returned or threw is its answer.
  explicit ChildProcess(const std::function<std::string()>& body);
  /// Kills it if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Waits for its end. What it threw comes as `threw: message`, a violent end as `signal N`.
  std::string answer();
  /// Kills it with SIGKILL and waits for its end.
  void kill();
  void send(int signal);
  bool runs();
  /// Waits for its end, so long at most.
  bool ends_within(std::chrono::microseconds time) const;

 private:
  void reap();

  pid_t pid_ = -1;
  int pipe_ = -1;
  int status_ = 0;
};

/// A flag that one process raises and another waits for.
class Flag {
 public:
  Flag();
  ~Flag();
  Flag(const Flag&) = delete;
  Flag& operator=(const Flag&) = delete;
  void raise();
  void wait();

 private:
  int pipe_[2] = {-1, -1};
};

}  // namespace hypertune::testing_support

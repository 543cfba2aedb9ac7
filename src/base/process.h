// Programs that this process starts: descriptors, limits, signals, and their end.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace hypertune {

/// A descriptor, closed with its owner. Movable.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int number) : number_(number) {}
  ~FileDescriptor() { close(); }
  FileDescriptor(FileDescriptor&& other) noexcept : number_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      close();
      number_ = other.release();
    }
    return *this;
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;

  /// -1: none.
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void close();
  /// Gives it away: it is no longer closed here.
  int release();

 private:
  int number_ = -1;
};

/// Both ends are closed on exec, so that only those a program is given reach it.
struct Pipe {
  FileDescriptor read;
  FileDescriptor write;
};
/// Throws Error when the system has no more descriptors.
Pipe open_pipe();
/// Reads and writes return at once, with EAGAIN where they would wait.
void set_nonblocking(const FileDescriptor& descriptor);

/// While it lives, writing where nobody reads any more gives EPIPE on this thread, and does not end
/// the process.
class NoPipeSignal {
 public:
  NoPipeSignal();
  ~NoPipeSignal();
  NoPipeSignal(const NoPipeSignal&) = delete;
  NoPipeSignal& operator=(const NoPipeSignal&) = delete;

 private:
  sigset_t before_{};
};

/// A descriptor that becomes readable when a stop is requested, for poll.
class StopDescriptor {
 public:
  explicit StopDescriptor(std::stop_token stop);
  int number() const { return event_.number(); }

 private:
  struct Raise {
    int event;
    void operator()() const;
  };
  FileDescriptor event_;
  std::stop_callback<Raise> callback_;  // last: it may fire while constructed
};

/// What is started, and what it is given. Nothing else is handed on: all other descriptors are
/// closed, signals have their default actions, and no core is dumped.
struct ProcessOptions {
  /// Program and arguments; no shell. A program without '/' is looked for on the PATH; one with it
  /// is relative to `working_directory`.
  std::vector<std::string> argv = {};
  std::map<std::string, std::string> environment = {};  ///< beside and in place of our own
  std::vector<std::string> withheld = {};        ///< variables of ours that are not handed on
  std::filesystem::path working_directory = {};  ///< empty: ours
  /// Its descriptors by number, ours as values. 0, 1 and 2 are /dev/null unless they are named.
  std::map<int, int> descriptors = {};
  std::map<int, std::uint64_t> limits = {};  ///< RLIMIT_AS and the like, soft and hard
  std::vector<int> cpus = {};                ///< cores it may run on; empty: as we may
  /// SIGKILL to it when the thread that started it ends, by whatever cause.
  bool dies_with_parent = false;
};

/// How a process ended: one of the two is set.
struct ProcessEnd {
  int exit_code = 0;
  int signal = 0;  ///< 0: it exited
  bool good() const { return exit_code == 0 && signal == 0; }
};
/// `exit code 3`, `signal 11 (Segmentation fault)`.
std::string to_string(const ProcessEnd& end);

/// A started program, which leads a process group of its own. Not thread-safe. Its owner must give
/// `wait` or `ended` the chance to reap it, or destroy it, which kills the whole group.
class Process {
 public:
  /// Throws Error, naming the program and what to do, when it cannot be started.
  explicit Process(const ProcessOptions& options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t id() const { return id_; }
  /// Readable, for poll, once the program has ended.
  int descriptor() const { return watch_.number(); }
  /// To the program and all it started that are still in its group. Nothing happens after its end.
  void signal(int signal);
  /// How it ended; nothing while it runs. Whatever is left of its group then is killed.
  std::optional<ProcessEnd> ended();
  /// Waits for its end. Whatever is left of its group then is killed.
  ProcessEnd wait();
  /// Waits at most until `deadline`; nothing: it still runs.
  std::optional<ProcessEnd> wait_until(std::chrono::steady_clock::time_point deadline);
  /// Lets it outlive this object.
  void leave_running();

 private:
  ProcessEnd reap();

  pid_t id_ = -1;  // also of its group; -1: nothing to reap any more
  FileDescriptor watch_;
  std::optional<ProcessEnd> end_;
};

/// Where a program of this name is: itself with a '/', else what the PATH finds; nothing: nowhere.
std::optional<std::string> find_program(std::string_view name);

/// What a program did that was run to its end.
struct ProgramResult {
  ProcessEnd end;
  bool timed_out = false;  ///< it was killed for want of time
  std::string output;      ///< the beginning of standard output, up to kMaxProgramOutput bytes
  std::string errors;      ///< the same of standard error
};
inline constexpr std::size_t kMaxProgramOutput = 16 << 20;

/// Runs a program to its end, with `input` as its standard input. Processes that it leaves behind
/// are not waited for. Throws Error when it cannot be started.
ProgramResult run_program(ProcessOptions options, std::string_view input,
                          std::chrono::milliseconds time_limit);

}  // namespace hypertune

// Starts programs with fork and exec, and follows them with a pidfd.
#include "base/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/assert.h"
#include "base/text.h"
#include "hypertune/error.h"

extern char** environ;

namespace hypertune {
namespace {

using Clock = std::chrono::steady_clock;

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30));
}

/// Steps of a start that can fail; what the child tells through a pipe with its errno.
enum class Step : int { Directory, Descriptors, Limits, Cpus, Parent, Exec };

struct StartFault {
  Step step;
  int error;
};

/// Texts with the list of pointers that execve wants.
class PointerList {
 public:
  explicit PointerList(std::vector<std::string> texts) : texts_(std::move(texts)) {
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  char* const* data() { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

std::vector<std::string> child_environment(const ProcessOptions& options) {
  std::vector<std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::string name(variable.substr(0, variable.find('=')));
    if (options.environment.contains(name)) continue;
    if (std::ranges::find(options.withheld, name) != options.withheld.end()) continue;
    variables.emplace_back(variable);
  }
  for (const auto& [name, value] : options.environment) variables.push_back(name + "=" + value);
  return variables;
}

bool is_program(const std::string& file) {
  std::error_code ignored;
  return ::access(file.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(file, ignored);
}

std::optional<std::string> find_on(std::string_view path, std::string_view name) {
  for (const std::string& folder : split(path, ':')) {
    std::string candidate = (folder.empty() ? "." : folder) + "/" + std::string(name);
    if (is_program(candidate)) return std::filesystem::absolute(candidate);  // of whatever folder
  }
  return std::nullopt;
}

std::string program_file(const ProcessOptions& options) {
  if (options.argv.empty() || options.argv.front().empty()) {
    throw Error("cannot start a program without a name");
  }
  const std::string& name = options.argv.front();
  if (name.find('/') != std::string::npos) return name;
  const auto own = options.environment.find("PATH");
  const char* ours = std::getenv("PATH");
  const std::string path = own != options.environment.end() ? own->second : ours ? ours : "";
  if (auto found = find_on(path, name)) return *found;
  throw Error(fmt::format(
      "cannot start \"{}\": no folder of the PATH holds such a program; install it, or write its "
      "path, such as \"./{}\"",
      name, name));
}

/// All that the child needs, prepared before the fork: after it, in a process with threads, no
/// memory may be allocated and no lock taken.
struct Preparation {
  explicit Preparation(const ProcessOptions& options)
      : file(program_file(options)),
        argv(options.argv),
        environment(child_environment(options)),
        directory(options.working_directory),
        limits(options.limits.begin(), options.limits.end()),
        dies_with_parent(options.dies_with_parent),
        parent(::getpid()) {
    for (const std::string& text : options.argv) {
      if (text.find('\0') != std::string::npos) {
        throw Error(fmt::format("cannot start \"{}\": an argument holds a NUL character",
                                options.argv.front()));
      }
    }
    limits.emplace_back(RLIMIT_CORE, 0);
    CPU_ZERO(&cpus);
    for (const int cpu : options.cpus) CPU_SET(cpu, &cpus);
    pins = !options.cpus.empty();
    arrange(options.descriptors);
  }

  std::string file;
  PointerList argv;
  PointerList environment;
  std::string directory;
  std::vector<std::pair<int, std::uint64_t>> limits;
  cpu_set_t cpus;
  bool pins = false;
  bool dies_with_parent = false;
  pid_t parent;
  FileDescriptor nothing;  // /dev/null
  /// Copies of what it is given, above all numbers that it will have, so that none is overwritten
  /// before its turn.
  std::vector<std::pair<int, FileDescriptor>> descriptors;
  int first_spare = 3;  // number in the child
  Pipe fault;

 private:
  void arrange(const std::map<int, int>& wanted) {
    nothing = FileDescriptor(::open("/dev/null", O_RDWR | O_CLOEXEC));
    std::map<int, int> all = wanted;
    for (const int standard : {0, 1, 2}) all.try_emplace(standard, nothing.number());
    first_spare = all.rbegin()->first + 1;
    for (const auto& [number, ours] : all) {
      FileDescriptor copy(::fcntl(ours, F_DUPFD_CLOEXEC, first_spare));
      if (!copy) {
        throw Error(fmt::format("cannot start \"{}\": {}", file, std::strerror(errno)));
      }
      descriptors.emplace_back(number, std::move(copy));
    }
    fault = open_pipe();
    FileDescriptor above(::fcntl(fault.write.number(), F_DUPFD_CLOEXEC, first_spare));
    if (!above) throw Error(fmt::format("cannot start \"{}\": {}", file, std::strerror(errno)));
    fault.write = std::move(above);
  }
};

bool limit_resources(const Preparation& prepared) {
  for (const auto& [resource, value] : prepared.limits) {
    rlimit present{};
    if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &present) != 0) return false;
    // The hard limit cannot be raised, and need not be.
    const rlim_t most = std::min<rlim_t>(value, present.rlim_max);
    const rlimit limit{most, most};
    if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) return false;
  }
  return true;
}

bool take_descriptors(const Preparation& prepared) {
  for (const auto& [number, ours] : prepared.descriptors) {
    if (::dup2(ours.number(), number) < 0) return false;  // clears close-on-exec
  }
  // What is ours and was opened without O_CLOEXEC, by whatever library.
  int next = 3;
  for (const auto& [number, ours] : prepared.descriptors) {
    if (number > next) ::close_range(next, number - 1, CLOSE_RANGE_CLOEXEC);
    next = std::max(next, number + 1);
  }
  return ::close_range(next, ~0U, CLOSE_RANGE_CLOEXEC) == 0 || errno == ENOSYS;
}

void default_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// The child's part, after fork: only calls that are safe there. Returns what went wrong.
Step become(Preparation& prepared) {
  ::setpgid(0, 0);
  if (prepared.dies_with_parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return Step::Parent;
    if (::getppid() != prepared.parent) ::_exit(1);  // it died before that
  }
  if (!take_descriptors(prepared)) return Step::Descriptors;
  if (!prepared.directory.empty() && ::chdir(prepared.directory.c_str()) != 0) {
    return Step::Directory;
  }
  if (prepared.pins && ::sched_setaffinity(0, sizeof(prepared.cpus), &prepared.cpus) != 0) {
    return Step::Cpus;
  }
  if (!limit_resources(prepared)) return Step::Limits;
  default_signals();
  ::execve(prepared.file.c_str(), prepared.argv.data(), prepared.environment.data());
  return Step::Exec;
}

std::string start_fault(const StartFault& fault, const Preparation& prepared) {
  const char* why = std::strerror(fault.error);
  switch (fault.step) {
    case Step::Directory:
      return fmt::format("cannot start \"{}\" in the folder {}: {}; make it, or name another",
                         prepared.file, prepared.directory, why);
    case Step::Exec:
      if (fault.error == ENOEXEC) {
        return fmt::format(
            "cannot start \"{}\": it is no program; a script needs a first line that names its "
            "interpreter, such as #!/bin/sh",
            prepared.file);
      }
      if (fault.error == EACCES) {
        return fmt::format("cannot start \"{}\": {}; make it executable: chmod +x {}",
                           prepared.file, why, prepared.file);
      }
      if (fault.error == ENOENT) {
        return fmt::format(
            "cannot start \"{}\": there is no such file, or the interpreter that its first line "
            "names is missing",
            prepared.file);
      }
      return fmt::format("cannot start \"{}\": {}", prepared.file, why);
    case Step::Cpus:
      return fmt::format("cannot start \"{}\" on its cores: {}", prepared.file, why);
    case Step::Limits:
      return fmt::format("cannot start \"{}\" within its limits: {}", prepared.file, why);
    case Step::Descriptors:
    case Step::Parent:
      break;
  }
  return fmt::format("cannot start \"{}\": {}", prepared.file, why);
}

pid_t fork_prepared(Preparation& prepared) {
  // A handler of ours must not run in the child, which shares our pipes until exec.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t child = ::fork();
  if (child == 0) {
    const StartFault fault{become(prepared), errno};
    [[maybe_unused]] const ssize_t written =
        ::write(prepared.fault.write.number(), &fault, sizeof(fault));
    ::_exit(127);
  }
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) {
    throw Error(fmt::format("cannot start \"{}\": {}", prepared.file, std::strerror(error)));
  }
  ::setpgid(child, child);  // whoever comes first, we or the child
  return child;
}

/// Waits until the child has become the program, or could not.
std::optional<StartFault> fault_of_start(Preparation& prepared) {
  prepared.fault.write.close();
  StartFault fault{};
  ssize_t n = 0;
  do {
    n = ::read(prepared.fault.read.number(), &fault, sizeof(fault));
  } while (n < 0 && errno == EINTR);
  return n == static_cast<ssize_t>(sizeof(fault)) ? std::optional(fault) : std::nullopt;
}

}  // namespace

void FileDescriptor::close() {
  if (number_ >= 0) ::close(number_);
  number_ = -1;
}

int FileDescriptor::release() { return std::exchange(number_, -1); }

Pipe open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw Error(fmt::format("cannot open a pipe: {}", std::strerror(errno)));
  }
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void set_nonblocking(const FileDescriptor& descriptor) {
  ::fcntl(descriptor.number(), F_SETFL, ::fcntl(descriptor.number(), F_GETFL) | O_NONBLOCK);
}

NoPipeSignal::NoPipeSignal() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, &before_);
}

NoPipeSignal::~NoPipeSignal() {
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  const timespec at_once{};
  if (sigismember(&before_, SIGPIPE) == 0) ::sigtimedwait(&pipe, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopDescriptor::Raise::operator()() const {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof(one));
}

StopDescriptor::StopDescriptor(std::stop_token stop)
    : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      callback_(std::move(stop), Raise{event_.number()}) {
  if (!event_) throw Error(fmt::format("cannot open an event: {}", std::strerror(errno)));
}

std::string to_string(const ProcessEnd& end) {
  if (end.signal == 0) return fmt::format("exit code {}", end.exit_code);
  return fmt::format("signal {} ({})", end.signal, ::strsignal(end.signal));
}

Process::Process(const ProcessOptions& options) {
  Preparation prepared(options);
  id_ = fork_prepared(prepared);
  if (const auto fault = fault_of_start(prepared)) {
    reap();
    throw Error(start_fault(*fault, prepared));
  }
  // The wrapper of glibc 2.36 cannot be called from C++.
  watch_ = FileDescriptor(static_cast<int>(::syscall(SYS_pidfd_open, id_, 0)));
  if (!watch_) {
    const std::string why = std::strerror(errno);
    signal(SIGKILL);
    reap();
    throw Error(fmt::format("cannot follow \"{}\": {} (Linux 5.3 or newer is needed)",
                            options.argv.front(), why));
  }
}

Process::~Process() {
  if (id_ < 0) return;
  signal(SIGKILL);
  reap();
}

Process::Process(Process&& other) noexcept
    : id_(std::exchange(other.id_, -1)), watch_(std::move(other.watch_)), end_(other.end_) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this == &other) return *this;
  if (id_ >= 0) {
    signal(SIGKILL);
    reap();
  }
  id_ = std::exchange(other.id_, -1);
  watch_ = std::move(other.watch_);
  end_ = other.end_;
  return *this;
}

void Process::signal(int signal) {
  // Its number, and its group's, cannot be another's before it is reaped.
  if (id_ >= 0) ::kill(-id_, signal);
}

ProcessEnd Process::reap() {
  if (end_) return *end_;
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOWAIT) != 0) {
    if (errno != EINTR) throw Error(fmt::format("lost a process: {}", std::strerror(errno)));
  }
  // What it left behind, while its number still names its group.
  ::kill(-id_, SIGKILL);
  int status = 0;
  while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  end_ = WIFSIGNALED(status) ? ProcessEnd{0, WTERMSIG(status)} : ProcessEnd{WEXITSTATUS(status), 0};
  return *end_;
}

std::optional<ProcessEnd> Process::ended() { return wait_until(Clock::time_point::min()); }

ProcessEnd Process::wait() { return reap(); }

std::optional<ProcessEnd> Process::wait_until(Clock::time_point deadline) {
  if (end_) return end_;
  HT_ASSERT(id_ >= 0);
  pollfd watched{watch_.number(), POLLIN, 0};
  for (;;) {
    const int wait_ms = deadline == Clock::time_point::min() ? 0 : milliseconds_until(deadline);
    const int ready = ::poll(&watched, 1, wait_ms);
    if (ready > 0) return reap();
    if (ready == 0 && wait_ms == 0) return std::nullopt;
    if (ready < 0 && errno != EINTR) {
      throw Error(fmt::format("lost a process: {}", std::strerror(errno)));
    }
  }
}

void Process::leave_running() { id_ = -1; }

std::optional<std::string> find_program(std::string_view name) {
  if (name.find('/') != std::string_view::npos) {
    return is_program(std::string(name)) ? std::optional(std::string(name)) : std::nullopt;
  }
  const char* path = std::getenv("PATH");
  return path ? find_on(path, name) : std::nullopt;
}

namespace {

/// Reads what is there. False: the other side is closed, or nothing more is wanted.
bool drain(const FileDescriptor& source, std::string& text) {
  std::array<char, 1 << 16> buffer;
  const ssize_t n = ::read(source.number(), buffer.data(), buffer.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  const std::size_t room = kMaxProgramOutput - text.size();
  text.append(buffer.data(), std::min(static_cast<std::size_t>(n), room));
  return n > 0;
}

/// Writes what fits. False: all is written, or nobody reads it.
bool feed(const FileDescriptor& target, std::string_view& input) {
  const ssize_t n = ::write(target.number(), input.data(), input.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  input.remove_prefix(static_cast<std::size_t>(n));
  return !input.empty();
}

}  // namespace

ProgramResult run_program(ProcessOptions options, std::string_view input,
                          std::chrono::milliseconds time_limit) {
  Pipe in = open_pipe();
  Pipe out = open_pipe();
  Pipe err = open_pipe();
  options.descriptors[0] = in.read.number();
  options.descriptors[1] = out.write.number();
  options.descriptors[2] = err.write.number();
  const auto deadline = Clock::now() + time_limit;
  Process process(options);
  in.read.close();
  out.write.close();
  err.write.close();
  for (const FileDescriptor* ours : {&in.write, &out.read, &err.read}) set_nonblocking(*ours);
  if (input.empty()) in.write.close();

  const NoPipeSignal no_signal;
  ProgramResult result;
  for (;;) {
    std::array<pollfd, 4> watched = {{{process.descriptor(), POLLIN, 0},
                                      {in.write.number(), POLLOUT, 0},
                                      {out.read.number(), POLLIN, 0},
                                      {err.read.number(), POLLIN, 0}}};
    const int ready = ::poll(watched.data(), watched.size(), milliseconds_until(deadline));
    if (ready < 0 && errno != EINTR) {
      throw Error(fmt::format("lost \"{}\": {}", options.argv.front(), std::strerror(errno)));
    }
    if (ready < 0) continue;
    if (watched[1].revents != 0 && !feed(in.write, input)) in.write.close();
    if (watched[2].revents != 0 && !drain(out.read, result.output)) out.read.close();
    if (watched[3].revents != 0 && !drain(err.read, result.errors)) err.read.close();
    const bool all_read = watched[2].revents == 0 && watched[3].revents == 0;
    if (watched[0].revents != 0 && all_read) break;
    if (Clock::now() < deadline) continue;
    result.timed_out = true;
    process.signal(SIGKILL);
    break;
  }
  result.end = process.wait();
  return result;
}

}  // namespace hypertune

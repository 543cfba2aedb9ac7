// Workers that are processes of this machine.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <optional>

#include "base/process.h"
#include "base/text.h"
#include "hypertune/error.h"
#include "launch/launcher.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

/// How often the worker in one place is started again.
constexpr int kMaxRestarts = 3;
constexpr int kInterrupted = 130;  // it was asked to leave, and left in good order
constexpr int kBadUsage = 2;       // it would be refused again
constexpr std::size_t kMaxTailBytes = 400;
constexpr mode_t kPrivateFolder = 0700;
constexpr mode_t kPrivateFile = 0600;

/// The last lines of a log, on one line.
std::string tail(const fs::path& log) {
  const FileDescriptor file(::open(log.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file || ::fstat(file.number(), &status) != 0) return {};
  std::string text(kMaxTailBytes, '\0');
  const auto begin = std::max<off_t>(0, status.st_size - static_cast<off_t>(kMaxTailBytes));
  const ssize_t got = ::pread(file.number(), text.data(), text.size(), begin);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, got)));
  if (begin > 0) text.erase(0, text.find('\n') + 1);
  for (char& c : text) c = c == '\n' ? ' ' : c;
  return std::string(trim(text));
}

class LocalLauncher final : public Launcher {
 public:
  LocalLauncher(const WorkerResources& resources, fs::path log_folder)
      : log_folder_(std::move(log_folder)) {
    if (resources.memory_mb > 0) {
      limits_[RLIMIT_AS] = static_cast<std::uint64_t>(resources.memory_mb) << 20;
    }
  }

  ~LocalLauncher() override {
    for (Worker& worker : workers_) {
      if (worker.process) worker.process->leave_running();
    }
  }

  void start(const WorkerCommand& command, int workers) override {
    options_ = {.argv = command.argv,
                .environment = command.environment,
                .working_directory = command.working_directory,
                .limits = limits_};
    std::error_code error;
    fs::create_directories(log_folder_, error);
    if (error) {
      throw Error(fmt::format("cannot create the folder {} for the logs of the workers: {}",
                              log_folder_.string(), error.message()));
    }
    ::chmod(log_folder_.c_str(), kPrivateFolder);
    for (int i = 0; i < workers; ++i) begin(workers_.emplace_back());
  }

  WorkerCounts poll() override {
    counts_.pending = 0;
    counts_.running = 0;
    for (Worker& worker : workers_) {
      if (worker.process) {
        if (const auto end = worker.process->ended()) note_end(worker, *end);
      }
      if (worker.process) ++counts_.running;
    }
    return counts_;
  }

  void stop() override { signal(SIGTERM); }
  void kill() override { signal(SIGKILL); }

  std::string how_to_stop() const override {
    std::string line = "kill";
    for (const Worker& worker : workers_) {
      if (worker.process) line += fmt::format(" {}", worker.process->id());
    }
    return line;
  }

 private:
  struct Worker {
    std::optional<Process> process;
    fs::path log;
    int restarts = 0;
  };

  void begin(Worker& worker) {
    const FileDescriptor log = open_log(worker);
    ProcessOptions options = options_;
    options.descriptors = {{STDOUT_FILENO, log.number()}, {STDERR_FILENO, log.number()}};
    worker.process.emplace(options);
  }

  /// A log of its own for each place, which a worker that is started again goes on with.
  FileDescriptor open_log(Worker& worker) {
    for (int number = 0; worker.log.empty(); ++number) {
      const fs::path name = log_folder_ / fmt::format("{}.log", number);
      // Earlier workers, which may still run, keep theirs.
      FileDescriptor log(
          ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, kPrivateFile));
      if (!log && errno == EEXIST) continue;
      worker.log = name;
      if (log) return log;
    }
    FileDescriptor log(
        ::open(worker.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, kPrivateFile));
    if (!log) {
      throw Error(fmt::format("cannot write the log of a worker, {}: {}", worker.log.string(),
                              std::strerror(errno)));
    }
    return log;
  }

  void note_end(Worker& worker, const ProcessEnd& end) {
    worker.process.reset();
    if (end.good() || end.exit_code == kInterrupted || stopped_) {
      ++counts_.ended;
      return;
    }
    counts_.last_failure =
        fmt::format("{}: {}; see {}", to_string(end), tail(worker.log), worker.log.string());
    if (end.exit_code != kBadUsage && worker.restarts < kMaxRestarts) {
      ++worker.restarts;
      begin(worker);
      return;
    }
    ++counts_.failed;
  }

  void signal(int number) {
    stopped_ = true;
    for (Worker& worker : workers_) {
      if (worker.process) worker.process->signal(number);
    }
  }

  fs::path log_folder_;
  std::map<int, std::uint64_t> limits_;
  ProcessOptions options_;
  std::vector<Worker> workers_;
  WorkerCounts counts_;
  bool stopped_ = false;  // nobody is started again
};

}  // namespace

std::unique_ptr<Launcher> local_launcher(const WorkerResources& resources, std::string log_folder) {
  return std::make_unique<LocalLauncher>(resources, std::move(log_folder));
}

}  // namespace hypertune

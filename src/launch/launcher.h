// Launchers start worker processes, here or on other machines, and look after them.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace hypertune {

/// What each worker runs: `hypertune worker ...`. Secrets are in the environment only.
struct WorkerCommand {
  std::vector<std::string> argv = {};
  std::map<std::string, std::string> environment = {};
  std::string working_directory = {};
};

/// What a worker is to have, where the launcher can ask for it.
struct WorkerResources {
  int cpus = 1;
  int gpus = 0;
  std::int64_t memory_mb = 0;          ///< 0: the launcher's default
  std::chrono::minutes time_limit{0};  ///< 0: the launcher's default
};

/// How the workers fare, as the launcher sees it.
struct WorkerCounts {
  int pending = 0;
  int running = 0;
  int ended = 0;                  ///< left in good order
  int failed = 0;                 ///< died, and were not (or could not be) started again
  std::string last_failure = {};  ///< why the last one died, with the end of what it printed
  std::string trouble = {};       ///< why these are not the latest news; empty: they are
};

/// The workers of one run. Not thread-safe. Failures of the launcher itself throw Error.
class Launcher {
 public:
  virtual ~Launcher() = default;
  /// Starts this many workers. Called once.
  virtual void start(const WorkerCommand& command, int workers) = 0;
  /// How they fare, and starts those again that died, a limited number of times. May be called
  /// often: it asks about once a second, which takes some seconds where a cluster does not answer.
  /// That is tolerated for minutes (`trouble`), then an Error.
  virtual WorkerCounts poll() = 0;
  /// Asks all to end their trials and leave (SIGTERM), without waiting for it.
  virtual void stop() = 0;
  /// Ends them at once.
  virtual void kill() = 0;
  /// How somebody finds the workers again that are left running: `scancel 17`.
  virtual std::string how_to_stop() const = 0;
};

/// Options that say where: see the functions below.
struct SlurmOptions {
  std::string partition = {};
  std::string account = {};
  std::vector<std::string> extra = {};  ///< further options of sbatch, each `--name=value`
  std::string log_folder = {};          ///< on a file system that all nodes share
};
struct RayOptions {
  std::string address = "http://127.0.0.1:8265";  ///< of the head's dashboard
  std::string token = {};                         ///< bearer token, from RAY_AUTH_TOKEN
};

/// Processes of this machine.
std::unique_ptr<Launcher> local_launcher(const WorkerResources& resources, std::string log_folder);
/// One array job; sbatch, squeue and scancel must be on the PATH.
std::unique_ptr<Launcher> slurm_launcher(const WorkerResources& resources, SlurmOptions options);
/// One job of the Ray Jobs API for each worker.
std::unique_ptr<Launcher> ray_launcher(const WorkerResources& resources, RayOptions options);

}  // namespace hypertune

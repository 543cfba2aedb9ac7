// What is said to Slurm's commands, and what they answer, as texts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "launch/launcher.h"

namespace hypertune {

/// A task of an array job, as squeue sees it.
struct SlurmTask {
  std::string job = {};    ///< of the array: 17 in 17_2
  std::string index = {};  ///< 2 in 17_2; `N/A` for all tasks of a job that never began
  std::string state = {};  ///< PENDING, RUNNING, NODE_FAIL, ...
  std::string node = {};
  std::string reason = {};
};

/// What scontrol knows of the end of a task.
struct SlurmEnd {
  int exit_code = 0;
  int signal = 0;  ///< that ended it; 0: none
  /// Whether it ran for as long as it may, but for the notice that it got before.
  bool at_time_limit = false;
};

/// The script that each task runs: the shell becomes the worker, which so gets the signals.
std::string batch_script(const std::vector<std::string>& argv);

/// The command that submits it as an array job of the tasks listed, such as `0-3` or `2,5`. The
/// environment is handed on by --export=ALL and is no part of the arguments, nor of the script.
std::vector<std::string> sbatch_argv(const WorkerResources& resources, const SlurmOptions& options,
                                     const std::string& working_directory,
                                     const std::string& tasks);

/// Throws ConfigError for an option of sbatch that is none, or that the launcher itself gives.
void check_sbatch_options(const std::vector<std::string>& extra);

/// The options of squeue for a listing that parse_squeue reads.
std::vector<std::string> squeue_argv(const std::string& jobs);
/// Lines that are no task are left out.
std::vector<SlurmTask> parse_squeue(std::string_view listing);

/// The job's number in the answer of `sbatch --parsable`: `17` or `17;cluster`.
std::optional<std::string> parse_job_id(std::string_view answer);

/// From the answer of `scontrol show job`; nothing when it holds no exit code.
std::optional<SlurmEnd> parse_end(std::string_view answer);

}  // namespace hypertune

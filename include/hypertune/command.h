// Trials that are runs of a program.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/tune.h"

namespace hypertune {

/// How a program is run for each trial, and how it tells its results.
struct CommandOptions {
  /// Program and arguments; no shell. `{name}` stands for the value of a parameter; `{study}`,
  /// `{trial}`, `{attempt}`, `{seed}`, `{trial_dir}` and `{checkpoint_dir}` for what the
  /// environment says; `{{` and `}}` for braces. An argument with a parameter that a trial does not
  /// have is left out.
  std::vector<std::string> argv = {};
  std::map<std::string, std::string> environment = {};  ///< beside that of this process
  /// Empty: that of this process; `{trial_dir}`: the trial's folder.
  std::filesystem::path working_directory = {};
  /// Regular expressions (ECMAScript) over lines of its output, by metric; the first group is the
  /// number. For programs that cannot be changed.
  std::map<std::string, std::string> patterns = {};
  std::string step_pattern = {};  ///< the same for the step; without: a metric that comes again
                                  ///< begins the next one
  bool answers = false;           ///< the program waits for an answer to each report
  std::chrono::duration<double> grace{10};                       ///< from SIGTERM to SIGKILL
  std::optional<std::chrono::duration<double>> time_limit = {};  ///< of a trial
  std::int64_t memory_limit_bytes = 0;       ///< of address space, for each process; 0: none
  int cpus = 0;                              ///< cores a trial is pinned to; 0: not pinned
  int gpus = 0;                              ///< CUDA_VISIBLE_DEVICES of a trial; 0: left alone
  std::vector<std::string> gpu_ids = {};     ///< the GPUs of this machine; empty: found
  std::int64_t keep_output_bytes = 1 << 20;  ///< of each stream of a trial, its end
};

/// Throws ConfigError for options that are impossible, and for placeholders that name neither one
/// of the `parameters` nor what a trial is.
void check_command(const CommandOptions& options, const SearchSpace& parameters);

/// Starts the program for each trial, in its own process group and a folder of its own below
/// `folder` (`trials/NUMBER`, made, mode 0700), and hands it `checkpoints/NUMBER`, which begins as
/// a copy of that of the trial that it repeats or goes on from. `workers` is how many trials run at
/// once. Throws ConfigError for options that are impossible here.
///
/// A trial is Complete with its result, or the last value of each metric that it reported, when the
/// program exits with 0. It fails with Failure::Error, and is not repeated, when it cannot be
/// started, exits with 0 without a metric, or with 2, 64, 78, 126 or 127, by which programs say
/// that they were called wrongly; with Failure::Crash for other codes and signals; with
/// Failure::Timeout when its time is over.
std::unique_ptr<Executor> command_executor(CommandOptions options, std::filesystem::path folder,
                                           std::string study, int workers);

}  // namespace hypertune

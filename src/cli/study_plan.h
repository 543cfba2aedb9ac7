// Study files as commands take them, and how much of their plan is done.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "cli/run_folder.h"
#include "config/study_file.h"

namespace hypertune {

/// A study file and what the command line changes in it.
struct StudyFileArgument {
  std::string file;
  std::vector<std::string> overrides;
  std::string out;
  std::string storage;  ///< URL or path; empty: HYPERTUNE_STORAGE, or else in the run folder
  int workers = 0;      ///< 0: as the file says

  /// Throws ConfigError. The number of workers is decided afterwards.
  StudyFile load() const;
  RunPlace place(const StudyFile& study) const;
};

/// Adds the option --storage to a command.
void add_storage_option(CLI::App& command, std::string& storage, const std::string& help);

/// Adds the arguments FILE, --set, --out, --storage and --workers.
void add_study_file_argument(CLI::App& command, StudyFileArgument& argument);

/// How much of a study's plan is done.
struct PlanCount {
  int planned = 0;
  int done = 0;    ///< Complete or Pruned
  int failed = 0;  ///< for good
  int open() const { return planned - done - failed; }
};

/// What a run of the file would find, given the trials that are stored.
PlanCount count_plan(const StudyFile& study, std::span<const TrialRecord> trials);

/// Why a run of the file would begin no trial although some of these wait, or none is missing
/// though fewer were planned than asked for; empty otherwise.
std::string reason_to_end(const StudyFile& study, std::span<const TrialRecord> trials);
}  // namespace hypertune

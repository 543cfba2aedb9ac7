// Studies on disk, found by their run folder, their database or their study file.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <string>

#include "hypertune/storage.h"

namespace hypertune {

/// The database in a run folder.
constexpr const char* kDatabaseName = "study.db";

/// Where studies are put that are given no other folder.
std::filesystem::path default_run_folder(const std::string& study_name);

/// How a user names a study that is stored.
struct StudyArgument {
  std::string where;  ///< run folder, database or study file; empty: the only study in runs/
  std::string name;   ///< which study of a database that holds several
};

/// Adds the arguments to a command.
void add_study_argument(CLI::App& command, StudyArgument& argument);

/// A study in a store, and the folder that its reports belong to.
struct StoredStudy {
  std::shared_ptr<Storage> storage;
  StudyId id;
  StudySpec spec;
  std::filesystem::path folder;
};

/// Throws ConfigError when there is no such study, saying what there is.
StoredStudy open_stored_study(const StudyArgument& argument);

}  // namespace hypertune

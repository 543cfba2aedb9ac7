// Studies in stores, found by a URL, their run folder, their database or their study file.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// The database in a run folder.
constexpr const char* kDatabaseName = "study.db";

/// The file in a run folder that names the store, where that is no database in the folder: a URL
/// without its password.
constexpr const char* kStoreFileName = "store.url";

/// Names the store that is used when no other is named: a URL, or a path.
constexpr const char* kStorageVariable = "HYPERTUNE_STORAGE";
/// Its value; empty when it is not set.
std::string storage_from_environment();

/// Whether the text is the URL of a store, rather than a path.
bool is_storage_url(std::string_view text);
/// The file of a SQLite store, named by its URL or its path; nothing for other stores.
std::optional<std::filesystem::path> sqlite_file(std::string_view storage);

/// Where studies are put that are given no other folder.
std::filesystem::path default_run_folder(const std::string& study_name);

/// How a user names a study that is stored.
struct StudyArgument {
  /// URL, run folder, database or study file; empty: HYPERTUNE_STORAGE, or the only study in runs/
  std::string where;
  std::string name;  ///< which study of a store that holds several
};

/// Adds the arguments to a command.
void add_study_argument(CLI::App& command, StudyArgument& argument);

/// A study in a store, and the folder that its reports belong to.
struct StoredStudy {
  std::string url;  ///< or path, of the store
  std::shared_ptr<Storage> storage;
  StudyId id;
  StudySpec spec;
  std::filesystem::path folder;
};

/// A store that was named, whatever studies it holds.
struct FoundStore {
  std::string url;                                   ///< or path
  std::optional<std::string> study = {};             ///< the study that was named with it
  std::optional<std::filesystem::path> folder = {};  ///< the run folder that was named
};

/// The store that `where` names, as in StudyArgument; it is not opened. Throws ConfigError when
/// there is none.
FoundStore find_store(const std::string& where);

/// The run folder of a study in this store, which need not be there.
std::filesystem::path run_folder_of(const FoundStore& store, const std::string& study);

/// Which of these studies is meant: `wanted`, or the only one. Throws ConfigError that lists them.
std::string chosen_study(const std::vector<std::string>& names, const std::string& wanted,
                         const std::string& store);

/// Throws ConfigError when there is no such study, saying what there is.
StoredStudy open_stored_study(const StudyArgument& argument);

}  // namespace hypertune

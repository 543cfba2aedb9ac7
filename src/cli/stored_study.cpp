// Studies in stores, found by a URL, their run folder, their database or their study file.
#include "cli/stored_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/files.h"
#include "base/text.h"
#include "cli/secrets.h"
#include "config/study_file.h"
#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr const char* kRunsFolder = "runs";

constexpr std::string_view kSqliteScheme = "sqlite:///";

struct Place {
  std::string storage;  ///< URL or path
  std::optional<std::string> name = {};
  std::optional<fs::path> folder = {};  ///< of the run, where it is known
  bool is_named_after_folder = false;   ///< the name is a guess
};

/// What a run folder without a database says of its store; empty when it says nothing.
std::string store_of_folder(const fs::path& folder) {
  std::error_code error;
  if (!fs::exists(folder / kStoreFileName, error)) return {};
  const std::string url(trim(read_file(folder / kStoreFileName)));
  // The file has no password; the environment may.
  const std::string known = storage_from_environment();
  return !known.empty() && without_password(known) == url ? known : url;
}

/// The only study in runs/.
std::string only_run() {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kRunsFolder, error)) {
    std::error_code unreadable;
    if (fs::exists(entry.path() / kDatabaseName, unreadable) ||
        fs::exists(entry.path() / kStoreFileName, unreadable)) {
      found.push_back(entry.path().string());
    }
  }
  std::sort(found.begin(), found.end());
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    throw ConfigError("there is no study in runs/: name a run folder, a study.db or a study file");
  }
  throw ConfigError(
      fmt::format("there are several studies in runs/: name one of {}", join(found, ", ")));
}

Place locate(const std::string& where) {
  const std::string usual = storage_from_environment();
  if (where.empty() && !usual.empty()) return {usual};
  if (where.empty()) return locate(only_run());
  if (is_storage_url(where)) return {where};
  const fs::path path = where;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none) {
    throw ConfigError(fmt::format("{}: cannot be opened: {}", where, error.message()));
  }
  if (fs::is_directory(status)) {
    if (fs::exists(path / kDatabaseName, error)) return {(path / kDatabaseName).string()};
    if (std::string store = store_of_folder(path); !store.empty()) {
      return {std::move(store), fs::absolute(path).lexically_normal().filename().string(), path,
              true};
    }
    throw ConfigError(fmt::format("{}: there is no {} in this folder", where, kDatabaseName));
  }
  if (!fs::exists(status)) {
    throw ConfigError(fmt::format(
        "{}: no such file or folder; a study is named by its run folder, its {} or its study file",
        where, kDatabaseName));
  }
  if (path.extension() != ".toml") return {path.string()};
  const std::string name = load_study_file(path).spec.name;
  const fs::path folder = default_run_folder(name);
  if (!usual.empty()) return {usual, name};
  const fs::path database = folder / kDatabaseName;
  if (!fs::exists(database, error)) {
    if (std::string store = store_of_folder(folder); !store.empty()) return {store, name, folder};
    throw ConfigError(fmt::format(
        "{}: study \"{}\" was not run yet: there is no {} (if it was run with --out, name that "
        "folder)",
        where, name, database.string()));
  }
  return {database.string(), name};
}

}  // namespace

std::string chosen_study(const std::vector<std::string>& names, const std::string& wanted,
                         const std::string& database) {
  if (names.empty()) throw ConfigError(fmt::format("{}: it holds no study yet", database));
  if (!wanted.empty()) {
    if (std::find(names.begin(), names.end(), wanted) != names.end()) return wanted;
    throw ConfigError(fmt::format("{}: it holds no study \"{}\"; it holds {}", database, wanted,
                                  join(names, ", ")));
  }
  if (names.size() == 1) return names.front();
  throw ConfigError(fmt::format("{}: it holds several studies; choose one with --study: {}",
                                database, join(names, ", ")));
}

std::string storage_from_environment() {
  const char* storage = std::getenv(kStorageVariable);
  return storage == nullptr ? "" : storage;
}

bool is_storage_url(std::string_view text) { return text.find("://") != std::string_view::npos; }

std::optional<fs::path> sqlite_file(std::string_view storage) {
  if (storage.starts_with(kSqliteScheme)) return storage.substr(kSqliteScheme.size());
  return is_storage_url(storage) ? std::nullopt : std::optional<fs::path>(storage);
}

fs::path default_run_folder(const std::string& study_name) {
  return fs::path(kRunsFolder) / study_name;
}

void add_study_argument(CLI::App& command, StudyArgument& argument) {
  command
      .add_option("STUDY", argument.where,
                  "URL of a store, run folder, study.db or study file (default: the store in "
                  "HYPERTUNE_STORAGE, or else the only study in runs/)")
      ->type_name("");
  command.add_option("--study", argument.name, "Which study of a store that holds several")
      ->type_name("NAME");
}

FoundStore find_store(const std::string& where) {
  Place place = locate(where);
  if (place.is_named_after_folder) place.name.reset();
  return {std::move(place.storage), std::move(place.name), std::move(place.folder)};
}

fs::path run_folder_of(const FoundStore& store, const std::string& study) {
  if (store.folder) return *store.folder;
  if (const auto file = sqlite_file(store.url)) {
    return file->has_parent_path() ? file->parent_path() : ".";
  }
  return default_run_folder(study);
}

StoredStudy open_stored_study(const StudyArgument& argument) {
  const Place place = locate(argument.where);
  StoredStudy study;
  study.url = place.storage;
  study.storage = open_storage(place.storage, {.create = false});
  const std::vector<std::string> names = study.storage->study_names();
  std::string wanted = argument.name.empty() ? place.name.value_or("") : argument.name;
  const bool is_guess = argument.name.empty() && place.is_named_after_folder;
  if (is_guess && std::ranges::find(names, wanted) == names.end()) wanted.clear();
  const std::string name = chosen_study(names, wanted, masked_url(place.storage));
  study.id = study.storage->find_study(name).value();
  study.spec = study.storage->spec(study.id);
  study.folder = run_folder_of({place.storage, place.name, place.folder}, name);
  return study;
}

}  // namespace hypertune

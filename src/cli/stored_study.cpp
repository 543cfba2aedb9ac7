// Studies on disk, found by their run folder, their database or their study file.
#include "cli/stored_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"
#include "config/study_file.h"
#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr const char* kRunsFolder = "runs";

struct Place {
  fs::path database;
  std::optional<std::string> name = {};
};

/// The only study in runs/.
Place only_run() {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kRunsFolder, error)) {
    std::error_code unreadable;
    if (fs::exists(entry.path() / kDatabaseName, unreadable))
      found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  if (found.size() == 1) return {fs::path(found.front()) / kDatabaseName};
  if (found.empty()) {
    throw ConfigError("there is no study in runs/: name a run folder, a study.db or a study file");
  }
  throw ConfigError(
      fmt::format("there are several studies in runs/: name one of {}", join(found, ", ")));
}

Place locate(const std::string& where) {
  if (where.empty()) return only_run();
  const fs::path path = where;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::none) {
    throw ConfigError(fmt::format("{}: cannot be opened: {}", where, error.message()));
  }
  if (fs::is_directory(status)) {
    if (fs::exists(path / kDatabaseName, error)) return {path / kDatabaseName};
    throw ConfigError(fmt::format("{}: there is no {} in this folder", where, kDatabaseName));
  }
  if (!fs::exists(status)) {
    throw ConfigError(fmt::format(
        "{}: no such file or folder; a study is named by its run folder, its {} or its study file",
        where, kDatabaseName));
  }
  if (path.extension() != ".toml") return {path};
  const std::string name = load_study_file(path).spec.name;
  const fs::path database = default_run_folder(name) / kDatabaseName;
  if (!fs::exists(database, error)) {
    throw ConfigError(fmt::format(
        "{}: study \"{}\" was not run yet: there is no {} (if it was run with --out, name that "
        "folder)",
        where, name, database.string()));
  }
  return {database, name};
}

std::string choose(const std::vector<std::string>& names, const std::string& wanted,
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

}  // namespace

fs::path default_run_folder(const std::string& study_name) {
  return fs::path(kRunsFolder) / study_name;
}

void add_study_argument(CLI::App& command, StudyArgument& argument) {
  command
      .add_option("STUDY", argument.where,
                  "Run folder, study.db or study file (default: the only study in runs/)")
      ->type_name("");
  command.add_option("--study", argument.name, "Which study of a database that holds several")
      ->type_name("NAME");
}

StoredStudy open_stored_study(const StudyArgument& argument) {
  const Place place = locate(argument.where);
  StoredStudy study;
  study.storage = sqlite_storage(place.database, {.create = false});
  const std::string name = choose(study.storage->study_names(),
                                  argument.name.empty() ? place.name.value_or("") : argument.name,
                                  place.database.string());
  study.id = study.storage->find_study(name).value();
  study.spec = study.storage->spec(study.id);
  study.folder = place.database.parent_path();
  if (study.folder.empty()) study.folder = ".";
  return study;
}

}  // namespace hypertune

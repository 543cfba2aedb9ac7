// The folder of a run: what it holds already, and how it comes to be.
#include "cli/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/text.h"
#include "cli/stored_study.h"
#include "core/plan.h"
#include "hypertune/error.h"
#include "report/experiment.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr mode_t kDatabaseMode = 0644;  // as SQLite creates files
constexpr std::chrono::milliseconds kLongestLook{1000};

/// Reports replace files: a folder with other things in it is not taken over.
void refuse_foreign_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (status.type() == fs::file_type::none) {
    throw ConfigError(fmt::format("cannot use the run folder {}: {}; choose another with --out",
                                  folder.string(), error.message()));
  }
  if (!fs::exists(status)) return;
  if (!fs::is_directory(status)) {
    throw ConfigError(
        fmt::format("{}: it is not a folder; choose another with --out", folder.string()));
  }
  if (fs::exists(folder / kDatabaseName, error)) return;
  if (fs::is_empty(folder, error) || error) return;
  throw ConfigError(fmt::format(
      "{}: this folder is not empty and holds no {}; choose a new folder with --out, or empty it",
      folder.string(), kDatabaseName));
}

/// Whether some process has begun to work on a study in the database.
bool is_in_use(const fs::path& database) {
  try {
    const auto storage = sqlite_storage(database, {.create = false, .lock_timeout = kLongestLook});
    for (const std::string& name : storage->study_names()) {
      const auto study = storage->find_study(name);
      if (study && !storage->trials(*study).empty()) return true;
    }
  } catch (const Error&) {
    return false;  // half-written: nobody can use it
  }
  return false;
}

}  // namespace

std::optional<StoredRun> find_run(const fs::path& folder, const StudyFile& file) {
  const StudySpec& spec = file.spec;
  refuse_foreign_folder(folder);
  const fs::path database = folder / kDatabaseName;
  std::error_code error;
  if (!fs::exists(database, error)) return std::nullopt;
  const auto storage = sqlite_storage(database, {.create = false});
  const std::vector<std::string> names = storage->study_names();
  if (names.empty()) return std::nullopt;  // a run has only just begun there
  if (std::ranges::find(names, spec.name) == names.end()) {
    throw ConfigError(
        fmt::format("{}: this folder belongs to study \"{}\", and its report would be lost; choose "
                    "another folder for study \"{}\" with --out",
                    folder.string(), join(names, "\", \""), spec.name));
  }
  const StudyId study = storage->open_study(spec);
  StoredRun run{.trials = storage->trials(study)};
  require_same_draws(
      spec.name,
      grid_plan(plan_size(spec.space, file.tune.num_samples, file.tune.paired), file.tune.paired),
      run.trials);
  const auto attributes = storage->attributes(study);
  const auto provenance = attributes.find(kProvenanceKey);
  if (provenance != attributes.end()) run.provenance = parse_json(provenance->second);
  run.confirmation = stored_confirmation(*storage, study);
  return run;
}

RunFolder::RunFolder(fs::path folder) : folder_(std::move(folder)) {
  std::error_code error;
  fs::path missing = folder_;
  while (!missing.empty() && !fs::exists(missing, error)) {
    created_.push_back(missing);
    missing = missing.parent_path();
  }
  fs::create_directories(folder_, error);
  if (error) {
    remove();
    throw ConfigError(fmt::format("cannot create the run folder {}: {}; choose another with --out",
                                  folder_.string(), error.message()));
  }
  // Of several processes, one creates the file. Other failures are told by whoever opens it next.
  const int fd = open((folder_ / kDatabaseName).c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
                      kDatabaseMode);
  created_database_ = fd >= 0;
  if (fd >= 0) close(fd);
}

RunFolder::~RunFolder() {
  if (!kept_) remove();
}

void RunFolder::remove() {
  std::error_code error;  // folders that are not empty stay: somebody else uses them
  const fs::path database = folder_ / kDatabaseName;
  if (created_database_ && !is_in_use(database)) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      fs::remove(database.string() + suffix, error);
    }
  }
  for (const fs::path& folder : created_) fs::remove(folder, error);
}

}  // namespace hypertune

// The folder of a run: what it holds already, and how it comes to be.
#include "cli/run_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <system_error>

#include "base/files.h"
#include "base/text.h"
#include "cli/secrets.h"
#include "cli/stored_study.h"
#include "core/plan.h"
#include "hypertune/error.h"
#include "report/experiment.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr mode_t kDatabaseMode = 0644;  // as SQLite creates files
constexpr std::chrono::milliseconds kLongestLook{1000};

/// The text of kStoreFileName: where any process finds the store.
std::string store_text(const std::string& storage) {
  const auto file = sqlite_file(storage);
  return file ? fs::absolute(*file).lexically_normal().string() : without_password(storage);
}

bool is_same_file(const fs::path& database, const std::string& storage) {
  const auto file = sqlite_file(storage);
  std::error_code error;
  return file && fs::equivalent(database, *file, error);
}

/// Reports replace files: a folder with other things in it is not taken over.
void refuse_foreign_folder(const RunPlace& place) {
  const fs::path& folder = place.folder;
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
  const bool has_database = fs::exists(folder / kDatabaseName, error);
  const bool has_store = fs::exists(folder / kStoreFileName, error);
  if (has_database && is_same_file(folder / kDatabaseName, place.url())) return;
  if (has_store && !place.has_own_database()) {
    const std::string before(trim(read_file(folder / kStoreFileName)));
    if (before == store_text(place.storage)) return;
    throw ConfigError(
        fmt::format("{}: this folder belongs to a study in the store {}; choose another with --out",
                    folder.string(), masked_url(before)));
  }
  if (fs::is_empty(folder, error) || error) return;
  if (has_database || has_store) {
    throw ConfigError(fmt::format(
        "{}: this folder belongs to a study whose store is {}; go on with that, or choose another "
        "folder with --out",
        folder.string(),
        has_database ? std::string("the ") + kDatabaseName + " in it (without --storage and " +
                           kStorageVariable + ")"
                     : "named in its " + std::string(kStoreFileName) + " (--storage)"));
  }
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

std::string RunPlace::url() const {
  return storage.empty() ? (folder / kDatabaseName).string() : storage;
}

std::string RunPlace::shown() const { return masked_url(url()); }

std::optional<StoredRun> find_run(const RunPlace& place, const StudyFile& file) {
  const StudySpec& spec = file.spec;
  const fs::path& folder = place.folder;
  refuse_foreign_folder(place);
  const auto database = sqlite_file(place.url());
  std::error_code error;
  if (database && !fs::exists(*database, error)) return std::nullopt;
  const auto storage = open_storage(place.url(), {.create = false});
  const std::vector<std::string> names = storage->study_names();
  if (names.empty()) return std::nullopt;  // a run has only just begun there
  if (std::ranges::find(names, spec.name) == names.end()) {
    if (!place.has_own_database()) return std::nullopt;
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

RunFolder::RunFolder(RunPlace place) : place_(std::move(place)) {
  std::error_code error;
  fs::path missing = place_.folder;
  while (!missing.empty() && !fs::exists(missing, error)) {
    created_.push_back(missing);
    missing = missing.parent_path();
  }
  fs::create_directories(place_.folder, error);
  if (error) {
    remove();
    throw ConfigError(fmt::format("cannot create the run folder {}: {}; choose another with --out",
                                  place_.folder.string(), error.message()));
  }
  if (!place_.has_own_database()) {
    const fs::path file = place_.folder / kStoreFileName;
    if (fs::exists(file, error) || sqlite_file(place_.storage) == place_.folder / kDatabaseName) {
      return;
    }
    created_file_ = true;
    write_file(file, store_text(place_.storage) + "\n");
    return;
  }
  // Of several processes, one creates the file. Other failures are told by whoever opens it next.
  const int fd = open((place_.folder / kDatabaseName).c_str(),
                      O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, kDatabaseMode);
  created_file_ = fd >= 0;
  if (fd >= 0) close(fd);
}

RunFolder::~RunFolder() {
  if (!kept_) remove();
}

void RunFolder::remove() {
  std::error_code error;  // folders that are not empty stay: somebody else uses them
  const fs::path database = place_.folder / kDatabaseName;
  if (created_file_ && !place_.has_own_database()) {
    fs::remove(place_.folder / kStoreFileName, error);
  } else if (created_file_ && !is_in_use(database)) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) {
      fs::remove(database.string() + suffix, error);
    }
  }
  for (const fs::path& folder : created_) fs::remove(folder, error);
}

}  // namespace hypertune

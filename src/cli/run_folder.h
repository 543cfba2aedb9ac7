// The folder of a run: what it holds already, and how it comes to be.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/study_file.h"
#include "hypertune/storage.h"
#include "report/confirmation.h"

namespace hypertune {

/// Where a run keeps its study and its report.
struct RunPlace {
  std::filesystem::path folder = {};
  std::string storage = {};  ///< URL or path of the store; empty: study.db in the folder

  bool has_own_database() const { return storage.empty(); }
  /// What `open_storage` takes.
  std::string url() const;
  /// For people to read: without a password.
  std::string shown() const;
};

/// What earlier runs of a study left.
struct StoredRun {
  std::vector<TrialRecord> trials = {};
  Json provenance = {};  ///< null when none is stored
  std::optional<Confirmation> confirmation = {};
};

/// What the store holds of the study; nothing when it is new. Throws ConfigError for a folder that
/// no run may use, because it holds other things or another study, and StudyMismatch when the study
/// of this name is another one or was begun with another plan.
std::optional<StoredRun> find_run(const RunPlace& place, const StudyFile& file);

/// Creates the folder, and in it an empty database or a file that names the store, where they are
/// missing. Unless it is kept, what it created is removed again: nothing is left when a run cannot
/// begin.
class RunFolder {
 public:
  /// Throws ConfigError when the folder cannot be created.
  explicit RunFolder(RunPlace place);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  void keep() { kept_ = true; }

 private:
  void remove();

  RunPlace place_;
  std::vector<std::filesystem::path> created_;  // innermost first
  bool created_file_ = false;                   // the database, or the one that names the store
  bool kept_ = false;
};

}  // namespace hypertune

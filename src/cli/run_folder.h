// The folder of a run: what it holds already, and how it comes to be.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/json.h"
#include "config/study_file.h"
#include "hypertune/storage.h"
#include "report/confirmation.h"

namespace hypertune {

/// What earlier runs of a study left.
struct StoredRun {
  std::vector<TrialRecord> trials = {};
  Json provenance = {};  ///< null when none is stored
  std::optional<Confirmation> confirmation = {};
};

/// What the folder holds of the study; nothing when it is new. Throws ConfigError for a folder that
/// no run may use, because it holds other things or another study, and StudyMismatch when the study
/// of this name is another one or was begun with another plan.
std::optional<StoredRun> find_run(const std::filesystem::path& folder, const StudyFile& file);

/// Creates the folder and an empty database in it where they are missing. Unless it is kept, what
/// it created is removed again: nothing is left when a run cannot begin.
class RunFolder {
 public:
  /// Throws ConfigError when the folder cannot be created.
  explicit RunFolder(std::filesystem::path folder);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  void keep() { kept_ = true; }

 private:
  void remove();

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> created_;  // innermost first
  bool created_database_ = false;
  bool kept_ = false;
};

}  // namespace hypertune

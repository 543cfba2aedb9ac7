// What evaluates the trials of a study file: the built-in trainer, or the program of [command].
#pragma once

#include <filesystem>
#include <memory>

#include "base/json.h"
#include "config/study_file.h"

namespace hypertune {

class Evaluation {
 public:
  /// Loads the data, or finds the program. `stored` is the provenance of a study that goes on, null
  /// for a new one. Throws DataError, ConfigError, and StudyMismatch when the study was begun with
  /// other data. Creates nothing.
  Evaluation(const StudyFile& file, const Json& stored, const DownloadProgress& progress = {});

  /// What results come from, for the study's provenance.
  const Json& facts() const { return facts_; }
  /// The built-in trainer; null when a program evaluates the trials.
  const TrainerExecutor* trainer() const { return trainer_.get(); }

  /// What runs the trials, `workers` at once. A program has its folders in the run folder.
  Executor& begin(const std::filesystem::path& run_folder, int workers);

 private:
  const StudyFile& file_;
  std::unique_ptr<TrainerExecutor> trainer_;
  std::unique_ptr<Executor> processes_;  // where trials do not run on threads of this one
  Json facts_;
};

}  // namespace hypertune

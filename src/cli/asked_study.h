// Studies whose trials are evaluated by whoever asks for them.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "cli/stored_study.h"
#include "config/study_file.h"
#include "hypertune/study.h"

namespace hypertune {

struct AskedStudy {
  /// What the study was begun with; defaults where it has no study file.
  StudyFile file = {};
  /// Whether there is a study file, whose plan ends.
  bool has_plan = false;
  std::unique_ptr<Study> study = {};
};

/// A study that is stored. Throws ConfigError when there is none.
AskedStudy open_asked_study(const StudyArgument& argument);

/// The same; a study file that has not begun is planned where `hypertune run` would do that.
/// `command_line` goes into the provenance.
AskedStudy begin_asked_study(const StudyArgument& argument, const std::string& command_line);

/// The name of a worker that asks: no other process takes it for dead before its lease runs out.
/// The name also says for how long each report renews the lease.
std::string asking_worker(const std::string& name, std::chrono::seconds lease);
/// That time; nothing for other workers.
std::optional<std::chrono::seconds> lease_of_worker(std::string_view worker);

}  // namespace hypertune

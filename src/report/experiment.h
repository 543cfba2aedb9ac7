// What was stated about a study, as it is stored with it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/report.h"

namespace hypertune {

/// Study attributes that reports are written from.
inline constexpr std::string_view kExperimentKey = "hypertune:experiment";
inline constexpr std::string_view kProvenanceKey = "hypertune:provenance";

/// A claim and how many trials had begun when it was stated; 0: it was stated before.
struct StatedClaim {
  ClaimStatement claim;
  int trials_begun = 0;
};

/// The study file was another one when the study went on.
struct StudyFileChange {
  std::string sha256;
  int trials_begun = 0;
};

struct StatedExperiment {
  std::string title;
  std::string hypothesis;
  std::string study_file;
  std::string study_file_sha256;  ///< of the first one
  int trials_begun = 0;           ///< when title and hypothesis were stated
  std::vector<StatedClaim> claims;
  std::vector<StudyFileChange> changes;
};

/// Throws Error that names the attribute when the text is damaged.
StatedExperiment parse_experiment(std::string_view json);
std::string to_json_text(const StatedExperiment& experiment);

/// What is stated after `now` was stated too; see `state_experiment`.
StatedExperiment restate(std::optional<StatedExperiment> before, const Experiment& now,
                         int trials_begun);

}  // namespace hypertune

// Which trial is to be confirmed in f32, and in which precisions a study trains.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "config/study_file.h"
#include "report/confirmation.h"

namespace hypertune {

/// Those that trials of the study may be trained in, in the order of the file: "f32", "bf16".
std::vector<std::string> precisions(const StudyFile& file);

/// The best trial, when it was trained in bf16, the study asks to train it again in f32, and
/// `done` is not that already. Null when nothing is to be done.
const TrialRecord* trial_to_confirm(const StudyFile& file, std::span<const TrialRecord> trials,
                                    const std::optional<Confirmation>& done);

}  // namespace hypertune

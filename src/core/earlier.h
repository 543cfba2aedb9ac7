// Trials of other studies that a study learns from: which ones, and how they are kept.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// Of the trials, those that are Complete, have every objective of the study and share a parameter
/// with its space (any, when the space declares none). Values that a domain of the space does not
/// have are taken out of them, and so is all that samplers do not read.
std::vector<TrialRecord> learnable(const StudySpec& spec, std::span<const TrialRecord> trials);

/// All of these Complete trials, or `most` of them: the best half, and of the others the latest.
/// In the order given. Best is by rank of dominance, then by crowding.
std::vector<TrialRecord> best_and_latest(std::span<const Objective> objectives,
                                         std::vector<TrialRecord> trials, std::size_t most);

/// Parameters, domains and metrics of the trials, and back. Throws Error for what is no such text.
std::string earlier_to_json(std::span<const TrialRecord> trials);
std::vector<TrialRecord> earlier_from_json(std::string_view json);

}  // namespace hypertune

// What a trial takes over from the failed trials that it repeats.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// The failed trials that this one repeats, the last of them first.
std::vector<TrialRecord> repeated_trials(const Storage& storage, StudyId study,
                                         const TrialRecord& trial);

/// What these reported before the step (nothing: at all), each step once, as the last of them did.
std::vector<Report> reports_before(std::optional<std::int64_t> step,
                                   const std::vector<TrialRecord>& repeated);

/// Forgets the checkpoints of a trial that is Complete or Pruned, and of those that it repeats,
/// unless a trial that has not ended names them as its parent.
void drop_useless_checkpoints(Storage& storage, StudyId study, const TrialRecord& trial);

}  // namespace hypertune

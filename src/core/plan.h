// The plan of a study: which trials its grid and its number of samples ask for.
#pragma once

#include <span>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// `num_samples` trials for each grid point, sample by sample; see Study::plan.
std::vector<TrialPlan> grid_plan(const SearchSpace& space, int num_samples, bool paired);

/// Throws StudyMismatch when some of these trials were planned with another draw: the study was
/// begun with the other setting of `paired`.
void require_same_draws(const std::string& study, std::span<const TrialPlan> plans,
                        std::span<const TrialRecord> trials);

}  // namespace hypertune

// A made-up study in the likeness of the flagship: batch normalization keeps accuracy high at every
// learning rate, and without it trials collapse at the high ones.
#pragma once

#include <string>
#include <vector>

#include "hypertune/report.h"
#include "hypertune/storage.h"
#include "support/manual_clock.h"

namespace hypertune::testing_support {

/// Grid axis batch_norm, learning_rate log-uniform in [1e-4, 1e-1], val_accuracy to maximize.
StudySpec simulated_spec();

/// Ten draws for both arms, with five epochs each; the same at every call.
std::vector<TrialRecord> simulated_trials();

/// What a trainer would have recorded, as JSON.
std::string simulated_provenance();

/// Hypothesis and the four kinds of claims.
Experiment simulated_experiment();

/// Runs the trials again in a store; the clock moves as they say.
StudyId store_study(Storage& storage, ManualClock& clock, const StudySpec& spec,
                    const std::vector<TrialRecord>& trials);

}  // namespace hypertune::testing_support

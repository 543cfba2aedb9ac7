// What is trained in a study: the options of a trial, and the networks of all trials in words.
#pragma once

#include "base/json.h"
#include "train/datasets.h"

namespace hypertune {

/// The options with the parameters of the same name in their place. Throws ConfigError for a value
/// that is not legal and for an option that all trials share.
TrainerOptions with_params(TrainerOptions options, const Params& params);

/// Keys: model (in words), parameters (one number when all networks have as many, else by arm; text
/// where it depends on what is sampled), parameters_left_out (arms that are not listed, if any),
/// trainer (the options that trials depend on, by name; those that `space` decides for every trial
/// are left out unless they are constants). Builds no network. Throws ConfigError when that of a
/// grid point cannot be built.
Json network_facts(const TrainerOptions& options, const SearchSpace& space, const Dataset& data);

}  // namespace hypertune

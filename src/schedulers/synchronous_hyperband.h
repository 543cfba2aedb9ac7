// Hyperband as it was published: the trials of a bracket wait for each other at every rung.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "hypertune/scheduler.h"

namespace hypertune {

/// One run of successive halving.
struct HyperbandBracket {
  std::int64_t trials = 0;      ///< with which it begins
  std::int64_t first_rung = 0;  ///< of `rungs` ones, each reduction_factor times as far as the last
  int rungs = 0;                ///< 0: its trials run to their end
};

/// The brackets in the order in which trials fill them, the most eager first.
/// Requires options that `hyperband_scheduler` takes.
std::vector<HyperbandBracket> hyperband_brackets(const HyperbandOptions& options);

/// Requires options that `hyperband_scheduler` takes.
std::unique_ptr<Scheduler> synchronous_hyperband(const HyperbandOptions& options);

}  // namespace hypertune

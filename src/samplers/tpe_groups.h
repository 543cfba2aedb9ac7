// How tpe divides trials into good and bad ones.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "hypertune/history.h"
#include "samplers/tpe_rows.h"

namespace hypertune {

/// Indices of trials, increasing.
struct TpeGroups {
  std::vector<std::size_t> good;
  std::vector<std::size_t> bad;
  std::size_t finished = 0;  ///< Complete and Pruned ones that can be learned from
};

/// Divides the trials of the history. Of n finished ones ceil(n / 10) are good, at most 25 with one
/// objective and 100 with several: Complete ones first, the best of them; then Pruned ones, those
/// that were stopped latest; then those that violate a constraint, the least first. With several
/// objectives the best are the lowest ranks of dominance, and of the rank that fits in part, the
/// points that dominate the largest volume. Running and Paused trials are bad if `running_is_bad`,
/// but for the trial that is decided about; others are neither. `trials` are those of the history.
/// What was read of them is kept in `scores`.
TpeGroups tpe_groups(const History& history, std::span<const TpeTrial> trials,
                     std::span<const std::string> constraints, bool running_is_bad,
                     TpeRows& scores);

}  // namespace hypertune

// Pairs of trials that differ in one grid axis alone.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "hypertune/space.h"
#include "hypertune/trial.h"

namespace hypertune {

struct TrialPair {
  const TrialRecord* first = nullptr;   ///< has the first value of the axis
  const TrialRecord* second = nullptr;  ///< has the second
};

/// The two values of a grid axis; nothing when `name` is no grid axis or has not two values.
std::optional<std::pair<Value, Value>> two_values(const SearchSpace& space, std::string_view name);

/// Complete trials of one draw that agree in every other grid axis, by number of the first. Of
/// several equal trials the earliest counts. None when `axis` has not two values.
std::vector<TrialPair> find_pairs(const SearchSpace& space, std::string_view axis,
                                  std::span<const TrialRecord* const> trials);

}  // namespace hypertune

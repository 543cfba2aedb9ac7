// The trials that an importance is judged from, as columns.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// A parameter and its values in the trials.
struct ParameterColumn {
  std::string name;
  /// The declared domain, or a wider one where trials were given others.
  Domain domain;
  /// In the order of the trials; nothing where a trial does not have the parameter.
  std::vector<std::optional<Value>> values;

  /// Whether the domain has one value alone, so that nothing can depend on it.
  bool single() const;
  /// Whether trials have different values.
  bool varies() const;
  /// Which trials have the parameter.
  std::vector<bool> present() const;
};

/// Every parameter but constants, in the order of the space, then others by name. Only values that
/// lie in the domain count.
std::vector<ParameterColumn> parameter_columns(const SearchSpace& space,
                                               std::span<const TrialRecord* const> trials);

}  // namespace hypertune

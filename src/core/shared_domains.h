// One copy of the domains that many trials have in common.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "hypertune/domain.h"

namespace hypertune {

struct NamedDomain {
  std::string_view name;
  const Domain* domain = nullptr;
};

/// Remembers what it gave out last: as a rule all trials of a study have the same domains, or those
/// of a few branches. Not thread-safe.
class SharedDomains {
 public:
  /// `base` and these, whose names are not in it. Equal answers share their memory.
  Domains with(const Domains& base, std::span<const NamedDomain> added);
  /// The same, if it is remembered.
  std::optional<Domains> find(const Domains& base, std::span<const NamedDomain> added);

 private:
  std::vector<Domains> known_;  // the last used first
};

}  // namespace hypertune

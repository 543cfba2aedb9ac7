// Made-up numbers for tests of the engine's inner loops.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hypertune/rng.h"

namespace hypertune::testing {

/// Uniform in [-1, 1).
inline std::vector<float> random_floats(Rng& rng, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(2 * rng.uniform() - 1);
  return values;
}

/// Uniform among the whole numbers from `low` to `high`, both included.
inline std::int64_t between(Rng& rng, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
}

}  // namespace hypertune::testing

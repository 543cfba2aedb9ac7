// Panels for pairs of parameters.
#include "report/figures/pairs_of_parameters.h"

#include <algorithm>

namespace hypertune {

std::vector<AxisPair> parameter_pairs(const FigureInput& input, const Measured& from) {
  const auto axes = chosen_parameters(input, from, kMostPairedParameters);
  std::vector<AxisPair> pairs;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    for (std::size_t j = i + 1; j < axes.size(); ++j) {
      const bool together = std::ranges::any_of(from.trials, [&](const TrialRecord* trial) {
        return axes[i].at(*trial) && axes[j].at(*trial);
      });
      if (together) pairs.emplace_back(axes[i], axes[j]);
    }
  }
  return pairs;
}

Figure no_pair() {
  return {.why_not = "it takes two parameters that complete trials have together"};
}

}  // namespace hypertune

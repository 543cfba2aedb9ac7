// Trials made of what they reported.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "hypertune/trial.h"

namespace hypertune::testing_support {

/// Adds the next report of `loss`, at step 1, 2, 3, ...
inline void report_loss(TrialRecord& trial, double loss) {
  const std::int64_t step = trial.reports.empty() ? 1 : trial.reports.back().step + 1;
  trial.reports.push_back({step, {{"loss", loss}}});
}

/// A trial that reported `loss` at steps 1, 2, 3, ...; the last is its result if it is Complete.
inline TrialRecord reported_trial(int number, const std::vector<double>& losses,
                                  TrialState state = TrialState::Complete) {
  TrialRecord trial;
  trial.id = number + 1;
  trial.number = number;
  trial.state = state;
  for (const double loss : losses) report_loss(trial, loss);
  if (state == TrialState::Complete && !losses.empty()) trial.metrics["loss"] = losses.back();
  return trial;
}

}  // namespace hypertune::testing_support

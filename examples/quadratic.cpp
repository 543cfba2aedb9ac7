// The smallest study: ask for a trial, suggest its parameters, tell what they gave.
#include <iostream>

#include "hypertune/hypertune.h"

int main() {
  hypertune::Study study(
      {.name = "quadratic", .objectives = {{"height", hypertune::Direction::Minimize}}, .seed = 1});
  for (int i = 0; i < 200; ++i) {
    hypertune::Trial trial = study.ask();
    const double x = trial.suggest_float("x", {.low = -10, .high = 10});
    study.tell(trial, hypertune::Outcome::complete({{"height", (x - 2) * (x - 2)}}));
  }
  const hypertune::TrialRecord best = study.best_trial();
  std::cout << "best: " << hypertune::to_string(best.params) << " in trial " << best.number << "\n";
}

// A study small enough for any test: minimize (x - 2)^2 over two arms.
#pragma once

#include <string>

#include "hypertune/study.h"

namespace hypertune::testing_support {

inline StudySpec quadratic_spec(const std::string& name = "quadratic") {
  StudySpec spec;
  spec.name = name;
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.seed = 7;
  spec.space.grid("shift", {0.0, 1.0}).add("x", FloatDomain{-10, 10});
  return spec;
}

inline Outcome quadratic(Trial& trial) {
  const double x = trial.suggest_float("x", {-10, 10});
  const double shift = *as_number(trial.params().at("shift"));
  for (int step = 1; step <= 3; ++step) {
    if (trial.report(step, {{"loss", (x - 2) * (x - 2) + shift + 1.0 / step}}) !=
        Decision::Continue) {
      return Outcome::pruned();
    }
  }
  return Outcome::complete({{"loss", (x - 2) * (x - 2) + shift}, {"x_squared", x * x}});
}

}  // namespace hypertune::testing_support

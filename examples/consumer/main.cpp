// Uses an installed hypertune: one trial by a function, and the options of the trainer.
#include <hypertune/hypertune.h>

#include <iostream>

int main() {
  using namespace hypertune;
  Study study({.name = "consumer", .objectives = {{"cost", Direction::Minimize}}, .seed = 3});
  const auto executor = function_executor([](Trial& trial) {
    return Outcome::complete({{"cost", trial.suggest_float("x", {.low = 1, .high = 2})}});
  });
  const TuneSummary summary = tune(study, *executor);

  try {
    cnn_trainer({.dataset = {"no-such-data"}}, study.spec().seed);
  } catch (const Error& e) {
    std::cout << "as expected: " << e.what() << "\n";
    std::cout << "complete: " << summary.complete << "\n";
    return 0;
  }
  return 1;
}

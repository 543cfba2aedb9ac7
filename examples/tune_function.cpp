// Tuning code of your own: a search space, reports on the way, two workers, a store on disk, and
// a report with a claim that was stated beforehand. Run it again, and it goes on where it was.
#include <cmath>
#include <filesystem>
#include <iostream>

#include "hypertune/hypertune.h"

namespace {

using namespace hypertune;

constexpr int kSteps = 200;
constexpr int kStepsPerReport = 20;

/// Gradient descent on Rosenbrock's function from (-1, 1); its minimum, 0, lies at (1, 1).
Outcome descend(Trial& trial) {
  const double rate = trial.suggest_float("rate", {.low = 1e-5, .high = 1e-1, .log = true});
  const bool momentum = trial.suggest_bool("momentum");
  const double keep = momentum ? 0.9 : 0.0;
  double x = -1, y = 1, dx = 0, dy = 0, height = 0;
  for (int step = 1; step <= kSteps; ++step) {
    dx = keep * dx - rate * (-2 * (1 - x) - 400 * x * (y - x * x));
    dy = keep * dy - rate * (200 * (y - x * x));
    x += dx;
    y += dy;
    height = (1 - x) * (1 - x) + 100 * (y - x * x) * (y - x * x);
    const bool diverged = !std::isfinite(height);
    if (diverged) return Outcome::complete({{"height", INFINITY}, {"diverged", 1}});
    if (step % kStepsPerReport != 0) continue;
    if (trial.report(step, {{"height", height}}) != Decision::Continue) return Outcome::pruned();
  }
  return Outcome::complete({{"height", height}, {"diverged", 0}});
}

StudySpec specification() {
  SearchSpace space;
  space.grid("momentum", {true, false})
      .add("rate", FloatDomain{.low = 1e-5, .high = 1e-1, .log = true});
  return {.name = "descent", .objectives = {{"height", Direction::Minimize}}, .space = space};
}

Experiment experiment() {
  return {.title = "Momentum on Rosenbrock's function",
          .hypothesis = "At high rates gradient descent diverges, with momentum and without.",
          .claims = {{.text = "Most runs diverge at rates above 0.01",
                      .estimand = Estimand::Share,
                      .subject = "diverged",
                      .where = Condition("rate > 0.01"),
                      .expect = Expectation::parse("> 0.5")}}};
}

void run(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  Study study(specification(), sqlite_storage(folder / "study.db"));
  state_experiment(study.storage(), study.id(), experiment());

  const auto executor = function_executor(descend);
  tune(study, *executor, {.num_samples = 20, .paired = true, .workers = 2});

  const ReportSummary report = write_report(study.storage(), study.id(), folder);
  const TrialRecord best = study.best_trial();
  std::cout << "best: " << to_string(best.params) << " in trial " << best.number << "\n"
            << to_string(report.judgements.at(0).verdict) << ": "
            << report.judgements.at(0).claim.text << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc > 1 ? argv[1] : "runs/descent");
  } catch (const std::exception& e) {
    std::cerr << "tune_function: " << e.what() << "\n";
    return 1;
  }
}

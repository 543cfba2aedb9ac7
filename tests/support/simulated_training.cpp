// An event queue of workers that finish steps of training.
#include "support/simulated_training.h"

#include <algorithm>
#include <cmath>
#include <queue>
#include <utility>

#include "hypertune/rng.h"
#include "support/reported_trial.h"

namespace hypertune::testing_support {
namespace {

/// A worker that finishes the next step of its trial at this time; the earliest is on top, and the
/// worker of least number among those of one time.
struct Event {
  double time;
  int worker;
  std::size_t trial;
  bool operator>(const Event& other) const {
    return std::pair(time, worker) > std::pair(other.time, other.worker);
  }
};

double noise_at(std::uint64_t seed, int number, std::int64_t step) {
  const Rng trial = Rng::for_trial(seed, static_cast<std::uint64_t>(number));
  return trial.fork("noise at " + std::to_string(step)).normal();
}

}  // namespace

double LearningCurve::loss(std::int64_t step) const {
  return floor + (height - floor) * std::pow(static_cast<double>(step), -speed);
}

LearningCurve learning_curve(std::uint64_t seed, int number) {
  Rng rng = Rng::for_trial(seed, static_cast<std::uint64_t>(number)).fork("curve");
  LearningCurve curve{};
  curve.floor = rng.uniform();
  curve.height = 1.5 + 0.5 * curve.floor + 0.3 * rng.normal();
  curve.speed = 0.5 + rng.uniform();
  curve.seconds_per_step = 0.5 + rng.uniform();
  return curve;
}

SimulationResult simulate(const Scheduler& scheduler, const Simulation& simulation) {
  const std::vector<Objective> objectives = {{"loss", Direction::Minimize}};
  SimulationResult result;
  std::vector<LearningCurve> curves;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events;
  double best_reported = std::numeric_limits<double>::infinity();

  const auto start_next = [&](int worker, double now) {
    const auto number = static_cast<int>(result.trials.size());
    if (number >= simulation.trials) return;
    result.trials.push_back(reported_trial(number, {}, TrialState::Running));
    curves.push_back(learning_curve(simulation.seed, number));
    events.push({now + curves.back().seconds_per_step, worker, result.trials.size() - 1});
  };
  for (int worker = 0; worker < simulation.workers; ++worker) start_next(worker, 0);

  while (!events.empty() && events.top().time <= simulation.duration_s) {
    const Event event = events.top();
    events.pop();
    TrialRecord& trial = result.trials[event.trial];
    const LearningCurve& curve = curves[event.trial];
    const auto step = static_cast<std::int64_t>(trial.reports.size()) + 1;
    const double loss =
        curve.loss(step) + simulation.noise * noise_at(simulation.seed, trial.number, step);
    report_loss(trial, loss);
    ++result.reports;
    result.ended_s = event.time;
    const Ruling ruling = scheduler.on_report(
        trial, {objectives, result.trials, simulation.seed, trial.number, trial.draw()});
    if (ruling.decision == Decision::Stop) {
      trial.state = TrialState::Pruned;
      trial.reason = ruling.reason;
    } else if (step == kTrainingSteps) {
      trial.state = TrialState::Complete;
      trial.metrics["loss"] = loss;
      if (loss < best_reported) {
        best_reported = loss;
        result.chosen_loss = curve.final_loss();
      }
    } else {
      events.push({event.time + curve.seconds_per_step, event.worker, event.trial});
      continue;
    }
    start_next(event.worker, event.time);
  }
  return result;
}

double share_killed(const SimulationResult& result, std::uint64_t seed, std::size_t best) {
  std::vector<const TrialRecord*> ranking;
  for (const TrialRecord& trial : result.trials) ranking.push_back(&trial);
  std::ranges::sort(ranking, {}, [&](const TrialRecord* trial) {
    return learning_curve(seed, trial->number).final_loss();
  });
  ranking.resize(std::min(best, ranking.size()));
  const auto killed = std::ranges::count_if(
      ranking, [](const TrialRecord* trial) { return trial->state != TrialState::Complete; });
  return static_cast<double>(killed) / static_cast<double>(ranking.size());
}

}  // namespace hypertune::testing_support

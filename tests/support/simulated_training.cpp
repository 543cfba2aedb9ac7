// An event queue of workers that finish steps of training.
#include "support/simulated_training.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <queue>
#include <set>
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

class CrossingCurves final : public Task {
 public:
  explicit CrossingCurves(std::uint64_t seed) : seed_(seed) {}
  double train(const TrialRecord& trial, double, std::int64_t step) const override {
    return learning_curve(seed_, trial.number).loss(step);
  }
  double seconds_per_step(const TrialRecord& trial) const override {
    return learning_curve(seed_, trial.number).seconds_per_step;
  }

 private:
  std::uint64_t seed_;
};

class MovingRate final : public Task {
 public:
  explicit MovingRate(std::uint64_t seed) : seed_(seed) {}
  void configure(TrialRecord& trial) const override {
    trial.domains.set("rate", FloatDomain{0, 1});
    trial.params["rate"] = rng(trial).fork("rate").uniform();
  }
  double train(const TrialRecord& trial, double before, std::int64_t step) const override {
    const double best = 0.9 - 0.8 * static_cast<double>(step - 1) / (kTrainingSteps - 1);
    const double off = (std::get<double>(trial.params.at("rate")) - best) / 0.15;
    return before - 0.1 * std::exp(-off * off / 2);
  }
  double seconds_per_step(const TrialRecord& trial) const override {
    return 0.5 + rng(trial).fork("speed").uniform();
  }

 private:
  Rng rng(const TrialRecord& trial) const {
    return Rng::for_trial(seed_, static_cast<std::uint64_t>(trial.number));
  }
  std::uint64_t seed_;
};

/// Where a trial is, and where others may go on from.
struct Progress {
  std::int64_t step = 0;
  double loss = 0;
};

class Simulator {
 public:
  Simulator(const Scheduler& scheduler, const Simulation& simulation)
      : scheduler_(scheduler),
        simulation_(simulation),
        own_task_(simulation.task == nullptr ? crossing_curves(simulation.seed) : nullptr),
        task_(simulation.task == nullptr ? *own_task_ : *simulation.task) {
    for (int worker = 0; worker < simulation.workers; ++worker) free_.insert(worker);
  }

  SimulationResult run() {
    occupy_workers(0);
    while (!events_.empty() && events_.top().time <= simulation_.duration_s) {
      const Event event = events_.top();
      events_.pop();
      if (finish_step(event)) free_.insert(event.worker);
      occupy_workers(event.time);
    }
    return std::move(result_);
  }

 private:
  History history(const TrialRecord& trial) const {
    return {objectives_, result_.trials, simulation_.seed, trial.number, trial.draw()};
  }

  void occupy_workers(double now) {
    while (!free_.empty()) {
      const auto trial = next_trial();
      if (!trial) return;
      result_.trials[*trial].state = TrialState::Running;
      const double step_s = task_.seconds_per_step(result_.trials[*trial]);
      events_.push({now + step_s, *free_.begin(), *trial});
      free_.erase(free_.begin());
    }
  }

  std::optional<std::size_t> next_trial() {
    const auto number = static_cast<int>(result_.trials.size());
    const bool is_planned = number < simulation_.trials;
    const bool waits = is_planned || !successors_.empty();
    if (scheduler_.pauses()) {
      const History known{objectives_, result_.trials, simulation_.seed, waits ? number : -1};
      if (const auto paused = scheduler_.resume(known)) {
        ++result_.resumed;
        return static_cast<std::size_t>(*paused);
      }
    }
    if (!waits) return std::nullopt;
    TrialRecord trial = reported_trial(number, {}, TrialState::Running);
    Progress progress;
    if (is_planned) {
      task_.configure(trial);
    } else {
      const Ruling::Successor successor = successors_.front();
      successors_.pop_front();
      const auto parent = static_cast<std::size_t>(successor.parent);
      trial.plan.parent = successor.parent;
      trial.params = successor.params;
      trial.domains = result_.trials[parent].domains;
      progress = checkpoints_[parent];
    }
    result_.trials.push_back(std::move(trial));
    progress_.push_back(progress);
    checkpoints_.emplace_back();
    return result_.trials.size() - 1;
  }

  /// Whether the worker is free afterwards.
  bool finish_step(const Event& event) {
    TrialRecord& trial = result_.trials[event.trial];
    Progress& now = progress_[event.trial];
    ++now.step;
    now.loss = task_.train(trial, now.loss, now.step);
    const double noise = simulation_.noise * noise_at(simulation_.seed, trial.number, now.step);
    trial.reports.push_back({now.step, {{"loss", now.loss + noise}}});
    ++result_.reports;
    result_.ended_s = event.time;
    const Ruling ruling = scheduler_.on_report(trial, history(trial));
    if (scheduler_.wants_checkpoint(trial)) checkpoints_[event.trial] = now;
    if (ruling.decision == Decision::Continue && now.step < kTrainingSteps) {
      events_.push({event.time + task_.seconds_per_step(trial), event.worker, event.trial});
      return false;
    }
    trial.reason = ruling.reason;
    if (ruling.decision == Decision::Pause) {
      trial.state = TrialState::Paused;
    } else if (ruling.decision == Decision::Stop) {
      trial.state = TrialState::Pruned;
      if (ruling.successor) successors_.push_back(*ruling.successor);
    } else {
      trial.state = TrialState::Complete;
      trial.metrics["loss"] = now.loss + noise;
      if (now.loss + noise < best_reported_) result_.chosen_loss = now.loss;
      best_reported_ = std::min(best_reported_, now.loss + noise);
    }
    return true;
  }

  const std::vector<Objective> objectives_ = {{"loss", Direction::Minimize}};
  const Scheduler& scheduler_;
  const Simulation& simulation_;
  std::unique_ptr<Task> own_task_;
  const Task& task_;
  SimulationResult result_;
  std::vector<Progress> progress_;     // by number of the trial
  std::vector<Progress> checkpoints_;  // the same
  std::deque<Ruling::Successor> successors_;
  std::set<int> free_;  // workers
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  double best_reported_ = std::numeric_limits<double>::infinity();
};

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

std::unique_ptr<Task> crossing_curves(std::uint64_t seed) {
  return std::make_unique<CrossingCurves>(seed);
}

std::unique_ptr<Task> moving_rate(std::uint64_t seed) { return std::make_unique<MovingRate>(seed); }

SimulationResult simulate(const Scheduler& scheduler, const Simulation& simulation) {
  return Simulator(scheduler, simulation).run();
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

// Stoppers that count trials and compare their values.
#include "hypertune/stopper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/text.h"
#include "core/loss.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Whether the trial ended by itself or was stopped.
bool ended(const TrialRecord& trial) {
  return trial.state == TrialState::Complete || trial.state == TrialState::Pruned;
}

class TrialsStopper final : public Stopper {
 public:
  explicit TrialsStopper(int trials) : trials_(trials) {
    if (trials < 1) throw ConfigError(fmt::format("trials must be at least 1, not {}", trials));
  }

  std::optional<std::string> reason_to_stop(const SearchSpace&,
                                            const History& history) const override {
    if (std::ranges::count_if(history.trials, ended) < trials_) return std::nullopt;
    return fmt::format("{} ended",
                       trials_ == 1 ? "1 trial has" : fmt::format("{} trials have", trials_));
  }

 private:
  int trials_;
};

class TargetStopper final : public Stopper {
 public:
  explicit TargetStopper(double target) : target_(target) {
    if (std::isnan(target)) throw ConfigError("target must be a number, not NaN");
  }

  std::optional<std::string> reason_to_stop(const SearchSpace&,
                                            const History& history) const override {
    const Objective& objective = history.objectives.front();
    const double wanted = objective.direction == Direction::Minimize ? target_ : -target_;
    for (const TrialRecord& trial : history.trials) {
      if (trial.state != TrialState::Complete) continue;
      const auto value = loss(objective, trial.metrics);
      if (!value || *value > wanted) continue;
      return fmt::format("{} reached {} in trial {}", objective.metric,
                         format_number(trial.metrics.at(objective.metric)), trial.number);
    }
    return std::nullopt;
  }

 private:
  double target_;
};

class NoImprovementStopper final : public Stopper {
 public:
  NoImprovementStopper(int trials, double min_improvement)
      : trials_(trials), min_improvement_(min_improvement) {
    if (trials < 1) {
      throw ConfigError(fmt::format("no_improvement must be at least 1 trial, not {}", trials));
    }
    if (!(min_improvement >= 0)) {
      throw ConfigError(fmt::format("min_improvement must be at least 0, not {}", min_improvement));
    }
  }

  std::optional<std::string> reason_to_stop(const SearchSpace&,
                                            const History& history) const override {
    const auto first = first_of_last(history.trials);
    if (!first) return std::nullopt;
    const bool improved = history.objectives.size() == 1 ? best_improved(history, *first)
                                                         : front_improved(history, *first);
    if (improved) return std::nullopt;
    const std::string what =
        history.objectives.size() == 1
            ? fmt::format("improved {}{}", history.objectives.front().metric,
                          min_improvement_ > 0
                              ? fmt::format(" by more than {}", format_number(min_improvement_))
                              : "")
            : "entered the Pareto front";
    return fmt::format("none of the last {} {}", count_of(trials_, "trial"), what);
  }

 private:
  /// Where the last trials that ended begin, when others ended before them.
  std::optional<std::size_t> first_of_last(std::span<const TrialRecord> trials) const {
    int count = 0;
    std::optional<std::size_t> first;
    for (std::size_t i = trials.size(); i-- > 0;) {
      if (!ended(trials[i])) continue;
      if (count == trials_) return first;
      ++count;
      first = i;
    }
    return std::nullopt;
  }

  bool best_improved(const History& history, std::size_t first) const {
    const Objective& objective = history.objectives.front();
    const TrialRecord* before = best_trial(objective, history.trials.first(first));
    if (before == nullptr) return true;
    const TrialRecord* now = best_trial(objective, history.trials);
    const double gain = *loss(objective, before->metrics) - *loss(objective, now->metrics);
    return now != before && gain > min_improvement_;
  }

  /// A trial that only equals another improved nothing.
  static bool front_improved(const History& history, std::size_t first) {
    const auto front = pareto_front(history);
    const auto values = [&](const TrialRecord& trial) {
      std::vector<double> all;
      for (const Objective& objective : history.objectives) {
        all.push_back(*loss(objective, trial.metrics));
      }
      return all;
    };
    if (front.empty()) return true;
    return std::ranges::any_of(front, [&](const TrialRecord* member) {
      return member->number >= history.trials[first].number &&
             std::ranges::none_of(front, [&](const TrialRecord* other) {
               return other->number < history.trials[first].number &&
                      values(*other) == values(*member);
             });
    });
  }

  int trials_;
  double min_improvement_;
};

}  // namespace

std::unique_ptr<Stopper> trials_stopper(int trials) {
  return std::make_unique<TrialsStopper>(trials);
}

std::unique_ptr<Stopper> target_stopper(double target) {
  return std::make_unique<TargetStopper>(target);
}

std::unique_ptr<Stopper> no_improvement_stopper(int trials, double min_improvement) {
  return std::make_unique<NoImprovementStopper>(trials, min_improvement);
}

}  // namespace hypertune

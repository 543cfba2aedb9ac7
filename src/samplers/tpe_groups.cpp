// How tpe divides trials into good and bad ones, after Optuna 5.0, with whose choices it is tested.
#include "samplers/tpe_groups.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/loss.h"
#include "math/hypervolume.h"
#include "math/pareto.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kGoodShare = 0.1;  // of the finished trials
constexpr std::size_t kMaxGood = 25;
constexpr std::size_t kMaxGoodOfSeveral = 100;

/// What decides among the finished trials: smaller is better, position settles ties.
struct Scored {
  double first = 0;
  double second = 0;
  std::size_t position = 0;  ///< in the history
  auto operator<=>(const Scored&) const = default;
};

/// The trials of a history that can be learned from.
struct Known {
  std::vector<Scored> complete;  ///< in order of the history
  std::vector<Scored> pruned;
  std::vector<Scored> infeasible;
  std::vector<std::size_t> running;  ///< positions
  std::size_t finished() const { return complete.size() + pruned.size() + infeasible.size(); }
};

/// By the only objective; with several it says no more than that all of them are there.
std::optional<Scored> score_of_complete(const History& history, std::size_t position) {
  const Metrics& metrics = history.trials[position].metrics;
  Scored scored{0, 0, position};
  for (const Objective& objective : history.objectives) {
    const auto value = loss(objective, metrics);
    if (!value) return std::nullopt;
    if (history.objectives.size() == 1) scored.first = *value;
  }
  return scored;
}

/// Pruned trials are better the later they were stopped, then by their last value.
Scored score_of_pruned(const Objective& objective, const TrialRecord& trial, std::size_t position) {
  if (trial.reports.empty()) return {1, 0, position};
  const Report& last = trial.reports.back();
  return {-static_cast<double>(last.step), loss(objective, last.metrics).value_or(kInfinity),
          position};
}

/// How much a finished trial violates. A pruned one may have ended before a constraint was
/// measured, which is then not held against it.
double violation_of(const TrialRecord& trial, std::span<const std::string> constraints) {
  if (trial.state == TrialState::Complete) return violation(constraints, trial.metrics);
  double sum = 0;
  for (const std::string& name : constraints) {
    const bool in_end = trial.metrics.contains(name) || trial.reports.empty();
    const Metrics& metrics = in_end ? trial.metrics : trial.reports.back().metrics;
    if (metrics.contains(name)) sum += violation({&name, 1}, metrics);
  }
  return sum;
}

Known known_trials(const History& history, std::span<const std::string> constraints) {
  Known known;
  if (history.objectives.empty()) return known;
  known.complete.reserve(history.trials.size());
  for (std::size_t i = 0; i < history.trials.size(); ++i) {
    const TrialRecord& trial = history.trials[i];
    const bool final = trial.state == TrialState::Complete || trial.state == TrialState::Pruned;
    if (final && !constraints.empty()) {
      const double violated = violation_of(trial, constraints);
      if (violated > 0) {
        known.infeasible.push_back({violated, 0, i});
        continue;
      }
    }
    switch (trial.state) {
      case TrialState::Complete:
        if (const auto scored = score_of_complete(history, i)) known.complete.push_back(*scored);
        break;
      case TrialState::Pruned:
        known.pruned.push_back(score_of_pruned(history.objectives.front(), trial, i));
        break;
      case TrialState::Running:
      case TrialState::Paused:
        if (trial.number != history.number && !trial.params.empty()) known.running.push_back(i);
        break;
      case TrialState::Waiting:
      case TrialState::Failed:
        break;
    }
  }
  return known;
}

/// Scores Complete trials of several objectives so that the `n` smallest are the best ones: by rank
/// of dominance; what the hypervolume prefers of the rank that fits in part comes first in it.
void score_by_dominance(const History& history, std::size_t n, std::vector<Scored>& complete) {
  const std::size_t dims = history.objectives.size();
  std::vector<double> losses;
  losses.reserve(complete.size() * dims);
  for (const Scored& scored : complete) {
    for (const Objective& objective : history.objectives) {
      losses.push_back(*loss(objective, history.trials[scored.position].metrics));
    }
  }
  const PointsView points{losses, dims};
  const std::vector<int> ranks = nondominated_ranks(points);
  for (std::size_t i = 0; i < complete.size(); ++i) complete[i].first = ranks[i];
  if (n == 0 || n >= complete.size()) return;

  std::vector<int> ordered = ranks;
  const auto nth = ordered.begin() + static_cast<std::ptrdiff_t>(n - 1);
  std::nth_element(ordered.begin(), nth, ordered.end());
  const int last = *nth;
  std::size_t better = 0;
  std::vector<std::size_t> front;
  std::vector<double> front_losses;
  for (std::size_t i = 0; i < ranks.size(); ++i) {
    better += ranks[i] < last ? 1 : 0;
    if (ranks[i] != last) continue;
    front.push_back(i);
    front_losses.insert(front_losses.end(), points[i].begin(), points[i].end());
    complete[i].second = 1;
  }
  const PointsView of_front{front_losses, dims};
  for (const std::size_t i : hypervolume_subset(of_front, reference_beyond(of_front), n - better)) {
    complete[front[i]].second = 0;
  }
}

/// Positions of the `n` best, or of all.
std::vector<std::size_t> best_of(std::vector<Scored> scored, std::size_t n) {
  n = std::min(n, scored.size());
  std::partial_sort(scored.begin(), scored.begin() + static_cast<std::ptrdiff_t>(n), scored.end());
  std::vector<std::size_t> positions;
  for (std::size_t i = 0; i < n; ++i) positions.push_back(scored[i].position);
  return positions;
}

}  // namespace

TpeGroups tpe_groups(const History& history, std::span<const std::string> constraints,
                     bool running_is_bad) {
  Known known = known_trials(history, constraints);
  TpeGroups groups{.good = {}, .bad = {}, .finished = known.finished()};
  const bool single = history.objectives.size() == 1;
  const auto share =
      static_cast<std::size_t>(std::ceil(kGoodShare * static_cast<double>(groups.finished)));
  const std::size_t most = std::min(share, single ? kMaxGood : kMaxGoodOfSeveral);
  if (!single && !known.complete.empty()) score_by_dominance(history, most, known.complete);

  enum class Verdict : std::uint8_t { Unused, Good, Bad };
  std::vector<Verdict> verdicts(history.trials.size(), Verdict::Unused);
  for (auto* kind : {&known.complete, &known.pruned, &known.infeasible}) {
    for (const Scored& scored : *kind) verdicts[scored.position] = Verdict::Bad;
  }
  if (running_is_bad) {
    for (const std::size_t position : known.running) verdicts[position] = Verdict::Bad;
  }
  std::size_t wanted = most;
  for (auto* kind : {&known.complete, &known.pruned, &known.infeasible}) {
    const std::vector<std::size_t> best = best_of(std::move(*kind), wanted);
    for (const std::size_t position : best) verdicts[position] = Verdict::Good;
    wanted -= best.size();
  }
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i] == Verdict::Good) groups.good.push_back(i);
    if (verdicts[i] == Verdict::Bad) groups.bad.push_back(i);
  }
  return groups;
}

}  // namespace hypertune

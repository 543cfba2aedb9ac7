// How tpe divides trials into good and bad ones, after Optuna 5.0, with whose choices it is tested.
#include "samplers/tpe_groups.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <ranges>
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
  bool operator<(const Scored& other) const {
    if (first != other.first) return first < other.first;
    return second != other.second ? second < other.second : position < other.position;
  }
};

/// The trials of a history that can be learned from.
struct Known {
  std::vector<Scored> complete;  ///< in order of the history
  std::vector<Scored> pruned;
  std::vector<Scored> infeasible;
  std::vector<std::size_t> running;  ///< positions
  std::size_t finished() const { return complete.size() + pruned.size() + infeasible.size(); }
};

// The columns of a trial's row; and what stands in the first.
constexpr std::size_t kKind = 0;
constexpr std::size_t kFirst = 1;
constexpr std::size_t kSecond = 2;
constexpr std::size_t kColumns = 3;
constexpr double kComplete = 0;
constexpr double kPruned = 1;
constexpr double kInfeasible = 2;
constexpr double kRunning = 3;

/// By the only objective; with several it says no more than that all of them are there.
std::optional<double> score_of_complete(std::span<const Objective> objectives,
                                        const Metrics& metrics) {
  double score = 0;
  for (const Objective& objective : objectives) {
    const auto value = loss(objective, metrics);
    if (!value) return std::nullopt;
    if (objectives.size() == 1) score = *value;
  }
  return score;
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

/// False for a trial that nothing can be learned from.
bool read_score(const TrialRecord& trial, std::span<const Objective> objectives,
                std::span<const std::string> constraints, std::span<double> row) {
  row[kSecond] = 0;
  const bool final = trial.state == TrialState::Complete || trial.state == TrialState::Pruned;
  if (final && !constraints.empty()) {
    row[kKind] = kInfeasible;
    row[kFirst] = violation_of(trial, constraints);
    if (row[kFirst] > 0) return true;
  }
  switch (trial.state) {
    case TrialState::Complete: {
      const auto score = score_of_complete(objectives, trial.metrics);
      row[kKind] = kComplete;
      row[kFirst] = score.value_or(0);
      return score.has_value();
    }
    case TrialState::Pruned:
      // The later it was stopped the better, then by the last value.
      row[kKind] = kPruned;
      row[kFirst] = 1;
      if (!trial.reports.empty()) {
        const Report& last = trial.reports.back();
        row[kFirst] = -static_cast<double>(last.step);
        row[kSecond] = loss(objectives.front(), last.metrics).value_or(kInfinity);
      }
      return true;
    case TrialState::Running:
    case TrialState::Paused:
      row[kKind] = kRunning;
      return !trial.params.empty();
    case TrialState::Waiting:
    case TrialState::Failed:
      break;
  }
  return false;
}

/// Of all that `read_score` depends on but the trial. Studies of different seeds are kept apart.
Fingerprint fingerprint_of(const History& history, std::span<const std::string> constraints) {
  Fingerprint all;
  all.add(history.seed);
  all.add(std::uint64_t{history.objectives.size()});
  for (const Objective& objective : history.objectives) {
    all.add(objective.metric);
    all.add(static_cast<std::uint64_t>(objective.direction));
  }
  for (const std::string& name : constraints) all.add(name);
  return all;
}

Known known_trials(const History& history, std::span<const TpeTrial> trials,
                   std::span<const std::string> constraints, TpeRows& scores) {
  Known known;
  if (history.objectives.empty()) return known;
  known.complete.reserve(history.trials.size());
  scores.each(
      fingerprint_of(history, constraints), kColumns, trials.size(),
      [&](std::size_t i) -> const TpeTrial& { return trials[i]; },
      [&](const TrialRecord& trial, std::span<double> row) {
        return read_score(trial, history.objectives, constraints, row);
      },
      [&](std::size_t i, std::uint64_t /*name*/, std::span<const double> row) {
        const Scored scored{row[kFirst], row[kSecond], i};
        if (row[kKind] == kComplete) known.complete.push_back(scored);
        if (row[kKind] == kPruned) known.pruned.push_back(scored);
        if (row[kKind] == kInfeasible) known.infeasible.push_back(scored);
        const bool asks = trials[i].number == history.number;
        if (row[kKind] == kRunning && !asks) known.running.push_back(i);
      });
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

/// Positions of the `n` best, or of all. The latest are looked at first, for they are often the
/// best: then few others come in between.
std::vector<std::size_t> best_of(std::span<const Scored> scored, std::size_t n) {
  std::vector<std::size_t> positions;
  if (n == 0) return positions;
  const std::size_t room = 2 * n + 32;
  std::vector<Scored> best;  // those that may be among them, now and then the n best alone
  best.reserve(room);
  double worst = kInfinity;
  const auto cut = [&] {
    if (best.size() <= n) return;
    const auto last = best.begin() + static_cast<std::ptrdiff_t>(n - 1);
    std::nth_element(best.begin(), last, best.end());
    worst = last->first;
    best.resize(n);
  };
  for (const Scored& one : scored | std::views::reverse) {
    if (one.first > worst) continue;
    if (best.size() == room) cut();
    best.push_back(one);
  }
  cut();
  for (const Scored& one : best) positions.push_back(one.position);
  return positions;
}

}  // namespace

TpeGroups tpe_groups(const History& history, std::span<const TpeTrial> trials,
                     std::span<const std::string> constraints, bool running_is_bad,
                     TpeRows& scores) {
  Known known = known_trials(history, trials, constraints, scores);
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
    const std::vector<std::size_t> best = best_of(*kind, wanted);
    for (const std::size_t position : best) verdicts[position] = Verdict::Good;
    wanted -= best.size();
  }
  groups.bad.reserve(verdicts.size());
  for (std::size_t i = 0; i < verdicts.size(); ++i) {
    if (verdicts[i] == Verdict::Good) groups.good.push_back(i);
    if (verdicts[i] == Verdict::Bad) groups.bad.push_back(i);
  }
  return groups;
}

}  // namespace hypertune

// Going through the generations of a history, and the memo that spares most of it.
#include "samplers/lineage.h"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "core/loss.h"

namespace hypertune {
namespace {

/// A trial that takes part in the generations.
struct Individual {
  std::size_t trial = 0;  ///< place in the history
  std::vector<double> losses;
  double penalty = 0;
};

struct Generations {
  std::vector<Individual> parents;  ///< the fittest first
  std::vector<Individual> young;    ///< of the generation that is not whole yet
  int count = 0;
};

/// The trial as an individual; nothing unless it is Complete with all objectives.
std::optional<Individual> individual(const History& history, std::size_t place,
                                     std::span<const std::string> constraints) {
  const TrialRecord& trial = history.trials[place];
  if (trial.state != TrialState::Complete) return std::nullopt;
  Individual made{place, {}, 0};
  for (const Objective& objective : history.objectives) {
    const auto value = loss(objective, trial.metrics);
    if (!value) return std::nullopt;
    made.losses.push_back(*value);
  }
  if (!constraints.empty()) made.penalty = violation(constraints, trial.metrics);
  return made;
}

/// The next individual; when it makes the generation whole, the fittest become parents.
void add(Generations& generations, Individual born, std::size_t population, bool constrained,
         const Survival& survive) {
  const std::size_t dims = born.losses.size();
  generations.young.push_back(std::move(born));
  if (generations.young.size() < population) return;
  std::vector<Individual> candidates = std::move(generations.parents);
  std::ranges::move(generations.young, std::back_inserter(candidates));
  std::vector<double> losses;
  std::vector<double> penalties;
  for (const Individual& each : candidates) {
    losses.insert(losses.end(), each.losses.begin(), each.losses.end());
    if (constrained) penalties.push_back(each.penalty);
  }
  generations.parents.clear();
  generations.young.clear();
  for (const std::size_t i : survive({losses, dims}, penalties, population, generations.count)) {
    generations.parents.push_back(std::move(candidates[i]));
  }
  ++generations.count;
}

/// What a trial that ended is recognized by.
struct Stamp {
  TrialId id = 0;
  int number = 0;
  TimePoint ended;

  bool is_of(const TrialRecord& trial) const {
    return trial.id == id && trial.number == number && trial.ended == ended;
  }
};

/// Alike for equal values, whatever else the trial has.
std::size_t hash_of(const Params& values) {
  std::size_t all = 0;
  for (const auto& [name, value] : values) all = all * 1'000'003 + std::hash<Value>()(value);
  return all;
}

bool has_all(const TrialRecord& trial, const Params& values) {
  if (trial.params.size() < values.size()) return false;
  if (trial.params.size() == values.size()) {
    // Of as many names in order: each must agree. As a rule the first value differs, and no name is
    // compared.
    return std::ranges::equal(values, trial.params, [](const auto& a, const auto& b) {
      return a.second == b.second && a.first == b.first;
    });
  }
  return std::ranges::all_of(values, [&](const auto& entry) {
    const auto value = trial.params.find(entry.first);
    return value != trial.params.end() && value->second == entry.second;
  });
}

}  // namespace

/// Of the first trials of one history.
struct LineageMemo {
  std::vector<Objective> objectives;
  std::uint64_t seed = 0;
  std::vector<Stamp> trials;
  Generations generations;
  std::unordered_set<std::size_t> params;  ///< hashes
  std::size_t most_params = 0;             ///< of a trial

  /// How many trials of the history, from the first on, the memo is about.
  std::size_t agreement(const History& history) const {
    if (seed != history.seed || !std::ranges::equal(objectives, history.objectives)) return 0;
    const auto differ = std::ranges::mismatch(
        trials, history.trials,
        [](const Stamp& stamp, const TrialRecord& trial) { return stamp.is_of(trial); });
    return static_cast<std::size_t>(differ.in1 - trials.begin());
  }
};

bool Past::contains(const Params& values) const {
  std::size_t first = 0;
  // A trial of more parameters may have these values among its own, whatever its hash.
  if (memo_ != nullptr && memo_->most_params <= values.size() &&
      !memo_->params.contains(hash_of(values))) {
    first = memo_->trials.size();
  }
  return std::ranges::any_of(history_->trials.subspan(first), [&](const TrialRecord& trial) {
    return trial.number != history_->number && has_all(trial, values);
  });
}

Lineage::Lineage(std::size_t population, std::vector<std::string> constraints)
    : population_(population),
      constraints_(std::move(constraints)),
      memo_(std::make_unique<LineageMemo>()) {}

Lineage::~Lineage() = default;

Past Lineage::past(const History& history, const Survival& survive) const {
  Past past;
  past.history_ = &history;
  if (history.objectives.empty()) return past;
  const auto go_through = [&](Generations& generations, std::size_t place) {
    if (auto born = individual(history, place, constraints_)) {
      add(generations, std::move(*born), population_, !constraints_.empty(), survive);
    }
  };

  std::unique_lock lock(mutex_);
  const std::size_t agreed = memo_->agreement(history);
  std::size_t next = 0;
  Generations generations;
  // A shorter history, as a lag gives to a trial that was overtaken, does not end what is known.
  if (agreed < memo_->trials.size() && agreed == history.trials.size()) {
    lock.unlock();
  } else {
    if (agreed < memo_->trials.size() || agreed == 0) {
      *memo_ = {{history.objectives.begin(), history.objectives.end()}, history.seed, {}, {}, {}};
    }
    for (next = memo_->trials.size(); next < history.trials.size(); ++next) {
      const TrialRecord& trial = history.trials[next];
      if (!is_final(trial.state) || !trial.ended || trial.number == history.number) break;
      go_through(memo_->generations, next);
      memo_->trials.push_back({trial.id, trial.number, *trial.ended});
      memo_->params.insert(hash_of(trial.params));
      memo_->most_params = std::max(memo_->most_params, trial.params.size());
    }
    generations = memo_->generations;
    past.memo_ = memo_.get();
    past.lock_ = std::move(lock);
  }
  for (; next < history.trials.size(); ++next) go_through(generations, next);
  for (const Individual& parent : generations.parents) {
    past.parents_.push_back(&history.trials[parent.trial]);
  }
  return past;
}

}  // namespace hypertune

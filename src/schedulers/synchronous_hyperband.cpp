// Synchronous Hyperband. Li et al., "Hyperband: a novel bandit-based approach to hyperparameter
// optimization", JMLR 2018 (arXiv:1603.06560), algorithm 1.
//
// Trials fill the brackets in the order of their numbers, the most eager bracket first, and begin
// over after the last one. A trial pauses at each rung. When all that are still in the bracket are
// there or final, the best 1 / reduction_factor go on; which ones follows from the reports alone.
//
// Deviations from the paper:
// - of B brackets, the one with s rungs begins with floor(B / (s + 1)) * eta^s trials, as in its
//   table 1; the formula of its algorithm 1, ceil(B * eta^s / (s + 1)), gives more of them and
//   leaves remainders at the rungs;
// - rungs lie at whole multiples of min_resource: where max_resource is none, the last stretch is
//   longer;
// - brackets overlap: a worker that would have to wait begins a trial of the next bracket;
// - a bracket that the plan does not fill is judged by those that are there, and one of them at
//   least goes on;
// - a failed trial counts as one that has arrived, but another goes on in its place. Its retry is a
//   new trial, in the bracket of its own number.
#include "schedulers/synchronous_hyperband.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/text.h"
#include "schedulers/successive_halving.h"
#include "schedulers/watched.h"

namespace hypertune {
namespace {

/// The trials of one bracket, those of a later turn of the brackets apart.
struct Members {
  const HyperbandBracket* bracket = nullptr;
  std::vector<const TrialRecord*> trials;
  bool any_paused = false;
};

class SynchronousHyperband final : public Scheduler {
 public:
  explicit SynchronousHyperband(const HyperbandOptions& options)
      : factor_(options.reduction_factor), brackets_(hyperband_brackets(options)) {
    for (const HyperbandBracket& bracket : brackets_) turn_ += bracket.trials;
  }

  Ruling on_report(const TrialRecord& trial, const History& history) const override {
    const Watched watched(history);
    const auto now = watched.latest(trial);
    if (!now) return {};
    const auto previous = watched.previous(trial);
    const HyperbandBracket& bracket = brackets_[place(trial.number).second];
    std::int64_t reached = 0;
    std::int64_t rung = bracket.first_rung;
    for (int i = 0; i < bracket.rungs && rung <= now->step; ++i, rung = next_rung(rung, factor_)) {
      if (!previous || previous->step < rung) reached = rung;
    }
    if (reached == 0) return {};
    return {Decision::Pause,
            fmt::format("{} at step {} waits at rung {} for the others of its bracket of {}",
                        watched.text(now->loss), now->step, reached,
                        count_of(bracket.trials, "trial"))};
  }

  bool uses_history() const override { return false; }
  bool pauses() const override { return true; }

  std::optional<int> resume(const History& history) const override {
    std::map<std::pair<std::int64_t, std::size_t>, Members> all;
    for (const TrialRecord& trial : history.trials) {
      if (trial.state == TrialState::Waiting) continue;
      const auto at = place(trial.number);
      Members& members = all[at];
      members.bracket = &brackets_[at.second];
      members.trials.push_back(&trial);
      members.any_paused = members.any_paused || trial.state == TrialState::Paused;
    }
    const bool none_waits = history.number < 0;
    for (const auto& [at, members] : all) {
      if (!members.any_paused) continue;
      if (!none_waits && std::ssize(members.trials) < members.bracket->trials) continue;
      if (const auto number = next_of(members, Watched(history))) return number;
    }
    return std::nullopt;
  }

 private:
  /// How often the brackets were filled before, and the bracket.
  std::pair<std::int64_t, std::size_t> place(int number) const {
    std::int64_t left = number % turn_;
    std::size_t bracket = 0;
    while (left >= brackets_[bracket].trials) left -= brackets_[bracket++].trials;
    return {number / turn_, bracket};
  }

  /// The best of those that may leave their rung and have not.
  std::optional<int> next_of(const Members& members, const Watched& watched) const {
    struct Arrival {
      double loss;
      const TrialRecord* trial;
    };
    std::vector<const TrialRecord*> here = members.trials;
    std::int64_t survivors = std::ssize(here);
    std::int64_t rung = members.bracket->first_rung;
    for (int i = 0; i < members.bracket->rungs; ++i, rung = next_rung(rung, factor_)) {
      std::vector<Arrival> arrived;
      for (const TrialRecord* trial : here) {
        const auto observation = watched.first_from(*trial, rung);
        if (!observation && !is_final(trial->state)) return std::nullopt;
        if (observation && trial->state != TrialState::Failed) {
          arrived.push_back({observation->loss, trial});
        }
      }
      std::ranges::stable_sort(arrived, {}, &Arrival::loss);
      survivors = std::max<std::int64_t>(1, survivors / factor_);
      if (std::ssize(arrived) > survivors) arrived.resize(static_cast<std::size_t>(survivors));
      here.clear();
      const bool last = i + 1 == members.bracket->rungs;
      for (const auto& [loss, trial] : arrived) {
        const bool is_beyond = !last && watched.first_from(*trial, next_rung(rung, factor_));
        if (trial->state == TrialState::Paused && !is_beyond) return trial->number;
        here.push_back(trial);
      }
    }
    return std::nullopt;
  }

  int factor_;
  std::vector<HyperbandBracket> brackets_;
  std::int64_t turn_ = 0;  ///< trials that fill all brackets once
};

}  // namespace

std::vector<HyperbandBracket> hyperband_brackets(const HyperbandOptions& options) {
  const int count =
      brackets_between(options.min_resource, options.max_resource, options.reduction_factor);
  std::vector<HyperbandBracket> brackets;
  std::int64_t first_rung = options.min_resource;
  std::int64_t power = 1;  // eta^s of the bracket
  for (int s = 1; s < count; ++s) power *= options.reduction_factor;
  for (int s = count - 1; s >= 0; --s) {
    brackets.push_back({count / (s + 1) * power, first_rung, s});
    first_rung = next_rung(first_rung, options.reduction_factor);
    power /= options.reduction_factor;
  }
  return brackets;
}

std::unique_ptr<Scheduler> synchronous_hyperband(const HyperbandOptions& options) {
  return std::make_unique<SynchronousHyperband>(options);
}

}  // namespace hypertune

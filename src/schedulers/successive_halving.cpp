// Asynchronous successive halving. Li et al., "A system for massively parallel hyperparameter
// tuning", MLSys 2020 (arXiv:1810.05934): algorithm 2, which promotes paused trials, and the form
// that stops trials instead. Brackets have the shares of Li et al., "Hyperband", JMLR 2018,
// algorithm 1.
//
// A trial reaches a rung with its first report at the rung's step or after it, and the value of
// that report is its value there for ever: which rungs were reached follows from the reports. It
// goes on when it is among the best floor(n / reduction_factor) of the n values at the rung, itself
// included, or the best where that is none; equals of the last of them go on as well.
//
// Where trials are promoted, exactly floor(n / reduction_factor) are, the earlier of equals first.
// A trial was promoted when it is at the rung and not paused: that follows from its state.
//
// Deviations from Optuna's SuccessiveHalvingPruner and HyperbandPruner:
// - the bracket is a function of the trial's draw, not of a checksum of study name and number;
// - there is no rung at or after max_resource: nothing is saved by stopping a trial at its end;
// - failed trials do not count at their rungs, since a retry would count for a second time;
// - the number of brackets is computed with whole numbers, where Optuna rounds a logarithm down;
// - `grace_trials` lets trials pass a rung that is nearly empty; Optuna's `bootstrap_count` stops
//   them there.
//
// Deviation from algorithm 2: a trial that is among the best as it arrives goes on at once, even
// where another one at a higher rung could be promoted: that one is for the next free worker.
#include "schedulers/successive_halving.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "base/text.h"
#include "hypertune/error.h"
#include "schedulers/watched.h"

namespace hypertune {
namespace {

/// The rungs' steps grow too large to be reached before they overflow.
constexpr std::int64_t kNoStep = std::int64_t{1} << 53;

}  // namespace

std::int64_t next_rung(std::int64_t rung, int reduction_factor) {
  return rung > kNoStep / reduction_factor ? kNoStep : rung * reduction_factor;
}

void require_halving(const AshaOptions& options) {
  const auto refuse = [](const char* what, auto value) {
    throw ConfigError(fmt::format("{}, not {}", what, value));
  };
  if (options.min_resource < 1) refuse("min_resource must be 1 or more", options.min_resource);
  if (options.reduction_factor < 2 || options.reduction_factor > kLargestReductionFactor) {
    refuse("reduction_factor must be between 2 and 1000", options.reduction_factor);
  }
  if (options.grace_trials < 1) refuse("grace_trials must be 1 or more", options.grace_trials);
  if (options.mode == AshaMode::Promote && options.grace_trials > 1) {
    throw ConfigError(
        "grace_trials goes with mode = \"stop\": what is promoted later is not stopped; drop it");
  }
  if (options.brackets < 1 || options.brackets > kMostBrackets) {
    refuse("brackets must be between 1 and 32", options.brackets);
  }
  if (!options.max_resource) return;
  if (*options.max_resource <= options.min_resource) {
    throw ConfigError(fmt::format("max_resource must be larger than min_resource: {} <= {}",
                                  *options.max_resource, options.min_resource));
  }
  const int most =
      brackets_between(options.min_resource, *options.max_resource, options.reduction_factor);
  if (options.brackets > most) {
    throw ConfigError(
        fmt::format("{} brackets are too many: with reduction_factor {} at most {} start between "
                    "min_resource {} and max_resource {}",
                    options.brackets, options.reduction_factor, most, options.min_resource,
                    *options.max_resource));
  }
}

int brackets_between(std::int64_t min_resource, std::int64_t max_resource, int reduction_factor) {
  int brackets = 1;
  std::int64_t rung = next_rung(min_resource, reduction_factor);
  for (; rung <= max_resource && rung < kNoStep; rung = next_rung(rung, reduction_factor)) {
    ++brackets;
  }
  return brackets;
}

SuccessiveHalving::SuccessiveHalving(const AshaOptions& options) : options_(options) {
  require_halving(options);
  double sum = 0;
  for (int bracket = 0; bracket < options.brackets; ++bracket) {
    const int s = options.brackets - 1 - bracket;
    sum += std::ceil(options.brackets * std::pow(options.reduction_factor, s) / (s + 1));
    shares_.push_back(sum);
  }
  for (double& share : shares_) share /= sum;
}

std::int64_t SuccessiveHalving::end() const {
  return std::min(kNoStep, options_.max_resource.value_or(kNoStep));
}

std::int64_t SuccessiveHalving::first_rung(const TrialRecord& trial) const {
  std::int64_t rung = options_.min_resource;
  for (int i = bracket_of(trial); i > 0; --i) rung = next_rung(rung, options_.reduction_factor);
  return rung;
}

int SuccessiveHalving::bracket_of(const TrialRecord& trial) const {
  if (options_.brackets == 1) return 0;
  // Multiples of the golden ratio modulo 1 are spread as evenly as can be.
  constexpr std::uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;
  const std::uint64_t draw = trial.draw() & 0xFFFFFFFF;
  const double point = static_cast<double>((draw * kGoldenRatio) >> 11) * 0x1p-53;
  const auto bracket = std::ranges::upper_bound(shares_, point);
  return static_cast<int>(bracket - shares_.begin());
}

SuccessiveHalving::Standing SuccessiveHalving::standing(const TrialRecord& trial,
                                                        const History& history,
                                                        std::int64_t rung) const {
  const Watched watched(history);
  const double own = watched.first_from(trial, rung)->loss;
  const int bracket = bracket_of(trial);
  Standing standing;
  for (const TrialRecord& other : history.trials) {
    if (other.number == trial.number || other.state == TrialState::Failed) continue;
    const auto theirs = watched.first_from(other, rung);
    if (!theirs || bracket_of(other) != bracket) continue;
    ++standing.values;
    const bool earlier_equal = promotes() && theirs->loss == own && other.number < trial.number;
    if (theirs->loss < own || earlier_equal) ++standing.better;
  }
  standing.promoted = standing.values / static_cast<std::size_t>(options_.reduction_factor);
  if (!promotes()) standing.promoted = std::max<std::size_t>(standing.promoted, 1);
  return standing;
}

Ruling SuccessiveHalving::on_report(const TrialRecord& trial, const History& history) const {
  const Watched watched(history);
  const auto now = watched.latest(trial);
  if (!now) return {};
  const auto previous = watched.previous(trial);
  for (std::int64_t rung = first_rung(trial); rung <= now->step && rung < end();
       rung = next_rung(rung, options_.reduction_factor)) {
    if (previous && previous->step >= rung) continue;  // this rung was passed before
    const Standing at = standing(trial, history, rung);
    if (!promotes() && at.values < static_cast<std::size_t>(options_.grace_trials)) continue;
    if (at.better < at.promoted) continue;
    std::string reason =
        fmt::format("{} at step {} is number {} of the {} at rung {}, of which {} went on",
                    watched.text(now->loss), now->step, at.better + 1,
                    count_of(static_cast<long long>(at.values), "trial"), rung, at.promoted);
    if (options_.brackets > 1) reason += fmt::format(" (bracket {})", bracket_of(trial));
    return {promotes() ? Decision::Pause : Decision::Stop, std::move(reason)};
  }
  return {};
}

std::optional<int> SuccessiveHalving::resume(const History& history) const {
  const Watched watched(history);
  /// Of the paused trials at one rung of one bracket, the best: where it has to wait, all have to.
  struct Best {
    const TrialRecord* trial;
    double loss;
  };
  std::map<std::pair<std::int64_t, int>, Best, std::greater<>> resting;  // the top rung first
  for (const TrialRecord& trial : history.trials) {
    const auto last = watched.latest(trial);
    std::int64_t rung = first_rung(trial);
    if (trial.state != TrialState::Paused || !last || last->step < rung) continue;
    for (auto next = rung; next <= last->step && next < end();
         next = next_rung(next, options_.reduction_factor)) {
      rung = next;
    }
    const double loss = watched.first_from(trial, rung)->loss;
    const auto [at, is_new] = resting.try_emplace({rung, bracket_of(trial)}, Best{&trial, loss});
    if (!is_new && loss < at->second.loss) at->second = {&trial, loss};
  }
  for (const auto& [at, best] : resting) {
    const Standing now = standing(*best.trial, history, at.first);
    if (now.better < now.promoted) return best.trial->number;
  }
  return std::nullopt;
}

}  // namespace hypertune

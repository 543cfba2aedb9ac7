// Asynchronous successive halving. Li et al., "A system for massively parallel hyperparameter
// tuning", MLSys 2020 (arXiv:1810.05934), in the form that stops trials instead of promoting paused
// ones; brackets have the shares of Li et al., "Hyperband", JMLR 2018, algorithm 1.
//
// A trial reaches a rung with its first report at the rung's step or after it, and the value of
// that report is its value there for ever: which rungs were reached follows from the reports. It
// goes on when it is among the best floor(n / reduction_factor) of the n values at the rung, itself
// included, or the best where that is none; equals of the last of them go on as well.
//
// Deviations from Optuna's SuccessiveHalvingPruner and HyperbandPruner:
// - the bracket is a function of the trial's draw, not of a checksum of study name and number;
// - there is no rung at or after max_resource: nothing is saved by stopping a trial at its end;
// - failed trials do not count at their rungs, since a retry would count for a second time;
// - the number of brackets is computed with whole numbers, where Optuna rounds a logarithm down;
// - `grace_trials` lets trials pass a rung that is nearly empty; Optuna's `bootstrap_count` stops
//   them there.
#include "schedulers/successive_halving.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hypertune/error.h"
#include "schedulers/watched.h"

namespace hypertune {
namespace {

/// The rungs' steps grow too large to be reached before they overflow.
constexpr std::int64_t kNoStep = std::int64_t{1} << 53;

std::int64_t next_rung(std::int64_t rung, int reduction_factor) {
  return rung > kNoStep / reduction_factor ? kNoStep : rung * reduction_factor;
}

}  // namespace

void require_halving(const AshaOptions& options) {
  const auto refuse = [](const char* what, auto value) {
    throw ConfigError(fmt::format("{}, not {}", what, value));
  };
  if (options.min_resource < 1) refuse("min_resource must be 1 or more", options.min_resource);
  if (options.reduction_factor < 2 || options.reduction_factor > kLargestReductionFactor) {
    refuse("reduction_factor must be between 2 and 1000", options.reduction_factor);
  }
  if (options.grace_trials < 1) refuse("grace_trials must be 1 or more", options.grace_trials);
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

int SuccessiveHalving::bracket_of(const TrialRecord& trial) const {
  // Multiples of the golden ratio modulo 1 are spread as evenly as can be.
  constexpr std::uint64_t kGoldenRatio = 0x9E3779B97F4A7C15;
  const std::uint64_t draw = trial.draw() & 0xFFFFFFFF;
  const double point = static_cast<double>((draw * kGoldenRatio) >> 11) * 0x1p-53;
  const auto bracket = std::ranges::upper_bound(shares_, point);
  return static_cast<int>(bracket - shares_.begin());
}

Ruling SuccessiveHalving::on_report(const TrialRecord& trial, const History& history) const {
  const Watched watched(history);
  const auto now = watched.latest(trial);
  if (!now) return {};
  const auto previous = watched.previous(trial);
  const int bracket = bracket_of(trial);
  std::int64_t rung = options_.min_resource;
  for (int i = 0; i < bracket; ++i) rung = next_rung(rung, options_.reduction_factor);

  const std::int64_t end = options_.max_resource.value_or(kNoStep);
  for (; rung <= now->step && rung < end; rung = next_rung(rung, options_.reduction_factor)) {
    if (previous && previous->step >= rung) continue;  // this rung was passed before
    std::size_t rivals = 1;
    std::size_t better = 0;
    for (const TrialRecord& other : history.trials) {
      if (other.number == trial.number || other.state == TrialState::Failed) continue;
      const auto theirs = watched.first_from(other, rung);
      if (!theirs || bracket_of(other) != bracket) continue;
      ++rivals;
      if (theirs->loss < now->loss) ++better;
    }
    const auto factor = static_cast<std::size_t>(options_.reduction_factor);
    const std::size_t promoted = std::max<std::size_t>(rivals / factor, 1);
    if (rivals < static_cast<std::size_t>(options_.grace_trials) || better < promoted) continue;
    std::string reason =
        fmt::format("{} at step {} is number {} of the {} trials at rung {}, of which {} went on",
                    watched.text(now->loss), now->step, better + 1, rivals, rung, promoted);
    if (options_.brackets > 1) reason += fmt::format(" (bracket {})", bracket);
    return {Decision::Stop, std::move(reason)};
  }
  return {};
}

}  // namespace hypertune

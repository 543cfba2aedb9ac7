// Truncation selection of population-based training. Jaderberg et al., "Population based training
// of neural networks", 2017 (arXiv:1711.09846), section 4.1.
//
// Deviations from the paper and from Ray Tune:
// - a trial is compared with what the others reported at the same step, not with the latest that
//   they have: it matters little when a trial began, so that there may be fewer workers than
//   members; those that were stopped later, or at that very step, count as well;
// - a trial that goes on elsewhere with other parameters is a new trial, whose plan names the
//   parent; no trial changes its parameters, so that the record says what was done with which;
// - none is followed that is more than two intervals ahead, for little would be left to train: with
//   fewer workers than members, those that train at about the same time learn from each other;
// - with few members, the worst and the best are one at least, and never more than half.
#include "schedulers/population.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Whether it goes on from a checkpoint, where that was saved.
bool follows(const TrialRecord& trial) { return trial.plan.parent.has_value(); }

bool is_grid_plan(const TrialPlan& plan) {
  return !plan.key.empty() && plan.draw && !plan.retry_of && !plan.parent;
}

constexpr std::int64_t kMostIntervalsAhead = 2;

/// Whether the trial still trains, or trained to its end, and is not far beyond `step`.
bool may_be_followed(const TrialRecord& trial, std::int64_t step, std::int64_t interval) {
  const bool is_sound = trial.state == TrialState::Running || trial.state == TrialState::Paused ||
                        trial.state == TrialState::Complete;
  return is_sound && (trial.reports.back().step - step) / interval <= kMostIntervalsAhead;
}

}  // namespace

Population::Population(PbtOptions options) : options_(std::move(options)) {
  if (options_.interval < 1) {
    throw ConfigError(fmt::format("interval must be 1 or more, not {}", options_.interval));
  }
  if (!(options_.quantile > 0 && options_.quantile <= 0.5)) {
    throw ConfigError(
        fmt::format("quantile must be above 0, at most 0.5, not {}", options_.quantile));
  }
  if (options_.burn_in < 0) {
    throw ConfigError(fmt::format("burn_in must be 0 or more, not {}", options_.burn_in));
  }
  if (options_.max_resource && *options_.max_resource <= options_.interval) {
    throw ConfigError(fmt::format("max_resource must be larger than interval: {} <= {}",
                                  *options_.max_resource, options_.interval));
  }
}

std::optional<std::int64_t> Population::due(const TrialRecord& trial, std::int64_t now,
                                            std::optional<std::int64_t> previous) const {
  const std::int64_t step = now - now % options_.interval;
  if (step < std::max(options_.burn_in, options_.interval)) return std::nullopt;
  if (now >= options_.max_resource.value_or(std::numeric_limits<std::int64_t>::max())) {
    return std::nullopt;
  }
  if (previous) return *previous < step ? std::optional(step) : std::nullopt;
  // The first report of what goes on from a checkpoint does not tell when the checkpoint was.
  return follows(trial) && now != step ? std::nullopt : std::optional(step);
}

bool Population::wants_checkpoint(const TrialRecord& trial) const {
  const auto& reports = trial.reports;
  if (reports.empty()) return false;
  const auto previous =
      reports.size() > 1 ? std::optional((reports.end() - 2)->step) : std::nullopt;
  return due(trial, reports.back().step, previous).has_value();
}

std::optional<double> Population::loss_at(const Watched& watched, const TrialRecord& trial,
                                          std::int64_t step) const {
  const auto found = watched.first_from(trial, step);
  if (!found || found->step - step >= options_.interval) return std::nullopt;
  const bool is_first = found->step == trial.reports.front().step;
  if (follows(trial) && is_first && found->step != step) return std::nullopt;
  return found->loss;
}

/// What the plan fixed, and no trial may change: the grid axes, or whatever whoever planned gave.
Params Population::fixed(const TrialRecord& trial, const History& history) const {
  const TrialPlan* plan = is_grid_plan(trial.plan) ? &trial.plan : nullptr;
  for (auto other = history.trials.begin(); plan == nullptr && other != history.trials.end();
       ++other) {
    if (is_grid_plan(other->plan)) plan = &other->plan;
  }
  Params fixed;
  if (plan == nullptr) return fixed;
  for (const auto& [name, value] : plan->fixed) {
    const auto own = trial.params.find(name);
    const bool is_explored =
        std::ranges::find(options_.parameters, name) != options_.parameters.end();
    if (!is_explored && own != trial.params.end()) fixed.insert(*own);
  }
  return fixed;
}

std::vector<const TrialRecord*> Population::rivals(const TrialRecord& trial,
                                                   const History& history) const {
  const Params same = fixed(trial, history);
  std::vector<const TrialRecord*> rivals;
  for (const TrialRecord& other : history.trials) {
    if (other.number == trial.number || other.state == TrialState::Failed) continue;
    const bool is_same = std::ranges::all_of(same, [&](const auto& entry) {
      const auto theirs = other.params.find(entry.first);
      return theirs != other.params.end() && same_value(theirs->second, entry.second);
    });
    if (is_same) rivals.push_back(&other);
  }
  return rivals;
}

std::vector<std::string> Population::explored(const TrialRecord& parent,
                                              const Params& fixed) const {
  std::vector<std::string> names;
  for (const auto& [name, value] : parent.params) {
    const bool is_meant =
        options_.parameters.empty()
            ? !fixed.contains(name)
            : std::ranges::find(options_.parameters, name) != options_.parameters.end();
    if (is_meant && parent.domains.contains(name)) names.push_back(name);
  }
  return names;
}

std::optional<Population::Exploit> Population::exploit(const TrialRecord& trial,
                                                       const History& history) const {
  const Watched watched(history);
  const auto now = watched.latest(trial);
  if (!now) return std::nullopt;
  const auto previous = watched.previous(trial);
  const auto step = due(trial, now->step, previous ? std::optional(previous->step) : std::nullopt);
  if (!step) return std::nullopt;
  // Where nothing saved a checkpoint it began anew, and would be replaced for ever.
  const bool began_anew = trial.reports.front().step <= options_.interval;
  if (follows(trial) && !trial.plan.retry_of && began_anew) return std::nullopt;

  struct Other {
    double loss;
    const TrialRecord* trial;
  };
  std::vector<Other> others;
  std::size_t not_better = 0;
  for (const TrialRecord* rival : rivals(trial, history)) {
    const auto loss = loss_at(watched, *rival, *step);
    if (!loss) continue;
    others.push_back({*loss, rival});
    if (*loss >= now->loss) ++not_better;
  }
  const std::size_t values = others.size() + 1;
  const auto share =
      static_cast<std::size_t>(std::ceil(options_.quantile * static_cast<double>(values)));
  const std::size_t replaced = std::min(share, values / 2);
  if (not_better >= replaced) return std::nullopt;

  std::ranges::sort(others, {}, [](const Other& o) { return std::pair(o.loss, o.trial->number); });
  others.resize(replaced);
  std::erase_if(others, [&](const Other& other) {
    return !may_be_followed(*other.trial, *step, options_.interval) || !(other.loss < now->loss);
  });
  if (others.empty()) return std::nullopt;
  Rng rng = Rng::for_trial(history.seed, trial.draw())
                .fork(fmt::format("trial {} gives way at {}", trial.number, *step));
  const Other& chosen = others[rng.below(others.size())];
  return Exploit{
      chosen.trial, *step, explored(*chosen.trial, fixed(trial, history)), rng.fork("explore"),
      fmt::format("{} at step {} is number {} of {}; a copy of trial {} ({}) takes its place",
                  watched.text(now->loss), now->step, values - not_better,
                  count_of(static_cast<long long>(values), "trial"), chosen.trial->number,
                  watched.text(chosen.loss))};
}

Ruling replaced(Population::Exploit exploit, Params params) {
  Params changed;
  for (const std::string& name : exploit.explored) changed[name] = params.at(name);
  std::string reason = std::move(exploit.reason);
  if (!changed.empty()) reason += " with " + to_string(changed);
  return {Decision::Stop, std::move(reason),
          Ruling::Successor{exploit.parent->number, std::move(params)}};
}

}  // namespace hypertune

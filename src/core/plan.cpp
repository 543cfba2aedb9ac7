// The plan of a study: grid points times samples, with idempotent keys.
#include "core/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/text.h"
#include "core/choose.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// How many points of a cell differ, or `most` when that is less, when nothing is sampled in it, or
/// when they cannot be counted. `together`: cells that are to get the same values.
int count_samples(const SearchSpace& space, const Params& cell, std::span<const Params> together,
                  int most, int& tries_left) {
  const SearchSpace open = space.without(cell);
  int count = 0;
  bool repeats = false;
  const bool counted = for_each_point(
      open,
      [&](const Params& point) {
        repeats = !has_sampled(open, point);
        if (!repeats && allowed_in_cells(space, together, point)) ++count;
        return !repeats && count < most;
      },
      tries_left);
  return counted && !repeats ? count : most;
}

SearchSpace unconstrained(const SearchSpace& space) {
  SearchSpace copy;
  for (const Parameter& parameter : space.parameters()) copy.add(parameter);
  return copy;
}

}  // namespace

PlanSize plan_size(const SearchSpace& space, int num_samples, bool paired) {
  PlanSize size{.cells = space.grid_points()};
  if (!space.constraints().empty()) {
    size.forbidden_cells =
        static_cast<int>(unconstrained(space).grid_points().size() - size.cells.size());
  }
  size.samples.assign(size.cells.size(), num_samples);
  int tries_left = kMaxValuesTried;
  if (!paired) {
    for (std::size_t i = 0; i < size.cells.size(); ++i) {
      size.samples[i] = count_samples(space, size.cells[i], {}, num_samples, tries_left);
    }
  } else if (sampled_alike(space) && !size.cells.empty()) {
    const int draws = count_samples(space, size.cells.front(), size.cells, num_samples, tries_left);
    size.samples.assign(size.cells.size(), draws);
  }
  size.trials = std::accumulate(size.samples.begin(), size.samples.end(), 0);
  if (std::ranges::all_of(size.samples, [&](int samples) { return samples < num_samples; })) {
    size.exhausted = fmt::format("the space of {} is exhausted", count_of(size.trials, "point"));
  }
  return size;
}

std::vector<TrialPlan> grid_plan(const PlanSize& size, bool paired) {
  const std::vector<Params>& cells = size.cells;
  const int num_samples =
      cells.empty() ? 0 : *std::max_element(size.samples.begin(), size.samples.end());
  std::vector<TrialPlan> plans;
  for (int sample = 0; sample < num_samples; ++sample) {
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      if (sample >= size.samples[cell]) continue;
      const auto row = static_cast<std::uint64_t>(sample);
      plans.push_back({.key = fmt::format("grid/{}/{}", sample, cell),
                       .fixed = cells[cell],
                       .draw = paired ? row : row * cells.size() + cell});
    }
  }
  return plans;
}

void require_same_draws(const std::string& study, std::span<const TrialPlan> plans,
                        std::span<const TrialRecord> trials) {
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> draws;
  for (const TrialPlan& plan : plans) draws[plan.key] = plan.draw;
  for (const TrialRecord& trial : trials) {
    const auto now = draws.find(trial.plan.key);
    if (now == draws.end() || now->second == trial.plan.draw) continue;
    throw StudyMismatch(
        fmt::format("study \"{}\" was begun with the other setting of paired; restore it, or give "
                    "the changed study another name or another folder (--out)",
                    study));
  }
}

std::string successor_key(int number) { return fmt::format("next/{}", number); }

Ruling kept_allowed(const SearchSpace& space, std::span<const TrialRecord> trials, Ruling ruling) {
  if (!ruling.successor) return ruling;
  const Condition* constraint = space.violated(ruling.successor->params);
  const auto parent = std::ranges::find(trials, ruling.successor->parent, &TrialRecord::number);
  if (constraint == nullptr || parent == trials.end()) return ruling;
  Params params = parent->params;
  std::vector<std::string> kept;
  for (const auto& [name, value] : ruling.successor->params) {
    Params changed = params;
    changed.insert_or_assign(name, value);
    if (space.allows(changed)) {
      params = std::move(changed);
    } else {
      kept.push_back(name);
    }
  }
  ruling.reason += fmt::format("; it keeps {} of trial {}, for the constraint {}", join(kept, ", "),
                               parent->number, constraint->text());
  ruling.successor->params = std::move(params);
  return ruling;
}

TrialPlan successor_plan(int number, const Ruling::Successor& successor) {
  return {.key = successor_key(number), .fixed = successor.params, .parent = successor.parent};
}

TrialPlan repetition(const Storage& storage, StudyId study, const TrialRecord& trial,
                     std::string key, int attempt) {
  Params fixed = trial.plan.fixed;
  for (const auto& [name, value] : trial.params) fixed[name] = value;
  const bool saved = storage.checkpoint(study, trial.number).has_value();
  return {.key = std::move(key),
          .fixed = std::move(fixed),
          .draw = trial.draw(),
          .retry_of = trial.number,
          .attempt = attempt,
          .parent = saved ? std::optional(trial.number) : trial.plan.parent};
}

std::vector<TrialPlan> retry_plan(const Storage& storage, StudyId study, int max_attempts,
                                  Successors successors, const std::set<int>& planned) {
  constexpr std::array kFailed = {TrialState::Failed};
  std::vector<TrialRecord> failed = storage.trials_in(study, kFailed);
  std::erase_if(failed, [&](const TrialRecord& trial) {
    return planned.contains(trial.number) || !wants_retry(trial, max_attempts);
  });
  std::set<std::string, std::less<>> keys;
  if (successors == Successors::Possible && !failed.empty()) {
    for (const TrialRecord& trial : storage.trials(study)) keys.insert(trial.plan.key);
  }
  std::vector<TrialPlan> plans;
  for (const TrialRecord& trial : failed) {
    // A successor is planned before the trial ends: its worker may have died in between.
    if (keys.contains(successor_key(trial.number))) continue;
    // An interruption is nobody's fault: it does not count as an attempt.
    const int attempt = trial.plan.attempt + (trial.failure == Failure::Interrupted ? 0 : 1);
    plans.push_back(repetition(storage, study, trial,
                               fmt::format("retry/{}/{}", trial.number, attempt), attempt));
  }
  return plans;
}

}  // namespace hypertune

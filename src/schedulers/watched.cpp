// Reading the reports of the study's first objective.
#include "schedulers/watched.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/assert.h"
#include "base/text.h"
#include "core/loss.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr int kDigits = 4;  // of values in reasons

/// The first report at this step or after it.
auto lower_bound(const std::vector<Report>& reports, std::int64_t step) {
  return std::ranges::lower_bound(reports, step, {}, &Report::step);
}

}  // namespace

Watched::Watched(const History& history) {
  HT_ASSERT(!history.objectives.empty());
  objective_ = &history.objectives.front();
  maximize_ = objective_->direction == Direction::Maximize;
}

std::optional<Observation> Watched::read(const Report& report) const {
  const auto value = loss(*objective_, report.metrics);
  return value ? std::optional(Observation{report.step, *value}) : std::nullopt;
}

std::optional<Observation> Watched::latest(const TrialRecord& trial) const {
  return trial.reports.empty() ? std::nullopt : read(trial.reports.back());
}

std::optional<Observation> Watched::previous(const TrialRecord& trial) const {
  if (trial.reports.empty()) return std::nullopt;
  for (auto report = trial.reports.rbegin() + 1; report != trial.reports.rend(); ++report) {
    if (const auto found = read(*report)) return found;
  }
  return std::nullopt;
}

std::optional<Observation> Watched::at(const TrialRecord& trial, std::int64_t step) const {
  const auto report = lower_bound(trial.reports, step);
  if (report == trial.reports.end() || report->step != step) return std::nullopt;
  return read(*report);
}

std::optional<Observation> Watched::first_from(const TrialRecord& trial, std::int64_t step) const {
  for (auto report = lower_bound(trial.reports, step); report != trial.reports.end(); ++report) {
    if (const auto found = read(*report)) return found;
  }
  return std::nullopt;
}

std::vector<Observation> Watched::all(const TrialRecord& trial) const {
  std::vector<Observation> found;
  found.reserve(trial.reports.size());
  for (const Report& report : trial.reports) {
    if (const auto observation = read(report)) found.push_back(*observation);
  }
  return found;
}

std::string Watched::text(double loss) const {
  return fmt::format("{} {}", metric(), format_number(value(loss), kDigits));
}

std::optional<Observation> due(const Watched& watched, const TrialRecord& trial,
                               std::int64_t warmup_steps, std::int64_t interval_steps) {
  const auto latest = watched.latest(trial);
  if (!latest || latest->step < warmup_steps) return std::nullopt;
  const std::int64_t decides_from = latest->step - (latest->step - warmup_steps) % interval_steps;
  const auto previous = watched.previous(trial);
  return previous && previous->step >= decides_from ? std::nullopt : latest;
}

void require_steps(std::int64_t warmup_steps, std::int64_t interval_steps) {
  if (warmup_steps < 0) {
    throw ConfigError(fmt::format("warmup_steps must be 0 or more, not {}", warmup_steps));
  }
  if (interval_steps < 1) {
    throw ConfigError(fmt::format("interval_steps must be 1 or more, not {}", interval_steps));
  }
}

}  // namespace hypertune

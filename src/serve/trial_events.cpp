// What happened to a trial between two looks at it, in words.
#include "serve/trial_events.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "serve/trial_table.h"

namespace hypertune {
namespace {

constexpr int kDigits = 4;
constexpr std::size_t kMostMetrics = 3;
constexpr std::size_t kLongestText = 300;

/// `val_accuracy 0.93, loss 0.2`: the objectives first.
std::string metrics_text(const Metrics& metrics, std::span<const Objective> objectives) {
  std::vector<std::string> parts;
  const auto add = [&](const std::string& name, double value) {
    if (parts.size() < kMostMetrics) {
      parts.push_back(fmt::format("{} {}", name, format_number(value, kDigits)));
    }
  };
  for (const Objective& objective : objectives) {
    const auto found = metrics.find(objective.metric);
    if (found != metrics.end()) add(found->first, found->second);
  }
  // Beside an objective the others are left to the table.
  if (parts.empty()) {
    for (const auto& [name, value] : metrics) add(name, value);
  }
  return join(parts, ", ");
}

std::string duration_text(double seconds) {
  constexpr double kMinute = 60;
  return seconds < kMinute ? fmt::format("{} s", format_number(seconds, 2))
                           : format_duration(seconds);
}

std::string started_text(const TrialRecord& trial) {
  std::string text = fmt::format("trial {} started", trial.number);
  if (!trial.params.empty()) text += ": " + to_string(trial.params);
  return text;
}

std::string reported_text(const TrialRecord& trial, std::span<const Objective> objectives,
                          std::size_t count) {
  const Report& last = trial.reports.back();
  std::string text = fmt::format("trial {} reported {} at step {}", trial.number,
                                 metrics_text(last.metrics, objectives), last.step);
  if (count > 1) {
    text += fmt::format(" (and {} before)", count_of(static_cast<long long>(count - 1), "step"));
  }
  return text;
}

std::string ended_text(const TrialRecord& trial, std::span<const Objective> objectives) {
  std::string text = fmt::format("trial {} ended: {}", trial.number, state_label(trial.state));
  const std::string metrics = metrics_text(trial.metrics, objectives);
  if (!metrics.empty()) text += ", " + metrics;
  if (const auto duration = trial.duration_s()) text += " in " + duration_text(*duration);
  if (!trial.reason.empty()) text += fmt::format(" ({})", plain_text(trial.reason));
  return text;
}

}  // namespace

bool SeenTrial::same_as(const TrialRecord& trial) const {
  return state == trial.state && lease == trial.lease && params == trial.params.size() &&
         reports == trial.reports.size() && started == trial.started;
}

SeenTrial seen(const TrialRecord& trial) {
  return {trial.state, trial.lease, trial.params.size(), trial.reports.size(), trial.started};
}

std::int64_t milliseconds_since_epoch(TimePoint time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

bool announces_later(const TrialRecord& trial, const std::optional<SeenTrial>& before) {
  return trial.state == TrialState::Running && trial.params.empty() && trial.reports.empty() &&
         (!before || before->state == TrialState::Waiting);
}

Json trial_event(StudyId study, std::span<const Objective> objectives, const TrialRecord& trial,
                 const std::optional<SeenTrial>& before, TimePoint now) {
  const std::size_t reported = before ? before->reports : 0;
  const char* what = nullptr;
  std::string text;
  TimePoint at = now;
  if (is_final(trial.state)) {
    what = "ended";
    text = ended_text(trial, objectives);
    at = trial.ended.value_or(now);
  } else if (trial.state == TrialState::Paused) {
    if (before && before->state == TrialState::Paused) return nullptr;
    what = "paused";
    text = fmt::format("trial {} paused", trial.number);
  } else if (trial.state == TrialState::Waiting) {
    if (before && before->state == TrialState::Waiting) return nullptr;
    what = "planned";
    text = fmt::format("trial {} {}", trial.number, before ? "waits again" : "was planned");
  } else if (trial.reports.size() > reported) {
    what = "reported";
    text = reported_text(trial, objectives, trial.reports.size() - reported);
  } else if (!before || before->state != TrialState::Running || !before->announced) {
    if (announces_later(trial, before)) return nullptr;
    what = "started";
    const bool goes_on = before && before->state == TrialState::Paused;
    text = goes_on ? fmt::format("trial {} goes on", trial.number) : started_text(trial);
    if (!goes_on) at = trial.started.value_or(now);
  } else {
    return nullptr;
  }
  return {{"study", study},
          {"number", trial.number},
          {"state", state_label(trial.state)},
          {"what", what},
          {"text", shorten(text, kLongestText)},
          {"at_ms", milliseconds_since_epoch(at)}};
}

}  // namespace hypertune

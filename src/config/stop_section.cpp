// [stop]: what ends a study before its plan is done.
#include <fmt/format.h>

#include <limits>

#include "base/text.h"
#include "config/algorithm.h"
#include "config/sections.h"

namespace hypertune {
namespace {

constexpr std::int64_t kMaxTrials = 100'000;
constexpr double kMaxSeconds = 1e9;
constexpr Range kNotNegative{.low = 0};
constexpr Range kAboveZero{.low = 0, .open = Range::Open::Low};

int read_trials(const Entry& entry) { return static_cast<int>(entry.whole(1, kMaxTrials)); }

void read_min_improvement(const Entry& entry, StudyFile& file) {
  file.stop.min_improvement = option_types::number_in(entry, kNotNegative);
  if (!file.stop.no_improvement) {
    entry.fail_at_key(
        "stop.min_improvement says what counts for no_improvement, which is not there; add it, "
        "such as no_improvement = 20");
  }
  if (file.spec.objectives.size() > 1) {
    entry.fail_at_key(
        "stop.min_improvement goes with one objective; with several, a trial improves what it "
        "adds to the Pareto front; drop it");
  }
}

constexpr Key<StudyFile> kStopKeys[] = {
    {"trials", [](const Entry& entry, StudyFile& file) { file.stop.trials = read_trials(entry); }},
    {"target", [](const Entry& entry,
                  StudyFile& file) { file.stop.target = option_types::number_in(entry, Range{}); }},
    {"no_improvement",
     [](const Entry& entry, StudyFile& file) { file.stop.no_improvement = read_trials(entry); }},
    {"min_improvement", read_min_improvement},
    {"expected_improvement",
     [](const Entry& entry, StudyFile& file) {
       file.stop.expected_improvement = option_types::number_in(entry, kAboveZero);
     }},
    {"time_s", [](const Entry& entry, StudyFile& file) {
       const Range range{.low = 0, .high = kMaxSeconds, .open = Range::Open::Low};
       file.tune.time_limit = std::chrono::duration<double>(option_types::number_in(entry, range));
     }}};

}  // namespace

void read_stop(const Entry& section, StudyFile& file) { read_table(section, kStopKeys, file); }

std::vector<std::string> stop_keys() { return names_of(kStopKeys); }

std::vector<std::string> stop_rules(const StudyFile& file) {
  std::vector<std::string> rules;
  const auto add = [&](std::string_view key, const auto& value) {
    if (value) rules.push_back(fmt::format("{} = {}", key, *value));
  };
  add("trials", file.stop.trials);
  add("target", file.stop.target);
  add("no_improvement", file.stop.no_improvement);
  if (file.stop.min_improvement > 0) {
    rules.push_back(fmt::format("min_improvement = {}", file.stop.min_improvement));
  }
  add("expected_improvement", file.stop.expected_improvement);
  if (file.tune.time_limit) {
    rules.push_back(fmt::format("time_s = {}", format_number(file.tune.time_limit->count())));
  }
  return rules;
}

std::vector<std::unique_ptr<Stopper>> make_stoppers(const StopRules& rules) {
  std::vector<std::unique_ptr<Stopper>> stoppers;
  if (rules.trials) stoppers.push_back(trials_stopper(*rules.trials));
  if (rules.target) stoppers.push_back(target_stopper(*rules.target));
  if (rules.no_improvement) {
    stoppers.push_back(no_improvement_stopper(*rules.no_improvement, rules.min_improvement));
  }
  if (rules.expected_improvement) {
    stoppers.push_back(expected_improvement_stopper({.bound = *rules.expected_improvement}));
  }
  return stoppers;
}

}  // namespace hypertune

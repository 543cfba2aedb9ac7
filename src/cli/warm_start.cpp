// What the sampler of a run learns from before its first trial, and what it says of itself.
#include "cli/warm_start.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/stored_study.h"
#include "core/earlier.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::string_view kSection = "[warm_start]";

StoredStudy open_earlier(const WarmStart& from) {
  const std::string where =
      from.store.empty() ? default_run_folder(from.study).string() : from.store;
  try {
    return open_stored_study({.where = where, .name = from.study});
  } catch (const Error& error) {
    throw ConfigError(fmt::format("{} {}", kSection, error.what()));
  }
}

/// Why nothing can be learned from the trials.
std::string obstacle(const StudySpec& spec, std::span<const TrialRecord> trials) {
  StudySpec any_space = spec;
  any_space.space = SearchSpace();
  if (!learnable(any_space, trials).empty()) {
    return "no trial of it has a value that the space allows";
  }
  std::vector<std::string> metrics;
  for (const Objective& objective : spec.objectives) metrics.push_back(objective.metric);
  return fmt::format("no trial of it is complete with {}", join(metrics, " and "));
}

}  // namespace

EarlierTrials earlier_trials(const StudyFile& file) {
  if (!file.warm_start) return {};
  const StoredStudy from = open_earlier(*file.warm_start);
  const std::string name = from.storage->spec(from.id).name;
  const std::vector<TrialRecord> all = from.storage->trials(from.id);
  std::vector<TrialRecord> trials =
      best_and_latest(file.spec.objectives, learnable(file.spec, all),
                      static_cast<std::size_t>(file.warm_start->trials));
  if (trials.empty()) {
    throw ConfigError(fmt::format(
        "{} study \"{}\" in {} teaches nothing: {}; name another study, or remove the section",
        kSection, name, from.folder.string(), obstacle(file.spec, all)));
  }
  std::string origin =
      fmt::format("{} of study \"{}\" in {}", count_of(std::ssize(trials), "trial"), name,
                  from.folder.string());
  return {std::move(trials), std::move(origin)};
}

std::string sampler_text(const StudyFile& file, std::span<const TrialRecord> trials,
                         std::span<const TrialRecord> earlier) {
  std::vector<TrialRecord> begun;
  std::ranges::copy_if(trials, std::back_inserter(begun),
                       [](const TrialRecord& trial) { return trial.state != TrialState::Waiting; });
  const History history{.objectives = file.spec.objectives,
                        .trials = begun,
                        .seed = file.spec.seed,
                        .number = static_cast<int>(begun.size()),
                        .earlier = earlier};
  return file.sampler.make()->explain(file.spec.space, history);
}

}  // namespace hypertune

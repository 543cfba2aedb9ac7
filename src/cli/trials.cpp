// `hypertune trials`: the trials of a study as a table, CSV or JSON lines.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/stored_study.h"
#include "cli/table.h"
#include "cli/trial_columns.h"
#include "hypertune/error.h"
#include "report/trials_csv.h"

namespace hypertune {
namespace {

struct TrialsOptions {
  StudyArgument study;
  std::string sort;
  bool csv = false;
  bool json = false;
};

/// By the metric, best first; trials without it come last.
void sort_by_metric(std::vector<TrialRecord>& trials, const std::string& metric,
                    const StudySpec& spec) {
  const std::vector<std::string> known = metric_names(spec, trials);
  if (std::find(known.begin(), known.end(), metric) == known.end()) {
    throw ConfigError(fmt::format("--sort {}: no trial has this metric{}; there are {}", metric,
                                  did_you_mean(metric, known), join(known, ", ")));
  }
  const auto objective = std::find_if(spec.objectives.begin(), spec.objectives.end(),
                                      [&](const Objective& o) { return o.metric == metric; });
  const bool descending =
      objective != spec.objectives.end() && objective->direction == Direction::Maximize;
  const auto key = [&](const TrialRecord& trial) {
    const auto value = trial.metrics.find(metric);
    if (value == trial.metrics.end() || std::isnan(value->second)) return std::pair(1, 0.0);
    return std::pair(0, descending ? -value->second : value->second);
  };
  std::stable_sort(trials.begin(), trials.end(),
                   [&](const TrialRecord& a, const TrialRecord& b) { return key(a) < key(b); });
}

int print_trials(const TrialsOptions& options) {
  const StoredStudy study = open_stored_study(options.study);
  std::vector<TrialRecord> trials = study.storage->trials(study.id);
  if (!options.sort.empty()) sort_by_metric(trials, options.sort, study.spec);
  if (options.json) {
    for (const TrialRecord& trial : trials) fmt::print("{}", json_line(trial_json(trial)));
    return kDone;
  }
  if (options.csv) {
    fmt::print("{}", trials_csv(study.spec, trials));
    return kDone;
  }
  if (trials.empty()) {
    fmt::print("study \"{}\" has no trials yet\n", study.spec.name);
    return kDone;
  }
  fmt::print("{}", format_table(trial_rows(study.spec, trials)));
  return kDone;
}

}  // namespace

void add_trials_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand("trials", "List the trials of a study");
  auto options = std::make_shared<TrialsOptions>();
  add_study_argument(*command, options->study);
  command->add_option("--sort", options->sort, "Sort by this metric, best first")
      ->type_name("METRIC");
  CLI::Option* csv =
      command->add_flag("--csv", options->csv, "Comma-separated values, numbers in full");
  command->add_flag("--json", options->json, "One JSON object a line, with all reports")
      ->excludes(csv);
  command->footer(
      "Examples:\n"
      "  hypertune trials runs/my-study --sort val_accuracy\n"
      "  hypertune trials study.toml --csv > trials.csv");
  command->callback(
      [options, &call] { call.action = [options] { return print_trials(*options); }; });
}

}  // namespace hypertune

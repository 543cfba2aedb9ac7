// `hypertune best`: the best trial of a study.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/app.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/stored_study.h"
#include "cli/table.h"
#include "cli/trial_columns.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr int kDigits = 6;

struct BestOptions {
  StudyArgument study;
  bool json = false;
};

void print_trial(const TrialRecord& trial, const StudySpec& spec) {
  std::vector<TableRow> rows = {{"metric", "value"}};
  for (const std::string& name : metric_names(spec, {&trial, 1})) {
    const auto value = trial.metrics.find(name);
    if (value != trial.metrics.end()) rows.push_back({name, format_number(value->second, kDigits)});
  }
  fmt::print("trial {}\n{}", trial.number, format_table(rows, "  "));
  rows = {{"parameter", "value"}};
  for (const auto& [name, value] : trial.params) rows.push_back({name, to_string(value)});
  fmt::print("{}", format_table(rows, "  "));
}

/// With several objectives: every trial that no other dominates.
int print_best(const BestOptions& options) {
  const StoredStudy study = open_stored_study(options.study);
  const std::vector<TrialRecord> trials = study.storage->trials(study.id);
  std::vector<const TrialRecord*> best;
  if (study.spec.objectives.size() == 1) {
    const TrialRecord* one = best_trial(study.spec.objectives.front(), trials);
    if (one != nullptr) best.push_back(one);
  } else {
    best = pareto_front({study.spec.objectives, trials});
  }
  if (best.empty()) {
    throw Error(
        fmt::format("study \"{}\" has no complete trial yet: run it first", study.spec.name));
  }
  for (const TrialRecord* trial : best) {
    if (options.json) {
      fmt::print("{}", json_line(trial_json(*trial)));
    } else {
      print_trial(*trial, study.spec);
    }
  }
  return kDone;
}

}  // namespace

void add_best_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand(
      "best", "Print the best trial of a study (with several objectives: all that none dominates)");
  auto options = std::make_shared<BestOptions>();
  add_study_argument(*command, options->study);
  command->add_flag("--json", options->json, "One JSON object a line");
  command->footer(
      "Examples:\n"
      "  hypertune best runs/my-study\n"
      "  hypertune best study.toml --json");
  command->callback([options, &call] { call.action = [options] { return print_best(*options); }; });
}

}  // namespace hypertune

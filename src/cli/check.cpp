// `hypertune check`: what a run of a study file would do, without doing it.
#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/shell_words.h"
#include "base/text.h"
#include "cli/app.h"
#include "cli/confirmation.h"
#include "cli/evaluation.h"
#include "cli/exit_code.h"
#include "cli/launched_run.h"
#include "cli/provenance.h"
#include "cli/run_folder.h"
#include "cli/stored_study.h"
#include "cli/study_plan.h"
#include "cli/table.h"
#include "cli/warm_start.h"
#include "core/plan.h"
#include "hypertune/error.h"
#include "report/sections.h"
#include "train/datasets.h"

namespace hypertune {
namespace {

struct CheckOptions {
  StudyFileArgument study;
  bool no_probe = false;
};

std::string values_of(const Parameter& parameter) {
  if (parameter.role == Role::Sampled) return to_string(parameter.domain);
  std::vector<std::string> values;
  for (const Value& value : std::get<CategoricalDomain>(parameter.domain).choices) {
    values.push_back(to_string(value));
  }
  return join(values, ", ");
}

std::string role_of(const Parameter& parameter) {
  switch (parameter.role) {
    case Role::Sampled:
      return "sampled";
    case Role::Grid:
      return "grid";
    case Role::Constant:
      return "constant";
  }
  return {};
}

std::vector<TableRow> space_rows(const SearchSpace& space) {
  std::vector<TableRow> rows;
  for (const Parameter& parameter : space.parameters()) {
    rows.push_back({parameter.name, role_of(parameter), values_of(parameter),
                    parameter.when ? "when " + parameter.when->text() : ""});
  }
  return rows;
}

std::string objectives_of(const StudySpec& spec) {
  std::vector<std::string> parts;
  for (const Objective& objective : spec.objectives) {
    parts.push_back(
        fmt::format("{} {}", objective.direction == Direction::Maximize ? "maximize" : "minimize",
                    objective.metric));
  }
  return join(parts, ", ");
}

std::string trials_of(const StudyFile& study) {
  const PlanSize size = plan_size(study.spec.space, study.tune.num_samples, study.tune.paired);
  const int wanted = static_cast<int>(size.cells.size()) * study.tune.num_samples;
  std::string text = count_of(size.trials, "trial");
  if (size.cells.size() > 1) {
    text +=
        fmt::format(": {} for each of {} grid points", study.tune.num_samples, size.cells.size());
  }
  if (size.trials < wanted) {
    text +=
        fmt::format(", less {} because there are no more points to sample", wanted - size.trials);
  }
  if (size.forbidden_cells > 0) {
    text +=
        fmt::format("; the constraints leave out {}", count_of(size.forbidden_cells, "grid point"));
  }
  if (study.tune.paired) text += ", paired: cells of a sample share what is sampled and the seed";
  return text;
}

std::string study_state(const PlanCount& count, bool stored) {
  if (!stored) return "new";
  return fmt::format("{} done, {} failed, {} to run", count.done, count.failed, count.open());
}

void print_place(const RunPlace& place, const std::string& state) {
  if (place.has_own_database()) {
    fmt::print("Folder     {} ({})\n", place.folder.string(), state);
  } else {
    fmt::print("Folder     {}\nStore      {} ({})\n", place.folder.string(), place.shown(), state);
  }
}

/// A program cannot be timed: nobody knows how much of a trial is enough.
int check_program(const StudyFile& study, const StoredRun& before) {
  std::vector<const char*> words;
  for (const std::string& word : study.command->argv) words.push_back(word.c_str());
  fmt::print("Program    {}\n", shell_line(words));
  fmt::print("Claims     {}\n", study.experiment.claims.size());
  const Evaluation evaluation(study, before.provenance);
  require_same_trainer(before.provenance, evaluation.facts(), study.spec.name);
  fmt::print("Estimate   {}\n", count_plan(study, before.trials).open() == 0
                                    ? "nothing is left to run"
                                    : "not possible for a program");
  return kDone;
}

/// Where the wanted data sets are; the first that is here, or nothing.
std::optional<std::string> print_data(const std::vector<std::string>& wanted) {
  std::optional<std::string> chosen;
  for (const std::string& name : wanted) {
    const DatasetInfo info = dataset_info(name);
    fmt::print("Data       {}: {}\n", name,
               info.found ? info.found->string() : "not here; " + info.how_to_get);
    if (info.found && !chosen) chosen = name;
  }
  return chosen;
}

std::string option_text(const Json& value) {
  return value.is_string() ? value.get<std::string>() : dump_json(value);
}

void print_trainer(const Json& facts) {
  if (const auto trainer = facts.find("trainer"); trainer != facts.end() && trainer->is_object()) {
    std::vector<std::string> parts;
    for (const auto& [name, value] : trainer->items()) {
      parts.push_back(fmt::format("{} = {}", name, option_text(value)));
    }
    fmt::print("Trainer    {}\n", join(parts, ", "));
  }
  if (facts.contains("engine")) fmt::print("Engine     {}\n", describe_engine(facts["engine"]));
  if (facts.contains("model")) fmt::print("Model      {}\n", option_text(facts["model"]));
}

/// Trains one epoch at each end of the grid; the first sample's values stand for all.
double seconds_of_trials(const StudyFile& study, const TrainerExecutor& trainer, int open) {
  const auto sampler = study.sampler.make();
  const std::vector<Params> cells = study.spec.space.grid_points();
  std::vector<Params> probed = {cells.front()};
  if (cells.size() > 1) probed.push_back(cells.back());
  double seconds = 0;
  for (const Params& cell : probed) {
    Params params = sampler->sample(study.spec.space.without(cell),
                                    {study.spec.objectives, {}, study.spec.seed},
                                    Rng::for_trial(study.spec.seed, 0));
    for (const auto& [name, value] : cell) params[name] = value;
    const TrainerExecutor::Probe probe = trainer.probe(params);
    seconds += probe.epoch_s * static_cast<double>(probe.epochs);
  }
  return seconds / static_cast<double>(probed.size()) * open;
}

void print_estimate(const StudyFile& study, const TrainerExecutor& trainer, int open) {
  const double seconds = seconds_of_trials(study, trainer, open);
  const char* timed = study.spec.space.grid_points().size() > 1
                          ? "one epoch was timed at the first and at the last grid point"
                          : "one epoch was timed";
  const int workers = std::min(study.tune.workers, open);
  fmt::print("Estimate   about {} for {} on {} ({}, alone on its core)\n",
             format_duration(seconds / workers), count_of(open, "trial"),
             count_of(workers, "worker"), timed);
}

int check_study(const CheckOptions& arguments) {
  const StudyFile study = arguments.study.load();
  const RunPlace place = arguments.study.place(study);
  const auto stored = find_run(place, study);
  const StoredRun before = stored.value_or(StoredRun());
  const PlanCount count = count_plan(study, before.trials);
  const EarlierTrials earlier = stored ? EarlierTrials() : earlier_trials(study);
  TrainerOptions options = study.trainer;
  if (count.open() > 0 && !study.command && !study.ask) {
    options = resumed_options(std::move(options), before.provenance, study.spec.name);
  }

  fmt::print("Study      {}: {}, seed {}\n", study.spec.name, objectives_of(study.spec),
             study.spec.seed);
  print_place(place, study_state(count, stored.has_value()));
  fmt::print("Space\n{}", format_table(space_rows(study.spec.space), "  "));
  for (const Condition& constraint : study.spec.space.constraints()) {
    fmt::print("Constraint {}\n", constraint.text());
  }
  fmt::print("Trials     {}\n", trials_of(study));
  if (const auto rules = stop_rules(study); !rules.empty()) {
    fmt::print("Stop       {}\n", join(rules, ", "));
  }
  fmt::print("Search     sampler {}, scheduler {}, {}{}\n", to_string(study.sampler),
             to_string(study.scheduler), count_of(study.tune.workers, "worker"),
             study.tune.lag ? fmt::format(", lag {}", *study.tune.lag) : "");
  if (const auto text = sampler_text(study, before.trials, earlier.trials); !text.empty()) {
    fmt::print("Sampler    {}\n", text);
  } else if (!study.why_sampler.empty()) {
    fmt::print("Sampler    {}, {}\n", study.sampler.name, study.why_sampler);
  }
  if (!earlier.origin.empty()) fmt::print("Learns     from {}\n", earlier.origin);
  if (!study.launcher.name.empty()) {
    // The store is no part of the file: what is missing is said, and the rest is checked.
    const std::string obstacle = launcher_obstacle(study.launcher, place);
    fmt::print("Launcher   {}{}\n", study.launcher.name, obstacle.empty() ? "" : "; " + obstacle);
  }
  if (study.ask) {
    fmt::print("Evaluation by whoever asks, for {} at a time\n",
               format_duration(static_cast<double>(study.ask->lease.count())));
    return kDone;
  }
  if (study.command) return check_program(study, before);
  fmt::print("Training   backend {} on {}, precision {}{}\n", options.backend, options.device,
             join(precisions(study), " or "),
             study.isolation == Isolation::Process ? ", in processes of its own" : "");
  fmt::print("Claims     {}\n", study.experiment.claims.size());
  const auto dataset = print_data(options.dataset);
  if (arguments.no_probe) return kDone;
  if (count.open() == 0) {
    const bool confirms = trial_to_confirm(study, before.trials, before.confirmation) != nullptr;
    fmt::print("Estimate   {}\n", confirms ? "the best trial is left to be trained again in f32"
                                           : "nothing is left to run");
    return kDone;
  }
  if (!dataset) {
    fmt::print("Estimate   not possible before the data are here\n");
    return kDone;
  }
  options.dataset = {*dataset};  // checking downloads nothing
  const auto trainer = cnn_trainer(options, study.spec.seed);
  const Json facts = parse_json(trainer->provenance(study.spec.space));
  require_same_trainer(before.provenance, facts, study.spec.name);
  print_trainer(facts);
  print_estimate(study, *trainer, count.open());
  return kDone;
}

}  // namespace

void add_check_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("check", "Check a study file and print what a run would do");
  auto options = std::make_shared<CheckOptions>();
  add_study_file_argument(*command, options->study);
  command->add_flag("--no-probe", options->no_probe,
                    "Do not load data and train an epoch to estimate the time");
  command->footer(
      "Examples:\n"
      "  hypertune check study.toml\n"
      "  hypertune check study.toml --set tune.num_samples=50 --no-probe");
  command->callback(
      [options, &call] { call.action = [options] { return check_study(*options); }; });
}

}  // namespace hypertune

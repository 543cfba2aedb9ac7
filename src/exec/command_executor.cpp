// Trials that are runs of a program: what each is given.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/files.h"
#include "base/json.h"
#include "base/text.h"
#include "exec/argument_template.h"
#include "exec/output_patterns.h"
#include "exec/program_run.h"
#include "exec/slots.h"
#include "exec/trial_folders.h"
#include "hypertune/command.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// The system takes no longer variable; the file holds the same.
constexpr std::size_t kMaxVariable = 100 * 1024;
/// What stands for the trial's folder as working directory.
constexpr std::string_view kTrialFolder = "{trial_dir}";
/// Leaves 31 bits, which the generators of all languages take.
constexpr int kSeedShift = 33;

class CommandExecutor final : public Executor {
 public:
  CommandExecutor(CommandOptions options, std::filesystem::path folder, std::string study,
                  int workers)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        study_(std::move(study)),
        arguments_(options_.argv),
        patterns_(options_.patterns, options_.step_pattern),
        slots_(options_, workers) {}

  Outcome run(Trial& trial, std::stop_token stop) override {
    const Slots::Lease slot(slots_);
    const TrialFolders folders = make_trial_folders(folder_, trial.record());
    const TrialFacts facts{.study = study_,
                           .number = trial.number(),
                           .attempt = trial.record().plan.attempt,
                           .seed = trial.seed() >> kSeedShift,
                           .trial_dir = folders.trial.string(),
                           .checkpoint_dir = folders.checkpoint.string()};
    ProgramStart start{.options = options_,
                       .argv = arguments_.fill(trial.params(), facts),
                       .environment = environment(trial.params(), facts),
                       .working_directory = options_.working_directory,
                       .folders = folders,
                       .slot = *slot};
    if (options_.working_directory == kTrialFolder) {
      start.working_directory = folders.trial;
      std::string& program = start.argv.front();
      if (program.find('/') != std::string::npos) program = std::filesystem::absolute(program);
    }
    return ProgramRun(trial, std::move(start), patterns_, std::move(stop)).run();
  }

 private:
  std::map<std::string, std::string> environment(const Params& params,
                                                 const TrialFacts& facts) const {
    const std::filesystem::path file = std::filesystem::path(facts.trial_dir) / "params.json";
    const std::string json = dump_json(to_json(params));
    write_file(file, json + "\n");
    std::map<std::string, std::string> environment = options_.environment;
    environment["HYPERTUNE_PARAMS_FILE"] = file.string();
    environment["HYPERTUNE_PARAMS"] = json.size() <= kMaxVariable ? json : "";
    environment["HYPERTUNE_STUDY"] = facts.study;
    environment["HYPERTUNE_TRIAL"] = std::to_string(facts.number);
    environment["HYPERTUNE_ATTEMPT"] = std::to_string(facts.attempt);
    environment["HYPERTUNE_SEED"] = std::to_string(facts.seed);
    environment["HYPERTUNE_TRIAL_DIR"] = facts.trial_dir;
    environment["HYPERTUNE_CHECKPOINT_DIR"] = facts.checkpoint_dir;
    return environment;
  }

  CommandOptions options_;
  std::filesystem::path folder_;
  std::string study_;
  ArgumentTemplate arguments_;
  OutputPatterns patterns_;
  Slots slots_;
};

void check_numbers(const CommandOptions& options) {
  const auto require = [](bool fine, std::string_view what) {
    if (!fine) throw ConfigError(fmt::format("[command] {}", what));
  };
  require(options.grace.count() >= 0, "grace_s must be 0 or more");
  require(!options.time_limit || options.time_limit->count() > 0, "time_limit_s must be above 0");
  require(options.memory_limit_bytes >= 0, "memory_limit_mb must be 0 or more");
  require(options.cpus >= 0 && options.gpus >= 0, "cpus and gpus must be 0 or more");
  require(options.keep_output_bytes >= 0, "keep_output_kb must be 0 or more");
}

void check_place(const ArgumentTemplate& arguments, const ArgumentTemplate::Place& place,
                 const SearchSpace& space) {
  const std::vector<std::string>& reserved = reserved_names();
  if (std::ranges::find(reserved, place.name) != reserved.end()) return;
  const Parameter* parameter = space.find(place.name);
  if (parameter == nullptr) {
    std::vector<std::string> known = reserved;
    for (const Parameter& each : space.parameters()) known.push_back(each.name);
    const std::string near = did_you_mean(place.name, known);
    throw ConfigError(fmt::format("\"{{{}}}\" in argv names no parameter{}", place.name,
                                  near.empty() ? "; the names are " + join(known, ", ") : near));
  }
  const auto* values = std::get_if<CategoricalDomain>(&parameter->domain);
  if (values == nullptr) return;
  for (const Value& value : values->choices) arguments.check(place.name, value);
}

}  // namespace

void check_command(const CommandOptions& options, const SearchSpace& parameters) {
  check_numbers(options);
  const ArgumentTemplate arguments(options.argv);
  const OutputPatterns patterns(options.patterns, options.step_pattern);
  for (const std::string& name : reserved_names()) {
    if (parameters.find(name) == nullptr) continue;
    throw ConfigError(fmt::format(
        "no parameter can be called \"{0}\": {{{0}}} in argv has a meaning of its own; give it "
        "another name",
        name));
  }
  for (const auto& place : arguments.places()) check_place(arguments, place, parameters);
}

std::unique_ptr<Executor> command_executor(CommandOptions options, std::filesystem::path folder,
                                           std::string study, int workers) {
  check_numbers(options);
  if (workers < 1) throw ConfigError("workers must be at least 1");
  return std::make_unique<CommandExecutor>(std::move(options), std::move(folder), std::move(study),
                                           workers);
}

}  // namespace hypertune

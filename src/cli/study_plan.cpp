// Study files as commands take them, and how much of their plan is done.
#include "cli/study_plan.h"

#include <algorithm>
#include <thread>

#include "cli/run_state.h"
#include "cli/stored_study.h"
#include "core/plan.h"

namespace hypertune {
namespace {

constexpr int kMaxWorkers = 1024;

}  // namespace

StudyFile StudyFileArgument::load() const {
  StudyFile study = load_study_file(file, overrides);
  if (workers > 0) study.tune.workers = workers;
  if (study.tune.workers < 1) {
    study.tune.workers = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  }
  check_options(study.tune);
  size_sampler(study);
  check_lag(study.tune.lag, *study.scheduler.make());
  return study;
}

RunPlace StudyFileArgument::place(const StudyFile& study) const {
  return {.folder = out.empty() ? default_run_folder(study.spec.name) : std::filesystem::path(out),
          .storage = storage.empty() ? storage_from_environment() : storage};
}

void add_storage_option(CLI::App& command, std::string& storage, const std::string& help) {
  command.add_option("--storage", storage, help)->type_name("URL");
}

void add_study_file_argument(CLI::App& command, StudyFileArgument& argument) {
  command.add_option("FILE", argument.file, "Study file (TOML)")->required()->type_name("");
  command
      .add_option("--set", argument.overrides,
                  "Replace a key of the study file, by its dotted name; may be repeated")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command.add_option("--out", argument.out, "Run folder (default: runs/ and the study's name)")
      ->type_name("DIR");
  add_storage_option(command, argument.storage,
                     "Store of the study: sqlite:///FILE, postgresql://... or a path (default: "
                     "HYPERTUNE_STORAGE, or else study.db in the run folder)");
  command
      .add_option("--workers", argument.workers,
                  "Trials that run at once, each on one thread (default: as the file says)")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxWorkers));
}

PlanCount count_plan(const StudyFile& study, std::span<const TrialRecord> trials) {
  const auto stored = std::count_if(trials.begin(), trials.end(),
                                    [](const TrialRecord& trial) { return !trial.plan.retry_of; });
  const std::ptrdiff_t wanted =
      plan_size(study.spec.space, study.tune.num_samples, study.tune.paired).trials;
  PlanCount count{.planned = static_cast<int>(std::max(stored, wanted))};
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::Complete || trial.state == TrialState::Pruned) ++count.done;
    if (failed_for_good(trial, study.tune.max_attempts)) ++count.failed;
  }
  return count;
}

std::string reason_to_end(const StudyFile& study, std::span<const TrialRecord> trials) {
  std::optional<int> next;
  std::vector<TrialRecord> begun;
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::Running || trial.state == TrialState::Paused) return "";
    if (trial.state != TrialState::Waiting) begun.push_back(trial);
    if (trial.state == TrialState::Waiting && !next) next = trial.number;
  }
  if (!next) {
    const StudyFile& s = study;
    return plan_size(s.spec.space, s.tune.num_samples, s.tune.paired).exhausted.value_or("");
  }
  History history{study.spec.objectives, begun, study.spec.seed, *next};
  if (study.tune.lag) {
    const auto known = static_cast<std::size_t>(std::max(0, *next - *study.tune.lag));
    history.trials = history.trials.first(std::min(known, begun.size()));
  }
  for (const auto& stopper : make_stoppers(study.stop)) {
    if (const auto reason = stopper->reason_to_stop(study.spec.space, history)) return *reason;
  }
  return "";
}

}  // namespace hypertune

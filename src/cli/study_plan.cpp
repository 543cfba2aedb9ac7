// Study files as commands take them, and how much of their plan is done.
#include "cli/study_plan.h"

#include <algorithm>
#include <thread>

#include "cli/run_state.h"
#include "cli/stored_study.h"

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
  return study;
}

std::filesystem::path StudyFileArgument::run_folder(const StudyFile& study) const {
  return out.empty() ? default_run_folder(study.spec.name) : std::filesystem::path(out);
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
  command
      .add_option("--workers", argument.workers,
                  "Trials that run at once, each on one thread (default: as the file says)")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxWorkers));
}

PlanCount count_plan(const StudyFile& study, std::span<const TrialRecord> trials) {
  const auto stored = std::count_if(trials.begin(), trials.end(),
                                    [](const TrialRecord& trial) { return !trial.plan.retry_of; });
  const auto wanted =
      static_cast<std::ptrdiff_t>(study.spec.space.grid_points().size()) * study.tune.num_samples;
  PlanCount count{.planned = static_cast<int>(std::max(stored, wanted))};
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::Complete || trial.state == TrialState::Pruned) ++count.done;
    if (failed_for_good(trial, study.tune.max_attempts)) ++count.failed;
  }
  return count;
}

}  // namespace hypertune

// `hypertune worker`: runs trials of a study that is stored somewhere, until nothing is left to do.
#include <fmt/format.h>
#include <unistd.h>

#include <csignal>

#include "base/text.h"
#include "cli/app.h"
#include "cli/evaluation.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/provenance.h"
#include "cli/stored_study.h"
#include "cli/study_plan.h"
#include "cli/study_source.h"
#include "hypertune/error.h"
#include "report/experiment.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr int kMaxWorkers = 1024;
constexpr double kMaxSeconds = 1e9;

struct WorkerOptions {
  std::string storage;
  std::string study;
  std::string out;
  int workers = 1;
  int max_trials = 0;       ///< 0: no limit
  double idle_timeout = 0;  ///< seconds; 0: no limit
  bool quiet = false;
  bool json = false;
};

/// Where programs have the folders of their trials.
fs::path folder_of(const WorkerOptions& options, const std::string& url, const std::string& study) {
  if (!options.out.empty()) return options.out;
  const auto file = sqlite_file(url);
  if (!file || file->filename() != kDatabaseName) return default_run_folder(study);
  return file->has_parent_path() ? file->parent_path() : ".";
}

std::unique_ptr<Progress> make_progress(const WorkerOptions& options, const StudyFile& file,
                                        JsonLines& lines) {
  RunStart start{.study = file.spec.name,
                 .objective = file.spec.objectives.front(),
                 .workers = options.workers,
                 .max_attempts = file.tune.max_attempts};
  if (options.quiet) return quiet_progress(STDERR_FILENO);
  if (options.json) return json_progress(std::move(start), lines);
  return line_progress(std::move(start), STDERR_FILENO);
}

TuneOptions tune_options(const WorkerOptions& options, const StudyFile& file) {
  TuneOptions tune = file.tune;
  tune.workers = options.workers;
  tune.joins = true;
  if (options.max_trials > 0) tune.max_trials = options.max_trials;
  if (options.idle_timeout > 0) {
    tune.idle_timeout = std::chrono::duration<double>(options.idle_timeout);
  }
  return tune;
}

/// How it left, as a line.
std::string farewell(const TuneSummary& summary) {
  const std::string state = fmt::format("{} of {} done", summary.complete + summary.pruned,
                                        count_of(summary.planned, "trial"));
  if (summary.interrupted) return fmt::format("Left when asked to: {}\n", state);
  if (summary.left) return fmt::format("Left as its options say: {}\n", state);
  if (!summary.stopped.empty()) return fmt::format("Ended: {}: {}\n", summary.stopped, state);
  return fmt::format("Nothing is left to do: {}\n", state);
}

int work(const WorkerOptions& options) {
  std::signal(SIGPIPE, SIG_IGN);  // that nobody reads the log is no reason to lose a trial
  const std::string url = options.storage.empty() ? storage_from_environment() : options.storage;
  if (url.empty()) {
    throw ConfigError(fmt::format(
        "worker: say where the study is stored, with --storage URL or in {}", kStorageVariable));
  }
  const std::shared_ptr<Storage> storage = open_storage(url, {.create = false, .durable = true});
  const std::string name = chosen_study(storage->study_names(), options.study, masked_url(url));
  const StudyId id = storage->find_study(name).value();
  const StudyFile file = stored_study_file(*storage, id);

  const auto attributes = storage->attributes(id);
  const auto stored = attributes.find(kProvenanceKey);
  const Json provenance = stored == attributes.end() ? Json() : parse_json(stored->second);
  Evaluation evaluation(file, provenance);
  require_same_trainer(provenance, evaluation.facts(), name);
  const fs::path folder = folder_of(options, url, name);

  Study study(file.spec, storage, file.sampler.make(), file.scheduler.make());
  study.set_stoppers(make_stoppers(file.stop));
  JsonLines lines(STDERR_FILENO);
  const auto progress = make_progress(options, file, lines);
  const bool talks = !options.quiet && !options.json;
  if (talks) {
    print_notice(
        fmt::format("{}: {} on {}\n", name, count_of(options.workers, "worker"), masked_url(url)));
  }
  const Interrupts interrupts(
      {.on_stop = [&] { progress->notice("Leaving when the running epochs end."); }});
  TuneOptions tune_with = tune_options(options, file);
  tune_with.on_event = [&](const Event& event) { progress->on_event(event); };
  try {
    const TuneSummary summary =
        tune(study, evaluation.begin(folder, options.workers), tune_with, interrupts.token());
    if (talks) print_notice(farewell(summary));
    return summary.interrupted ? kInterrupted : kDone;
  } catch (const StorageError& error) {
    print_error(error.what());  // in the middle of the work: not a mistake in the arguments
    return kRunFailed;
  }
}

}  // namespace

void add_worker_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand(
      "worker", "Run trials of a study in a store that several processes share, until all is done");
  auto options = std::make_shared<WorkerOptions>();
  add_storage_option(*command, options->storage,
                     "Store of the study: postgresql://..., sqlite:///FILE or a path (default: "
                     "HYPERTUNE_STORAGE)");
  command->add_option("--study", options->study, "Which study of the store (default: the only one)")
      ->type_name("NAME");
  command->add_option("--workers", options->workers, "Trials that run at once, each on one thread")
      ->type_name("N")
      ->check(CLI::Range(1, kMaxWorkers))
      ->capture_default_str();
  command
      ->add_option("--out", options->out,
                   "Run folder, where programs have the folders of their trials (default: beside "
                   "the database, or runs/ and the study's name)")
      ->type_name("DIR");
  command->add_option("--max-trials", options->max_trials, "Leave after so many trials")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command
      ->add_option(
          "--idle-timeout", options->idle_timeout,
          "Leave when no trial waited for so many seconds, though some still run elsewhere")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.0, kMaxSeconds));
  CLI::Option* quiet = command->add_flag("-q,--quiet", options->quiet, "Print errors only");
  command->add_flag("--json", options->json, "Log JSON lines in the place of words")
      ->excludes(quiet);
  command->footer(
      "The study is begun by hypertune run with the same store; a worker reads its study file "
      "from\n"
      "there. It stays while trials run elsewhere, which may have to be repeated. SIGTERM and\n"
      "Ctrl-C: it puts its trials back and leaves.\n"
      "\n"
      "Examples:\n"
      "  hypertune worker --storage postgresql://me@host/tuning --study my-study\n"
      "  hypertune worker --storage runs/my-study/study.db --workers 4\n"
      "  hypertune worker --study my-study --max-trials 10 --idle-timeout 60");
  command->callback([options, &call] { call.action = [options] { return work(*options); }; });
}

}  // namespace hypertune

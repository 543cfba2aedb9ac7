// `hypertune run`: runs a study file, or goes on with it, and writes its report.
#include <fmt/format.h>
#include <unistd.h>

#include <system_error>

#include "base/text.h"
#include "cli/app.h"
#include "cli/download_bar.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/provenance.h"
#include "cli/stored_study.h"
#include "cli/study_plan.h"
#include "cli/verdicts.h"
#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr int kBestDigits = 4;

struct RunOptions {
  StudyFileArgument study;
  bool quiet = false;
  bool json = false;
  bool no_figures = false;
};

/// A folder that is removed again unless it is kept: nothing is left when a run cannot begin.
class RunFolder {
 public:
  explicit RunFolder(fs::path folder) : folder_(std::move(folder)) {
    std::error_code error;
    fs::path missing = folder_;
    while (!missing.empty() && !fs::exists(missing, error)) {
      created_.push_back(missing);
      missing = missing.parent_path();
    }
    fs::create_directories(folder_, error);
    if (error) {
      remove();
      throw ConfigError(
          fmt::format("cannot create the run folder {}: {}; choose another with --out",
                      folder_.string(), error.message()));
    }
  }
  ~RunFolder() {
    if (!kept_) remove();
  }
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  void keep() { kept_ = true; }

 private:
  void remove() {
    std::error_code error;  // folders that are not empty stay: somebody else uses them
    for (const fs::path& folder : created_) fs::remove(folder, error);
  }

  fs::path folder_;
  std::vector<fs::path> created_;  // innermost first
  bool kept_ = false;
};

/// A run from the moment when its study is open.
class Run {
 public:
  Run(const RunOptions& options, const StudyFile& file, std::string command_line, Study& study,
      fs::path folder)
      : options_(options),
        file_(file),
        command_line_(std::move(command_line)),
        study_(study),
        folder_(std::move(folder)) {}

  int carry_out(TrainerExecutor& trainer, const Json& facts) {
    state_experiment(study_.storage(), study_.id(), file_.experiment);
    const std::vector<TrialRecord> history = study_.trials();
    const PlanCount before = count_plan(file_, history);
    if (before.open() > 0 || history.empty()) {
      record_provenance(study_.storage(), study_.id(), facts,
                        run_facts(command_line_, file_.tune.workers));
    }
    announce(before, facts);
    const double began_s = steady_now_s();
    const TuneSummary summary = tune_shown(trainer, history, before);
    const int open = summary.planned - summary.complete - summary.pruned - summary.failed;
    if (summary.interrupted && open > summary.elsewhere) return report_interruption(summary);
    return report_end(summary, steady_now_s() - began_s, facts);
  }

  /// The run broke off; what was finished is stored.
  int report_failure(const std::exception& error) const {
    fmt::print(stderr,
               "hypertune: {}\nhypertune: what was finished is stored in {}; when this is mended, "
               "go on with: {}\n",
               error.what(), (folder_ / kDatabaseName).string(), command_line_);
    return kRunFailed;
  }

 private:
  void announce(const PlanCount& before, const Json& facts) const {
    if (options_.json) {
      Json json = {{"event", "study"},
                   {"study", file_.spec.name},
                   {"folder", folder_.string()},
                   {"planned", before.planned},
                   {"done", before.done},
                   {"failed", before.failed},
                   {"workers", file_.tune.workers}};
      if (facts.contains("dataset")) json["dataset"] = facts["dataset"];
      write_all(STDOUT_FILENO, json_line(json));
      return;
    }
    if (const auto reason = facts.find("fallback_reason");
        reason != facts.end() && reason->is_string() && !reason->get<std::string>().empty()) {
      fmt::print(stderr, "Data set: {}, because: {}\n", facts.value("dataset", ""),
                 reason->get<std::string>());
    }
    if (options_.quiet) return;
    fmt::print(stderr, "{}: {} ({} done), {}, in {}\n", file_.spec.name,
               count_of(before.planned, "trial"), before.done,
               count_of(file_.tune.workers, "worker"), folder_.string());
  }

  std::unique_ptr<Progress> make_progress(const std::vector<TrialRecord>& history,
                                          const PlanCount& before) const {
    RunStart start{.study = file_.spec.name,
                   .objective = file_.spec.objectives.front(),
                   .planned = before.planned,
                   .workers = file_.tune.workers,
                   .max_attempts = file_.tune.max_attempts,
                   .epochs = file_.trainer.epochs,
                   .history = history};
    if (options_.json) return json_progress(std::move(start), STDOUT_FILENO);
    if (options_.quiet || before.open() == 0) return quiet_progress(STDERR_FILENO);
    if (is_live_terminal(STDERR_FILENO)) return live_progress(std::move(start), STDERR_FILENO);
    return line_progress(std::move(start), STDERR_FILENO);
  }

  TuneSummary tune_shown(TrainerExecutor& trainer, const std::vector<TrialRecord>& history,
                         const PlanCount& before) {
    const auto progress = make_progress(history, before);
    const Interrupts interrupts(
        {.on_stop =
             [&] {
               progress->notice("Stopping when the running epochs end. Ctrl-C again: at once.");
             },
         .on_abort = [&] { progress->hide(); },
         .on_resize = [&] { progress->resize(); },
         .on_suspend = [&] { progress->hide(); },
         .on_resume = [&] { progress->show(); }});
    TuneOptions options = file_.tune;
    options.on_event = [&](const Event& event) { progress->on_event(event); };
    progress->show();
    const TuneSummary summary = tune(study_, trainer, options, interrupts.token());
    progress->finish();
    return summary;
  }

  Json summary_json(const TuneSummary& summary, int code) const {
    return {{"event", "summary"},
            {"study", file_.spec.name},
            {"folder", folder_.string()},
            {"planned", summary.planned},
            {"complete", summary.complete},
            {"pruned", summary.pruned},
            {"failed", summary.failed},
            {"elsewhere", summary.elsewhere},
            {"interrupted", code == kInterrupted},
            {"exit_code", code}};
  }

  int report_interruption(const TuneSummary& summary) const {
    if (options_.json) {
      Json json = summary_json(summary, kInterrupted);
      json["resume"] = command_line_;
      write_all(STDOUT_FILENO, json_line(json));
    }
    fmt::print(stderr, "Interrupted: {} of {} done. Go on with: {}\n",
               summary.complete + summary.pruned, count_of(summary.planned, "trial"),
               command_line_);
    return kInterrupted;
  }

  int report_end(const TuneSummary& summary, double seconds, const Json& facts) const {
    const ReportSummary report =
        write_report(study_.storage(), study_.id(), folder_, {.figures = !options_.no_figures});
    const bool useless = summary.complete + summary.pruned == 0 && summary.elsewhere == 0;
    const int code = useless ? kRunFailed : kDone;
    const std::vector<TrialRecord> trials = study_.trials();
    const TrialRecord* best = best_trial(file_.spec.objectives.front(), trials);
    if (options_.json) {
      Json json = summary_json(summary, code);
      json["claims"] = verdicts_json(report);
      json["report"] = report_page(folder_).string();
      if (best != nullptr) json["best"] = best->number;
      if (!report.warning.empty()) json["warning"] = report.warning;
      write_all(STDOUT_FILENO, json_line(json));
      return code;
    }
    print_counts(summary, seconds, facts);
    if (best != nullptr) {
      const std::string& metric = file_.spec.objectives.front().metric;
      fmt::print("Best {}: {} in trial {} ({})\n", metric,
                 format_number(best->metrics.at(metric), kBestDigits), best->number,
                 brief(best->params));
    }
    print_verdicts(report, folder_);
    return code;
  }

  void print_counts(const TuneSummary& summary, double seconds, const Json& facts) const {
    const std::string dataset = facts.value("dataset", "");
    fmt::print("{}{}: {} of {} complete", file_.spec.name,
               dataset.empty() ? "" : fmt::format(" on {}", dataset), summary.complete,
               count_of(summary.planned, "trial"));
    if (summary.pruned > 0) fmt::print(", {} pruned", summary.pruned);
    if (summary.failed > 0) {
      fmt::print(", {} failed (see hypertune trials {})", summary.failed, folder_.string());
    }
    fmt::print("; this run took {}\n", format_duration(seconds));
    if (summary.elsewhere > 0) {
      fmt::print("{} still in other processes; the report is complete when these have ended\n",
                 summary.elsewhere == 1 ? "1 trial runs"
                                        : fmt::format("{} trials run", summary.elsewhere));
    }
  }

  const RunOptions& options_;
  const StudyFile& file_;
  std::string command_line_;
  Study& study_;
  fs::path folder_;
};

/// A folder with other things in it is not taken over: reports replace files.
void refuse_foreign_folder(const fs::path& folder) {
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_directory(folder, error)) {
    throw ConfigError(
        fmt::format("{}: it is not a folder; choose another with --out", folder.string()));
  }
  if (!fs::exists(folder, error) || fs::exists(folder / kDatabaseName, error)) return;
  if (fs::is_empty(folder, error) || error) return;
  throw ConfigError(fmt::format(
      "{}: this folder is not empty and holds no {}; choose a new folder with --out, or empty it",
      folder.string(), kDatabaseName));
}

int run_study(const RunOptions& options, const std::string& command_line) {
  const StudyFile file = options.study.load();
  const fs::path folder = options.study.run_folder(file);
  refuse_foreign_folder(folder);

  DownloadBar bar(STDERR_FILENO);
  const bool silent = options.quiet || options.json;
  const auto trainer =
      cnn_trainer(file.trainer, file.spec.seed, silent ? DownloadProgress() : bar.callback());
  // Builds every network of the grid once: what cannot be trained is found before anything is
  // created.
  const Json facts = parse_json(trainer->provenance(file.spec.space.grid_points()));

  RunFolder run_folder(folder);
  Study study(file.spec, sqlite_storage(folder / kDatabaseName), make_sampler(file.sampler),
              make_scheduler(file.scheduler));
  run_folder.keep();
  Run run(options, file, command_line, study, folder);
  try {
    return run.carry_out(*trainer, facts);
  } catch (const Error& error) {
    return run.report_failure(error);
  }
}

}  // namespace

void add_run_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand("run", "Run a study, or go on with it; write its report");
  auto options = std::make_shared<RunOptions>();
  add_study_file_argument(*command, options->study);
  CLI::Option* quiet =
      command->add_flag("-q,--quiet", options->quiet, "Print errors and the final result only");
  command
      ->add_flag("--json", options->json, "Print events and the result as JSON lines, nothing else")
      ->excludes(quiet);
  command->add_flag("--no-figures", options->no_figures, "Leave the report's figures out");
  command->footer(
      "Running a study again goes on with it: finished trials stay, missing ones run.\n"
      "Ctrl-C ends the run after the running epochs; a second one ends it at once.\n"
      "\n"
      "Examples:\n"
      "  hypertune run study.toml\n"
      "  hypertune run study.toml --workers 4 --out results/first\n"
      "  hypertune run study.toml --set tune.num_samples=20 --set trainer.epochs=5\n"
      "  hypertune run study.toml --json > events.jsonl");
  command->callback([options, &call] {
    call.action = [options, &call] { return run_study(*options, call.command_line); };
  });
}

}  // namespace hypertune

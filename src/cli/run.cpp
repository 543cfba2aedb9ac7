// `hypertune run`: runs a study file, or goes on with it, and writes its report.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "base/text.h"
#include "cli/app.h"
#include "cli/confirmation.h"
#include "cli/dashboard.h"
#include "cli/download_bar.h"
#include "cli/evaluation.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/launched_run.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/provenance.h"
#include "cli/run_folder.h"
#include "cli/stored_study.h"
#include "cli/study_plan.h"
#include "cli/study_source.h"
#include "cli/verdicts.h"
#include "cli/warm_start.h"
#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

constexpr int kBestDigits = 4;
constexpr const char* kServeUsual = "true";  // what CLI11 gives a flag without a value

struct RunOptions {
  StudyFileArgument study;
  bool quiet = false;
  bool json = false;
  bool no_figures = false;
  std::string launcher;  ///< empty: as the file says
  bool detach = false;
  std::string serve;  ///< port of the dashboard, or kServeUsual; empty: it is not served
};

/// A run from the moment when its study is open.
class Run {
 public:
  Run(const RunOptions& options, const StudyFile& file, std::string command_line, Study& study,
      RunPlace place)
      : options_(options),
        file_(file),
        command_line_(std::move(command_line)),
        study_(study),
        place_(std::move(place)),
        folder_(place_.folder) {}

  /// Stores what is known before the first trial. Throws StudyMismatch when the stored trials were
  /// run with another trainer than that of these facts.
  void begin(const Json& trainer_facts, const EarlierTrials& earlier) {
    if (file_.warm_start) study_.learn_from(earlier.trials);
    Json facts = run_facts(command_line_, file_);
    sampler_text_ = sampler_text(file_, study_.trials(), earlier.trials);
    if (!sampler_text_.empty()) facts["sampler_choice"] = sampler_text_;
    if (!earlier.origin.empty()) facts["learned_from"] = earlier.origin;
    facts_ = record_run(study_.storage(), study_.id(), trainer_facts, facts);
    state_experiment(study_.storage(), study_.id(), file_.experiment);
    // Workers read the file and find the plan.
    study_.set_lag(file_.tune.lag);
    study_.plan(file_.tune.num_samples, file_.tune.paired);
    store_study_file(study_.storage(), study_.id(), file_);
  }

  /// Runs what is missing.
  int carry_out(Evaluation& evaluation) {
    const double began_s = steady_now_s();
    const std::vector<TrialRecord> history = study_.trials();
    const PlanCount before = count_plan(file_, history);
    announce(before);
    return conclude(tune_shown(evaluation.begin(folder_, file_.tune.workers), history, before),
                    evaluation, began_s);
  }

  /// Has workers run what is missing.
  int carry_out_by_workers(const Evaluation& evaluation) {
    const double began_s = steady_now_s();
    const std::vector<TrialRecord> history = study_.trials();
    const PlanCount before = count_plan(file_, history);
    announce(before);
    LaunchedRun launched(study_, file_, place_);
    launched.start();
    if (options_.detach) return report_detached(launched);
    const auto progress = make_progress(history, before);
    const bool asks = !options_.quiet && !options_.json && isatty(STDIN_FILENO) == 1 &&
                      isatty(STDERR_FILENO) == 1;
    const LaunchedRun::End end = launched.follow(*progress, asks);
    progress->finish();
    if (end == LaunchedRun::End::Left) return report_left(launched);
    TuneSummary summary = summarize(study_, file_.tune.max_attempts);
    summary.interrupted = end == LaunchedRun::End::Stopped;
    if (!summary.interrupted) summary.stopped = launched.stopped();
    return conclude(std::move(summary), evaluation, began_s);
  }

  /// Nothing is missing: the report is written anew. `facts` are the stored ones.
  int finish_again(const Json& facts) {
    facts_ = facts.is_object() ? facts : Json::object();
    state_experiment(study_.storage(), study_.id(), file_.experiment);
    store_study_file(study_.storage(), study_.id(), file_);
    const std::vector<TrialRecord> trials = study_.trials();
    const PlanCount count = count_plan(file_, trials);
    announce(count);
    TuneSummary summary{.planned = count.planned, .failed = count.failed};
    summary.stopped = reason_to_end(file_, trials);
    summary.complete =
        static_cast<int>(std::ranges::count(trials, TrialState::Complete, &TrialRecord::state));
    summary.pruned = count.done - summary.complete;
    return report_end(summary, 0);
  }

  /// The run broke off; what was finished is stored.
  int report_failure(const std::exception& error) const {
    print_error(error.what());
    print_error(
        fmt::format("what was finished is stored in {}; when this is mended, go on with: {}",
                    place_.shown(), command_line_));
    return kRunFailed;
  }

 private:
  int conclude(TuneSummary summary, const Evaluation& evaluation, double began_s) {
    const int open = summary.planned - summary.complete - summary.pruned - summary.failed;
    if (summary.interrupted && open > summary.elsewhere) return report_interruption(summary);
    if (!confirm_best(evaluation.trainer(), summary)) return report_interruption(summary);
    return report_end(summary, steady_now_s() - began_s);
  }

  void announce(const PlanCount& before) {
    const std::string dataset = facts_.value("dataset", "");
    const std::string reason = facts_.value("fallback_reason", "");
    if (options_.json) {
      Json json = {{"event", "study"},
                   {"study", file_.spec.name},
                   {"folder", folder_.string()},
                   {"planned", before.planned},
                   {"done", before.done},
                   {"failed", before.failed},
                   {"workers", file_.tune.workers}};
      if (!file_.command) json["precisions"] = precisions(file_);
      if (!file_.launcher.name.empty()) json["launcher"] = file_.launcher.name;
      if (!dataset.empty()) json["dataset"] = dataset;
      if (!reason.empty()) json["fallback_reason"] = reason;
      json_.write(json);
      return;
    }
    if (!reason.empty()) {
      print_notice(fmt::format("Data set: {}, because{}: {}\n", dataset,
                               before.done > 0 ? " when the study began" : "", reason));
    }
    if (const std::string words = join(precisions(file_), " or "); words != "f32") {
      print_notice(fmt::format("Precision: {}\n", words));
    }
    if (options_.quiet) return;
    if (!sampler_text_.empty()) {
      print_notice(fmt::format("Sampler {}: {}\n", file_.sampler.name, sampler_text_));
    }
    if (const std::string origin = facts_.value("learned_from", ""); !origin.empty()) {
      print_notice(fmt::format("Learned from: {}\n", origin));
    }
    const std::string workers = count_of(file_.tune.workers, "worker");
    print_notice(fmt::format(
        "{}: {} ({} done), {}, in {}\n", file_.spec.name, count_of(before.planned, "trial"),
        before.done, file_.launcher.name.empty() ? workers : file_.launcher.name + ": " + workers,
        place_.has_own_database() ? folder_.string() : place_.shown()));
  }

  std::unique_ptr<Progress> make_progress(const std::vector<TrialRecord>& history,
                                          const PlanCount& before) {
    RunStart start{.study = file_.spec.name,
                   .objective = file_.spec.objectives.front(),
                   .planned = before.planned,
                   .workers = file_.tune.workers,
                   .max_attempts = file_.tune.max_attempts,
                   .epochs = file_.command ? 0 : file_.trainer.epochs,
                   .history = history};
    if (options_.json) return json_progress(std::move(start), json_);
    if (options_.quiet || before.open() == 0) return quiet_progress(STDERR_FILENO);
    if (is_live_terminal(STDERR_FILENO) && terminal_size(STDERR_FILENO).rows >= kFewestRows)
      return live_progress(std::move(start), STDERR_FILENO);
    return line_progress(std::move(start), STDERR_FILENO);
  }

  TuneSummary tune_shown(Executor& executor, const std::vector<TrialRecord>& history,
                         const PlanCount& before) {
    const auto progress = make_progress(history, before);
    const Interrupts interrupts(
        {.on_stop =
             [&] {
               progress->notice("Stopping when the running epochs end. Ctrl-C again: at once.");
             },
         .on_resize = [&] { progress->resize(); },
         .on_suspend = [&] { progress->hide(); },
         .on_resume = [&] { progress->show(); }});
    TuneOptions options = file_.tune;
    options.on_event = [&](const Event& event) { progress->on_event(event); };
    progress->show();
    const TuneSummary summary = tune(study_, executor, options, interrupts.token());
    progress->finish();
    return summary;
  }

  /// Trains the best trial's parameters in f32, where the study asks for it and all trials have
  /// ended. False when that was interrupted: then nothing of it is stored.
  bool confirm_best(const TrainerExecutor* trainer, const TuneSummary& summary) {
    if (trainer == nullptr || summary.elsewhere > 0) return true;
    const std::vector<TrialRecord> trials = study_.trials();
    const TrialRecord* best =
        trial_to_confirm(file_, trials, stored_confirmation(study_.storage(), study_.id()));
    if (best == nullptr) return true;
    if (summary.interrupted) return false;
    const Interrupts interrupts({});
    if (!options_.quiet && !options_.json) {
      print_notice(fmt::format("Training the best trial, {}, again in f32\n", best->number));
    }
    const auto metrics =
        trainer->train_in_f32(best->params, best->seed(file_.spec.seed), interrupts.token());
    if (!metrics) return false;
    record_confirmation(study_.storage(), study_.id(), {best->number, *metrics});
    return true;
  }

  Json summary_json(const TuneSummary& summary, int code) const {
    Json json = {{"event", "summary"},
                 {"study", file_.spec.name},
                 {"folder", folder_.string()},
                 {"planned", summary.planned},
                 {"complete", summary.complete},
                 {"pruned", summary.pruned},
                 {"paused", summary.paused},
                 {"failed", summary.failed},
                 {"elsewhere", summary.elsewhere},
                 {"interrupted", code == kInterrupted},
                 {"exit_code", code}};
    if (!summary.stopped.empty()) json["stopped"] = summary.stopped;
    return json;
  }

  /// What a run that ended with this code says of lost JSON lines.
  int with_lost_lines(int code) const {
    if (json_.error() == 0) return code;
    print_lost_output(json_.error());
    return code == kDone ? kRunFailed : code;
  }

  int report_interruption(const TuneSummary& summary) {
    if (options_.json) {
      Json json = summary_json(summary, kInterrupted);
      json["resume"] = command_line_;
      json_.write(json);
    }
    print_notice(fmt::format("Interrupted: {} of {} done. Go on with: {}\n",
                             summary.complete + summary.pruned, count_of(summary.planned, "trial"),
                             command_line_));
    return with_lost_lines(kInterrupted);
  }

  int report_detached(const LaunchedRun& launched) {
    const std::string stop = launched.how_to_stop();
    if (options_.json) {
      json_.write({{"event", "detached"}, {"follow", follow_line()}, {"how_to_stop", stop}});
    } else {
      fmt::print("Started. Follow the study with: {}\n", follow_line());
      if (!stop.empty()) fmt::print("Stop the workers with: {}\n", stop);
    }
    return with_lost_lines(kDone);
  }

  int report_left(const LaunchedRun& launched) {
    const std::string stop = launched.how_to_stop();
    print_notice(fmt::format("The workers go on. Follow them with: {}\n", follow_line()));
    if (!stop.empty()) print_notice(fmt::format("Stop them with: {}\n", stop));
    return kInterrupted;
  }

  /// The command line without --detach.
  std::string follow_line() const {
    constexpr std::string_view kDetach = " --detach";
    std::string line = command_line_;
    if (const auto at = line.find(kDetach); at != std::string::npos) line.erase(at, kDetach.size());
    return line;
  }

  int report_end(const TuneSummary& summary, double seconds) {
    const ReportSummary report =
        write_report(study_.storage(), study_.id(), folder_, {.figures = !options_.no_figures});
    const bool useless = summary.complete + summary.pruned == 0 && summary.elsewhere == 0 &&
                         (summary.failed > 0 || summary.stopped.empty());
    const int code = useless ? kRunFailed : kDone;
    const std::vector<TrialRecord> trials = study_.trials();
    const TrialRecord* best = best_trial(file_.spec.objectives.front(), trials);
    const auto confirmation = stored_confirmation(study_.storage(), study_.id());
    if (options_.json) {
      Json json = summary_json(summary, code);
      json["claims"] = verdicts_json(report);
      json["report"] = report_page(folder_).string();
      if (best != nullptr) json["best"] = best->number;
      if (best != nullptr && confirmation && confirmation->trial == best->number) {
        json["confirmed_in_f32"] = to_json(confirmation->metrics);
      }
      if (!report.warning.empty()) json["warning"] = report.warning;
      json_.write(json);
      return with_lost_lines(code);
    }
    print_counts(summary, seconds);
    if (best != nullptr) {
      const std::string& metric = file_.spec.objectives.front().metric;
      fmt::print("Best {}: {} in trial {} ({})\n", metric,
                 format_number(best->metrics.at(metric), kBestDigits), best->number,
                 brief(best->params));
      std::string again = confirmation_text(confirmation, *best, metric);
      if (!again.empty()) fmt::print("Best {}\n", again);
    }
    print_verdicts(report, folder_);
    return code;
  }

  void print_counts(const TuneSummary& summary, double seconds) const {
    const std::string dataset = facts_.value("dataset", "");
    fmt::print("{}{}: {} of {} complete", file_.spec.name,
               dataset.empty() ? "" : fmt::format(" on {}", dataset), summary.complete,
               count_of(summary.planned, "trial"));
    if (summary.pruned > 0) fmt::print(", {} pruned", summary.pruned);
    if (summary.paused > 0) fmt::print(", {} paused", summary.paused);
    if (summary.failed > 0) {
      fmt::print(", {} failed (see hypertune trials {})", summary.failed, folder_.string());
    }
    fmt::print("; this run took {}\n", format_duration(seconds));
    if (!summary.stopped.empty()) fmt::print("Ended: {}\n", summary.stopped);
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
  RunPlace place_;
  fs::path folder_;
  std::string sampler_text_ = {};
  Json facts_ = Json::object();  // the study's provenance
  JsonLines json_{STDOUT_FILENO};
};

std::unique_ptr<Evaluation> load_evaluation(const RunOptions& options, const StudyFile& file,
                                            const Json& stored) {
  DownloadBar bar(STDERR_FILENO);
  const bool silent = options.quiet || options.json;
  return std::make_unique<Evaluation>(file, stored, silent ? DownloadProgress() : bar.callback());
}

/// Whether all of the plan is done, or nothing more of it is to begin.
bool nothing_to_run(const StudyFile& file, std::span<const TrialRecord> trials) {
  const PlanCount count = count_plan(file, trials);
  // Otherwise some trials are not planned yet.
  const bool all_planned = std::ssize(trials) >= count.planned;
  return count.open() == 0 || (all_planned && !reason_to_end(file, trials).empty());
}

StudyFile load_file(const RunOptions& options) {
  StudyFile file = options.study.load();
  if (!options.launcher.empty()) {
    try {
      file.launcher.name = launcher_name(options.launcher);
    } catch (const ConfigError& error) {
      throw ConfigError(fmt::format("--launcher: {}", error.what()));
    }
  }
  if (options.detach && file.launcher.name.empty()) {
    throw ConfigError(
        "--detach goes with a launcher, which starts workers that go on alone: add --launcher "
        "local, slurm or ray");
  }
  return file;
}

/// The dashboard of the run, where it is wanted. Says where it is.
std::unique_ptr<Server> serve_run(const RunOptions& options, const RunPlace& place) {
  if (options.serve.empty()) return nullptr;
  ServeOptions serve{.port = kDashboardPort, .ports = kPortsToTry};
  if (options.serve != kServeUsual) serve = {.port = parse_port("--serve", options.serve)};
  auto server = serve_store({.url = place.url(), .folder = place.folder}, std::move(serve));
  print_notice(fmt::format("Dashboard: {}\n", server->url()));
  return server;
}

int run_study(const RunOptions& options, const std::string& command_line) {
  std::signal(SIGPIPE, SIG_IGN);  // that nobody reads the progress is no reason to lose a run
  const StudyFile file = load_file(options);
  const RunPlace place = options.study.place(file);
  check_launcher(file.launcher, place);
  const StoredRun stored = find_run(place, file).value_or(StoredRun());
  // What is finished needs no data: they may be gone.
  const bool finished = !stored.trials.empty() && nothing_to_run(file, stored.trials) &&
                        trial_to_confirm(file, stored.trials, stored.confirmation) == nullptr;
  // What cannot be run is found before anything is created.
  std::unique_ptr<Evaluation> evaluation;
  if (!finished) evaluation = load_evaluation(options, file, stored.provenance);

  // What a study that has begun learned from is stored with it.
  const bool begun = std::ranges::any_of(
      stored.trials, [](const TrialRecord& trial) { return trial.state != TrialState::Waiting; });
  const EarlierTrials earlier = begun ? EarlierTrials() : earlier_trials(file);

  RunFolder run_folder(place);
  Study study(file.spec, open_storage(place.url(), {.durable = true}), file.sampler.make(),
              file.scheduler.make());
  study.set_stoppers(make_stoppers(file.stop));
  Run run(options, file, command_line, study, place);
  if (!finished) run.begin(evaluation->facts(), earlier);
  const std::unique_ptr<Server> server = serve_run(options, place);
  run_folder.keep();
  try {
    if (finished) return run.finish_again(stored.provenance);
    return file.launcher.name.empty() ? run.carry_out(*evaluation)
                                      : run.carry_out_by_workers(*evaluation);
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
  command
      ->add_option("--launcher", options->launcher,
                   "What runs the trials: threads of this process, or worker processes started on "
                   "this machine, by Slurm or by Ray (default: as the file says)")
      ->type_name("{threads,local,slurm,ray}");
  command->add_flag("--detach", options->detach,
                    "With a launcher: start the workers and leave them to themselves");
  command->add_flag("--serve", options->serve,
                    "Show the run in a browser while it lasts; --serve=PORT chooses the port");
  command->footer(
      "Running a study again goes on with it: finished trials stay, missing ones run.\n"
      "Ctrl-C ends the run after the running epochs; a second one ends it at once.\n"
      "\n"
      "Examples:\n"
      "  hypertune run study.toml\n"
      "  hypertune run study.toml --serve\n"
      "  hypertune run study.toml --workers 4 --out results/first\n"
      "  hypertune run study.toml --set tune.num_samples=20 --set trainer.epochs=5\n"
      "  hypertune run study.toml --json > events.jsonl\n"
      "  hypertune run study.toml --launcher local --workers 8 --detach");
  command->callback([options, &call] {
    call.action = [options, &call] { return run_study(*options, call.command_line); };
  });
}

}  // namespace hypertune

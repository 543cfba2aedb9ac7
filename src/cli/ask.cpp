// `hypertune ask`: takes a trial of a study, for whoever evaluates it and tells its results.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <span>
#include <stop_token>

#include "base/json.h"
#include "base/text.h"
#include "cli/app.h"
#include "cli/asked_study.h"
#include "cli/exit_code.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Of a trial that is still to be decided. Who dies meanwhile keeps others waiting no longer.
constexpr std::chrono::seconds kDeciding{60};

struct AskOptions {
  StudyArgument study;
  std::optional<std::string> lease;
  std::string worker;
  bool further = false;
  bool json = false;
};

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

/// What the command line says of the lease; nothing when it is left to the study file.
std::optional<std::chrono::seconds> lease_of(const AskOptions& options) {
  if (!options.lease) return std::nullopt;
  try {
    return parse_lease(*options.lease);
  } catch (const ConfigError& error) {
    throw ConfigError(fmt::format("--lease: {}", error.what()));
  }
}

/// Why there was no trial.
struct Nothing {
  bool done = false;  ///< there will be none later either
  std::string reason;
};

Nothing why_nothing(Study& study) {
  if (const auto reason = study.stopped()) return {true, *reason};
  study.end_paused();
  const TrialCounts counts = study.storage().counts(study.id());
  if (counts.running > 0) {
    return {false,
            fmt::format("{} {}; ask again when one has ended", count_of(counts.running, "trial"),
                        counts.running == 1 ? "runs elsewhere" : "run elsewhere")};
  }
  if (counts.waiting > 0) return {false, "others were quicker; ask again"};
  return {true, fmt::format("all {} have ended; --further asks for another one",
                            count_of(counts.total(), "trial"))};
}

/// The next trial, without waiting for those that others run.
std::optional<Trial> next_trial(AskedStudy& asked, const AskOptions& options) {
  Study& study = *asked.study;
  Storage& storage = study.storage();
  if (asked.has_plan) study.plan(asked.file.tune.num_samples, asked.file.tune.paired);
  storage.fail_stale(study.id());
  study.plan_retries(asked.file.tune.max_attempts);
  std::stop_source at_once;
  at_once.request_stop();
  const std::chrono::seconds lease =
      lease_of(options).value_or(asked.file.ask.value_or(AskChoice()).lease);
  const std::string worker =
      asking_worker(options.worker.empty() ? host_name() : options.worker, lease);
  for (;;) {
    auto trial = study.next({worker, kDeciding}, {.stop = at_once.get_token()});
    if (trial) {
      const Claim claim{trial->record().id, trial->record().lease};
      if (storage.heartbeat(std::span(&claim, 1), lease).empty()) return trial;
      continue;  // it took too long, and the trial was given up
    }
    const bool none_waits = !storage.next_waiting(study.id());
    if ((asked.has_plan && !options.further) || !none_waits || study.stopped()) return {};
    study.enqueue({});
  }
}

Json trial_json(const Trial& trial) {
  const TrialRecord& record = trial.record();
  Json json = {{"trial", record.number},
               {"lease", record.lease},
               {"attempt", record.plan.attempt},
               {"seed", trial.seed()},
               {"params", to_json(record.params)}};
  if (record.plan.retry_of) json["retry_of"] = *record.plan.retry_of;
  if (record.plan.parent) json["parent"] = *record.plan.parent;
  if (!record.reports.empty()) json["last_step"] = record.reports.back().step;
  return json;
}

void print_trial(const Trial& trial) {
  const Json json = trial_json(trial);
  for (const char* key : {"trial", "lease", "attempt", "seed", "retry_of", "parent", "last_step"}) {
    if (json.contains(key)) fmt::print("{} {}\n", key, json[key].dump());
  }
  for (const auto& [name, value] : trial.params()) {
    std::string text = to_string(value);
    // One line for each, whatever is in it.
    if (text.find_first_of("\r\n") != std::string::npos) text = dump_json(to_json(value));
    fmt::print("param {} {}\n", name, text);
  }
}

int ask(const AskOptions& options, const std::string& command_line) {
  lease_of(options);  // before anything is created
  AskedStudy asked = begin_asked_study(options.study, command_line);
  if (const auto trial = next_trial(asked, options)) {
    if (options.json) {
      fmt::print("{}", json_line(trial_json(*trial)));
    } else {
      print_trial(*trial);
    }
    return kDone;
  }
  const Nothing nothing = why_nothing(*asked.study);
  if (options.json) {
    fmt::print("{}", json_line({{"done", nothing.done}, {"reason", nothing.reason}}));
  } else {
    print_notice(fmt::format("No trial: {}\n", nothing.reason));
  }
  return kNothingToDo;
}

}  // namespace

void add_ask_command(CLI::App& app, Invocation& call) {
  CLI::App* command = app.add_subcommand(
      "ask", "Take the next trial of a study, to be evaluated elsewhere; see hypertune tell");
  auto options = std::make_shared<AskOptions>();
  add_study_argument(*command, options->study);
  command
      ->add_option("--lease", options->lease,
                   "How long the trial is yours; each report renews it (default: as the study "
                   "file says, or 1h)")
      ->type_name("TIME");
  command->add_option("--worker", options->worker, "Who asks (default: this machine's name)")
      ->type_name("NAME");
  command->add_flag("--further", options->further,
                    "When all that was planned has ended, let the sampler choose one more");
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "A study file that has not begun is begun. Exit status 3: there is no trial, and the reason\n"
      "is printed.\n"
      "\n"
      "Examples:\n"
      "  hypertune ask study.toml\n"
      "  hypertune ask runs/my-study --json --lease 6h");
  command->callback([options, &call] {
    call.action = [options, &call] { return ask(*options, call.command_line); };
  });
}

}  // namespace hypertune

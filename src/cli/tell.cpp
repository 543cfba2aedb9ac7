// `hypertune tell`: what a trial that was asked for reports and results in.
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <span>

#include "base/text.h"
#include "cli/app.h"
#include "cli/asked_study.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

struct TellOptions {
  StudyArgument study;
  int number = 0;
  std::vector<std::string> metrics;
  std::optional<std::int64_t> step;
  std::optional<int> lease;
  std::string failed;
  std::string pruned;
  bool is_failed = false;
  bool is_pruned = false;
  bool json = false;
};

Metrics parse_metrics(const std::vector<std::string>& texts) {
  Metrics metrics;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    const std::string_view digits =
        std::string_view(text).substr(equals == std::string::npos ? text.size() : equals + 1);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (equals == 0 || equals == std::string::npos || error != std::errc() ||
        end != digits.data() + digits.size()) {
      throw ConfigError(fmt::format(
          "{}: not a result; write METRIC=NUMBER, as in val_accuracy=0.91", shorten(text, 60)));
    }
    if (!metrics.emplace(text.substr(0, equals), value).second) {
      throw ConfigError(fmt::format("{}: this metric is told twice", text.substr(0, equals)));
    }
  }
  return metrics;
}

/// A slip of the pen must not end the trial.
void require_objectives(const Metrics& metrics, const std::vector<Objective>& objectives) {
  std::vector<std::string> told;
  for (const auto& [name, value] : metrics) told.push_back(name);
  for (const Objective& objective : objectives) {
    if (metrics.contains(objective.metric)) continue;
    throw ConfigError(fmt::format(
        "the objective \"{0}\" is missing{1}; tell {0}=NUMBER, or --failed REASON when there is "
        "none",
        objective.metric, told.empty() ? "" : fmt::format(" among {}", join(told, ", "))));
  }
}

Outcome outcome_of(const TellOptions& options, Metrics metrics,
                   const std::vector<Objective>& objectives) {
  if (options.is_failed) {
    Outcome outcome = Outcome::failed(options.failed);
    outcome.metrics = std::move(metrics);
    return outcome;
  }
  if (options.is_pruned) return Outcome::pruned(options.pruned, std::move(metrics));
  require_objectives(metrics, objectives);
  return Outcome::complete(std::move(metrics));
}

/// Stores the report. A trial that is to stop, or to pause, does so at once.
Decision report(Study& study, Trial& trial, std::int64_t step, Metrics metrics) {
  if (metrics.empty()) throw ConfigError("--step without a metric; tell METRIC=NUMBER with it");
  const Decision decision = trial.report(step, std::move(metrics));
  if (decision == Decision::Continue) {
    const Claim claim{trial.record().id, trial.record().lease};
    if (const auto lease = lease_of_worker(trial.record().worker)) {
      study.storage().heartbeat(std::span(&claim, 1), *lease);
    }
  } else {
    study.tell(trial, decision == Decision::Pause ? Outcome::paused() : Outcome::pruned());
  }
  return decision;
}

int tell(const TellOptions& options) {
  Metrics metrics = parse_metrics(options.metrics);
  const AskedStudy asked = open_asked_study(options.study);
  Study& study = *asked.study;
  try {
    Trial trial = study.attach(options.number, options.lease);
    std::string answer;
    Json json = {{"trial", options.number}};
    if (options.step) {
      const Decision decision = report(study, trial, *options.step, std::move(metrics));
      answer = to_string(decision);
      json["step"] = *options.step;
      json["decision"] = answer;
    } else {
      study.tell(trial, outcome_of(options, std::move(metrics), study.spec().objectives));
      answer = to_string(trial.record().state);
    }
    const TrialRecord& record = trial.record();
    json["state"] = to_string(record.state);
    if (!record.reason.empty()) json["reason"] = record.reason;
    if (options.json) {
      fmt::print("{}", json_line(json));
    } else {
      const bool told = !record.reason.empty() && !options.is_failed && !options.is_pruned;
      fmt::print("{}{}\n", answer, told && !options.step ? ": " + record.reason : "");
    }
    return kDone;
  } catch (const LeaseLost& error) {
    // Not a mistake in the arguments: somebody else has the trial.
    throw Error(error.what());
  }
}

}  // namespace

void add_tell_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("tell", "Tell what a trial gave, which hypertune ask took");
  auto options = std::make_shared<TellOptions>();
  add_study_argument(*command, options->study);
  command->get_option("STUDY")->required();
  command->add_option("NUMBER", options->number, "Number of the trial")
      ->required()
      ->type_name("")
      ->check(CLI::NonNegativeNumber);
  command->add_option("METRICS", options->metrics, "Results, each METRIC=NUMBER")->type_name("");
  CLI::Option* step =
      command
          ->add_option("--step", options->step,
                       "These are results of a step on the way; prints continue, stop or pause")
          ->type_name("N");
  CLI::Option* failed =
      command->add_option("--failed", options->failed, "The trial failed, for this reason")
          ->type_name("REASON")
          ->excludes(step);
  CLI::Option* pruned =
      command->add_flag("--pruned", options->is_pruned, "The trial was not worth going on with");
  pruned->excludes(step)->excludes(failed);
  command->add_option("--reason", options->pruned, "Why it was pruned")
      ->type_name("REASON")
      ->needs(pruned);
  command
      ->add_option("--lease", options->lease,
                   "Refuse unless this is still the trial's lease, as hypertune ask printed it")
      ->type_name("N");
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "A trial that is told to stop or to pause has ended or paused: nothing more is told.\n"
      "\n"
      "Examples:\n"
      "  hypertune tell runs/my-study 3 val_accuracy=0.91\n"
      "  hypertune tell runs/my-study 3 --step 2 val_accuracy=0.87\n"
      "  hypertune tell runs/my-study 3 --failed 'out of memory'");
  command->callback([options, failed, &call] {
    options->is_failed = failed->count() > 0;
    call.action = [options] { return tell(*options); };
  });
}

}  // namespace hypertune

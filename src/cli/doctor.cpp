// `hypertune doctor`: what is wrong with a store, and how to mend it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/text.h"
#include "base/worker_id.h"
#include "cli/app.h"
#include "cli/asked_study.h"
#include "cli/exit_code.h"
#include "cli/progress.h"
#include "cli/stored_study.h"
#include "cli/study_source.h"
#include "core/plan.h"
#include "hypertune/error.h"

namespace fs = std::filesystem;

namespace hypertune {
namespace {

using Severity = Finding::Severity;

/// Less room than this and than this share of the disk is too little.
constexpr std::uintmax_t kLittleRoom = std::uintmax_t{1} << 30;
constexpr double kLittleShare = 0.05;
/// Clocks that differ by less do no harm.
constexpr std::chrono::minutes kMaxSkew{5};

struct DoctorOptions {
  StudyArgument study;
  bool mend = false;
  bool json = false;
};

struct Patient {
  StoredStudy stored;
  std::string name;  ///< of the study, quoted, for messages
  int max_attempts = 3;
  std::vector<TrialRecord> trials;
};

Patient patient(const DoctorOptions& options) {
  Patient patient;
  patient.stored = open_stored_study(options.study);
  patient.name = fmt::format("study \"{}\"", patient.stored.spec.name);
  patient.trials = patient.stored.storage->trials(patient.stored.id);
  if (has_study_file(*patient.stored.storage, patient.stored.id)) {
    patient.max_attempts =
        stored_study_file(*patient.stored.storage, patient.stored.id).tune.max_attempts;
  }
  return patient;
}

std::string numbers(std::span<const int> all) {
  constexpr std::size_t kMostNamed = 8;
  std::vector<std::string> named;
  for (const int number : all.first(std::min(all.size(), kMostNamed))) {
    named.push_back(std::to_string(number));
  }
  if (all.size() > kMostNamed) named.push_back(fmt::format("{} more", all.size() - kMostNamed));
  return join(named, ", ");
}

void find_lost_trials(const Patient& patient, std::vector<Finding>& findings) {
  std::vector<int> dead;
  std::vector<int> foreign;
  for (const TrialRecord& trial : patient.trials) {
    if (trial.state != TrialState::Running) continue;
    if (trial.lease == 0) foreign.push_back(trial.number);
    if (trial.lease > 0 && worker_is_dead(trial.worker)) dead.push_back(trial.number);
  }
  if (!dead.empty()) {
    findings.push_back({Severity::Warning,
                        fmt::format("{}: the workers of {} ({}) are dead", patient.name,
                                    count_of(std::ssize(dead), "running trial"), numbers(dead)),
                        "run the study again, or plan them again with hypertune doctor --mend"});
  }
  if (!foreign.empty()) {
    findings.push_back(
        {Severity::Note,
         fmt::format("{}: {} ({}) run in another program, which has no lease on them", patient.name,
                     count_of(std::ssize(foreign), "trial"), numbers(foreign)),
         "if that program is gone, have it (Optuna: tell(state=FAIL)) give them up"});
  }
}

void find_failed_trials(const Patient& patient, std::vector<Finding>& findings) {
  std::map<Failure, std::vector<int>> by_kind;
  std::vector<int> exhausted;
  for (const TrialRecord& trial : patient.trials) {
    if (trial.state != TrialState::Failed) continue;
    by_kind[trial.failure].push_back(trial.number);
    const bool was_chance = trial.failure == Failure::WorkerLost ||
                            trial.failure == Failure::Crash || trial.failure == Failure::Timeout;
    if (was_chance && !wants_retry(trial, patient.max_attempts)) exhausted.push_back(trial.number);
  }
  for (const auto& [kind, all] : by_kind) {
    findings.push_back(
        {Severity::Note,
         fmt::format("{}: {} failed ({}): {}", patient.name, count_of(std::ssize(all), "trial"),
                     to_string(kind), numbers(all)),
         "hypertune trials --json says why"});
  }
  if (!exhausted.empty()) {
    findings.push_back({Severity::Warning,
                        fmt::format("{}: {} ({}) failed in all of {}", patient.name,
                                    count_of(std::ssize(exhausted), "trial"), numbers(exhausted),
                                    count_of(patient.max_attempts, "attempt")),
                        "mend what ends them, then run again with a larger tune.max_attempts"});
  }
}

void find_missing_retries(const Patient& patient, std::vector<Finding>& findings) {
  std::set<int> repeated;
  std::set<std::string> keys;
  for (const TrialRecord& trial : patient.trials) {
    if (trial.plan.retry_of) repeated.insert(*trial.plan.retry_of);
    keys.insert(trial.plan.key);
  }
  std::vector<int> missing;
  for (const TrialRecord& trial : patient.trials) {
    if (!wants_retry(trial, patient.max_attempts) || repeated.contains(trial.number)) continue;
    if (!keys.contains(successor_key(trial.number))) missing.push_back(trial.number);
  }
  if (missing.empty()) return;
  findings.push_back({Severity::Warning,
                      fmt::format("{}: {} ({}) to be run again, and not planned", patient.name,
                                  count_of(std::ssize(missing), "trial"), numbers(missing)),
                      "run the study again, or plan them with hypertune doctor --mend"});
}

/// The newest time that the store has, against the clock of this machine.
void find_skewed_clock(const Patient& patient, std::vector<Finding>& findings) {
  const TimePoint now = system_clock()();
  TimePoint latest{};
  int number = 0;
  for (const TrialRecord& trial : patient.trials) {
    for (const auto& time : {trial.started, trial.ended}) {
      if (!time || *time <= latest) continue;
      latest = *time;
      number = trial.number;
    }
  }
  if (latest <= now + kMaxSkew) return;
  const auto ahead = std::chrono::duration<double>(latest - now).count();
  findings.push_back(
      {Severity::Warning,
       fmt::format("{}: trial {} has a time {} ahead of this machine's clock", patient.name, number,
                   format_duration(ahead)),
       "set the clocks of all machines by NTP: leases run out too early or too late otherwise"});
}

void find_little_room(const Patient& patient, std::vector<Finding>& findings) {
  const auto file = sqlite_file(patient.stored.url);
  if (!file) return;
  std::error_code error;
  const fs::space_info room = fs::space(*file, error);
  if (error || room.available >= kLittleRoom) return;
  if (static_cast<double>(room.available) >= kLittleShare * static_cast<double>(room.capacity)) {
    return;
  }
  findings.push_back(
      {Severity::Warning,
       fmt::format("{}: the disk has {} MB left", file->string(), room.available / 1'000'000),
       "free some space; a full disk stops the study, and loses nothing"});
}

std::vector<Finding> examine(const Patient& patient) {
  std::vector<Finding> findings = patient.stored.storage->examine();
  find_lost_trials(patient, findings);
  find_missing_retries(patient, findings);
  find_failed_trials(patient, findings);
  find_skewed_clock(patient, findings);
  find_little_room(patient, findings);
  std::ranges::stable_sort(findings, std::ranges::greater(), &Finding::severity);
  return findings;
}

/// Gives up the trials of lost workers, and plans again what is to be run again.
std::string mend(const DoctorOptions& options, int max_attempts) {
  const AskedStudy asked = open_asked_study(options.study);
  const auto lost = asked.study->storage().fail_stale(asked.study->id());
  const int planned = asked.study->plan_retries(max_attempts);
  return fmt::format("{} of lost workers given up, {} planned again",
                     count_of(std::ssize(lost), "trial"), planned);
}

std::string_view word_of(Severity severity) {
  switch (severity) {
    case Severity::Note:
      return "note";
    case Severity::Warning:
      return "warning";
    case Severity::Damage:
      return "damage";
  }
  return "unknown";
}

void print_findings(const std::vector<Finding>& findings, const std::string& store,
                    const std::string& mended, bool healthy) {
  if (!mended.empty()) fmt::print("Mended: {}\n", mended);
  for (const Finding& finding : findings) {
    fmt::print("{}: {}\n", word_of(finding.severity), finding.what);
    if (!finding.mend.empty()) fmt::print("  {}\n", finding.mend);
  }
  fmt::print("{}: {}\n", store, healthy ? "healthy" : "needs mending");
}

void print_json(const std::vector<Finding>& findings, const std::string& store,
                const std::string& mended, bool healthy) {
  Json list = Json::array();
  for (const Finding& finding : findings) {
    list.push_back(
        {{"severity", word_of(finding.severity)}, {"what", finding.what}, {"mend", finding.mend}});
  }
  Json json = {{"store", store}, {"healthy", healthy}, {"findings", std::move(list)}};
  if (!mended.empty()) json["mended"] = mended;
  fmt::print("{}", json_line(json));
}

int examine_store(const DoctorOptions& options) {
  std::vector<Finding> findings;
  std::string store = options.study.where;
  std::string mended;
  try {
    Patient found = patient(options);
    store = masked_url(found.stored.url);
    if (options.mend) {
      mended = mend(options, found.max_attempts);
      found = patient(options);
    }
    findings = examine(found);
  } catch (const StorageError& error) {
    findings.push_back(
        {Severity::Damage, error.what(), "bring back a backup, or see the guide on recovery"});
  }
  const bool healthy = std::ranges::none_of(
      findings, [](const Finding& finding) { return finding.severity != Severity::Note; });
  (options.json ? print_json : print_findings)(findings, store, mended, healthy);
  return healthy ? kDone : kRunFailed;
}

}  // namespace

void add_doctor_command(CLI::App& app, Invocation& call) {
  CLI::App* command =
      app.add_subcommand("doctor", "Say what is wrong with a store, and how to mend it");
  auto options = std::make_shared<DoctorOptions>();
  add_study_argument(*command, options->study);
  command->add_flag("--mend", options->mend,
                    "Give up the trials of lost workers, and plan again what is to run again");
  command->add_flag("--json", options->json, "One JSON object");
  command->footer(
      "Exit status: 0 healthy, 1 something needs mending.\n"
      "\n"
      "Examples:\n"
      "  hypertune doctor runs/my-study\n"
      "  hypertune doctor study.toml --mend");
  command->callback(
      [options, &call] { call.action = [options] { return examine_store(*options); }; });
}

}  // namespace hypertune

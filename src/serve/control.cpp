// Changes by hand: trials that are planned, stopped and repeated, and notes.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "base/worker_id.h"
#include "core/plan.h"
#include "hypertune/error.h"
#include "hypertune/study.h"
#include "serve/api_parts.h"
#include "serve/gate.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostParams = 1000;  // of a trial that is planned by hand
constexpr const char* kStopped = "stopped by hand";

/// The facts that planning needs, apart from the table.
struct Target {
  StudySpec spec;
  bool ours = false;  // it has a declared space
};

Target target_of(ApiContext& context, StudyId study) {
  Target target;
  target.ours = !context.studies.storage().spec(study).space.empty();
  context.studies.read(study, [&](const LiveStudies::Reading& reading) {
    target.spec = reading.facts.spec;
    if (!target.ours) target.spec.space = reading.table.space();
  });
  return target;
}

/// The value as the parameter has it. Ranges of another program's study are those of the trials
/// that it has: others may be meant.
Value checked(const Parameter& parameter, const Json& json, bool ours) {
  const auto outside = [&](const std::string& given) {
    refuse(fmt::format("{}: {} does not lie in its domain, {}", parameter.name, given,
                       shorten(to_string(parameter.domain), 500)));
  };
  if (!json.is_primitive() || json.is_null()) {
    refuse(fmt::format("{}: a value is a number, true, false or a text", parameter.name));
  }
  const Value value = value_from_json(json);
  if (auto fitting = coerce(parameter.domain, value)) return *fitting;
  const std::string given = shorten(plain_text(to_string(value)), 100);
  const auto number = as_number(value);
  const bool may_lie_outside = !ours && number && std::isfinite(*number) &&
                               !std::holds_alternative<bool>(value) &&
                               !std::holds_alternative<CategoricalDomain>(parameter.domain);
  if (!may_lie_outside) outside(given);
  if (std::holds_alternative<FloatDomain>(parameter.domain)) return *number;
  if (!std::holds_alternative<std::int64_t>(value)) outside(given);
  return value;
}

Params params_from(const Json& json, const Target& target) {
  if (!json.is_object() || json.size() > kMostParams) {
    refuse(fmt::format("params is an object of at most {} values by name", kMostParams));
  }
  std::vector<std::string> names;
  for (const Parameter& parameter : target.spec.space.parameters()) names.push_back(parameter.name);
  Params params;
  for (const auto& [name, value] : json.items()) {
    const Parameter* parameter = target.spec.space.find(name);
    if (parameter == nullptr) {
      const std::string given = shorten(plain_text(name), 80);
      refuse(fmt::format("there is no parameter \"{}\"{}; there are {}", given,
                         did_you_mean(given, names), shorten(join(names, ", "), 500)));
    }
    params[name] = checked(*parameter, value, target.ours);
  }
  return params;
}

/// The trial that was planned under the key, whatever became of it. It is numbered `first` or
/// above.
int number_of(const Storage& storage, StudyId study, int first, std::string_view key) {
  for (const TrialRecord& trial : storage.trials(study, first)) {
    if (trial.plan.key == key) return trial.number;
  }
  throw StorageError(fmt::format("the trial planned as \"{}\" cannot be found", key));
}

HttpResponse planned(int number) { return json_response({{"number", number}}); }

/// One more than the highest number that the table knows.
int table_size(ApiContext& context, StudyId study) {
  int size = 0;
  context.studies.read(study, [&](const auto& reading) { size = reading.table.size(); });
  return size;
}

/// The first trial that repeats this one and has not ended.
std::optional<int> pending_repetition(const std::vector<TrialRecord>& others, int of) {
  const auto found = std::ranges::find_if(others, [&](const TrialRecord& trial) {
    return trial.plan.retry_of == of && !is_final(trial.state);
  });
  return found == others.end() ? std::nullopt : std::optional(found->number);
}

std::string runs_without_lease(int number) {
  return fmt::format("trial {} is run by another program, which would not notice; stop it there",
                     number);
}

/// Takes the waiting trial and ends it. False when somebody else was quicker.
bool end_waiting(Storage& storage, StudyId study, int number, const Outcome& outcome) {
  const Lease lease{.worker = worker_id(0), .highest_number = number};
  const auto taken = storage.claim(study, lease);
  if (!taken) return false;
  if (taken->number != number) {
    storage.release({taken->id, taken->lease});
    return false;
  }
  storage.finish({taken->id, taken->lease}, outcome);
  return true;
}

/// The state of a trial once more, for a message about why something came too late.
[[noreturn]] void refuse_changed(int number) {
  refuse(fmt::format("trial {} has changed in the meantime; look at it again", number), 409);
}

}  // namespace

Json body_of(const HttpRequest& request, std::span<const std::string_view> members) {
  Json body = json_from("the body", request.body);
  const auto is_known = [&](const std::string& key) {
    return std::ranges::find(members, std::string_view(key)) != members.end();
  };
  if (!body.is_object()) refuse("the body is a JSON object");
  for (const auto& [key, value] : body.items()) {
    if (!is_known(key))
      refuse(fmt::format("the body has a member \"{}\" that nothing reads",
                         shorten(plain_text(key), 80)));
  }
  for (const std::string_view member : members) {
    if (!body.contains(member)) refuse(fmt::format("the body lacks \"{}\"", member));
  }
  return body;
}

std::string why_not_stop(const Storage& storage, StudyId study, const TrialRecord& trial) {
  if (is_final(trial.state)) {
    return fmt::format("trial {} has ended: it is {}", trial.number, to_string(trial.state));
  }
  if (trial.state == TrialState::Running && trial.lease == 0) {
    return runs_without_lease(trial.number);
  }
  if (trial.state != TrialState::Waiting) return "";
  const auto next = storage.next_waiting(study);
  if (!next || *next == trial.number) return "";
  return fmt::format(
      "trial {} waits behind trial {}; a waiting trial can be stopped when it is the next",
      trial.number, *next);
}

std::string why_not_retry(const TrialRecord& trial) {
  if (is_final(trial.state)) return "";
  return fmt::format("trial {} has not ended: it is {}", trial.number, to_string(trial.state));
}

HttpResponse enqueue_answer(ApiContext& context, StudyId study, const HttpRequest& request) {
  constexpr std::array<std::string_view, 1> kMembers = {"params"};
  const Json body = body_of(request, kMembers);
  const Target target = target_of(context, study);
  const Params params = params_from(body.at("params"), target);
  if (const Condition* constraint = target.spec.space.violated(params)) {
    refuse(fmt::format("these values violate the constraint {}", constraint->text()));
  }
  Storage& storage = context.studies.storage();
  const int first = table_size(context, study);
  const std::string key = "by-hand/" + make_token();
  const TrialPlan plan{.key = key, .fixed = params};
  storage.enqueue(study, std::span(&plan, 1));
  // The table may lack the last trials, never know more than the store.
  return planned(number_of(storage, study, first, key));
}

HttpResponse retry_answer(ApiContext& context, StudyId study, int number) {
  const TrialRecord trial = stored_trial(context, study, number);
  if (const std::string why = why_not_retry(trial); !why.empty()) refuse(why, 409);
  Storage& storage = context.studies.storage();
  const std::vector<TrialRecord> others = storage.trials(study, number + 1);
  // Also who asks twice gets one trial.
  if (const auto pending = pending_repetition(others, number)) return planned(*pending);
  const auto before = std::ranges::count_if(
      others, [&](const TrialRecord& other) { return other.plan.retry_of == number; });
  const std::string key = fmt::format("retry/{}/by-hand/{}", number, before + 1);
  const TrialPlan plan = repetition(storage, study, trial, key, trial.plan.attempt + 1);
  storage.enqueue(study, std::span(&plan, 1));
  return planned(number_of(storage, study, number + 1, key));
}

HttpResponse stop_answer(ApiContext& context, StudyId study, int number) {
  const TrialRecord trial = stored_trial(context, study, number);
  Storage& storage = context.studies.storage();
  if (const std::string why = why_not_stop(storage, study, trial); !why.empty()) refuse(why, 409);
  Metrics metrics = trial.reports.empty() ? Metrics() : trial.reports.back().metrics;
  const Outcome outcome = Outcome::pruned(kStopped, std::move(metrics));
  const Claim claim{trial.id, trial.lease};
  if (trial.state == TrialState::Running) {
    storage.finish(claim, outcome);
  } else {
    const bool ended = trial.state == TrialState::Paused
                           ? storage.end_paused(claim, outcome)
                           : end_waiting(storage, study, number, outcome);
    if (!ended) refuse_changed(number);
  }
  return json_response({{"done", true}});
}

HttpResponse note_answer(ApiContext& context, StudyId study, std::optional<int> number) {
  if (number) stored_trial(context, study, *number);
  const Note note = context.studies.storage().note(study, number);
  return json_response({{"text", note.text}, {"version", note.version}});
}

HttpResponse write_note_answer(ApiContext& context, StudyId study, std::optional<int> number,
                               const HttpRequest& request) {
  constexpr std::array<std::string_view, 2> kMembers = {"text", "version"};
  const Json body = body_of(request, kMembers);
  const Json& text = body.at("text");
  const Json& version = body.at("version");
  if (!text.is_string()) refuse("text is a text");
  if (!version.is_number_integer() || version < 0 || version > std::numeric_limits<int>::max()) {
    refuse("version is the version of the note that was edited, a whole number from 0 on");
  }
  if (number) stored_trial(context, study, *number);
  Storage& storage = context.studies.storage();
  if (!storage.set_note(study, number, text.get_ref<const std::string&>(), version.get<int>())) {
    refuse("somebody else has changed the note meanwhile; read it again, and join the two texts",
           409);
  }
  const Note note = storage.note(study, number);
  const Json event = {
      {"study", study}, {"number", number ? Json(*number) : Json()}, {"version", note.version}};
  context.studies.events().publish(study, "note", event);
  return json_response({{"text", note.text}, {"version", note.version}});
}

}  // namespace hypertune

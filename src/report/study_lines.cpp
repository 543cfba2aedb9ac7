// Studies as lines of JSON, without loss.
#include "report/study_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/json.h"
#include "base/text.h"
#include "hypertune/error.h"
#include "storage/spec_json.h"

namespace hypertune {
namespace {

using std::chrono::microseconds;

constexpr std::string_view kFormat = "hypertune-study";
constexpr int kVersion = 1;
/// Deeper JSON is no study, and would exhaust the stack.
constexpr int kMaxDepth = 32;

constexpr std::array kStates = {TrialState::Waiting,  TrialState::Running, TrialState::Paused,
                                TrialState::Complete, TrialState::Pruned,  TrialState::Failed};
constexpr std::array kFailures = {Failure::None,       Failure::Error, Failure::Interrupted,
                                  Failure::WorkerLost, Failure::Crash, Failure::Timeout};

// --- Writing ---

std::int64_t microseconds_of(TimePoint time) {
  return std::chrono::floor<microseconds>(time).time_since_epoch().count();
}

Json plan_to_json(const TrialPlan& plan) {
  Json json = Json::object();
  if (!plan.key.empty()) json["key"] = plan.key;
  if (!plan.fixed.empty()) json["fixed"] = to_json(plan.fixed);
  if (plan.draw) json["draw"] = *plan.draw;
  if (plan.retry_of) json["retry_of"] = *plan.retry_of;
  if (plan.attempt != 1) json["attempt"] = plan.attempt;
  if (plan.parent) json["parent"] = *plan.parent;
  return json;
}

/// Domains that are those of the space are left out.
Json domains_to_json(const SearchSpace& space, const Domains& domains) {
  Json json = Json::object();
  for (const auto& [name, domain] : domains) {
    const Parameter* parameter = space.find(name);
    if (parameter == nullptr || parameter->domain != domain) json[name] = to_json(domain);
  }
  return json;
}

Json trial_to_json(const SearchSpace& space, const TrialRecord& trial) {
  Json json = {{"number", trial.number}, {"state", to_string(trial.state)}};
  const auto put = [&](const char* key, Json value) {
    if (!value.empty()) json[key] = std::move(value);
  };
  put("plan", plan_to_json(trial.plan));
  put("params", to_json(trial.params));
  put("domains", domains_to_json(space, trial.domains));
  Json reports = Json::array();
  for (const Report& report : trial.reports) {
    reports.push_back({{"step", report.step}, {"metrics", to_json(report.metrics)}});
  }
  put("reports", std::move(reports));
  put("metrics", to_json(trial.metrics));
  if (!trial.reason.empty()) json["reason"] = trial.reason;
  if (trial.failure != Failure::None) json["failure"] = to_string(trial.failure);
  if (!trial.worker.empty()) json["worker"] = trial.worker;
  if (trial.started) json["started_us"] = microseconds_of(*trial.started);
  if (trial.ended) json["ended_us"] = microseconds_of(*trial.ended);
  return json;
}

// --- Reading ---

/// Members of one JSON object; each error says which member it is about.
class Members {
 public:
  Members(const Json& json, std::string what) : json_(json), what_(std::move(what)) {
    if (!json.is_object()) throw Error(fmt::format("{} is not a JSON object", what_));
  }

  const Json* find(const char* key) const {
    const auto member = json_.find(key);
    return member == json_.end() ? nullptr : &*member;
  }
  const Json& at(const char* key) const {
    const Json* member = find(key);
    if (member == nullptr) throw Error(fmt::format("{} has no \"{}\"", what_, key));
    return *member;
  }
  std::string text(const char* key) const {
    const Json& json = at(key);
    if (!json.is_string()) fail(key, "a text");
    return json.get<std::string>();
  }
  std::string text_or_empty(const char* key) const { return find(key) ? text(key) : ""; }

  std::int64_t whole(const char* key, std::int64_t low, std::int64_t high) const {
    const Json& json = at(key);
    if (!json.is_number_integer()) fail(key, "a whole number");
    const bool too_large =
        json.is_number_unsigned() && json.get<std::uint64_t>() > static_cast<std::uint64_t>(high);
    const auto number = json.get<std::int64_t>();
    if (too_large || number < low || number > high) {
      throw Error(fmt::format("\"{}\" of {} is not between {} and {}", key, what_, low, high));
    }
    return number;
  }
  std::optional<int> number(const char* key) const {
    if (find(key) == nullptr) return std::nullopt;
    return static_cast<int>(whole(key, 0, std::numeric_limits<int>::max() - 1));
  }
  std::optional<TimePoint> time(const char* key) const {
    if (find(key) == nullptr) return std::nullopt;
    constexpr std::int64_t kLatest = 9'223'372'036'854'775;  // what a clock can hold: year 2262
    return TimePoint(
        std::chrono::duration_cast<TimePoint::duration>(microseconds(whole(key, 0, kLatest))));
  }
  /// An object, empty when it is missing.
  const Json& object(const char* key) const {
    static const Json kNone = Json::object();
    const Json* json = find(key);
    if (json == nullptr) return kNone;
    if (!json->is_object()) fail(key, "an object");
    return *json;
  }

 private:
  [[noreturn]] void fail(const char* key, std::string_view wanted) const {
    throw Error(fmt::format("\"{}\" of {} is not {}", key, what_, wanted));
  }
  const Json& json_;
  std::string what_;
};

template <class Names>
auto named(const Names& all, const std::string& name, std::string_view what) {
  const auto found = std::ranges::find(all, std::string_view(name),
                                       [](const auto& value) { return to_string(value); });
  if (found == all.end()) throw Error(fmt::format("\"{}\" is no {}", shorten(name, 60), what));
  return *found;
}

Metrics metrics_from(const Json& json) {
  for (const auto& [name, value] : json.items()) {
    if (!value.is_number()) throw Error(fmt::format("the metric \"{}\" is not a number", name));
  }
  return metrics_from_json(json);
}

TrialPlan plan_from(const Members& json) {
  TrialPlan plan;
  plan.key = json.text_or_empty("key");
  plan.fixed = params_from_json(json.object("fixed"));
  plan.retry_of = json.number("retry_of");
  plan.attempt = json.number("attempt").value_or(1);
  plan.parent = json.number("parent");
  if (const Json* draw = json.find("draw")) {
    if (!draw->is_number_unsigned()) throw Error("\"draw\" of a plan is not a whole number");
    plan.draw = draw->get<std::uint64_t>();
  }
  return plan;
}

std::vector<Report> reports_from(const Json& json) {
  if (!json.is_array()) throw Error("\"reports\" is not a list");
  std::vector<Report> reports;
  for (const Json& entry : json) {
    const Members report(entry, "a report");
    reports.push_back({report.whole("step", std::numeric_limits<std::int64_t>::min(),
                                    std::numeric_limits<std::int64_t>::max()),
                       metrics_from(report.object("metrics"))});
  }
  return reports;
}

TrialRecord trial_from(const Members& json, const SearchSpace& space) {
  TrialRecord trial;
  trial.number = json.number("number").value_or(-1);
  trial.state = named(kStates, json.text("state"), "state of a trial");
  trial.plan = plan_from({json.object("plan"), "the plan"});
  trial.metrics = metrics_from(json.object("metrics"));
  trial.reason = json.text_or_empty("reason");
  trial.worker = json.text_or_empty("worker");
  trial.started = json.time("started_us");
  trial.ended = json.time("ended_us");
  if (const Json* reports = json.find("reports")) trial.reports = reports_from(*reports);
  if (json.find("failure") != nullptr) {
    trial.failure = named(kFailures, json.text("failure"), "kind of failure");
  }
  Domains::Map domains;
  for (const auto& [name, domain] : json.object("domains").items()) {
    domains.emplace(name, domain_from_json(domain));
  }
  for (const auto& [name, value] : params_from_json(json.object("params"))) {
    if (const Parameter* known = space.find(name)) domains.try_emplace(name, known->domain);
    const auto domain = domains.find(name);
    const auto coerced = domain == domains.end() ? std::nullopt : coerce(domain->second, value);
    trial.params.insert_or_assign(name, coerced.value_or(value));
  }
  trial.domains = Domains(std::move(domains));
  return trial;
}

StudyCopyBuilder study_from(const Members& json) {
  if (json.find("format") == nullptr || json.text("format") != kFormat) {
    throw Error("the first line is not that of a study that hypertune exported");
  }
  if (json.whole("version", 0, std::numeric_limits<int>::max()) != kVersion) {
    throw Error("it was written by a newer hypertune; import it with that one");
  }
  StudyCopyBuilder builder(spec_from_json(json.at("spec")));
  for (const auto& [key, value] : json.object("attributes").items()) {
    builder.set_attribute(key, dump_json(value));
  }
  return builder;
}

}  // namespace

std::string study_lines(const StudyCopy& copy) {
  Json attributes = Json::object();
  for (const auto& [key, json] : copy.attributes) attributes[key] = parse_json(json);
  std::string text = dump_json({{"format", kFormat},
                                {"version", kVersion},
                                {"spec", to_json(copy.spec)},
                                {"attributes", std::move(attributes)}}) +
                     "\n";
  for (const TrialRecord& trial : copy.trials) {
    text += dump_json(trial_to_json(copy.spec.space, trial)) + "\n";
  }
  return text;
}

StudyCopy study_from_lines(std::string_view text, const std::string& name) {
  std::optional<StudyCopyBuilder> builder;
  for (int line = 1; !text.empty(); ++line) {
    const std::string_view content = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), content.size() + 1));
    if (trim(content).empty()) continue;
    try {
      if (is_nested_deeper(content, kMaxDepth)) throw Error("its JSON is nested too deeply");
      const Json json = parse_json(content);
      if (builder) {
        builder->add(trial_from({json, "the trial"}, builder->spec().space));
      } else {
        builder = study_from({json, "the study"});
      }
    } catch (const Error& error) {
      throw ConfigError(fmt::format("{}:{}: {}", name, line, error.what()));
    } catch (const Json::exception& error) {
      throw ConfigError(fmt::format("{}:{}: {}", name, line, error.what()));
    }
  }
  if (!builder) throw ConfigError(fmt::format("{}: it is empty", name));
  return builder->take();
}

}  // namespace hypertune

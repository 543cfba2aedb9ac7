// Specifications to JSON and back.
#include "storage/spec_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::array<std::pair<Role, std::string_view>, 3> kRoles = {
    {{Role::Sampled, "sampled"}, {Role::Grid, "grid"}, {Role::Constant, "constant"}}};
constexpr std::string_view kMinimize = "minimize";
constexpr std::string_view kMaximize = "maximize";

std::string_view to_text(Role role) {
  return std::ranges::find(kRoles, role, [](const auto& row) { return row.first; })->second;
}

Role role_from(const std::string& text) {
  const auto row =
      std::ranges::find(kRoles, std::string_view(text), [](const auto& r) { return r.second; });
  if (row == kRoles.end()) throw Error(fmt::format("\"{}\" is no role of a parameter", text));
  return row->first;
}

std::string_view to_text(Direction direction) {
  return direction == Direction::Minimize ? kMinimize : kMaximize;
}

Direction direction_from(const std::string& text) {
  if (text == kMinimize) return Direction::Minimize;
  if (text == kMaximize) return Direction::Maximize;
  throw Error(fmt::format("\"{}\" is no direction", text));
}

std::string describe(const Parameter& parameter) {
  std::string text = parameter.role == Role::Sampled ? to_string(parameter.domain)
                                                     : fmt::format("{} {}", to_text(parameter.role),
                                                                   to_string(parameter.domain));
  if (parameter.when) text += fmt::format(" when {}", parameter.when->text());
  return text;
}

std::string describe(const std::vector<Objective>& objectives) {
  std::vector<std::string> texts;
  for (const Objective& objective : objectives) {
    texts.push_back(fmt::format("{} {}", to_text(objective.direction), objective.metric));
  }
  return texts.empty() ? "nothing" : join(texts, ", ");
}

/// Runs `read`, and says of JSON's own errors what was to be read.
template <class Function>
auto reading(std::string_view what, Function read) {
  try {
    return read();
  } catch (const Json::exception& e) {
    throw Error(fmt::format("not {}: {}", what, e.what()));
  }
}

std::string describe(const std::vector<Condition>& constraints) {
  std::vector<std::string> texts;
  for (const Condition& constraint : constraints) texts.push_back(constraint.text());
  return texts.empty() ? "nothing" : join(texts, ", ");
}

std::vector<std::string> space_differences(const SearchSpace& stored, const SearchSpace& asked) {
  std::vector<std::string> differences;
  for (const Parameter& before : stored.parameters()) {
    const Parameter* now = asked.find(before.name);
    if (now == nullptr) {
      differences.push_back(fmt::format("parameter \"{}\" was removed", before.name));
    } else if (!(*now == before)) {
      differences.push_back(fmt::format("parameter \"{}\" was {} and is now {}", before.name,
                                        describe(before), describe(*now)));
    }
  }
  for (const Parameter& now : asked.parameters()) {
    if (stored.find(now.name) != nullptr) continue;
    differences.push_back(fmt::format("parameter \"{}\" was added", now.name));
  }
  if (stored.constraints() != asked.constraints()) {
    differences.push_back(fmt::format("the constraints were {} and are now {}",
                                      describe(stored.constraints()),
                                      describe(asked.constraints())));
  }
  if (differences.empty() && !(stored == asked)) {
    differences.push_back("the parameters are in another order");
  }
  return differences;
}

}  // namespace

Json to_json(const StudySpec& spec) {
  Json objectives = Json::array();
  for (const Objective& objective : spec.objectives) {
    objectives.push_back(
        {{"metric", objective.metric}, {"direction", to_text(objective.direction)}});
  }
  Json space = Json::array();
  for (const Parameter& parameter : spec.space.parameters()) {
    Json entry = {{"name", parameter.name},
                  {"role", to_text(parameter.role)},
                  {"domain", to_json(parameter.domain)}};
    if (parameter.when) entry["when"] = parameter.when->text();
    space.push_back(std::move(entry));
  }
  Json json = {{"name", spec.name},
               {"objectives", std::move(objectives)},
               {"space", std::move(space)},
               {"seed", spec.seed}};
  for (const Condition& constraint : spec.space.constraints()) {
    json["constraints"].push_back(constraint.text());
  }
  return json;
}

StudySpec spec_from_json(const Json& json) {
  return reading("a specification of a study", [&] {
    StudySpec spec;
    spec.name = json.at("name").get<std::string>();
    spec.seed = json.at("seed").get<std::uint64_t>();
    for (const Json& entry : json.at("objectives")) {
      spec.objectives.push_back({entry.at("metric").get<std::string>(),
                                 direction_from(entry.at("direction").get<std::string>())});
    }
    for (const Json& entry : json.at("space")) {
      Parameter parameter;
      parameter.name = entry.at("name").get<std::string>();
      parameter.role = role_from(entry.at("role").get<std::string>());
      parameter.domain = domain_from_json(entry.at("domain"));
      if (entry.contains("when")) {
        parameter.when = Condition(entry.at("when").get<std::string>());
      }
      spec.space.add(std::move(parameter));
    }
    if (json.contains("constraints")) {
      for (const Json& entry : json.at("constraints")) {
        spec.space.constraint(Condition(entry.get<std::string>()));
      }
    }
    return spec;
  });
}

std::vector<std::string> objective_differences(const std::vector<Objective>& stored,
                                               const std::vector<Objective>& asked) {
  if (stored == asked) return {};
  return {fmt::format("the objectives were {} and are now {}", describe(stored), describe(asked))};
}

std::vector<std::string> spec_differences(const StudySpec& stored, const StudySpec& asked) {
  std::vector<std::string> differences = objective_differences(stored.objectives, asked.objectives);
  for (std::string& text : space_differences(stored.space, asked.space)) {
    differences.push_back(std::move(text));
  }
  if (stored.seed != asked.seed) {
    differences.push_back(fmt::format("the seed was {} and is now {}", stored.seed, asked.seed));
  }
  return differences;
}

}  // namespace hypertune

// Pairs of trials that differ in one grid axis alone.
#include "report/pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace hypertune {
namespace {

/// Text that two trials share when only `axis` tells them apart.
std::string cell(const SearchSpace& space, std::string_view axis, const TrialRecord& trial) {
  std::string text = std::to_string(trial.draw());
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.role != Role::Grid || parameter.name == axis) continue;
    const auto value = trial.params.find(parameter.name);
    // The length keeps texts apart that hold separators themselves.
    const std::string shown = value == trial.params.end() ? "" : to_string(value->second);
    text += fmt::format("|{}:{}", shown.size(), shown);
  }
  return text;
}

}  // namespace

std::optional<std::pair<Value, Value>> two_values(const SearchSpace& space, std::string_view name) {
  const Parameter* parameter = space.find(name);
  if (parameter == nullptr || parameter->role != Role::Grid) return std::nullopt;
  const auto& choices = std::get<CategoricalDomain>(parameter->domain).choices;
  if (choices.size() != 2) return std::nullopt;
  return std::pair{choices[0], choices[1]};
}

std::vector<TrialPair> find_pairs(const SearchSpace& space, std::string_view axis,
                                  std::span<const TrialRecord* const> trials) {
  const auto values = two_values(space, axis);
  if (!values) return {};
  std::map<std::string, TrialPair> pairs;
  for (const TrialRecord* trial : trials) {
    const auto value = trial->params.find(axis);
    if (trial->state != TrialState::Complete || value == trial->params.end()) continue;
    TrialPair& pair = pairs[cell(space, axis, *trial)];
    const TrialRecord** side = same_value(value->second, values->first)    ? &pair.first
                               : same_value(value->second, values->second) ? &pair.second
                                                                           : nullptr;
    if (side != nullptr && (*side == nullptr || (*side)->number > trial->number)) *side = trial;
  }
  std::vector<TrialPair> whole;
  for (const auto& [key, pair] : pairs) {
    if (pair.first != nullptr && pair.second != nullptr) whole.push_back(pair);
  }
  std::ranges::sort(whole, {}, [](const TrialPair& pair) { return pair.first->number; });
  return whole;
}

}  // namespace hypertune

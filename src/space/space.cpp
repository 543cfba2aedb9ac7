// The search space: declaration, grid product, activity of conditional parameters.
#include "hypertune/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "hypertune/error.h"
#include "space/points.h"

namespace hypertune {
namespace {

std::vector<std::string> names_of(const std::vector<Parameter>& parameters) {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters) names.push_back(parameter.name);
  return names;
}

}  // namespace

SearchSpace& SearchSpace::add(std::string name, Domain domain, std::optional<Condition> when) {
  return add(Parameter{std::move(name), Role::Sampled, std::move(domain), std::move(when)});
}

SearchSpace& SearchSpace::grid(std::string name, std::vector<Value> values,
                               std::optional<Condition> when) {
  return add(Parameter{std::move(name), Role::Grid, CategoricalDomain{std::move(values)},
                       std::move(when)});
}

SearchSpace& SearchSpace::constant(std::string name, Value value, std::optional<Condition> when) {
  return add(Parameter{std::move(name), Role::Constant, CategoricalDomain{{std::move(value)}},
                       std::move(when)});
}

SearchSpace& SearchSpace::add(Parameter parameter) {
  const std::string& name = parameter.name;
  if (name.empty()) throw ConfigError("a parameter needs a name");
  if (find(name) != nullptr) {
    throw ConfigError(fmt::format("parameter \"{}\" is defined twice; remove one", name));
  }
  validate(parameter.domain, name);
  if (parameter.when) {
    for (const std::string& parent : parameter.when->names()) {
      const Parameter* found = find(parent);
      if (found == nullptr) {
        throw ConfigError(fmt::format(
            "parameter \"{}\": its condition names \"{}\", which is not defined before it{}", name,
            parent, did_you_mean(parent, names_of(parameters_))));
      }
      if (parameter.role == Role::Grid && found->role == Role::Sampled) {
        throw ConfigError(fmt::format(
            "grid axis \"{}\" depends on \"{}\", which is sampled; a grid may depend on grid axes "
            "and constants only",
            name, parent));
      }
    }
  }
  append(std::move(parameter));
  return *this;
}

SearchSpace& SearchSpace::constraint(Condition condition) {
  for (std::size_t i = 0; i < condition.names().size(); ++i) {
    const std::string& name = condition.names()[i];
    if (find(name) != nullptr) continue;
    throw ConfigError(fmt::format("constraint \"{}\", column {}: there is no parameter \"{}\"{}",
                                  condition.text(), condition.columns()[i], name,
                                  did_you_mean(name, names_of(parameters_))));
  }
  constraints_.push_back(std::move(condition));
  return *this;
}

/// What was decided, or else the value of a constant that every trial has.
std::optional<Value> SearchSpace::value_of(std::string_view name, const Params& decided) const {
  if (const auto value = decided.find(name); value != decided.end()) return value->second;
  if (const auto value = fixed_.find(name); value != fixed_.end()) return value->second;
  const Parameter* parameter = find(name);
  if (parameter == nullptr || parameter->role != Role::Constant || parameter->when) return {};
  return std::get<CategoricalDomain>(parameter->domain).choices.front();
}

const Condition* SearchSpace::violated(const Params& decided) const {
  for (const Condition& constraint : constraints_) {
    bool all_known = true;
    const bool holds =
        constraint.holds([&](std::string_view name) { return value_of(name, decided); });
    for (const std::string& name : constraint.names()) {
      all_known = all_known && value_of(name, decided).has_value();
    }
    if (all_known && !holds) return &constraint;
  }
  return nullptr;
}

const Parameter* SearchSpace::find(std::string_view name) const {
  const auto place = place_of(name);
  if (place == by_name_.end() || parameters_[*place].name != name) return nullptr;
  return &parameters_[*place];
}

/// Of the first parameter whose name is not less.
std::vector<std::size_t>::const_iterator SearchSpace::place_of(std::string_view name) const {
  return std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](std::size_t place, std::string_view n) { return parameters_[place].name < n; });
}

void SearchSpace::append(Parameter parameter) {
  by_name_.insert(place_of(parameter.name), parameters_.size());
  parameters_.push_back(std::move(parameter));
}

std::vector<Params> SearchSpace::grid_points(const Params& fixed) const {
  // Conditions of an axis may see constants, which are therefore decided along the way.
  std::vector<Params> decided = {fixed_};
  for (const auto& [name, value] : fixed) decided.front()[name] = value;
  for (const Parameter& parameter : parameters_) {
    if (parameter.role == Role::Sampled) continue;
    std::vector<Params> extended;
    for (const Params& point : decided) {
      if (point.contains(parameter.name) || !active(parameter, point)) {
        extended.push_back(point);
        continue;
      }
      for (const Value& value : std::get<CategoricalDomain>(parameter.domain).choices) {
        extended.push_back(point);
        extended.back()[parameter.name] = value;
      }
    }
    decided = std::move(extended);
  }
  std::vector<Params> points;
  std::set<Params> seen;
  int tries_left = kMaxValuesTried;
  for (const Params& all : decided) {
    Params point;
    for (const Parameter& parameter : parameters_) {
      if (parameter.role != Role::Grid) continue;
      const auto value = all.find(parameter.name);
      if (value != all.end()) point.insert(*value);
    }
    for (const auto& [name, value] : fixed) point[name] = value;
    if (!seen.insert(point).second || !allows(all)) continue;
    if (constraints_.empty() || may_have_points(without(point), tries_left))
      points.push_back(std::move(point));
  }
  return points;
}

SearchSpace SearchSpace::without(const Params& fixed) const {
  SearchSpace rest;
  rest.fixed_ = fixed_;
  rest.constraints_ = constraints_;
  for (const auto& [name, value] : fixed) rest.fixed_[name] = value;
  for (const Parameter& parameter : parameters_) {
    if (!fixed.contains(parameter.name)) rest.append(parameter);
  }
  return rest;
}

bool SearchSpace::active(const Parameter& parameter, const Params& decided) const {
  if (!parameter.when) return true;
  return parameter.when->holds([&](std::string_view name) -> std::optional<Value> {
    if (const auto value = decided.find(name); value != decided.end()) return value->second;
    if (const auto value = fixed_.find(name); value != fixed_.end()) return value->second;
    return std::nullopt;
  });
}

}  // namespace hypertune

// The trials that an importance is judged from, as columns.
#include "report/importance_table.h"

#include <algorithm>
#include <functional>
#include <map>
#include <utility>
#include <variant>

namespace hypertune {
namespace {

/// The smallest domain that holds both; steps are given up when they differ. Requires compatible
/// domains.
Domain joined(const Domain& a, const Domain& b) {
  if (const auto* real = std::get_if<FloatDomain>(&a)) {
    const auto& other = std::get<FloatDomain>(b);
    if (*real == other) return a;
    return FloatDomain{.low = std::min(real->low, other.low),
                       .high = std::max(real->high, other.high),
                       .log = real->log};
  }
  if (const auto* whole = std::get_if<IntDomain>(&a)) {
    const auto& other = std::get<IntDomain>(b);
    if (*whole == other) return a;
    return IntDomain{.low = std::min(whole->low, other.low),
                     .high = std::max(whole->high, other.high),
                     .log = whole->log};
  }
  return a;
}

ParameterColumn column_of(std::string name, Domain domain,
                          std::span<const TrialRecord* const> trials) {
  ParameterColumn column{std::move(name), std::move(domain), {}};
  for (const TrialRecord* trial : trials) {
    const auto found = trial->params.find(column.name);
    column.values.push_back(found == trial->params.end() ? std::nullopt
                                                         : coerce(column.domain, found->second));
  }
  return column;
}

}  // namespace

bool ParameterColumn::single() const {
  if (const auto* real = std::get_if<FloatDomain>(&domain)) {
    return real->low == real->high || (real->step && real->low + *real->step > real->high);
  }
  if (const auto* whole = std::get_if<IntDomain>(&domain)) {
    return static_cast<std::uint64_t>(whole->high) - static_cast<std::uint64_t>(whole->low) <
           static_cast<std::uint64_t>(whole->step);
  }
  return std::get<CategoricalDomain>(domain).choices.size() == 1;
}

bool ParameterColumn::varies() const {
  const Value* first = nullptr;
  for (const auto& value : values) {
    if (!value) continue;
    if (first == nullptr) first = &*value;
    if (*value != *first) return true;
  }
  return false;
}

std::vector<bool> ParameterColumn::present() const {
  std::vector<bool> result;
  for (const auto& value : values) result.push_back(value.has_value());
  return result;
}

std::vector<ParameterColumn> parameter_columns(const SearchSpace& space,
                                               std::span<const TrialRecord* const> trials) {
  std::map<std::string, Domain, std::less<>> domains;
  for (const Parameter& parameter : space.parameters()) {
    domains.emplace(parameter.name, parameter.domain);
  }
  for (const TrialRecord* trial : trials) {
    for (const auto& [name, domain] : trial->domains) {
      const auto [known, is_new] = domains.emplace(name, domain);
      if (!is_new && compatible(known->second, domain)) {
        known->second = joined(known->second, domain);
      }
    }
  }
  std::vector<ParameterColumn> columns;
  for (const Parameter& parameter : space.parameters()) {
    const auto found = domains.extract(parameter.name);
    if (parameter.role == Role::Constant) continue;
    columns.push_back(column_of(parameter.name, found.mapped(), trials));
  }
  for (const auto& [name, domain] : domains) columns.push_back(column_of(name, domain, trials));
  return columns;
}

}  // namespace hypertune

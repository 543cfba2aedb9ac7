// Domains of trials, kept once: looked for among the last ones, made only when they are new.
#include "core/shared_domains.h"

#include <algorithm>
#include <string>
#include <utility>

namespace hypertune {
namespace {

constexpr std::size_t kMostRemembered = 64;

bool is_sum(const Domains& domains, const Domains& base, std::span<const NamedDomain> added) {
  if (domains.size() != base.size() + added.size()) return false;
  auto next = domains.begin();
  const auto has = [&](std::string_view name, const Domain& domain) {
    // As a rule names come in order.
    if (next == domains.end() || next->first != name) next = domains.find(name);
    return next != domains.end() && next++->second == domain;
  };
  return std::ranges::all_of(added, [&](const auto& a) { return has(a.name, *a.domain); }) &&
         std::ranges::all_of(base, [&](const auto& b) { return has(b.first, b.second); });
}

}  // namespace

std::optional<Domains> SharedDomains::find(const Domains& base,
                                           std::span<const NamedDomain> added) {
  const auto known = std::ranges::find_if(
      known_, [&](const Domains& domains) { return is_sum(domains, base, added); });
  if (known == known_.end()) return std::nullopt;
  std::rotate(known_.begin(), known, known + 1);
  return known_.front();
}

Domains SharedDomains::with(const Domains& base, std::span<const NamedDomain> added) {
  if (auto known = find(base, added)) return *std::move(known);
  Domains::Map map(base.begin(), base.end());
  for (const NamedDomain& one : added) map.emplace(one.name, *one.domain);
  if (known_.size() == kMostRemembered) known_.pop_back();
  return *known_.emplace(known_.begin(), std::move(map));
}

}  // namespace hypertune

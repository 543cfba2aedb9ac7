// Domains of trials, kept once: looked for among the last ones, made only when they are new.
#include "core/shared_domains.h"

#include <algorithm>
#include <string>
#include <utility>

namespace hypertune {
namespace {

constexpr std::size_t kMostRemembered = 64;

bool has(const Domains& domains, std::string_view name, const Domain& domain) {
  const auto found = domains.find(name);
  return found != domains.end() && found->second == domain;
}

bool is_sum(const Domains& domains, const Domains& base, std::span<const NamedDomain> added) {
  return domains.size() == base.size() + added.size() &&
         std::ranges::all_of(
             added, [&](const NamedDomain& a) { return has(domains, a.name, *a.domain); }) &&
         std::ranges::all_of(base, [&](const auto& b) { return has(domains, b.first, b.second); });
}

}  // namespace

Domains SharedDomains::with(const Domains& base, std::span<const NamedDomain> added) {
  auto known = std::ranges::find_if(
      known_, [&](const Domains& domains) { return is_sum(domains, base, added); });
  if (known == known_.end()) {
    Domains::Map map(base.begin(), base.end());
    for (const NamedDomain& one : added) map.emplace(one.name, *one.domain);
    if (known_.size() == kMostRemembered) known_.pop_back();
    known_.emplace_back(std::move(map));
    known = known_.end() - 1;
  }
  std::rotate(known_.begin(), known, known + 1);
  return known_.front();
}

}  // namespace hypertune

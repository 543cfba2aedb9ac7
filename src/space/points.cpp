// The points of spaces that have finitely many: a walk over the parameters in their order.
#include "space/points.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>

#include "space/encoding.h"

namespace hypertune {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

/// The value number `k` of a domain that has so many.
Value value_number(const Domain& domain, std::uint64_t k) {
  if (const auto* d = std::get_if<FloatDomain>(&domain)) {
    if (!d->step) return d->low;  // the only one
    return std::min(d->low + static_cast<double>(k) * *d->step, d->high);
  }
  if (const auto* d = std::get_if<IntDomain>(&domain)) {
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(d->low) +
                                     k * static_cast<std::uint64_t>(d->step));
  }
  return std::get<CategoricalDomain>(domain).choices[k];
}

/// Which value of the domain it is, from 1; 0 for none. Real numbers stand for themselves.
std::uint64_t number_of(const Domain& domain, const Params& params, const std::string& name) {
  const auto found = params.find(name);
  if (found == params.end()) return 0;
  const Value& value = found->second;
  if (const auto* categories = std::get_if<CategoricalDomain>(&domain)) {
    const auto match = std::ranges::find_if(
        categories->choices, [&](const Value& choice) { return same_value(choice, value); });
    return static_cast<std::uint64_t>(match - categories->choices.begin()) + 1;
  }
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    if (const auto* d = std::get_if<IntDomain>(&domain)) {
      return static_cast<std::uint64_t>(*whole) - static_cast<std::uint64_t>(d->low) + 1;
    }
  }
  const double number = as_number(value).value_or(0);
  const auto* reals = std::get_if<FloatDomain>(&domain);
  if (reals == nullptr || !reals->step) return std::bit_cast<std::uint64_t>(number) + 1;
  return static_cast<std::uint64_t>(std::llround((number - reals->low) / *reals->step)) + 1;
}

class Walk {
 public:
  Walk(const SearchSpace& space, const std::function<bool(const Params&)>& visit, int& tries_left)
      : space_(space), visit_(visit), tries_left_(tries_left) {}

  /// False when it was broken off.
  bool from(std::size_t next) {
    if (next == space_.parameters().size()) return visit_(point_);
    const Parameter& parameter = space_.parameters()[next];
    if (!space_.active(parameter, point_)) return from(next + 1);
    const std::uint64_t count = *count_values(parameter.domain);
    bool goes_on = true;
    for (std::uint64_t k = 0; goes_on && k < count; ++k) {
      goes_on = tries_left_ > 0;
      if (!goes_on) break;
      --tries_left_;
      point_.insert_or_assign(parameter.name, value_number(parameter.domain, k));
      // What is forbidden already need not be completed.
      if (space_.allows(point_)) goes_on = from(next + 1);
    }
    point_.erase(parameter.name);
    return goes_on;
  }

 private:
  const SearchSpace& space_;
  const std::function<bool(const Params&)>& visit_;
  Params point_;
  int& tries_left_;
};

/// The space without what no constraint depends on.
SearchSpace constrained_part(const SearchSpace& space) {
  std::set<std::string, std::less<>> named;
  const auto name_all = [&](const Condition& condition) {
    named.insert(condition.names().begin(), condition.names().end());
  };
  for (const Condition& constraint : space.constraints()) name_all(constraint);
  Params others;
  for (auto parameter = space.parameters().rbegin(); parameter != space.parameters().rend();
       ++parameter) {
    if (!named.contains(parameter->name)) {
      others[parameter->name] = {};
    } else if (parameter->when) {
      name_all(*parameter->when);
    }
  }
  return space.without(others);
}

}  // namespace

std::optional<std::uint64_t> count_values(const Domain& domain) {
  if (const auto* d = std::get_if<CategoricalDomain>(&domain)) return d->choices.size();
  if (const auto* d = std::get_if<IntDomain>(&domain)) {
    const std::uint64_t last = last_step(*d);
    return last == kMost ? kMost : last + 1;
  }
  const auto& d = std::get<FloatDomain>(domain);
  if (d.low == d.high) return 1;
  if (!d.step) return std::nullopt;
  return static_cast<std::uint64_t>(last_step(d)) + 1;
}

bool is_finite(const SearchSpace& space) {
  // As a rule there is a real number that every trial has: then nothing need be remembered.
  if (std::ranges::any_of(space.parameters(), [](const Parameter& parameter) {
        return !parameter.when && !count_values(parameter.domain);
      })) {
    return false;
  }
  std::set<std::string, std::less<>> undecided;
  Params decided;
  return std::ranges::all_of(space.parameters(), [&](const Parameter& parameter) {
    const bool knows_its_condition =
        !parameter.when || std::ranges::none_of(parameter.when->names(), [&](const auto& name) {
          return undecided.contains(name);
        });
    if (knows_its_condition && !space.active(parameter, decided)) return true;
    if (knows_its_condition && parameter.role == Role::Constant) {
      decided[parameter.name] = value_number(parameter.domain, 0);
    } else {
      undecided.insert(parameter.name);
    }
    return count_values(parameter.domain).has_value();
  });
}

bool for_each_point(const SearchSpace& space, const std::function<bool(const Params&)>& visit,
                    int& tries_left) {
  return is_finite(space) && Walk(space, visit, tries_left).from(0);
}

Params random_point(const SearchSpace& space, const Rng& rng) {
  Params params;
  for (const Parameter& parameter : space.parameters()) {
    if (!space.active(parameter, params)) continue;
    params[parameter.name] = decode(parameter.domain, rng.fork(parameter.name).uniform());
  }
  return params;
}

bool may_have_points(const SearchSpace& space, int& tries_left) {
  bool found = false;
  const auto stop_at_first = [&](const Params&) {
    found = true;
    return false;
  };
  return !for_each_point(constrained_part(space), stop_at_first, tries_left) || found;
}

PointKey point_key(const SearchSpace& space, const Params& params) {
  PointKey key;
  for (const Parameter& parameter : space.parameters()) {
    key.push_back(number_of(parameter.domain, params, parameter.name));
  }
  return key;
}

}  // namespace hypertune

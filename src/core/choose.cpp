// Values for a trial: ask again, then count what is left, then draw.
#include "core/choose.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>

#include "hypertune/error.h"

namespace hypertune {
namespace {

/// The sampler is asked at most so often.
constexpr int kAttempts = 16;
/// At most so many points are drawn where they cannot be counted.
constexpr int kMaxDraws = 10'000;

Params with_fixed(const SearchSpace& open, const Params& values) {
  Params point = open.fixed();
  for (const auto& [name, value] : values) point[name] = value;
  return point;
}

bool is_allowed(const Requirements& wanted, const Params& values) {
  return wanted.open.allows(values) && allowed_in_cells(wanted.space, wanted.cells, values);
}

bool is_taken(const Requirements& wanted, const Params& values) {
  // What nothing was sampled for is repeated on purpose.
  return wanted.taken && has_sampled(wanted.open, values) &&
         wanted.taken(point_key(wanted.space, with_fixed(wanted.open, values)));
}

/// The constraint to blame for values that are not allowed.
std::string blamed(const Requirements& wanted, const Params& values) {
  const Condition* constraint = wanted.open.violated(values);
  return (constraint != nullptr ? *constraint : wanted.open.constraints().front()).text();
}

[[noreturn]] void fail(const Requirements& wanted, const std::string& what, const Params& values) {
  throw Error(fmt::format(
      "{} satisfies the constraints{}, among them {}; relax them, or change the ranges", what,
      wanted.cells.empty() ? "" : " at all grid points at once, as a paired study needs",
      blamed(wanted, values)));
}

/// One of the points that will do, each with the same chance; nothing when they cannot be counted.
std::optional<Chosen> choose_among_all(const Requirements& wanted, Rng rng) {
  Chosen chosen;
  Params refused;
  std::uint64_t free = 0;
  int tries_left = kMaxValuesTried;
  const bool counted = for_each_point(
      wanted.open,
      [&](const Params& values) {
        if (!is_allowed(wanted, values)) {
          refused = values;
          return true;
        }
        ++chosen.points;
        if (!is_taken(wanted, values) && rng.below(++free) == 0) chosen.values = values;
        return true;
      },
      tries_left);
  if (!counted) return std::nullopt;
  if (chosen.points == 0) fail(wanted, "no point of the space", refused);
  return chosen;
}

}  // namespace

Chosen choose(const Requirements& wanted, const std::function<Params(const Rng&)>& ask,
              const Rng& rng) {
  std::optional<Params> last;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Params values = ask(attempt == 0 ? rng : rng.fork(fmt::format("attempt {}", attempt)));
    if (is_allowed(wanted, values) && !is_taken(wanted, values)) return {std::move(values)};
    if (values == last) break;  // it does not listen to the generator
    last = std::move(values);
  }
  const Rng own = rng.fork("hypertune:point");
  if (auto chosen = choose_among_all(wanted, own)) return std::move(*chosen);
  Params values;
  for (int draw = 0; draw < kMaxDraws; ++draw) {
    values = random_point(wanted.open, own.fork(std::to_string(draw)));
    if (is_allowed(wanted, values) && !is_taken(wanted, values)) return {std::move(values)};
  }
  fail(wanted, fmt::format("none of {} points that were drawn is new and", kMaxDraws), values);
}

bool allowed_in_cells(const SearchSpace& space, std::span<const Params> cells,
                      const Params& values) {
  return std::ranges::all_of(cells, [&](const Params& cell) {
    Params point = cell;
    for (const Parameter& parameter : space.parameters()) {
      if (parameter.role == Role::Grid || !space.active(parameter, point)) continue;
      if (parameter.role == Role::Constant) {
        point[parameter.name] = std::get<CategoricalDomain>(parameter.domain).choices.front();
      } else if (const auto value = values.find(parameter.name); value != values.end()) {
        point.insert(*value);
      }
    }
    return space.allows(point);
  });
}

bool must_differ(const SearchSpace& open) {
  return is_finite(open) && std::ranges::count(open.parameters(), Role::Sampled, &Parameter::role);
}

bool has_sampled(const SearchSpace& space, const Params& point) {
  return std::ranges::any_of(space.parameters(), [&](const Parameter& parameter) {
    return parameter.role == Role::Sampled && point.contains(parameter.name);
  });
}

bool sampled_alike(const SearchSpace& space) {
  std::set<std::string> varying;  // what a grid axis decides about
  for (const Parameter& parameter : space.parameters()) {
    const bool depends = parameter.when &&
                         std::ranges::any_of(parameter.when->names(), [&](const std::string& name) {
                           return varying.contains(name);
                         });
    if (depends && parameter.role == Role::Sampled) return false;
    if (depends || parameter.role == Role::Grid) varying.insert(parameter.name);
  }
  return true;
}

}  // namespace hypertune

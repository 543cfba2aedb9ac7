// Generations and children. Crossover: Deb and Agrawal, "Simulated binary crossover for continuous
// search space", 1995 (SBX); Eshelman and Schaffer, "Real-coded genetic algorithms and
// interval-schemata", 1993 (BLX). Mutation: Deb and Goyal, "A combined genetic adaptive search
// (GeneAS) for engineering design", 1996 (polynomial).
#include "samplers/genetic.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "hypertune/error.h"
#include "space/encoding.h"
#include "space/points.h"

namespace hypertune {
namespace {

/// Attempts at a child that is new, and after those at a random one.
constexpr int kAttempts = 20;

/// How far beyond its parents BLX reaches, in units of their distance.
constexpr double kBlend = 0.5;

bool has_one_value(const Domain& domain) {
  if (const auto* choices = std::get_if<CategoricalDomain>(&domain)) {
    return choices->choices.size() == 1;
  }
  if (const auto* whole = std::get_if<IntDomain>(&domain)) return whole->low == whole->high;
  const auto& real = std::get<FloatDomain>(domain);
  return real.low == real.high;
}

/// Chance to mutate a parameter so that one of the trial's is mutated on average. It is the parent
/// that is counted: a program that suggests one parameter after the other asks for each alone.
double one_of_all(const TrialRecord& parent) {
  const auto many = std::ranges::count_if(
      parent.domains, [](const auto& entry) { return !has_one_value(entry.second); });
  return 1.0 / static_cast<double>(std::max<std::ptrdiff_t>(1, many));
}

/// Simulated binary crossover inside [0, 1]: a number near one of the two.
double simulated_binary(double x, double y, double eta, Rng& rng) {
  const double low = std::min(x, y);
  const double high = std::max(x, y);
  const double distance = std::max(high - low, 1e-10);
  const bool lower_child = rng.uniform() < 0.5;
  const double room = lower_child ? low : 1 - high;
  // The distribution is cut off where the child would leave the domain.
  const double alpha = 2 - std::pow(1 + 2 * room / distance, -(eta + 1));
  const double u = rng.uniform() * alpha;
  const double spread = std::pow(u <= 1 ? u : 1 / (2 - u), 1 / (eta + 1));
  return 0.5 * (low + high + (lower_child ? -spread : spread) * distance);
}

/// Evenly between the two and half their distance beyond, inside [0, 1].
double blend(double x, double y, Rng& rng) {
  const double reach = kBlend * std::abs(x - y);
  const double low = std::max(0.0, std::min(x, y) - reach);
  const double high = std::min(1.0, std::max(x, y) + reach);
  return std::lerp(low, high, rng.uniform());
}

/// Polynomial mutation inside [0, 1].
double polynomial(double x, double eta, Rng& rng) {
  const double u = rng.uniform();
  const double power = 1 / (eta + 1);
  if (u < 0.5) {
    const double inside = 2 * u + (1 - 2 * u) * std::pow(1 - x, eta + 1);
    return x + std::pow(inside, power) - 1;
  }
  const double inside = 2 * (1 - u) + (2 * u - 1) * std::pow(x, eta + 1);
  return x + 1 - std::pow(inside, power);
}

/// The parent's value as one of the domain; nothing where the parent has none.
std::optional<Value> inherited(const TrialRecord& parent, const Parameter& parameter) {
  const auto value = parent.params.find(parameter.name);
  return value == parent.params.end() ? std::nullopt : coerce(parameter.domain, value->second);
}

/// The value of a child before mutation; nothing when neither parent has one.
std::optional<Value> crossed(const Parameter& parameter, const TrialRecord& first,
                             const TrialRecord* second, const Breeding& breeding, Rng& rng) {
  auto a = inherited(first, parameter);
  auto b = second == nullptr ? std::nullopt : inherited(*second, parameter);
  if (!b) return a;
  if (!a) return b;
  const bool ordered = !std::holds_alternative<CategoricalDomain>(parameter.domain);
  if (!ordered || breeding.crossover == Crossover::Uniform) {
    return rng.uniform() < breeding.swap_probability ? b : a;
  }
  const double x = *encode(parameter.domain, *a);
  const double y = *encode(parameter.domain, *b);
  if (breeding.crossover == Crossover::Blx) return decode(parameter.domain, blend(x, y, rng));
  // Half of the numbers are left as a parent has them.
  if (rng.uniform() < 0.5) return rng.uniform() < breeding.swap_probability ? b : a;
  return decode(parameter.domain, simulated_binary(x, y, breeding.crossover_eta, rng));
}

Value mutated(const Parameter& parameter, const Value& value, const Breeding& breeding, Rng& rng) {
  const bool ordered = !std::holds_alternative<CategoricalDomain>(parameter.domain);
  if (!ordered || breeding.mutation == Mutation::Uniform) {
    return decode(parameter.domain, rng.uniform());
  }
  const double unit = *encode(parameter.domain, value);
  return decode(parameter.domain, polynomial(unit, breeding.mutation_eta, rng));
}

Params bred(const SearchSpace& space, std::span<const TrialRecord* const> parents,
            const Breeding& breeding, const Rng& rng) {
  Rng chance = rng.fork("parents");
  // Parents come the fittest first: the winner of a tournament is the one with the lower index.
  const auto pick = [&](std::size_t count) {
    const std::uint64_t one = chance.below(count);
    if (breeding.parents == ParentChoice::Any) return one;
    return std::min(one, chance.below(count));
  };
  const std::size_t a = pick(parents.size());
  const TrialRecord& first = *parents[a];
  const TrialRecord* second = nullptr;
  if (parents.size() > 1 && chance.uniform() < breeding.crossover_probability) {
    // Among the others, whose indices close up.
    const std::size_t b = pick(parents.size() - 1);
    second = parents[b < a ? b : b + 1];
  }
  const double rate = breeding.mutation_probability.value_or(one_of_all(first));
  Params params;
  for (const Parameter& parameter : space.parameters()) {
    if (!space.active(parameter, params)) continue;
    Rng own = rng.fork("gene").fork(parameter.name);
    const auto value = crossed(parameter, first, second, breeding, own);
    if (!value) {
      params[parameter.name] = decode(parameter.domain, own.uniform());
    } else {
      const bool mutate = own.uniform() < rate;
      params[parameter.name] = mutate ? mutated(parameter, *value, breeding, own) : *value;
    }
  }
  return params;
}

}  // namespace

void Breeding::validate(const std::string& sampler) const {
  const auto require = [&](bool holds, const char* option, const char* range, double value) {
    if (holds) return;
    throw ConfigError(fmt::format("{}: {} is {}; it must {}", sampler, option, value, range));
  };
  const auto is_chance = [](double p) { return p >= 0 && p <= 1; };
  const auto is_eta = [](double eta) { return eta >= 0 && std::isfinite(eta); };
  const char* in_unit = "lie in [0, 1]";
  const char* not_negative = "be finite and at least 0";
  require(is_chance(crossover_probability), "crossover_probability", in_unit,
          crossover_probability);
  require(is_chance(swap_probability), "swap_probability", in_unit, swap_probability);
  require(is_chance(mutation_probability.value_or(0)), "mutation_probability", in_unit,
          mutation_probability.value_or(0));
  require(is_eta(crossover_eta), "crossover_eta", not_negative, crossover_eta);
  require(is_eta(mutation_eta), "mutation_eta", not_negative, mutation_eta);
}

Params child(const SearchSpace& space, const Past& past, const Breeding& breeding, const Rng& rng) {
  Params params;
  if (space.empty()) return params;
  for (int attempt = 0; attempt < 2 * kAttempts; ++attempt) {
    const bool from_parents = !past.parents().empty() && attempt < kAttempts;
    const Rng own = attempt == 0 ? rng : rng.fork(fmt::format("attempt {}", attempt));
    params = from_parents ? bred(space, past.parents(), breeding, own) : random_point(space, own);
    Params all = params;
    all.merge(space.fixed());
    if (!past.contains(all)) break;
  }
  return params;
}

}  // namespace hypertune

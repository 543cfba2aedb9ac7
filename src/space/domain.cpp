// Domains: well-formedness, membership, texts.
#include "hypertune/domain.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

/// Relative slack for values on a grid of steps, which rounding moves by a few units in the last
/// place.
constexpr double kStepSlack = 1e-8;
constexpr double kMaxSteps = 9007199254740992.0;  // 2^53: beyond it they cannot be told apart

[[noreturn]] void reject(const std::string& name, const std::string& what) {
  throw ConfigError(fmt::format("parameter \"{}\": {}", name, what));
}

void check(const FloatDomain& d, const std::string& name) {
  if (!std::isfinite(d.low) || !std::isfinite(d.high)) reject(name, "bounds must be finite");
  if (d.low > d.high) {
    reject(name, fmt::format("low ({}) is above high ({}); swap them", d.low, d.high));
  }
  if (d.log && d.low <= 0) {
    reject(name, fmt::format("log needs low > 0, but low is {}; raise it or drop log", d.low));
  }
  if (d.log && d.step) reject(name, "log and step exclude each other; drop one");
  if (d.step && !(*d.step > 0 && std::isfinite(*d.step))) {
    reject(name, fmt::format("step must be above 0, not {}", *d.step));
  }
  if (d.step && (d.high - d.low) / *d.step >= kMaxSteps) {
    reject(name,
           fmt::format("a step of {} is too small for [{}, {}]; drop it", *d.step, d.low, d.high));
  }
}

void check(const IntDomain& d, const std::string& name) {
  if (d.low > d.high) {
    reject(name, fmt::format("low ({}) is above high ({}); swap them", d.low, d.high));
  }
  if (d.log && d.low < 1) {
    reject(name, fmt::format("log needs low >= 1, but low is {}; raise it or drop log", d.low));
  }
  if (d.log && d.step != 1) reject(name, "log and step exclude each other; drop one");
  if (d.step < 1) reject(name, fmt::format("step must be at least 1, not {}", d.step));
}

void check(const CategoricalDomain& d, const std::string& name) {
  if (d.choices.empty()) reject(name, "there is no value to choose from; list at least one");
  for (std::size_t i = 0; i < d.choices.size(); ++i) {
    const auto* number = std::get_if<double>(&d.choices[i]);
    if (number != nullptr && std::isnan(*number)) reject(name, "NaN cannot be a choice");
    for (std::size_t j = 0; j < i; ++j) {
      if (same_value(d.choices[i], d.choices[j])) {
        reject(name, fmt::format("the value {} is listed twice", to_string(d.choices[i])));
      }
    }
  }
}

std::optional<Value> coerce_to(const FloatDomain& d, const Value& value) {
  if (std::holds_alternative<bool>(value)) return std::nullopt;
  const auto x = as_number(value);
  if (!x || !(*x >= d.low && *x <= d.high)) return std::nullopt;
  if (d.step) {
    const double steps = (*x - d.low) / *d.step;
    if (std::abs(steps - std::round(steps)) > kStepSlack * std::max(1.0, std::abs(steps))) {
      return std::nullopt;
    }
  }
  return *x;
}

std::optional<Value> coerce_to(const IntDomain& d, const Value& value) {
  std::int64_t whole = 0;
  if (const auto* exact = std::get_if<std::int64_t>(&value)) {
    whole = *exact;
  } else if (const auto* number = std::get_if<double>(&value)) {
    constexpr double kLargestExact = 9007199254740992.0;  // 2^53
    if (*number != std::floor(*number) || std::abs(*number) > kLargestExact) return std::nullopt;
    whole = static_cast<std::int64_t>(*number);
  } else {
    return std::nullopt;
  }
  if (whole < d.low || whole > d.high) return std::nullopt;
  const auto offset = static_cast<std::uint64_t>(whole) - static_cast<std::uint64_t>(d.low);
  if (offset % static_cast<std::uint64_t>(d.step) != 0) return std::nullopt;
  return whole;
}

std::optional<Value> coerce_to(const CategoricalDomain& d, const Value& value) {
  const auto match = std::ranges::find_if(
      d.choices, [&](const Value& choice) { return same_value(choice, value); });
  if (match == d.choices.end()) return std::nullopt;
  return *match;
}

}  // namespace

void validate(const Domain& domain, const std::string& name) {
  std::visit([&](const auto& d) { check(d, name); }, domain);
}

std::optional<Value> coerce(const Domain& domain, const Value& value) {
  return std::visit([&](const auto& d) { return coerce_to(d, value); }, domain);
}

bool contains(const Domain& domain, const Value& value) {
  return coerce(domain, value).has_value();
}

bool compatible(const Domain& a, const Domain& b) {
  if (a.index() != b.index()) return false;
  if (const auto* x = std::get_if<FloatDomain>(&a)) return x->log == std::get<FloatDomain>(b).log;
  if (const auto* x = std::get_if<IntDomain>(&a)) return x->log == std::get<IntDomain>(b).log;
  return a == b;
}

std::string to_string(const Domain& domain) {
  if (const auto* d = std::get_if<FloatDomain>(&domain)) {
    return fmt::format("float [{}, {}]{}{}", d->low, d->high, d->log ? " log" : "",
                       d->step ? fmt::format(" step {}", *d->step) : "");
  }
  if (const auto* d = std::get_if<IntDomain>(&domain)) {
    return fmt::format("int [{}, {}]{}{}", d->low, d->high, d->log ? " log" : "",
                       d->step != 1 ? fmt::format(" step {}", d->step) : "");
  }
  std::vector<std::string> texts;
  for (const Value& choice : std::get<CategoricalDomain>(domain).choices) {
    texts.push_back(to_string(choice));
  }
  return "one of " + join(texts, ", ");
}

}  // namespace hypertune

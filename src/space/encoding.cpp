// Unit axes: the rules are those of Optuna's search space transform, scaled to [0, 1].
//
// Deviation: a category has one axis, cut into equal parts in the order of declaration, where
// Optuna has one for each choice.
#include "space/encoding.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>
#include <variant>

#include "base/assert.h"

namespace hypertune {
namespace {

std::uint64_t count_from(std::int64_t low, std::int64_t value) {
  return static_cast<std::uint64_t>(value) - static_cast<std::uint64_t>(low);
}

/// As a number of the parts that the axis is cut into.
std::uint64_t last_number(const FloatDomain& d) { return static_cast<std::uint64_t>(last_step(d)); }
std::uint64_t last_number(const IntDomain& d) { return last_step(d); }

/// Which of last + 1 equal parts of the axis holds `unit`.
std::uint64_t part_at(double unit, std::uint64_t last) {
  const double part = std::floor(unit * (static_cast<double>(last) + 1.0));
  return part >= static_cast<double>(last) ? last : static_cast<std::uint64_t>(part);
}
double middle(std::uint64_t part, std::uint64_t last) {
  return (static_cast<double>(part) + 0.5) / (static_cast<double>(last) + 1.0);
}
UnitCell part_around(double unit, std::uint64_t last) {
  const auto part = static_cast<double>(part_at(unit, last));
  const double parts = static_cast<double>(last) + 1.0;
  return {part / parts, (part + 1.0) / parts};
}

/// Where x lies between low and high; half of each, since the difference may overflow.
double share(double low, double x, double high) {
  const double width = high / 2 - low / 2;
  return width > 0 ? std::clamp((x / 2 - low / 2) / width, 0.0, 1.0) : 0.5;
}

/// Logarithms of the ends of what the integers own.
std::pair<double, double> log_ends(const IntDomain& d) {
  return {std::log(static_cast<double>(d.low) - 0.5), std::log(static_cast<double>(d.high) + 0.5)};
}

Value value_at(const FloatDomain& d, double unit) {
  if (d.step) {
    const std::uint64_t number = part_at(unit, last_number(d));
    return std::min(d.low + static_cast<double>(number) * *d.step, d.high);
  }
  const double value = d.log ? std::exp(std::lerp(std::log(d.low), std::log(d.high), unit))
                             : std::lerp(d.low, d.high, unit);
  return std::clamp(value, d.low, d.high);
}

std::int64_t whole_at(const IntDomain& d, double unit) {
  if (d.log) {
    const auto [low, high] = log_ends(d);
    const double value = std::round(std::exp(std::lerp(low, high, unit)));
    if (value >= static_cast<double>(d.high)) return d.high;
    return std::max(static_cast<std::int64_t>(value), d.low);
  }
  const std::uint64_t offset = part_at(unit, last_number(d)) * static_cast<std::uint64_t>(d.step);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(d.low) + offset);
}

Value value_at(const IntDomain& d, double unit) { return whole_at(d, unit); }
Value value_at(const CategoricalDomain& d, double unit) {
  return d.choices[part_at(unit, d.choices.size() - 1)];
}

double point_of(const FloatDomain& d, const Value& value) {
  const double x = std::get<double>(value);
  if (d.step) {
    const double number = std::round((x - d.low) / *d.step);
    return middle(static_cast<std::uint64_t>(number), last_number(d));
  }
  return d.log ? share(std::log(d.low), std::log(x), std::log(d.high)) : share(d.low, x, d.high);
}

double point_of(const IntDomain& d, const Value& value) {
  const std::int64_t whole = std::get<std::int64_t>(value);
  if (d.log) {
    const auto [low, high] = log_ends(d);
    return share(low, std::log(static_cast<double>(whole)), high);
  }
  return middle(count_from(d.low, whole) / static_cast<std::uint64_t>(d.step), last_number(d));
}

double point_of(const CategoricalDomain& d, const Value& value) {
  const auto match = std::ranges::find_if(
      d.choices, [&](const Value& choice) { return same_value(choice, value); });
  return middle(static_cast<std::uint64_t>(match - d.choices.begin()), d.choices.size() - 1);
}

UnitCell cell_at(const FloatDomain& d, double unit) {
  return d.step ? part_around(unit, last_number(d)) : UnitCell{unit, unit};
}

UnitCell cell_at(const IntDomain& d, double unit) {
  if (!d.log) return part_around(unit, last_number(d));
  const auto [low, high] = log_ends(d);
  const auto value = static_cast<double>(whole_at(d, unit));
  return {share(low, std::log(value - 0.5), high), share(low, std::log(value + 0.5), high)};
}

UnitCell cell_at(const CategoricalDomain& d, double unit) {
  return part_around(unit, d.choices.size() - 1);
}

double clamped(double unit) {
  HT_ASSERT(!std::isnan(unit));
  return std::clamp(unit, 0.0, 1.0);
}

}  // namespace

double last_step(const FloatDomain& domain) {
  // The slack keeps an upper bound that rounding puts just below a whole number of steps.
  return std::floor((domain.high - domain.low) / *domain.step + 1e-9);
}

std::uint64_t last_step(const IntDomain& domain) {
  return count_from(domain.low, domain.high) / static_cast<std::uint64_t>(domain.step);
}

Value decode(const Domain& domain, double unit) {
  return std::visit([u = clamped(unit)](const auto& d) { return value_at(d, u); }, domain);
}

std::optional<double> encode(const Domain& domain, const Value& value) {
  const auto own = coerce(domain, value);
  if (!own) return std::nullopt;
  return std::visit([&](const auto& d) { return point_of(d, *own); }, domain);
}

UnitCell unit_cell(const Domain& domain, double unit) {
  return std::visit([u = clamped(unit)](const auto& d) { return cell_at(d, u); }, domain);
}

}  // namespace hypertune

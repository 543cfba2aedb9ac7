// Where values lie along an axis: numbers at themselves or at their logarithms, categories in a
// row.
#include "report/figures/coordinate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/finite_metric.h"
#include "report/study_view.h"

namespace hypertune {
namespace {

constexpr int kMostTicks = 6;
constexpr std::size_t kMostCategoryTicks = 20;
constexpr std::size_t kLongestCategory = 16;  // bytes
constexpr double kCategorySpread = 0.5;
constexpr double kWholeSpread = 0.3;
constexpr std::int64_t kFewWholeNumbers = 12;
constexpr double kWidestLinear = 100;  // largest by smallest value

/// Multiples of 1, 2 or 5 times a power of ten.
std::vector<double> round_numbers(double low, double high) {
  const double raw = (high - low) / kMostTicks;
  const double decade = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * decade;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * decade >= raw) step = factor * decade;
  }
  std::vector<double> numbers;
  const double first = std::ceil(low / step);
  for (int i = 0; (first + i) * step <= high && i <= 2 * kMostTicks; ++i) {
    numbers.push_back((first + i) * step);
  }
  return numbers;
}

std::string superscript(int number) {
  constexpr const char* kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text;
  for (const char c : std::to_string(number)) text += c == '-' ? "⁻" : kDigits[c - '0'];
  return text;
}

Tick at_logarithm(double value) { return {std::log10(value), format_number(value, 3)}; }

/// `low` and `high` are logarithms.
std::vector<Tick> decades(double low, double high) {
  const int first = static_cast<int>(std::ceil(low));
  const int last = static_cast<int>(std::floor(high));
  const int step = (last - first) / kMostTicks + 1;
  const bool plain = first >= -3 && last <= 4;
  std::vector<Tick> ticks;
  for (int exponent = first; exponent <= last; exponent += step) {
    ticks.push_back({static_cast<double>(exponent), plain ? format_number(std::pow(10, exponent), 3)
                                                          : "10" + superscript(exponent)});
  }
  return ticks;
}

std::vector<Tick> logarithmic_ticks(double low, double high) {
  if (std::floor(high) - std::ceil(low) >= 2) return decades(low, high);
  std::vector<Tick> ticks;
  if (high - low < std::log10(3)) {
    for (const double value : round_numbers(std::pow(10, low), std::pow(10, high))) {
      ticks.push_back(at_logarithm(value));
    }
    return ticks;
  }
  for (double decade = std::floor(low); decade <= high; ++decade) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double at = decade + std::log10(factor);
      if (at >= low && at <= high) ticks.push_back(at_logarithm(factor * std::pow(10, decade)));
    }
  }
  return ticks;
}

ParameterAxis category_axis(const Parameter& parameter, const std::vector<Value>& choices) {
  ParameterAxis result{.name = parameter.name, .categories = choices, .spread = kCategorySpread};
  result.axis = {.label = heading(parameter.name),
                 .low = -0.5,
                 .high = static_cast<double>(choices.size()) - 0.5};
  const std::size_t step = (choices.size() - 1) / kMostCategoryTicks + 1;
  for (std::size_t i = 0; i < choices.size(); i += step) {
    result.axis.ticks.push_back(
        {static_cast<double>(i), shorten(to_string(choices[i]), kLongestCategory)});
  }
  return result;
}

std::optional<double> number_at(const Value& value, bool log) {
  const auto number = as_number(value);
  if (!number || !std::isfinite(*number) || (log && *number <= 0)) return std::nullopt;
  return log ? std::log10(*number) : *number;
}

}  // namespace

Axis axis_between(std::string label, bool log, double low, double high) {
  Axis axis{.label = std::move(label)};
  if (!log) {
    fit(axis, low, high);
    for (const double value : round_numbers(axis.low, axis.high)) {
      axis.ticks.push_back({value, format_number(std::abs(value) < 1e-300 ? 0 : value, 6)});
    }
    return axis;
  }
  axis.low = std::log10(low);
  axis.high = std::log10(high);
  const double margin = std::max(0.04 * (axis.high - axis.low), 0.02);
  axis.low -= margin;
  axis.high += margin;
  axis.ticks = logarithmic_ticks(axis.low, axis.high);
  return axis;
}

std::optional<double> ParameterAxis::at(const TrialRecord& trial) const {
  const auto found = trial.params.find(name);
  if (found == trial.params.end()) return std::nullopt;
  if (!categorical()) return number_at(found->second, log);
  for (std::size_t i = 0; i < categories.size(); ++i) {
    if (same_value(categories[i], found->second)) return static_cast<double>(i);
  }
  return std::nullopt;
}

std::optional<double> ParameterAxis::near(const TrialRecord& trial, Side side) const {
  // Multiples of an irrational number fill an interval evenly: of the golden ratio, and of the
  // square root of 2.
  const double ratio = side == Side::X ? 0.6180339887498949 : 0.4142135623730951;
  const double multiple = trial.number * ratio;
  const auto exact = at(trial);
  if (!exact) return std::nullopt;
  return *exact + spread * (multiple - std::floor(multiple) - 0.5);
}

ParameterAxis parameter_axis(const Parameter& parameter,
                             std::span<const TrialRecord* const> trials) {
  double low = 0;
  double high = 1;
  ParameterAxis result{.name = parameter.name};
  if (const auto* choices = std::get_if<CategoricalDomain>(&parameter.domain)) {
    return category_axis(parameter, choices->choices);
  }
  if (const auto* real = std::get_if<FloatDomain>(&parameter.domain)) {
    std::tie(result.log, low, high) = std::tuple(real->log, real->low, real->high);
  } else {
    const auto& whole = std::get<IntDomain>(parameter.domain);
    result.log = whole.log;
    low = static_cast<double>(whole.low);
    high = static_cast<double>(whole.high);
    const bool few = !whole.log && (whole.high - whole.low) / whole.step < kFewWholeNumbers;
    if (few) result.spread = kWholeSpread * static_cast<double>(whole.step);
  }
  for (const TrialRecord* trial : trials) {
    if (const auto at = result.at(*trial)) {
      const double value = result.log ? std::pow(10, *at) : *at;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  result.axis = axis_between(heading(parameter.name), result.log, low, high);
  return result;
}

double MetricAxis::at(double value) const { return log ? std::log10(value) : value; }

std::optional<double> MetricAxis::at(const Metrics& metrics) const {
  const auto value = finite_metric(metrics, metric);
  if (!value || (log && *value <= 0)) return std::nullopt;
  return at(*value);
}

bool MetricAxis::is_better(double a, double b) const {
  return direction == Direction::Maximize ? a > b : a < b;
}

MetricAxis metric_axis(std::string_view metric, std::span<const Objective> objectives,
                       std::span<const double> values) {
  MetricAxis result{.metric = std::string(metric)};
  const auto objective = std::ranges::find(objectives, metric, &Objective::metric);
  if (objective != objectives.end()) result.direction = objective->direction;
  double low = 0;
  double high = 1;
  if (!values.empty()) {
    std::tie(low, high) = std::pair(std::ranges::min(values), std::ranges::max(values));
  }
  result.log = result.direction != Direction::Maximize && low > 0 && high / low > kWidestLinear;
  result.axis = axis_between(heading(metric), result.log, low, high);
  return result;
}

Axis shade_axis(const MetricAxis& metric, std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t twentieth = values.size() / 20;
  double low = values.front();
  double high = values.back();
  if (metric.direction == Direction::Maximize) {
    low = values[twentieth];
  } else {
    high = values[values.size() - 1 - twentieth];
  }
  const auto value = [&](double at) { return metric.log ? std::pow(10, at) : at; };
  return axis_between(metric.axis.label, metric.log, value(low), value(high));
}

}  // namespace hypertune

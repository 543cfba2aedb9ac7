// Claims: how an expectation is read, and what can be told from it.
#include "hypertune/claim.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

[[noreturn]] void reject(std::string_view text, std::string_view reason) {
  throw ConfigError(
      fmt::format("cannot read the expectation \"{}\": {}; write one like \">= 0.8\", \"< 1\" or "
                  "\"in [-0.05, 0.05]\"",
                  text, reason));
}

double parse_bound(std::string_view text, std::string_view whole) {
  text = trim(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    reject(whole, fmt::format("\"{}\" is not a finite number", text));
  }
  return number;
}

Expectation parse_range(std::string_view range, std::string_view whole) {
  const bool opened = range.starts_with('[') || range.starts_with('(');
  const bool closed = range.ends_with(']') || range.ends_with(')');
  if (!opened || !closed) reject(whole, "a range stands in brackets");
  const std::vector<std::string> bounds = split(range.substr(1, range.size() - 2), ',');
  if (bounds.size() != 2) reject(whole, "a range has two ends");
  Expectation expectation{std::string(whole), parse_bound(bounds[0], whole),
                          parse_bound(bounds[1], whole), range.front() == '[', range.back() == ']'};
  if (expectation.low >= expectation.high) reject(whole, "the first end must be the smaller one");
  return expectation;
}

}  // namespace

Expectation Expectation::parse(std::string_view text) {
  const std::string_view whole = trim(text);
  if (whole.starts_with("in") && whole.find_first_of("[(") != std::string_view::npos) {
    return parse_range(trim(whole.substr(2)), whole);
  }
  const bool greater = whole.starts_with('>');
  if (!greater && !whole.starts_with('<')) reject(whole, "it does not begin with >, < or in");
  const bool included = whole.substr(1).starts_with('=');
  const double bound = parse_bound(whole.substr(included ? 2 : 1), whole);
  if (greater) return {std::string(whole), bound, kInfinity, included, true};
  return {std::string(whole), -kInfinity, bound, true, included};
}

bool Expectation::contains(double value) const {
  return (low_included ? value >= low : value > low) &&
         (high_included ? value <= high : value < high);
}

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::Supported:
      return "supported";
    case Verdict::Refuted:
      return "refuted";
    case Verdict::Inconclusive:
      break;
  }
  return "inconclusive";
}

}  // namespace hypertune

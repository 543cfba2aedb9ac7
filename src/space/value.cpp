// Parameter values: texts and comparisons.
#include "hypertune/value.h"

#include <fmt/format.h>

#include "base/text.h"

namespace hypertune {

std::string to_string(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
  if (const auto* number = std::get_if<double>(&value)) return format_number(*number);
  return std::get<std::string>(value);
}

std::string to_string(const Params& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    text += fmt::format("{}{}={}", text.empty() ? "" : ", ", name, to_string(value));
  }
  return text;
}

std::optional<double> as_number(const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? 1 : 0;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::nullopt;
}

bool same_value(const Value& a, const Value& b) {
  if (a.index() == b.index()) return a == b;
  if (std::holds_alternative<bool>(a) || std::holds_alternative<bool>(b)) return false;
  const auto x = as_number(a);
  const auto y = as_number(b);
  return x && y && *x == *y;
}

}  // namespace hypertune

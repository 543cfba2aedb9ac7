// Report lines: JSON from programs that nobody vouches for.
#include "exec/report_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/json.h"
#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::size_t kShown = 60;

/// Refused before the line is parsed: what is nested deeply needs a deep stack.
bool is_flat(std::string_view line) {
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_text && c == '\\') ++i;
    if (c == '"') in_text = !in_text;
    if (in_text) continue;
    if (c == '[') return false;
    if (c == '{' && ++depth > 2) return false;
    if (c == '}') --depth;
  }
  return true;
}

std::optional<double> metric_value(const Json& json) {
  if (json.is_boolean()) return json.get<bool>() ? 1.0 : 0.0;
  if (json.is_number()) return json.get<double>();
  if (!json.is_string()) return std::nullopt;
  const auto number = number_in_text(json.get_ref<const std::string&>());
  return number && !std::isfinite(*number) ? number : std::nullopt;
}

bool is_metric_name(const std::string& name) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  return !name.empty() && name.size() <= kMaxMetricName && !std::ranges::any_of(name, is_control);
}

/// Adds the members of an object to the metrics. Returns what is wrong with them, or nothing.
std::string read_metrics(const Json& object, Metrics& into) {
  for (const auto& [name, value] : object.items()) {
    if (!is_metric_name(name)) return "a metric has a name that is empty, too long or unprintable";
    const auto number = metric_value(value);
    if (!number) {
      return fmt::format("\"{}\" is {}, no number", shorten(name, kShown),
                         shorten(dump_json(value), kShown));
    }
    into[name] = *number;
  }
  return {};
}

std::optional<std::int64_t> step_of(const Json& value) {
  constexpr double kExact = 9007199254740992.0;  // up to here each whole number is a double
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX) return std::nullopt;
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (!value.is_number_float()) return std::nullopt;
  const double number = value.get<double>();
  const bool whole = std::abs(number) <= kExact && std::trunc(number) == number;
  return whole ? std::optional(static_cast<std::int64_t>(number)) : std::nullopt;
}

ParsedReportLine read_object(Json object) {
  ReportLine line;
  if (const auto result = object.find("result"); result != object.end()) {
    if (!result->is_object()) return {{}, "\"result\" is not an object of metrics"};
    if (object.size() > 1) return {{}, "\"result\" stands beside other members"};
    line.is_result = true;
    const std::string fault = read_metrics(*result, line.metrics);
    return fault.empty() ? ParsedReportLine{std::move(line), {}} : ParsedReportLine{{}, fault};
  }
  if (const auto step = object.find("step"); step != object.end()) {
    line.step = step_of(*step);
    if (!line.step) return {{}, fmt::format("step {} is no whole number", dump_json(*step))};
    object.erase(step);
  }
  if (object.empty()) return {{}, "it holds no metric"};
  const std::string fault = read_metrics(object, line.metrics);
  return fault.empty() ? ParsedReportLine{std::move(line), {}} : ParsedReportLine{{}, fault};
}

}  // namespace

ParsedReportLine parse_report_line(std::string_view line) {
  line = trim(line);
  if (line.size() > kMaxReportLine) {
    return {{}, fmt::format("it is longer than {} bytes", kMaxReportLine)};
  }
  if (!line.starts_with('{')) {
    return {{},
            fmt::format("`{}` is no JSON object such as {{\"step\": 3, \"val_loss\": 0.2}}",
                        shorten(plain_text(line), kShown))};
  }
  if (!is_flat(line)) return {{}, "it holds lists or nested objects; metrics are numbers"};
  try {
    return read_object(parse_json(line));
  } catch (const Error& error) {
    return {{}, shorten(plain_text(error.what()), 2 * kShown)};
  }
}

std::optional<double> number_in_text(std::string_view text) {
  text = trim(text);
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range && end == text.data() + text.size()) {
    // Python and others read 1e999 as infinity, and what is too small as 0.
    const bool tiny = text.find("e-") != text.npos || text.find("E-") != text.npos;
    return tiny ? 0.0 : text.starts_with('-') ? -HUGE_VAL : HUGE_VAL;
  }
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace hypertune

// JSON with the non-finite numbers that Python's json module reads and writes.
#include "base/json.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

// nlohmann's parser rejects the three tokens, so they travel through it as strings that no sane
// document contains.
struct Token {
  std::string_view text;
  std::string_view stand_in;
  double value;
};
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::array<Token, 3> kTokens = {{
    {"-Infinity", "\"\\u0001-Infinity\"", -kInf},
    {"Infinity", "\"\\u0001Infinity\"", kInf},
    {"NaN", "\"\\u0001NaN\"", kNaN},
}};

std::string with_stand_ins(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      if (c == '"') in_string = false;
      ++i;
      continue;
    }
    bool replaced = false;
    for (const Token& token : kTokens) {
      if (text.substr(i, token.text.size()) == token.text) {
        out += token.stand_in;
        i += token.text.size();
        replaced = true;
        break;
      }
    }
    if (replaced) continue;
    in_string = c == '"';
    out += c;
    ++i;
  }
  return out;
}

void restore(Json& json) {
  if (json.is_string()) {
    const auto& text = json.get_ref<const std::string&>();
    if (text.empty() || text.front() != '\x01') return;
    for (const Token& token : kTokens) {
      if (std::string_view(text).substr(1) == token.text) {
        json = token.value;
        return;
      }
    }
  } else if (json.is_structured()) {
    for (auto& child : json) restore(child);
  }
}

/// Bytes that are not UTF-8 become replacement characters.
std::string dump_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

void dump_to(const Json& json, std::string& out) {
  switch (json.type()) {
    case Json::value_t::object: {
      out += '{';
      bool first = true;
      for (const auto& [key, child] : json.items()) {
        if (!first) out += ", ";
        first = false;
        out += dump_text(Json(key)) + ": ";
        dump_to(child, out);
      }
      out += '}';
      return;
    }
    case Json::value_t::array: {
      out += '[';
      bool first = true;
      for (const auto& child : json) {
        if (!first) out += ", ";
        first = false;
        dump_to(child, out);
      }
      out += ']';
      return;
    }
    case Json::value_t::number_float: {
      const double x = json.get<double>();
      out += std::isnan(x)   ? "NaN"
             : std::isinf(x) ? (x > 0 ? "Infinity" : "-Infinity")
                             : json.dump();
      return;
    }
    default:
      out += dump_text(json);
  }
}

}  // namespace

Json parse_json(std::string_view text) {
  try {
    // Most documents hold none of the tokens: do not copy those.
    const bool plain = text.find("NaN") == std::string_view::npos &&
                       text.find("Infinity") == std::string_view::npos;
    if (plain) return Json::parse(text);
    Json json = Json::parse(with_stand_ins(text));
    restore(json);
    return json;
  } catch (const Json::exception& e) {
    throw Error(fmt::format("not valid JSON: {}", e.what()));
  }
}

bool is_nested_deeper(std::string_view text, int levels) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string && c == '\\') ++i;
    if (c == '"') in_string = !in_string;
    if (in_string) continue;
    if ((c == '{' || c == '[') && ++depth > levels) return true;
    if (c == '}' || c == ']') --depth;
  }
  return false;
}

std::string dump_json(const Json& json) {
  std::string out;
  dump_to(json, out);
  return out;
}

Json to_json(const Value& value) {
  return std::visit([](const auto& v) { return Json(v); }, value);
}

Value value_from_json(const Json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_null()) return std::string("null");
  throw Error(fmt::format("a parameter's value must be a number, a boolean or a text, not {}",
                          shorten(json.dump(), 60)));
}

Json to_json(const Params& params) {
  Json json = Json::object();
  for (const auto& [name, value] : params) json[name] = to_json(value);
  return json;
}

Params params_from_json(const Json& json) {
  Params params;
  for (const auto& [name, value] : json.items()) params[name] = value_from_json(value);
  return params;
}

Json to_json(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  return json;
}

Metrics metrics_from_json(const Json& json) {
  Metrics metrics;
  for (const auto& [name, value] : json.items()) {
    if (value.is_number()) metrics[name] = value.get<double>();
    if (value.is_boolean()) metrics[name] = value.get<bool>() ? 1 : 0;
  }
  return metrics;
}

}  // namespace hypertune

// JSON written straight into a text.
#include "serve/json_text.h"

#include <fmt/compile.h>
#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <variant>

namespace hypertune {
namespace {

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <typename Number>
void append(std::string& text, Number number) {
  fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}"), number);
}

bool is_plain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\') return false;
  }
  return true;
}

}  // namespace

void JsonText::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

JsonText& JsonText::open(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
  return *this;
}

JsonText& JsonText::close(char bracket) {
  text_ += bracket;
  first_ = false;
  return *this;
}

JsonText& JsonText::key(std::string_view name) {
  text(name);
  text_ += ':';
  first_ = true;
  return *this;
}

JsonText& JsonText::number(double value) {
  if (!std::isfinite(value)) return null();
  separate();
  append(text_, value);
  return *this;
}

JsonText& JsonText::number(float value) {
  if (!std::isfinite(value)) return null();
  separate();
  append(text_, value);
  return *this;
}

JsonText& JsonText::whole(std::int64_t value) {
  separate();
  append(text_, value);
  return *this;
}

JsonText& JsonText::text(std::string_view value) {
  separate();
  if (is_plain(value)) {
    text_ += '"';
    text_ += value;
    text_ += '"';
  } else {
    text_ += dumped(Json(value));
  }
  return *this;
}

JsonText& JsonText::null() {
  separate();
  text_ += "null";
  return *this;
}

JsonText& JsonText::value(const Value& value) {
  const auto* number = std::get_if<double>(&value);
  if (number != nullptr) {
    return std::isfinite(*number) ? this->number(*number) : text(to_string(value));
  }
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return this->whole(*whole);
  if (const auto* text = std::get_if<std::string>(&value)) return this->text(*text);
  return json(to_json(value));
}

JsonText& JsonText::json(const Json& json) {
  separate();
  text_ += dumped(json);
  return *this;
}

JsonText& JsonText::texts(std::span<const std::string> values) {
  open('[');
  for (const std::string& value : values) text(value);
  return close(']');
}

JsonText& JsonText::wholes(std::span<const int> values) {
  open('[');
  for (const int value : values) whole(value);
  return close(']');
}

JsonText& JsonText::numbers(std::span<const double> values) {
  open('[');
  for (const double value : values) number(value);
  return close(']');
}

JsonText& JsonText::values(std::span<const Value> values) {
  open('[');
  for (const Value& value : values) this->value(value);
  return close(']');
}

}  // namespace hypertune

// JSON written straight into a text: answers with many numbers.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/json.h"
#include "hypertune/value.h"

namespace hypertune {

/// Puts commas where they belong; that brackets match and keys precede values is up to the caller.
/// Numbers that are not finite become null, bytes that are not UTF-8 replacement characters.
class JsonText {
 public:
  JsonText& open(char bracket);   ///< `{` or `[`
  JsonText& close(char bracket);  ///< `}` or `]`
  JsonText& key(std::string_view name);

  JsonText& number(double value);
  JsonText& number(float value);  ///< in the shortest form that reads back as the same float
  JsonText& whole(std::int64_t value);
  JsonText& text(std::string_view value);
  JsonText& null();
  /// Infinities and NaN, which JSON does not have, as texts.
  JsonText& value(const Value& value);
  JsonText& json(const Json& json);

  JsonText& texts(std::span<const std::string> values);
  JsonText& wholes(std::span<const int> values);
  JsonText& numbers(std::span<const double> values);
  JsonText& values(std::span<const Value> values);

  std::string take() { return std::move(text_); }

 private:
  void separate();

  std::string text_;
  bool first_ = true;  // in its object or list
};

}  // namespace hypertune

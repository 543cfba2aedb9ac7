// Conditions: boolean expressions over named values, such as `optimizer == "sgd" and lr > 0.01`.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/value.h"

namespace hypertune {

/// A parsed boolean expression. Grammar, loosest first: `or`, `and`, `not`, one comparison
/// (== != < <= > >=) or `name in [a, b]`, sums (+ -), products (* / %), a minus sign, parentheses,
/// calls of abs, log, max, min, pow and sqrt, names, numbers, true, false, and strings in single or
/// double quotes. A bare name is true when its value is true or a number other than 0. Arithmetic
/// is that of real numbers (true is 1); the result of % has the sign of the divisor.
///
/// A comparison with a name that has no value is false, whatever its operator, and so is one with a
/// result that is not a finite number, and an ordering of a string with a number. Immutable; safe
/// to share between threads.
class Condition {
 public:
  /// Throws ConfigError with the column of the first character that does not fit.
  explicit Condition(std::string_view text);

  /// Gives the value of a name, or nothing when it has none.
  using Lookup = std::function<std::optional<Value>(std::string_view name)>;

  bool holds(const Lookup& lookup) const;
  bool holds(const Params& params) const;

  /// Every name in the expression, each once, in order of appearance.
  const std::vector<std::string>& names() const { return names_; }

  /// Where each of them stands first in the text, counted from 1.
  const std::vector<int>& columns() const { return columns_; }

  /// The text it was parsed from.
  const std::string& text() const { return text_; }

  bool operator==(const Condition& other) const { return text_ == other.text_; }

  struct Node;  // defined where expressions are parsed

 private:
  std::string text_;
  std::vector<std::string> names_;
  std::vector<int> columns_;
  std::shared_ptr<const Node> root_;
};

}  // namespace hypertune

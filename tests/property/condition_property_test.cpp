// Conditions on random expressions: what is parsed from a text has the value that the tree behind
// the text has.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "hypertune/condition.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

/// A text and what it should be; NaN where there is no value.
struct Number {
  std::string text;
  double value;
};
struct Truth {
  std::string text;
  bool value;
};

const Params kParams = {
    {"a", std::int64_t{3}}, {"b", -0.5}, {"flag", true}, {"word", std::string("w")}};

std::string blank() { return *rc::gen::inRange(0, 3) == 0 ? " " : ""; }

double finite(double value) { return std::isfinite(value) ? value : kNothing; }

Number random_number(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 12 : 5)) {
    case 0:
      return {"a", 3};
    case 1:
      return {"b", -0.5};
    case 2:
      return {"flag", 1};
    case 3:
      return *rc::gen::arbitrary<bool>() ? Number{"missing", kNothing} : Number{"word", kNothing};
    case 4: {
      const int whole = *rc::gen::inRange(0, 20);
      return {std::to_string(whole), static_cast<double>(whole)};
    }
    case 5: {
      const Number inner = random_number(depth - 1);
      return {"-(" + inner.text + ")", -inner.value};
    }
    case 6: {
      const Number x = random_number(depth - 1);
      const Number y = random_number(depth - 1);
      const double larger =
          std::isnan(x.value) || std::isnan(y.value) ? kNothing : std::max(x.value, y.value);
      return {"max(" + x.text + "," + blank() + y.text + ")", larger};
    }
    default: {
      const Number x = random_number(depth - 1);
      const Number y = random_number(depth - 1);
      const char symbol = "+-*/%"[*rc::gen::inRange(0, 5)];
      double value = 0;
      if (symbol == '+') value = x.value + y.value;
      if (symbol == '-') value = x.value - y.value;
      if (symbol == '*') value = x.value * y.value;
      if (symbol == '/') value = x.value / y.value;
      if (symbol == '%') value = x.value - y.value * std::floor(x.value / y.value);
      return {"(" + x.text + ")" + blank() + symbol + blank() + "(" + y.text + ")", finite(value)};
    }
  }
}

Truth random_truth(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 5 : 2)) {
    case 2: {
      const Truth inner = random_truth(depth - 1);
      return {"not (" + inner.text + ")", !inner.value};
    }
    case 3: {
      const Truth x = random_truth(depth - 1);
      const Truth y = random_truth(depth - 1);
      return {"(" + x.text + ") and (" + y.text + ")", x.value && y.value};
    }
    case 4: {
      const Truth x = random_truth(depth - 1);
      const Truth y = random_truth(depth - 1);
      return {"(" + x.text + ") or (" + y.text + ")", x.value || y.value};
    }
    default: {
      const Number x = random_number(depth);
      const Number y = random_number(depth);
      // Words compare with words; numbers are what is tried here.
      const bool word = x.text == "word" && y.text == "word";
      RC_PRE(!word);
      if (*rc::gen::arbitrary<bool>()) return {x.text + " <= " + y.text, x.value <= y.value};
      return {x.text + " > " + y.text, x.value > y.value};
    }
  }
}

TEST(ConditionProperty, HasTheValueOfTheTreeThatWasWritten) {
  EXPECT_TRUE(rc::check([] {
    const Truth truth = random_truth(3);
    RC_LOG() << truth.text;
    RC_ASSERT(Condition(truth.text).holds(kParams) == truth.value);
  }));
}

TEST(ConditionProperty, BindsProductsMoreTightlyThanSumsAndBothFromTheLeft) {
  EXPECT_TRUE(rc::check([] {
    const auto n = [] { return static_cast<double>(*rc::gen::inRange(1, 9)); };
    const double a = n(), b = n(), c = n(), d = n();
    const Params params = {{"a", a}, {"b", b}, {"c", c}, {"d", d}};
    const double value = a - b * c / d - d + a;
    RC_ASSERT(Condition("a - b * c / d - d + a == " + std::to_string(0) + " + e")
                  .holds([&](std::string_view name) {
                    if (name == "e") return std::optional<Value>(value);
                    return std::optional<Value>(params.at(std::string(name)));
                  }));
  }));
}

TEST(ConditionProperty, NeverCrashesOnAnyText) {
  EXPECT_TRUE(rc::check([] {
    const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "a", "(", ")", "+", "-", "*", "%", "<", "==", "and", "not", "in", "[", "]", ",", "1",
        "-inf", "'x'", "max", " ", ".", "="));
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    try {
      Condition(text).holds(Params{{"a", 1.0}});
    } catch (const ConfigError&) {
    }
  }));
}

}  // namespace
}  // namespace hypertune

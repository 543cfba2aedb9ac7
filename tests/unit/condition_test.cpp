// Conditions: what they mean, and where they complain.
#include "hypertune/condition.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <ostream>

#include "hypertune/error.h"

namespace hypertune {
namespace {

const Params kParams = {{"optimizer", std::string("sgd")},
                        {"lr", 0.02},
                        {"layers", std::int64_t{3}},
                        {"bn", true},
                        {"nan", std::numeric_limits<double>::quiet_NaN()}};

struct Case {
  const char* text;
  bool expected;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.text; }

class ConditionHolds : public testing::TestWithParam<Case> {};

TEST_P(ConditionHolds, AsTheGrammarSays) {
  EXPECT_EQ(Condition(GetParam().text).holds(kParams), GetParam().expected) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Condition, ConditionHolds,
    testing::Values(
        Case{"bn", true}, Case{"not bn", false}, Case{"lr > 0.01 and bn", true},
        Case{"lr > 0.01 and not bn", false}, Case{"lr>=0.02", true}, Case{"lr < 2e-2", false},
        Case{"optimizer == \"sgd\"", true}, Case{"optimizer != 'sgd'", false},
        Case{"optimizer in ['adam', 'sgd'] or false", true}, Case{"layers in [1, 2]", false},
        Case{"layers == 3.0", true}, Case{"not (bn and lr > 1)", true}, Case{"bn == true", true},
        Case{"bn == 1", true}, Case{"false or bn and false", false}, Case{"missing", false},
        Case{"missing == 1", false}, Case{"missing != 1", false}, Case{"optimizer < 3", false},
        Case{"nan > 0", false}, Case{"nan", false}, Case{"lr > -1.5", true},
        Case{"not_a_keyword == 1 or bn", true}));

INSTANTIATE_TEST_SUITE_P(
    Arithmetic, ConditionHolds,
    testing::Values(Case{"layers * 2 == 6", true}, Case{"layers * 2 + 1 == 7", true},
                    Case{"1 + layers * 2 == 7", true}, Case{"(1 + layers) * 2 == 8", true},
                    Case{"layers - 1 - 1 == 1", true}, Case{"12 / layers / 2 == 2", true},
                    Case{"layers / 2 == 1.5", true}, Case{"layers % 2 == 1", true},
                    Case{"-layers % 2 == 1", true}, Case{"layers -1 == 2", true},
                    Case{"-layers == -3", true}, Case{"- -layers == 3", true},
                    Case{"2 * -layers < 0", true}, Case{"bn + 1 == 2", true},
                    Case{"layers + 1 in [3, 2 + 2]", true}, Case{"(layers) == 3", true},
                    Case{"(layers) > 1 and (bn)", true}, Case{"abs(1 - layers) == 2", true},
                    Case{"max(layers, 5, 4) == 5", true}, Case{"min(layers, lr) == lr", true},
                    Case{"pow(layers, 2) == 9", true}, Case{"sqrt(layers * 12) == 6", true},
                    Case{"log(1) == 0", true}, Case{"not layers + 1 == 3", true},
                    Case{"lr > -inf", true}, Case{"layers / 0 > 1", false},
                    Case{"layers / 0 <= 1", false}, Case{"log(-1) != 0", false},
                    Case{"missing + 1 != 0", false}, Case{"optimizer * 2 != 0", false},
                    Case{"max(nan, 1) == 1", false}, Case{"1e308 * 10 > 1", false}));

TEST(Condition, TakesNamesThatAreAlsoFunctions) {
  EXPECT_TRUE(Condition("min < max").holds(Params{{"min", 1.0}, {"max", 2.0}}));
}

TEST(Condition, SaysWhereEachNameStandsFirst) {
  EXPECT_THAT(Condition("  b * 2 > 1 and a == b").columns(), testing::ElementsAre(3, 17));
}

TEST(Condition, ListsItsNamesOnceInOrder) {
  EXPECT_THAT(Condition("b > 1 and a == b and c in [d, 1]").names(),
              testing::ElementsAre("b", "a", "c", "d"));
}

struct Fault {
  const char* text;
  const char* message;
};

void PrintTo(const Fault& fault, std::ostream* out) { *out << fault.text; }

class ConditionRejects : public testing::TestWithParam<Fault> {};

TEST_P(ConditionRejects, WithTheColumn) {
  try {
    const Condition condition(GetParam().text);
    FAIL() << "accepted: " << GetParam().text;
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Condition, ConditionRejects,
    testing::Values(
        Fault{"", "column 1: expected a name"},
        Fault{"lr >", "column 5: expected a name or a value"},
        Fault{"lr = 1", "column 4: a comparison is written =="},
        Fault{"lr > 1 bn", "column 8: expected the end"}, Fault{"(bn", "column 4: expected \")\""},
        Fault{"bn and and", "column 8: expected a name or a value before \"and\""},
        Fault{"a == 'x", "column 6: the text in quotes does not end"},
        Fault{"a in 3", "column 6: expected \"[\""}, Fault{"3", "expected a comparison"},
        Fault{"a > 1x", "expected a blank after the number"},
        Fault{"a > $", "column 5: expected a name or a value"},
        Fault{"a + 1", "column 6: expected a comparison"},
        Fault{"a + 1 or b", "column 7: expected a comparison"},
        Fault{"not a + 1", "column 10: expected a comparison"},
        Fault{"(a > 1) + 1 > 2", "column 1: expected a name or a value, not a"},
        Fault{"1 + (a > 1) > 2", "column 5: expected a name or a value, not a"},
        Fault{"(a > 1) == b", "column 1: expected a name or a value, not a"},
        Fault{"a * * 2 > 1", "column 5: expected a name or a value"},
        Fault{"sin(a) > 1", "column 1: there is no function sin; it must be one of abs"},
        Fault{"a + pow(a) > 1", "column 5: pow takes 2 numbers, not 1"},
        Fault{"max(a) > 1", "max takes at least 2 numbers, not 1"},
        Fault{"abs(a > 1)", "column 7: expected \")\""},
        Fault{"abs(a", "column 6: expected \")\""}));

TEST(Condition, RefusesNestingThatWouldExhaustTheStack) {
  EXPECT_THROW(Condition(std::string(100'000, '(') + "a"), ConfigError);
  std::string negations;
  for (int i = 0; i < 100'000; ++i) negations += "not ";
  EXPECT_THROW(Condition(negations + "a"), ConfigError);
  EXPECT_THROW(Condition("a > " + std::string(100'000, '-') + "a"), ConfigError);
  EXPECT_NO_THROW(Condition(std::string(50, '(') + "a" + std::string(50, ')')));
}

TEST(Condition, TakesSumsOfAnyLength) {
  std::string sum = "a";
  for (int i = 0; i < 10'000; ++i) sum += " + a";
  EXPECT_TRUE(Condition(sum + " == 10001").holds(Params{{"a", std::int64_t{1}}}));
}

}  // namespace
}  // namespace hypertune

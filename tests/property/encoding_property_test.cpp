// Properties of the unit axis, on random domains.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cmath>
#include <limits>

#include "space/encoding.h"

namespace hypertune {
namespace {

Domain random_domain() {
  switch (*rc::gen::inRange(0, 6)) {
    case 0: {
      const double low = *rc::gen::inRange(-1000, 1000) / 8.0;
      return FloatDomain{low, low + *rc::gen::inRange(0, 1000) / 16.0};
    }
    case 1: {
      const double low = *rc::gen::inRange(1, 1000) / 1e4;
      return FloatDomain{low, low * *rc::gen::inRange(1, 10'000), true};
    }
    case 2: {
      const double low = *rc::gen::inRange(-100, 100) / 10.0;
      return FloatDomain{.low = low,
                         .high = low + *rc::gen::inRange(0, 50) / 7.0,
                         .step = *rc::gen::inRange(1, 30) / 10.0};
    }
    case 3: {
      const std::int64_t low = *rc::gen::inRange(1, 50);
      return IntDomain{low, low + *rc::gen::inRange(0, 500), true};
    }
    case 4: {
      const std::int64_t low = *rc::gen::inRange<std::int64_t>(-1000, 1000);
      return IntDomain{
          .low = low, .high = low + *rc::gen::inRange(0, 100), .step = *rc::gen::inRange(1, 9)};
    }
    default: {
      CategoricalDomain domain;
      const int count = *rc::gen::inRange(1, 9);
      for (int i = 0; i < count; ++i) domain.choices.emplace_back("choice " + std::to_string(i));
      return domain;
    }
  }
}

double random_unit() { return *rc::gen::inRange(0, 1'000'001) / 1e6; }

bool continuous(const Domain& domain) {
  const auto* real = std::get_if<FloatDomain>(&domain);
  return real != nullptr && !real->step;
}

TEST(EncodingProperty, EveryPointOfTheAxisDecodesToAValueOfTheDomain) {
  EXPECT_TRUE(rc::check([] {
    const Domain domain = random_domain();
    for (const double unit : {0.0, random_unit(), random_unit(), 1.0, -7.0, 7.0}) {
      const Value value = decode(domain, unit);
      RC_ASSERT(contains(domain, value));
      RC_ASSERT(coerce(domain, value) == value);
    }
  }));
}

TEST(EncodingProperty, AValueComesBackFromItsPoint) {
  EXPECT_TRUE(rc::check([] {
    const Domain domain = random_domain();
    const Value value = decode(domain, random_unit());
    const auto unit = encode(domain, value);
    RC_ASSERT(unit && *unit >= 0 && *unit <= 1);
    const Value again = decode(domain, *unit);
    if (continuous(domain)) {
      const double x = std::get<double>(value);
      RC_ASSERT(std::abs(std::get<double>(again) - x) <= 1e-11 * std::max(1.0, std::abs(x)));
    } else {
      RC_ASSERT(again == value);
    }
  }));
}

TEST(EncodingProperty, LargerPointsDecodeToLargerValues) {
  EXPECT_TRUE(rc::check([] {
    const Domain domain = random_domain();
    const double a = random_unit();
    const double b = random_unit();
    const auto low = as_number(decode(domain, std::min(a, b)));
    const auto high = as_number(decode(domain, std::max(a, b)));
    if (low) RC_ASSERT(*low <= *high);
  }));
}

TEST(EncodingProperty, ACellHoldsExactlyThePointsOfItsValue) {
  EXPECT_TRUE(rc::check([] {
    const Domain domain = random_domain();
    const double unit = random_unit();
    const auto [low, high] = unit_cell(domain, unit);
    if (continuous(domain)) {
      RC_ASSERT(low == unit && high == unit);
      return;
    }
    constexpr double kSlack = 1e-9;  // for the rounding of the edges
    const Value value = decode(domain, unit);
    RC_ASSERT(low <= unit + kSlack && unit <= high + kSlack && low >= 0 && high <= 1);
    RC_ASSERT(decode(domain, low + kSlack) == value);
    RC_ASSERT(decode(domain, high - kSlack) == value);
    if (low > 2 * kSlack) RC_ASSERT(decode(domain, low - kSlack) != value);
    if (high < 1 - 2 * kSlack) RC_ASSERT(decode(domain, high + kSlack) != value);
  }));
}

TEST(Encoding, AValueOutsideTheDomainHasNoPoint) {
  EXPECT_EQ(encode(FloatDomain{0, 1}, 1.5), std::nullopt);
  EXPECT_EQ(encode(IntDomain{.low = 0, .high = 9, .step = 3}, std::int64_t{4}), std::nullopt);
  EXPECT_EQ(encode(CategoricalDomain{{true, false}}, std::string("true")), std::nullopt);
}

TEST(Encoding, IntegersOwnHalfAStepToEitherSide) {
  const IntDomain domain{.low = 1, .high = 7, .step = 2};
  EXPECT_DOUBLE_EQ(encode(domain, std::int64_t{1}).value(), 0.125);
  EXPECT_DOUBLE_EQ(encode(domain, std::int64_t{7}).value(), 0.875);
  const IntDomain logarithmic{1, 8, true};
  EXPECT_DOUBLE_EQ(encode(logarithmic, std::int64_t{1}).value(),
                   std::log(1 / 0.5) / std::log(8.5 / 0.5));
}

TEST(Encoding, TheWidestDomainsDoNotOverflow) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  constexpr double kLargest = std::numeric_limits<double>::max();
  EXPECT_EQ(decode(IntDomain{kLeast, kMost}, 0), Value(kLeast));
  EXPECT_EQ(decode(IntDomain{kLeast, kMost}, 1), Value(kMost));
  EXPECT_TRUE(contains(IntDomain{1, kMost, true}, decode(IntDomain{1, kMost, true}, 1)));
  EXPECT_EQ(decode(FloatDomain{-kLargest, kLargest}, 0.5), Value(0.0));
  EXPECT_EQ(encode(FloatDomain{-kLargest, kLargest}, kLargest), 1.0);
  EXPECT_EQ(encode(FloatDomain{3, 3}, 3.0), 0.5);
}

}  // namespace
}  // namespace hypertune

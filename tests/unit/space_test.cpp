// Search spaces: declaration, grid products, conditional parameters; domains.
#include "hypertune/space.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

template <typename F>
std::string message_of(F f) {
  try {
    f();
  } catch (const ConfigError& e) {
    return e.what();
  }
  return "no ConfigError";
}

std::string fault(Domain domain) {
  return message_of([&] { SearchSpace().add("x", std::move(domain)); });
}

TEST(Domain, RejectsWhatHasNoValues) {
  EXPECT_THAT(fault(FloatDomain{2, 1}), HasSubstr("low (2) is above high (1)"));
  EXPECT_THAT(fault(FloatDomain{0, 1, true}), HasSubstr("log needs low > 0"));
  EXPECT_THAT(fault(FloatDomain{1, 2, true, 0.1}), HasSubstr("exclude each other"));
  EXPECT_THAT(fault(FloatDomain{.low = 0, .high = 1, .step = 0.0}),
              HasSubstr("step must be above 0"));
  EXPECT_THAT(fault(FloatDomain{0, std::numeric_limits<double>::infinity()}), HasSubstr("finite"));
  EXPECT_THAT(fault(FloatDomain{0, std::numeric_limits<double>::quiet_NaN()}), HasSubstr("finite"));
  EXPECT_THAT(fault(IntDomain{5, 4}), HasSubstr("above high"));
  EXPECT_THAT(fault(IntDomain{0, 4, true}), HasSubstr("low >= 1"));
  EXPECT_THAT(fault(IntDomain{.low = 0, .high = 4, .step = 0}),
              HasSubstr("step must be at least 1"));
  EXPECT_THAT(fault(FloatDomain{.low = 0, .high = 1e20, .step = 1.0}), HasSubstr("too small"));
  EXPECT_THAT(fault(CategoricalDomain{{1.0, std::numeric_limits<double>::quiet_NaN()}}),
              HasSubstr("NaN cannot be a choice"));
  EXPECT_THAT(fault(CategoricalDomain{}), HasSubstr("no value to choose from"));
  EXPECT_THAT(fault(CategoricalDomain{{1.0, std::int64_t{1}}}), HasSubstr("listed twice"));
}

TEST(Domain, ContainsItsBoundsAndSteps) {
  EXPECT_TRUE(contains(FloatDomain{0, 1}, 1.0));
  EXPECT_TRUE(contains(FloatDomain{0, 1}, std::int64_t{1}));
  EXPECT_FALSE(contains(FloatDomain{0, 1}, 1.5));
  EXPECT_FALSE(contains(FloatDomain{0, 1}, true));
  EXPECT_FALSE(contains(FloatDomain{0, 1}, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_TRUE(contains(FloatDomain{.low = 0, .high = 1, .step = 0.1}, 0.1 + 0.2));
  EXPECT_FALSE(contains(FloatDomain{.low = 0, .high = 1, .step = 0.1}, 0.35));
  EXPECT_TRUE(contains(IntDomain{.low = 1, .high = 9, .step = 4}, std::int64_t{5}));
  EXPECT_FALSE(contains(IntDomain{.low = 1, .high = 9, .step = 4}, std::int64_t{4}));
  EXPECT_TRUE(contains(IntDomain{1, 9}, 5.0));
  EXPECT_FALSE(contains(IntDomain{1, 9}, 5.5));
  EXPECT_FALSE(contains(CategoricalDomain{{true, false}}, std::int64_t{1}));
  constexpr auto kLowest = std::numeric_limits<std::int64_t>::min();
  constexpr auto kHighest = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(contains(IntDomain{kLowest, kHighest}, kHighest));
}

TEST(Domain, CoercesToItsOwnType) {
  EXPECT_EQ(coerce(FloatDomain{0, 2}, std::int64_t{1}), Value(1.0));
  EXPECT_EQ(coerce(IntDomain{0, 2}, 1.0), Value(std::int64_t{1}));
  EXPECT_EQ(coerce(CategoricalDomain{{std::int64_t{16}, std::int64_t{32}}}, 16.0),
            Value(std::int64_t{16}));
}

TEST(Domain, AgreesByKindLogAndChoices) {
  EXPECT_TRUE(compatible(FloatDomain{0, 1}, FloatDomain{0, 9}));
  EXPECT_FALSE(compatible(FloatDomain{1, 2}, FloatDomain{1, 2, true}));
  EXPECT_FALSE(compatible(FloatDomain{0, 1}, IntDomain{0, 1}));
  EXPECT_FALSE(compatible(CategoricalDomain{{true}}, CategoricalDomain{{true, false}}));
}

TEST(SearchSpace, TakesEachNameOnce) {
  EXPECT_THAT(message_of([] { SearchSpace().add("x", FloatDomain{}).grid("x", {true}); }),
              HasSubstr("\"x\" is defined twice"));
}

TEST(SearchSpace, TakesConditionsOnEarlierParametersOnly) {
  EXPECT_THAT(message_of([] {
                SearchSpace()
                    .add("optimizer", CategoricalDomain{{std::string("sgd")}})
                    .add("momentum", FloatDomain{}, Condition("optimiser == 'sgd'"));
              }),
              HasSubstr("did you mean \"optimizer\"?"));
  EXPECT_THAT(message_of([] {
                SearchSpace().add("x", FloatDomain{}).grid("g", {true, false}, Condition("x > 1"));
              }),
              HasSubstr("a grid may depend on grid axes and constants only"));
}

TEST(SearchSpace, MultipliesGridAxesWithTheLastFastest) {
  const auto points = SearchSpace()
                          .grid("a", {true, false})
                          .grid("b", {std::int64_t{1}, std::int64_t{2}})
                          .grid_points();
  ASSERT_EQ(points.size(), 4U);
  EXPECT_EQ(to_string(points[0]), "a=true, b=1");
  EXPECT_EQ(to_string(points[1]), "a=true, b=2");
  EXPECT_EQ(to_string(points[3]), "a=false, b=2");
}

TEST(SearchSpace, HasOneEmptyPointWithoutAxes) {
  EXPECT_THAT(SearchSpace().add("x", FloatDomain{}).grid_points(), ElementsAre(Params{}));
}

TEST(SearchSpace, DropsGridAxesThatAConditionSwitchesOff) {
  SearchSpace space;
  space.constant("wide", true)
      .grid("optimizer", {std::string("adam"), std::string("sgd")}, Condition("wide"))
      .grid("momentum", {0.0, 0.9}, Condition("optimizer == 'sgd'"));
  const auto points = space.grid_points();
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(to_string(points[0]), "optimizer=adam");
  EXPECT_EQ(to_string(points[2]), "momentum=0.9, optimizer=sgd");
}

TEST(SearchSpace, FixesGridAxes) {
  const auto points = SearchSpace().grid("a", {true, false}).grid_points({{"a", false}});
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0], (Params{{"a", false}}));
}

TEST(SearchSpace, WithoutFixedValuesStillSeesThemInConditions) {
  SearchSpace space;
  space.grid("bn", {true, false}).add("momentum", FloatDomain{}, Condition("bn"));
  const SearchSpace on = space.without({{"bn", true}});
  const SearchSpace off = space.without({{"bn", false}});
  ASSERT_EQ(on.parameters().size(), 1U);
  EXPECT_TRUE(on.active(on.parameters()[0], {}));
  EXPECT_FALSE(off.active(off.parameters()[0], {}));
}

TEST(Value, WritesTheShortestTextThatReadsBack) {
  EXPECT_EQ(to_string(Value(0.1)), "0.1");
  EXPECT_EQ(to_string(Value(1e-05)), "1e-05");
  EXPECT_EQ(to_string(Value(std::int64_t{-3})), "-3");
  EXPECT_EQ(to_string(Value(true)), "true");
}

SearchSpace batches() {
  SearchSpace space;
  space.grid("batch_size", {std::int64_t{32}, std::int64_t{512}})
      .add("accumulate", IntDomain{1, 8})
      .constant("devices", std::int64_t{2})
      .constraint(Condition("batch_size * accumulate * devices <= 512"));
  return space;
}

TEST(Constraints, AreJudgedWhenAllTheirNamesHaveValues) {
  const SearchSpace space = batches();
  EXPECT_TRUE(space.allows({{"accumulate", std::int64_t{8}}}));
  EXPECT_TRUE(space.allows({{"accumulate", std::int64_t{8}}, {"batch_size", std::int64_t{32}}}));
  EXPECT_FALSE(space.allows({{"accumulate", std::int64_t{1}}, {"batch_size", std::int64_t{512}}}));
  EXPECT_EQ(space.violated({{"accumulate", std::int64_t{1}}, {"batch_size", std::int64_t{512}}}),
            &space.constraints().front());
}

TEST(Constraints, SeeWhatWasFixed) {
  const SearchSpace rest = batches().without({{"batch_size", std::int64_t{32}}});
  EXPECT_TRUE(rest.allows({{"accumulate", std::int64_t{8}}}));
  EXPECT_FALSE(batches()
                   .without({{"batch_size", std::int64_t{512}}})
                   .allows({{"accumulate", std::int64_t{1}}}));
}

TEST(Constraints, LeaveOutGridPointsWithNothingLeftToSample) {
  EXPECT_EQ(batches().grid_points(), (std::vector<Params>{{{"batch_size", std::int64_t{32}}}}));
}

TEST(Constraints, LeaveThemOutWhateverElseIsSampled) {
  SearchSpace space = batches();
  space.add("lr", FloatDomain{0, 1});
  EXPECT_EQ(space.grid_points(), (std::vector<Params>{{{"batch_size", std::int64_t{32}}}}));
  EXPECT_TRUE(space.constraint(Condition("accumulate > 8")).grid_points().empty());
}

TEST(Constraints, ArePartOfWhatASpaceIs) {
  EXPECT_EQ(batches(), batches());
  EXPECT_FALSE(batches() == batches().constraint(Condition("accumulate > 1")));
}

TEST(Constraints, RefuseANameThatIsNotThere) {
  try {
    batches().constraint(Condition("accumulate > 1 or  batchsize < 3"));
    FAIL() << "accepted";
  } catch (const ConfigError& e) {
    EXPECT_THAT(e.what(),
                testing::HasSubstr("column 20: there is no parameter \"batchsize\", did you mean "
                                   "\"batch_size\"?"));
  }
}

}  // namespace
}  // namespace hypertune

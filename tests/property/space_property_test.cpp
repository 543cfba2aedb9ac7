// Properties of spaces and of random search, on random spaces.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "hypertune/sampler.h"

namespace hypertune {
namespace {

Domain random_domain() {
  switch (*rc::gen::inRange(0, 5)) {
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
      return IntDomain{low, low + *rc::gen::inRange(0, 500), *rc::gen::arbitrary<bool>()};
    }
    default: {
      const std::int64_t low = *rc::gen::inRange<std::int64_t>(-1000, 1000);
      return IntDomain{
          .low = low, .high = low + *rc::gen::inRange(0, 100), .step = *rc::gen::inRange(1, 9)};
    }
  }
}

TEST(RandomSearchProperty, EveryValueLiesInItsDomain) {
  EXPECT_TRUE(rc::check([] {
    SearchSpace space;
    const int count = *rc::gen::inRange(1, 6);
    for (int i = 0; i < count; ++i) space.add("p" + std::to_string(i), random_domain());
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const auto sampler = random_sampler();
    for (std::uint64_t draw = 0; draw < 20; ++draw) {
      const Params params = sampler->sample(space, {}, Rng::for_trial(seed, draw));
      for (const Parameter& p : space.parameters()) {
        RC_ASSERT(contains(p.domain, params.at(p.name)));
        RC_ASSERT(coerce(p.domain, params.at(p.name)) == params.at(p.name));
      }
    }
  }));
}

TEST(RandomSearchProperty, AValueDoesNotDependOnTheOtherParameters) {
  EXPECT_TRUE(rc::check([] {
    const Domain domain = random_domain();
    const auto seed = *rc::gen::arbitrary<std::uint64_t>();
    const Rng rng = Rng::for_trial(seed, 3);
    const Params alone = random_sampler()->sample(SearchSpace().add("x", domain), {}, rng);
    const Params beside = random_sampler()->sample(
        SearchSpace().add("other", random_domain()).add("x", domain), {}, rng);
    RC_ASSERT(alone.at("x") == beside.at("x"));
  }));
}

TEST(GridProperty, HasTheProductOfTheAxesAndNoPointTwice) {
  EXPECT_TRUE(rc::check([] {
    SearchSpace space;
    std::size_t product = 1;
    const int axes = *rc::gen::inRange(0, 4);
    for (int i = 0; i < axes; ++i) {
      const auto size = *rc::gen::inRange<std::size_t>(1, 5);
      std::vector<Value> values;
      for (std::size_t k = 0; k < size; ++k) values.emplace_back(static_cast<std::int64_t>(k));
      space.grid("g" + std::to_string(i), values);
      product *= size;
    }
    auto points = space.grid_points();
    RC_ASSERT(points.size() == product);
    std::sort(points.begin(), points.end());
    RC_ASSERT(std::adjacent_find(points.begin(), points.end()) == points.end());
  }));
}

}  // namespace
}  // namespace hypertune

// The points of random finite spaces: each that the space allows, once.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "hypertune/sampler.h"
#include "space/points.h"

namespace hypertune {
namespace {

SearchSpace random_space() {
  SearchSpace space;
  const int count = *rc::gen::inRange(1, 4);
  for (int i = 0; i < count; ++i) {
    std::optional<Condition> when;
    if (i > 0 && *rc::gen::arbitrary<bool>()) when = Condition("p0 > 1");
    const std::string name = "p" + std::to_string(i);
    switch (*rc::gen::inRange(0, 4)) {
      case 0:
        space.add(name, IntDomain{.low = -1, .high = *rc::gen::inRange(-1, 6), .step = 2}, when);
        break;
      case 1:
        space.add(name, FloatDomain{.low = 0, .high = *rc::gen::inRange(0, 5) / 2.0, .step = 0.3},
                  when);
        break;
      case 2:
        space.add(name, IntDomain{1, *rc::gen::inRange(1, 6), true}, when);
        break;
      default:
        space.grid(name, {std::int64_t{1}, 2.5, true}, i > 0 ? std::nullopt : when);
    }
  }
  if (*rc::gen::arbitrary<bool>()) space.constraint(Condition("p0 * 2 <= 4"));
  return space;
}

TEST(PointsProperty, AreWhatRandomSearchMayGiveAndEachComesOnce) {
  EXPECT_TRUE(rc::check([] {
    const SearchSpace space = random_space();
    std::set<PointKey> keys;
    int visited = 0;
    int tries_left = kMaxValuesTried;
    const bool all = for_each_point(
        space,
        [&](const Params& point) {
          ++visited;
          keys.insert(point_key(space, point));
          RC_ASSERT(space.allows(point));
          for (const Parameter& parameter : space.parameters()) {
            const auto value = point.find(parameter.name);
            RC_ASSERT(space.active(parameter, point) == (value != point.end()));
            if (value != point.end()) RC_ASSERT(contains(parameter.domain, value->second));
          }
          return true;
        },
        tries_left);
    RC_ASSERT(all);
    RC_ASSERT(std::ssize(keys) == visited);
    const auto sampler = random_sampler();
    for (std::uint64_t draw = 0; draw < 50; ++draw) {
      const Params sample = sampler->sample(space, {}, Rng::for_trial(1, draw));
      RC_ASSERT(keys.contains(point_key(space, sample)) == space.allows(sample));
    }
  }));
}

}  // namespace
}  // namespace hypertune

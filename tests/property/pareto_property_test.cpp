// Properties of ranks, fronts and hypervolumes, on random points.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>

#include "math/hypervolume.h"
#include "math/pareto.h"

namespace hypertune {
namespace {

struct Sample {
  std::size_t dims;
  std::vector<double> values;
  PointsView view() const { return {values, dims}; }
};

/// Few values, so that ties are common.
Sample random_sample(int most) {
  const auto dims = *rc::gen::inRange<std::size_t>(1, 5);
  const auto count = *rc::gen::inRange(0, most);
  Sample sample{dims, {}};
  for (std::size_t i = 0; i < dims * static_cast<std::size_t>(count); ++i) {
    sample.values.push_back(*rc::gen::inRange(0, 6));
  }
  return sample;
}

TEST(ParetoProperty, APointRanksOneBehindTheWorstThatDominatesIt) {
  EXPECT_TRUE(rc::check([] {
    const Sample sample = random_sample(40);
    const PointsView points = sample.view();
    const auto ranks = nondominated_ranks(points);
    for (std::size_t i = 0; i < points.size(); ++i) {
      int worst = -1;
      for (std::size_t j = 0; j < points.size(); ++j) {
        if (dominates(points[j], points[i])) worst = std::max(worst, ranks[j]);
      }
      RC_ASSERT(ranks[i] == worst + 1);
    }
  }));
}

TEST(ParetoProperty, TheFrontIsWhatRanksFirst) {
  EXPECT_TRUE(rc::check([] {
    const Sample sample = random_sample(40);
    const auto ranks = nondominated_ranks(sample.view());
    std::vector<std::size_t> first;
    for (std::size_t i = 0; i < ranks.size(); ++i) {
      if (ranks[i] == 0) first.push_back(i);
    }
    RC_ASSERT(nondominated(sample.view()) == first);
  }));
}

TEST(HypervolumeProperty, IsTheNumberOfDominatedCellsOfAGrid) {
  EXPECT_TRUE(rc::check([] {
    // With whole coordinates the volume is a number of unit cells, and they can be counted.
    const Sample sample = random_sample(12);
    const PointsView points = sample.view();
    constexpr int kSide = 6;
    const std::vector<double> reference(sample.dims, kSide);
    int cells = 0;
    std::vector<double> cell(sample.dims, 0);
    for (bool more = true; more;) {
      bool covered = false;
      for (std::size_t i = 0; i < points.size() && !covered; ++i) {
        covered = std::equal(cell.begin(), cell.end(), points[i].begin(), std::greater_equal<>());
      }
      cells += covered ? 1 : 0;
      std::size_t axis = 0;
      while (axis < sample.dims && ++cell[axis] == kSide) cell[axis++] = 0;
      more = axis < sample.dims;
    }
    RC_ASSERT(hypervolume(points, reference) == cells);
  }));
}

}  // namespace
}  // namespace hypertune

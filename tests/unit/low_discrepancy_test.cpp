// Sobol and Halton points: against SciPy's, and the counts that a net promises.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <set>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "hypertune/rng.h"
#include "math/halton.h"
#include "math/sobol.h"

namespace hypertune {
namespace {

constexpr std::uint64_t kKey = 0x1234567890ABCDEF;

/// What tests/interop/scipy_qmc.py wrote.
Json scipy_points(const std::string& sequence) {
  const std::filesystem::path file = std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests" /
                                     "unit" / "golden" / "low_discrepancy.json";
  return parse_json(read_file(file)).at(sequence);
}

TEST(Sobol, PointsInAllDimensionsAreThoseOfSciPy) {
  for (const Json& given : scipy_points("sobol")) {
    const auto position = given.at("index").get<std::uint32_t>();
    const auto expected = given.at("point").get<std::vector<std::uint32_t>>();
    ASSERT_EQ(expected.size(), static_cast<std::size_t>(kSobolDimensions));
    for (int d = 0; d < kSobolDimensions; ++d) {
      ASSERT_EQ(sobol(position ^ (position >> 1), d), expected[static_cast<std::size_t>(d)])
          << "point " << position << ", dimension " << d;
    }
  }
}

TEST(Halton, PointsInAllDimensionsAreThoseOfSciPy) {
  for (const Json& given : scipy_points("halton")) {
    const auto expected = given.at("point").get<std::vector<double>>();
    ASSERT_EQ(expected.size(), static_cast<std::size_t>(kHaltonDimensions));
    for (int d = 0; d < kHaltonDimensions; ++d) {
      ASSERT_NEAR(halton(given.at("index").get<std::uint32_t>(), d),
                  expected[static_cast<std::size_t>(d)], 1e-14)
          << given.at("index") << ", dimension " << d;
    }
  }
}

using Coordinate = std::function<double(std::uint32_t)>;

/// The largest number of points `first` to `first + count` in one cell of the grid.
int fullest_cell(const std::vector<Coordinate>& axes, const std::vector<int>& cells,
                 std::uint32_t first, std::uint32_t count) {
  std::map<std::vector<int>, int> grid;
  int fullest = 0;
  for (std::uint32_t i = first; i < first + count; ++i) {
    std::vector<int> cell;
    for (std::size_t d = 0; d < axes.size(); ++d) {
      const double x = axes[d](i);
      EXPECT_TRUE(x >= 0 && x < 1) << x;
      cell.push_back(static_cast<int>(x * cells[d]));
    }
    fullest = std::max(fullest, ++grid[cell]);
  }
  return fullest;
}

Coordinate scrambled_sobol(int dimension) {
  return [dimension](std::uint32_t i) {
    return owen_scrambled_unit(sobol(i, dimension), kKey + static_cast<std::uint64_t>(dimension));
  };
}

TEST(ScrambledSobol, EveryElementaryIntervalOfTheFirstTwoDimensionsHoldsOnePoint) {
  // The first two dimensions are a (0, 2)-sequence: in each block of 2^m points, each rectangle of
  // 2^-k by 2^-(m - k) holds exactly one.
  constexpr int kExponent = 8;
  constexpr std::uint32_t kBlock = 1U << kExponent;
  for (std::uint32_t block = 0; block < 4; ++block) {
    for (int k = 0; k <= kExponent; ++k) {
      EXPECT_EQ(fullest_cell({scrambled_sobol(0), scrambled_sobol(1)},
                             {1 << k, 1 << (kExponent - k)}, block * kBlock, kBlock),
                1)
          << "block " << block << ", 2^-" << k;
    }
  }
}

TEST(ScrambledSobol, EveryDimensionIsEvenByItself) {
  for (int d = 0; d < kSobolDimensions; ++d) {
    ASSERT_EQ(fullest_cell({scrambled_sobol(d)}, {256}, 0, 256), 1) << d;
  }
}

TEST(ScrambledHalton, EveryCellOfThePrimesHoldsOnePoint) {
  // 2^3 * 3^2 * 5 points: one in each box of an eighth by a ninth by a fifth.
  std::vector<Coordinate> axes;
  for (int d = 0; d < 3; ++d) {
    axes.emplace_back([d](std::uint32_t i) {
      return scrambled_halton(i, d, kKey + static_cast<std::uint64_t>(d));
    });
  }
  EXPECT_EQ(fullest_cell(axes, {8, 9, 5}, 0, 360), 1);
  EXPECT_EQ(fullest_cell(axes, {8, 9, 5}, 360, 360), 1);
}

TEST(ScrambledHalton, EveryDimensionIsEvenByItself) {
  for (int d = 0; d < kHaltonDimensions; ++d) {
    const int base = halton_base(d);
    ASSERT_EQ(fullest_cell({[d](std::uint32_t i) { return scrambled_halton(i, d, kKey); }}, {base},
                           0, static_cast<std::uint32_t>(base)),
              1)
        << d;
  }
}

TEST(PaddedCoordinate, IsEvenByItselfFromTheFirstPointOn) {
  for (std::uint64_t key = 0; key < 20; ++key) {
    for (const int count : {2, 4, 32, 256}) {
      EXPECT_EQ(fullest_cell({[key](std::uint32_t i) { return padded_coordinate(i, key); }},
                             {count}, 0, static_cast<std::uint32_t>(count)),
                1);
    }
  }
}

TEST(PaddedCoordinate, IsIndependentOfThoseOfOtherKeys) {
  // The correlation of 1,024 independent pairs has a standard error of 1/32; five of them.
  for (std::uint64_t key = 0; key < 20; ++key) {
    double product = 0;
    for (std::uint32_t i = 0; i < 1024; ++i) {
      product += (padded_coordinate(i, key) - 0.5) * (padded_coordinate(i, key + 1) - 0.5);
    }
    EXPECT_NEAR(product / 1024 * 12, 0, 5.0 / 32) << key;
  }
}

TEST(OwenScrambling, MovesAPointUniformlyOverTheKeys) {
  // 10,000 keys: each tenth of the axis holds a tenth of them, within five standard errors (0.015).
  std::vector<int> tenths(10);
  for (std::uint64_t key = 0; key < 10'000; ++key) {
    ++tenths[static_cast<std::size_t>(owen_scrambled_unit(0x60000000, key) * 10)];
  }
  for (const int count : tenths) EXPECT_NEAR(count / 1e4, 0.1, 0.015);
}

TEST(OwenScrambling, KeepsWhatTwoFractionsHaveInCommonAndNoMore) {
  const std::uint32_t x = 0xABCD1234;
  for (int bit = 0; bit < 32; ++bit) {
    const std::uint32_t difference =
        owen_scrambled(x, kKey) ^ owen_scrambled(x ^ (1U << bit), kKey);
    EXPECT_EQ(difference >> bit, 1U) << bit;
  }
}

/// Squared L2-star discrepancy of points in the unit cube. Warnock 1972.
double discrepancy(const std::vector<std::vector<double>>& points) {
  const auto n = static_cast<double>(points.size());
  const auto dims = static_cast<double>(points.front().size());
  double single = 0;
  double pairs = 0;
  for (const auto& x : points) {
    double product = 1;
    for (const double c : x) product *= 1 - c * c;
    single += product;
    for (const auto& y : points) {
      product = 1;
      for (std::size_t d = 0; d < x.size(); ++d) product *= 1 - std::max(x[d], y[d]);
      pairs += product;
    }
  }
  return std::pow(3, -dims) - std::pow(2, 1 - dims) / n * single + pairs / (n * n);
}

TEST(LowDiscrepancy, PointsAreMoreEvenThanRandomOnes) {
  // The squared discrepancy of random points has this mean; half of it leaves room for the keys.
  constexpr int kDimensions = 5;
  constexpr std::uint32_t kPoints = 128;
  std::vector<std::vector<double>> sobol_points;
  std::vector<std::vector<double>> halton_points;
  for (std::uint32_t i = 0; i < kPoints; ++i) {
    sobol_points.emplace_back();
    halton_points.emplace_back();
    for (int d = 0; d < kDimensions; ++d) {
      sobol_points.back().push_back(scrambled_sobol(d)(i));
      halton_points.back().push_back(scrambled_halton(i, d, static_cast<std::uint64_t>(d)));
    }
  }
  const double random = (std::pow(2, -kDimensions) - std::pow(3, -kDimensions)) / kPoints;
  EXPECT_LT(discrepancy(sobol_points), random / 2);
  EXPECT_LT(discrepancy(halton_points), random / 2);
}

}  // namespace
}  // namespace hypertune

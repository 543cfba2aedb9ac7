// Matrix products of the engine, for each instruction set, against plain loops in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/kernels.h"
#include "support/random_floats.h"

namespace hypertune::testing {
namespace {

/// Of an f32 sum, against the sum of its terms' magnitudes: these sums have a few thousand terms at
/// most, each rounded to 2^-24.
constexpr double kTolerance = 1e-5;

/// In places of a result that nothing may be written to.
constexpr float kUntouched = 12345.0F;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// An exact sum, and the scale of its rounding errors.
struct ExactSum {
  double value = 0;
  double magnitude = 0;

  void add(double term) {
    value += term;
    magnitude += std::abs(term);
  }
  double error_of(float computed) const {
    return std::abs(computed - value) / std::max(magnitude, 1e-30);
  }
};

class Products : public ::testing::TestWithParam<Isa> {
 protected:
  const Kernels& kernels() const { return kernels_for(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(EachInstructionSet, Products, ::testing::ValuesIn(supported_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

/// A Product with its data: random sizes, overlapping rows, gaps between rows of the result.
struct MadeUpProduct {
  explicit MadeUpProduct(Rng& rng) {
    p.outer = between(rng, 1, 2);
    p.inner = between(rng, 1, 2);
    p.rows = between(rng, 1, 60);
    p.taps = between(rng, 1, 3);
    p.depth = between(rng, 1, 12);
    p.columns = kLanes * between(rng, 1, 9);
    p.a_row = between(rng, 1, p.depth + 2);
    p.a_tap = between(rng, 1, 40);
    p.a_inner = between(rng, 1, 70);
    p.a_outer = between(rng, 1, 200);
    p.b_row = p.columns + between(rng, 0, 3);
    p.c_row = p.columns + between(rng, 0, 3);
    p.c_inner = p.rows * p.c_row + 5;
    p.c_outer = p.inner * p.c_inner + 7;
    a = random_floats(rng, p.outer * p.a_outer + p.inner * p.a_inner + p.rows * p.a_row +
                               p.taps * p.a_tap + p.depth);
    b = random_floats(rng, p.taps * p.depth * p.b_row);
    c.assign(static_cast<std::size_t>(p.outer * p.c_outer), kUntouched);
    if (rng.below(2) == 0) bias = random_floats(rng, p.columns);
    p.a = a.data();
    p.b = b.data();
    p.c = c.data();
    p.bias = bias.empty() ? nullptr : bias.data();
  }

  ExactSum exact(std::int64_t o, std::int64_t i, std::int64_t r, std::int64_t n) const {
    ExactSum sum;
    if (p.bias != nullptr) sum.add(p.bias[n]);
    for (std::int64_t t = 0; t < p.taps; ++t) {
      for (std::int64_t k = 0; k < p.depth; ++k) {
        const float x = p.a[o * p.a_outer + i * p.a_inner + r * p.a_row + t * p.a_tap + k];
        sum.add(static_cast<double>(x) * p.b[(t * p.depth + k) * p.b_row + n]);
      }
    }
    return sum;
  }

  Product p;
  std::vector<float> a, b, c, bias;
};

TEST_P(Products, SumOverTapsAndDepthAndWriteNothingElse) {
  Rng rng(1);
  for (int repeat = 0; repeat < 150; ++repeat) {
    MadeUpProduct made(rng);
    const Product& p = made.p;
    kernels().product(p);
    double worst = 0;
    for (std::int64_t o = 0; o < p.outer; ++o) {
      for (std::int64_t i = 0; i < p.inner; ++i) {
        for (std::int64_t r = 0; r < p.rows; ++r) {
          for (std::int64_t n = 0; n < p.columns; ++n) {
            float& c = p.c[o * p.c_outer + i * p.c_inner + r * p.c_row + n];
            worst = std::max(worst, made.exact(o, i, r, n).error_of(c));
            c = kUntouched;
          }
        }
      }
    }
    ASSERT_LE(worst, kTolerance) << p.rows << " rows, " << p.columns << " columns";
    ASSERT_TRUE(std::ranges::all_of(made.c, [](float x) { return x == kUntouched; }));
  }
}

TEST_P(Products, OfTheSameNumbersAreTheSameWhereverTheyLie) {
  Rng rng(2);
  MadeUpProduct made(rng);
  kernels().product(made.p);
  const auto moved = [](const std::vector<float>& values, std::size_t by) {
    std::vector<float> copy(by, 0.0F);
    copy.insert(copy.end(), values.begin(), values.end());
    return copy;
  };
  for (const std::size_t by : {1U, 2U, 3U, 7U}) {
    const std::vector<float> a = moved(made.a, by);
    const std::vector<float> b = moved(made.b, by);
    std::vector<float> c(made.c.size() + by, kUntouched);
    Product p = made.p;
    p.a = a.data() + by;
    p.b = b.data() + by;
    p.c = c.data() + by;
    kernels().product(p);
    EXPECT_TRUE(std::equal(made.c.begin(), made.c.end(), p.c));
  }
}

TEST_P(Products, CarryNonFiniteNumbersToAllThatDependsOnThem) {
  constexpr std::int64_t kRows = 31;
  constexpr std::int64_t kDepth = 5;
  constexpr std::int64_t kColumns = 112;
  for (const float bad : {kNaN, kInfinity, -kInfinity}) {
    std::vector<float> a(kRows * kDepth, 1.0F);
    const std::vector<float> zeros(kDepth * kColumns, 0.0F);
    std::vector<float> c(kRows * kColumns);
    a[17 * kDepth + 2] = bad;
    kernels().product({.rows = kRows,
                       .depth = kDepth,
                       .columns = kColumns,
                       .a = a.data(),
                       .a_row = kDepth,
                       .b = zeros.data(),
                       .b_row = kColumns,
                       .c = c.data(),
                       .c_row = kColumns});
    for (std::int64_t i = 0; i < kRows * kColumns; ++i) {
      ASSERT_EQ(std::isnan(c[static_cast<std::size_t>(i)]), i / kColumns == 17) << i;
    }
  }
}

/// A ReducingProduct with its data. Sizes are the caller's.
struct MadeUpReduction {
  MadeUpReduction(Rng& rng, const ReducingProduct& sizes) : p(sizes) {
    p.a_row = between(rng, 1, p.depth + 2);
    p.a_inner = p.rows * p.a_row;
    p.a_outer = p.inner * p.a_inner + 3;
    p.b_row = p.columns + between(rng, 0, 3);
    p.b_inner = p.rows * p.b_row;
    p.b_outer = p.inner * p.b_inner + 5;
    p.c_row = p.columns + between(rng, 0, 3);
    a = random_floats(rng, p.outer * p.a_outer + p.depth);
    b = random_floats(rng, p.outer * p.b_outer);
    before = random_floats(rng, p.depth * p.c_row);
    c = before;
    p.a = a.data();
    p.b = b.data();
    p.c = c.data();
  }

  ExactSum exact(std::int64_t k, std::int64_t n) const {
    ExactSum sum;
    sum.add(before[static_cast<std::size_t>(k * p.c_row + n)]);
    for (std::int64_t o = 0; o < p.outer; ++o) {
      for (std::int64_t i = 0; i < p.inner; ++i) {
        for (std::int64_t r = 0; r < p.rows; ++r) {
          const float x = p.a[o * p.a_outer + i * p.a_inner + r * p.a_row + k];
          sum.add(static_cast<double>(x) * p.b[o * p.b_outer + i * p.b_inner + r * p.b_row + n]);
        }
      }
    }
    return sum;
  }

  /// The largest error, over places of the result and those that must be as before.
  double error() const {
    double worst = 0;
    for (std::int64_t k = 0; k < p.depth; ++k) {
      for (std::int64_t n = 0; n < p.c_row; ++n) {
        const auto at = static_cast<std::size_t>(k * p.c_row + n);
        worst = std::max(worst, n < p.columns ? exact(k, n).error_of(c[at])
                                              : std::abs(double{c[at]} - before[at]));
      }
    }
    return worst;
  }

  ReducingProduct p;
  std::vector<float> a, b, c, before;
};

TEST_P(Products, OverAllRowsAreAdded) {
  Rng rng(3);
  for (int repeat = 0; repeat < 150; ++repeat) {
    MadeUpReduction made(rng, {.outer = between(rng, 1, 2),
                               .inner = between(rng, 1, 2),
                               .rows = between(rng, 1, 30),
                               .depth = between(rng, 1, 40),
                               .columns = kLanes * between(rng, 1, 9)});
    kernels().reducing_product(made.p);
    ASSERT_LE(made.error(), kTolerance)
        << made.p.depth << " depth, " << made.p.columns << " columns, " << made.p.rows << " rows";
  }
}

TEST_P(Products, OverMoreRowsThanACacheHoldsAreAddedInBlocks) {
  Rng rng(4);
  for (const auto& [outer, inner, rows] : {std::array{1, 1, 5000}, std::array{1, 50, 97},
                                           std::array{150, 3, 11}, std::array{7, 2, 700}}) {
    MadeUpReduction made(rng,
                         {.outer = outer, .inner = inner, .rows = rows, .depth = 9, .columns = 48});
    kernels().reducing_product(made.p);
    EXPECT_LE(made.error(), kTolerance) << outer << ", " << inner << ", " << rows;
  }
}

TEST_P(Products, OverAllRowsCarryNonFiniteNumbers) {
  Rng rng(5);
  for (const float bad : {kNaN, kInfinity, -kInfinity}) {
    for (const std::int64_t depth : {2, 20}) {
      MadeUpReduction made(rng, {.rows = 40, .depth = depth, .columns = 80});
      made.b[static_cast<std::size_t>(33 * made.p.b_row + 70)] = bad;
      kernels().reducing_product(made.p);
      for (std::int64_t k = 0; k < depth; ++k) {
        for (std::int64_t n = 0; n < 80; ++n) {
          EXPECT_EQ(std::isfinite(made.p.c[k * made.p.c_row + n]), n != 70);
        }
      }
    }
  }
}

TEST_P(Products, ATransposeExchangesRowsAndColumns) {
  Rng rng(6);
  for (int repeat = 0; repeat < 100; ++repeat) {
    const std::int64_t rows = between(rng, 1, 40);
    const std::int64_t columns = between(rng, 1, 40);
    const std::int64_t src_row = columns + between(rng, 0, 3);
    const std::int64_t dst_row = rows + between(rng, 0, 3);
    const std::vector<float> src = random_floats(rng, rows * src_row);
    std::vector<float> dst(static_cast<std::size_t>(columns * dst_row), kUntouched);
    std::vector<float> expected = dst;
    for (std::int64_t row = 0; row < rows; ++row) {
      for (std::int64_t column = 0; column < columns; ++column) {
        expected[static_cast<std::size_t>(column * dst_row + row)] =
            src[static_cast<std::size_t>(row * src_row + column)];
      }
    }
    kernels().transpose(src.data(), src_row, rows, columns, dst.data(), dst_row);
    ASSERT_EQ(dst, expected) << rows << " x " << columns;
  }
}

TEST_P(Products, NumbersAreRoundedToBf16ToNearestWithTiesToEven) {
  const auto from_bits = [](std::uint32_t bits) { return std::bit_cast<float>(bits); };
  struct Rounded {
    float from, to;
  };
  const std::vector<Rounded> cases = {
      {0.0F, 0.0F},
      {-0.0F, -0.0F},
      {1.0F, 1.0F},
      {from_bits(0x3F807FFF), 1.0F},                   // just below the middle
      {from_bits(0x3F808000), 1.0F},                   // the middle: down to the even one
      {from_bits(0x3F818000), from_bits(0x3F820000)},  // the middle: up to the even one
      {from_bits(0xBF808001), from_bits(0xBF810000)},  // just above it
      {from_bits(0x00010000), from_bits(0x00010000)},  // a denormal number
      {from_bits(0x7F7FFFFF), kInfinity},              // the largest float
      {-kInfinity, -kInfinity},
  };
  // Each at every place of a vector, and beyond the last whole one.
  for (std::size_t lead = 0; lead < 20; ++lead) {
    std::vector<float> values(lead, 3.0F);
    for (const Rounded& one : cases) values.push_back(one.from);
    kernels().round_to_bf16(values.data(), values.data(), static_cast<std::int64_t>(values.size()));
    for (std::size_t i = 0; i < cases.size(); ++i) {
      EXPECT_EQ(std::bit_cast<std::uint32_t>(values[lead + i]),
                std::bit_cast<std::uint32_t>(cases[i].to))
          << cases[i].from;
    }
  }
}

TEST_P(Products, RoundingToBf16LeavesNaNAsNaNAndPlacesBeyondTheEndAlone) {
  for (const std::uint32_t bits : {0x7F800001U, 0xFF800001U, 0x7FFFFFFFU, 0x7FC00000U}) {
    std::vector<float> src(19, std::bit_cast<float>(bits));
    std::vector<float> dst(20, kUntouched);
    kernels().round_to_bf16(src.data(), dst.data(), 19);
    for (std::size_t i = 0; i < 19; ++i) {
      EXPECT_TRUE(std::isnan(dst[i]));
      EXPECT_EQ(std::bit_cast<std::uint32_t>(dst[i]) & 0xFFFFU, 0U);
    }
    EXPECT_EQ(dst[19], kUntouched);
  }
}

}  // namespace
}  // namespace hypertune::testing

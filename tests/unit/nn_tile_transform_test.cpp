// Winograd's transforms, for each instruction set, against their matrices in double precision.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/kernels.h"
#include "support/random_floats.h"

namespace hypertune::testing {
namespace {

/// Against the largest magnitude of what is compared: a transform has a dozen operations with
/// factors up to 8.
constexpr double kTolerance = 1e-5;

/// In places that nothing may be read from or written to.
constexpr float kUntouched = std::numeric_limits<float>::infinity();

template <std::size_t kRows, std::size_t kColumns>
using Matrix = std::array<std::array<double, kColumns>, kRows>;

constexpr Matrix<6, 6> kInputs = {{{4, 0, -5, 0, 1, 0},
                                   {0, -4, -4, 1, 1, 0},
                                   {0, 4, -4, -1, 1, 0},
                                   {0, -2, -1, 2, 1, 0},
                                   {0, 2, -1, -2, 1, 0},
                                   {0, 4, 0, -5, 0, 1}}};
constexpr Matrix<6, 3> kWeights = {{{1.0 / 4, 0, 0},
                                    {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                    {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                    {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                    {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                    {0, 0, 1}}};
constexpr Matrix<4, 6> kOutputs = {
    {{1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}}};

/// Rows of cells and their planes, with gaps between rows and samples.
struct Tiling {
  Tiling(Rng& rng, std::int64_t width, std::int64_t tiles) {
    t.samples = between(rng, 1, 2);
    t.rows = between(rng, 1, 3);
    t.tiles = tiles;
    t.width = width;
    t.channels = kLanes * between(rng, 1, 3);
    t.cell_row = (width + 1) * t.channels;
    t.cell_sample = t.rows * t.cell_row + 5;
    t.plane_row = (tiles + 1) * t.channels;
    t.plane_sample = t.rows * t.plane_row + 3;
    t.plane = t.samples * t.plane_sample;
    cells.assign(static_cast<std::size_t>(t.samples * t.cell_sample), kUntouched);
    planes.assign(static_cast<std::size_t>(kPoints * t.plane), kUntouched);
  }

  float& cell(std::int64_t sample, std::int64_t row, std::int64_t x, std::int64_t channel) {
    return cells[static_cast<std::size_t>(sample * t.cell_sample + row * t.cell_row +
                                          x * t.channels + channel)];
  }
  float& point(std::int64_t p, std::int64_t sample, std::int64_t row, std::int64_t tile,
               std::int64_t channel) {
    return planes[static_cast<std::size_t>(p * t.plane + sample * t.plane_sample +
                                           row * t.plane_row + tile * t.channels + channel)];
  }
  /// visit(sample, row, tile or cell, channel)
  void for_each(std::int64_t count, const auto& visit) const {
    for (std::int64_t sample = 0; sample < t.samples; ++sample) {
      for (std::int64_t row = 0; row < t.rows; ++row) {
        for (std::int64_t x = 0; x < count; ++x) {
          for (std::int64_t channel = 0; channel < t.channels; ++channel) {
            visit(sample, row, x, channel);
          }
        }
      }
    }
  }
  void fill_cells(Rng& rng) {
    for_each(t.width, [&](auto... at) { cell(at...) = static_cast<float>(rng.normal()); });
  }
  void fill_planes(Rng& rng) {
    for (std::int64_t p = 0; p < kPoints; ++p) {
      for_each(t.tiles, [&](auto... at) { point(p, at...) = static_cast<float>(rng.normal()); });
    }
  }
  /// The cell, or 0 where there is none.
  double read(std::int64_t sample, std::int64_t row, std::int64_t x, std::int64_t channel) {
    return x >= 0 && x < t.width ? cell(sample, row, x, channel) : 0.0;
  }

  TileTransform t;
  std::vector<float> cells, planes;
};

class TileTransforms : public ::testing::TestWithParam<Isa> {
 protected:
  const Kernels& kernels() const { return kernels_for(GetParam()); }
  void transform_inputs(Tiling& x) const {
    kernels().tile_inputs(x.t, x.cells.data(), x.planes.data());
  }
  void transform_outputs(Tiling& y, const float* bias) const {
    kernels().tile_outputs(y.t, y.planes.data(), bias, y.cells.data());
  }
  void transform_output_gradients(Tiling& dy) const {
    kernels().tile_output_gradients(dy.t, dy.cells.data(), dy.planes.data());
  }
  void transform_input_gradients(Tiling& dx, std::int64_t skip) const {
    kernels().tile_input_gradients(dx.t, dx.planes.data(), skip,
                                   dx.cells.data() + skip * dx.t.channels);
  }
};

INSTANTIATE_TEST_SUITE_P(EachInstructionSet, TileTransforms, ::testing::ValuesIn(supported_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

/// Those that a test or a transform has put there.
std::int64_t finite_numbers(const std::vector<float>& values) {
  return std::ranges::count_if(values, [](float x) { return std::isfinite(x); });
}

/// sum over cells or points of the product of two.
double inner_product(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isfinite(a[i]) && std::isfinite(b[i])) sum += static_cast<double>(a[i]) * b[i];
  }
  return sum;
}

TEST_P(TileTransforms, OfInputsReadSixCellsOfWhichMissingOnesAreZero) {
  Rng rng(1);
  for (std::int64_t width = 1; width <= 18; ++width) {
    Tiling tiling(rng, width, (width + 3) / 4);
    const TileTransform& t = tiling.t;
    tiling.fill_cells(rng);
    transform_inputs(tiling);
    double worst = 0;
    for (std::size_t p = 0; p < kPoints; ++p) {
      tiling.for_each(t.tiles, [&](auto sample, auto row, auto tile, auto channel) {
        double sum = 0;
        for (std::int64_t i = 0; i < 6; ++i) {
          sum += kInputs[p][static_cast<std::size_t>(i)] *
                 tiling.read(sample, row, 4 * tile + i, channel);
        }
        const auto plane = static_cast<std::int64_t>(p);
        worst = std::max(worst, std::abs(tiling.point(plane, sample, row, tile, channel) - sum));
      });
    }
    ASSERT_LE(worst, 20 * kTolerance) << width;
    ASSERT_EQ(finite_numbers(tiling.planes), kPoints * t.samples * t.rows * t.tiles * t.channels);
  }
}

TEST_P(TileTransforms, OfOutputsWriteTheCellsThatExistWithBias) {
  Rng rng(2);
  for (std::int64_t width = 1; width <= 18; ++width) {
    Tiling tiling(rng, width, (width + 3) / 4);
    tiling.fill_planes(rng);
    const std::vector<float> bias = random_floats(rng, tiling.t.channels);
    const float* const used = width % 2 == 0 ? bias.data() : nullptr;
    const TileTransform& t = tiling.t;
    transform_outputs(tiling, used);
    double worst = 0;
    tiling.for_each(width, [&](auto sample, auto row, auto x, auto channel) {
      double sum = used == nullptr ? 0.0 : used[channel];
      for (std::int64_t p = 0; p < kPoints; ++p) {
        sum += kOutputs[static_cast<std::size_t>(x % 4)][static_cast<std::size_t>(p)] *
               tiling.point(p, sample, row, x / 4, channel);
      }
      worst = std::max(worst, std::abs(tiling.cell(sample, row, x, channel) - sum));
    });
    ASSERT_LE(worst, 20 * kTolerance) << width;
    ASSERT_EQ(finite_numbers(tiling.cells), t.samples * t.rows * width * t.channels);
  }
}

TEST_P(TileTransforms, OfOutputGradientsAreTheTransposeOfThatOfOutputs) {
  Rng rng(3);
  for (std::int64_t width = 1; width <= 18; ++width) {
    Tiling forward(rng, width, (width + 3) / 4);
    forward.fill_planes(rng);
    Tiling backward = forward;
    backward.fill_cells(rng);
    std::ranges::fill(backward.planes, kUntouched);
    transform_outputs(forward, nullptr);
    transform_output_gradients(backward);
    EXPECT_EQ(finite_numbers(backward.planes), finite_numbers(forward.planes));
    EXPECT_NEAR(inner_product(forward.cells, backward.cells),
                inner_product(forward.planes, backward.planes), 1000 * kTolerance);
  }
}

TEST_P(TileTransforms, OfInputGradientsAreTheTransposeOfThatOfInputs) {
  Rng rng(4);
  for (const std::int64_t skip : {0, 1, 2}) {
    for (std::int64_t width = 1; width <= 18; ++width) {
      // What is skipped is zero on the way forward.
      Tiling padded(rng, skip + width, (width + 3 + skip) / 4);
      padded.fill_cells(rng);
      for (std::int64_t x = 0; x < skip; ++x) {
        padded.for_each(1, [&](auto sample, auto row, auto, auto channel) {
          padded.cell(sample, row, x, channel) = 0;
        });
      }
      Tiling backward = padded;
      backward.t.width = width;
      std::ranges::fill(backward.cells, kUntouched);
      backward.fill_planes(rng);
      transform_inputs(padded);
      transform_input_gradients(backward, skip);
      EXPECT_EQ(finite_numbers(backward.cells),
                backward.t.samples * backward.t.rows * width * backward.t.channels);
      EXPECT_NEAR(inner_product(padded.cells, backward.cells),
                  inner_product(padded.planes, backward.planes), 1000 * kTolerance)
          << width << " cells, " << skip << " skipped";
    }
  }
}

TEST_P(TileTransforms, OfWeightsAndOfTheirGradientsAreTransposes) {
  Rng rng(5);
  for (const std::int64_t size : {16, 48, 160}) {
    constexpr std::int64_t kCount = 3;
    const std::int64_t plane = kCount * size + 7;
    const auto at = [](auto i) { return static_cast<std::size_t>(i); };
    const std::vector<float> w = random_floats(rng, kCount * 3 * size);
    const std::vector<float> du = random_floats(rng, kPoints * plane);
    std::vector<float> u(at(kPoints * plane), kUntouched);
    std::vector<float> dw(w.size(), kUntouched);
    kernels().tile_weights(w.data(), kCount, size, u.data(), plane);
    kernels().tile_weight_gradients(du.data(), plane, kCount, size, dw.data());
    double worst = 0;
    for (std::int64_t row = 0; row < kCount; ++row) {
      for (std::int64_t i = 0; i < size; ++i) {
        for (std::int64_t p = 0; p < kPoints; ++p) {
          double sum = 0;
          for (std::int64_t k = 0; k < 3; ++k) {
            sum += kWeights[at(p)][at(k)] * w[at((row * 3 + k) * size + i)];
          }
          worst = std::max(worst, std::abs(u[at(p * plane + row * size + i)] - sum));
        }
        for (std::int64_t k = 0; k < 3; ++k) {
          double sum = 0;
          for (std::int64_t p = 0; p < kPoints; ++p) {
            sum += kWeights[at(p)][at(k)] * du[at(p * plane + row * size + i)];
          }
          worst = std::max(worst, std::abs(dw[at((row * 3 + k) * size + i)] - sum));
        }
      }
    }
    EXPECT_LE(worst, kTolerance);
    EXPECT_EQ(finite_numbers(u), kPoints * kCount * size);
  }
}

/// One row of a convolution of width 3 without padding: transformed, multiplied point by point for
/// a single channel in and out (the others are separate convolutions), and transformed back.
TEST_P(TileTransforms, TogetherGiveAConvolutionAndItsGradients) {
  Rng rng(6);
  constexpr std::int64_t kWidth = 11;  // outputs
  Tiling x(rng, kWidth + 2, 3);
  x.fill_cells(rng);
  const std::int64_t channels = x.t.channels;
  const std::vector<float> w = random_floats(rng, 3 * channels);
  std::vector<float> u(static_cast<std::size_t>(kPoints * channels));
  kernels().tile_weights(w.data(), 1, channels, u.data(), channels);
  Tiling y = x;
  y.t.width = kWidth;
  transform_inputs(x);
  Tiling dy = y;
  dy.fill_cells(rng);
  transform_output_gradients(dy);
  std::vector<float> du(u.size());
  Tiling dx = x;
  const auto at = [](auto i) { return static_cast<std::size_t>(i); };
  for (std::int64_t p = 0; p < kPoints; ++p) {
    x.for_each(x.t.tiles, [&](auto sample, auto row, auto tile, auto channel) {
      const float weight = u[at(p * channels + channel)];
      const float gradient = dy.point(p, sample, row, tile, channel);
      y.point(p, sample, row, tile, channel) = x.point(p, sample, row, tile, channel) * weight;
      dx.point(p, sample, row, tile, channel) = gradient * weight;
      du[at(p * channels + channel)] += gradient * x.point(p, sample, row, tile, channel);
    });
  }
  transform_outputs(y, nullptr);
  transform_input_gradients(dx, 0);
  std::vector<float> dw(w.size());
  kernels().tile_weight_gradients(du.data(), channels, 1, channels, dw.data());

  double worst = 0;
  y.for_each(kWidth, [&](auto sample, auto row, auto i, auto channel) {
    double sum = 0;
    for (std::int64_t k = 0; k < 3; ++k) {
      sum +=
          static_cast<double>(x.cell(sample, row, i + k, channel)) * w[at(k * channels + channel)];
    }
    worst = std::max(worst, std::abs(y.cell(sample, row, i, channel) - sum));
  });
  EXPECT_LE(worst, 20 * kTolerance);
  worst = 0;
  x.for_each(kWidth + 2, [&](auto sample, auto row, auto i, auto channel) {
    double sum = 0;
    for (std::int64_t k = 0; k < 3; ++k) {
      sum += dy.read(sample, row, i - k, channel) * w[at(k * channels + channel)];
    }
    worst = std::max(worst, std::abs(dx.cell(sample, row, i, channel) - sum));
  });
  EXPECT_LE(worst, 20 * kTolerance);
  std::vector<double> expected(w.size());
  y.for_each(kWidth, [&](auto sample, auto row, auto i, auto channel) {
    for (std::int64_t k = 0; k < 3; ++k) {
      expected[at(k * channels + channel)] +=
          static_cast<double>(x.cell(sample, row, i + k, channel)) *
          dy.cell(sample, row, i, channel);
    }
  });
  for (std::size_t i = 0; i < w.size(); ++i) EXPECT_NEAR(dw[i], expected[i], 50 * kTolerance);
}

TEST_P(TileTransforms, CarryNonFiniteNumbersToAllOutputsThatDependOnThem) {
  Rng rng(7);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kUntouched, -kUntouched}) {
    for (std::int64_t x = 0; x < 13; ++x) {
      Tiling tiling(rng, 13, 3);
      tiling.fill_cells(rng);
      tiling.cell(0, 0, x, 3) = bad;
      transform_inputs(tiling);
      tiling.t.width = 11;
      transform_outputs(tiling, nullptr);
      for (std::int64_t i = std::max<std::int64_t>(0, x - 2); i <= std::min<std::int64_t>(10, x);
           ++i) {
        EXPECT_FALSE(std::isfinite(tiling.cell(0, 0, i, 3))) << x << " in " << i;
        EXPECT_TRUE(std::isfinite(tiling.cell(0, 0, i, 4)));
      }
    }
  }
}

}  // namespace
}  // namespace hypertune::testing

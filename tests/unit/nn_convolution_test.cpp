// Convolutions of the engine against the definition, summed in double precision.
#include "nn/convolution.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "support/random_floats.h"

namespace hypertune::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Arguments and results of the passes: [sample][row][column][channel], weights as in Convolution.
struct Passes {
  std::vector<float> x, weights, bias, dy;
  std::vector<float> y = {}, dx = {}, dw = {};
};

Passes random_arguments(const ConvolutionShape& s, std::int64_t samples) {
  Rng rng(7);
  return {.x = random_floats(rng, samples * s.height * s.width * s.in_channels),
          .weights = random_floats(rng, s.weights()),
          .bias = random_floats(rng, s.out_channels),
          .dy = random_floats(rng, samples * s.out_height() * s.out_width() * s.out_channels)};
}

/// Calls visit(place in x, place in y, place of the first weight) for all pairs of cells that a
/// weight joins.
template <class Visit>
void for_each_pair(const ConvolutionShape& s, std::int64_t samples, const Visit& visit) {
  for (std::int64_t n = 0; n < samples; ++n)
    for (std::int64_t oy = 0; oy < s.out_height(); ++oy)
      for (std::int64_t ox = 0; ox < s.out_width(); ++ox)
        for (std::int64_t ky = 0; ky < s.kernel_height; ++ky)
          for (std::int64_t kx = 0; kx < s.kernel_width; ++kx) {
            const std::int64_t row = oy * s.stride + ky - s.pad_height;
            const std::int64_t column = ox * s.stride + kx - s.pad_width;
            if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
            visit(((n * s.height + row) * s.width + column) * s.in_channels,
                  ((n * s.out_height() + oy) * s.out_width() + ox) * s.out_channels,
                  (ky * s.kernel_width + kx) * s.in_channels * s.out_channels);
          }
}

std::vector<float> rounded(const std::vector<double>& values) {
  return {values.begin(), values.end()};
}

void compute_by_definition(const ConvolutionShape& s, std::int64_t samples, Passes& p) {
  std::vector<double> y(p.dy.size());
  std::vector<double> dx(p.x.size());
  std::vector<double> dw(p.weights.size());
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] = p.bias[i % static_cast<std::size_t>(s.out_channels)];
  for_each_pair(s, samples, [&](std::int64_t from, std::int64_t to, std::int64_t weight) {
    for (std::int64_t i = 0; i < s.in_channels; ++i)
      for (std::int64_t o = 0; o < s.out_channels; ++o) {
        const std::int64_t w = weight + i * s.out_channels + o;
        y[to + o] += static_cast<double>(p.x[from + i]) * p.weights[w];
        dx[from + i] += static_cast<double>(p.dy[to + o]) * p.weights[w];
        dw[w] += static_cast<double>(p.dy[to + o]) * p.x[from + i];
      }
  });
  p.y = rounded(y);
  p.dx = rounded(dx);
  p.dw = rounded(dw);
}

/// Between dense cells and those of a layout.
template <class Copy>
void for_each_cell(const PaddedLayout& layout, std::int64_t samples, std::int64_t height,
                   std::int64_t width, const Copy& copy) {
  std::int64_t dense = 0;
  for (std::int64_t n = 0; n < samples; ++n)
    for (std::int64_t row = 0; row < height; ++row)
      for (std::int64_t column = 0; column < width; ++column)
        copy(dense++, layout.first + n * layout.sample + row * layout.row + column * layout.cell);
}

using Make = std::unique_ptr<Convolution> (*)(const ConvolutionShape&, std::int64_t, const Kernels&,
                                              Arena&);

/// Forward at once, backward in blocks of which the first is the smallest.
void compute(Convolution& convolution, std::int64_t samples, std::int64_t block, Passes& p) {
  const ConvolutionShape& s = convolution.shape();
  const PaddedLayout& in = convolution.input();
  // Nothing may be read of the sample behind them.
  std::vector<float> x(static_cast<std::size_t>((samples + 1) * in.sample + in.slack));
  const std::int64_t cells = samples * s.height * s.width;
  for_each_cell(in, samples + 1, s.height, s.width, [&](std::int64_t dense, std::int64_t padded) {
    if (dense < cells)
      std::copy_n(p.x.begin() + dense * s.in_channels, s.in_channels, x.begin() + padded);
    else
      std::fill_n(x.begin() + padded, s.in_channels, kNan);
  });
  const PaddedLayout out = convolution.gradient_layout();
  const auto y_sample = static_cast<std::int64_t>(p.dy.size()) / samples;
  const auto x_sample = static_cast<std::int64_t>(p.x.size()) / samples;
  p.y.resize(p.dy.size());
  p.dx.resize(s.input_gradient ? p.x.size() : 0);
  p.dw.resize(p.weights.size());
  convolution.prepare(p.weights.data(), true);
  convolution.forward(samples, x.data(), p.bias.data(), p.y.data());
  std::int64_t count = (samples - 1) % block + 1;
  for (std::int64_t n = 0; n < samples; n += std::exchange(count, block)) {
    for_each_cell(out, count, s.out_height(), s.out_width(),
                  [&](std::int64_t dense, std::int64_t padded) {
                    std::copy_n(p.dy.begin() + n * y_sample + dense * s.out_channels,
                                s.out_channels, convolution.gradient() + padded);
                  });
    convolution.backward(count, x.data() + n * in.sample,
                         s.input_gradient ? p.dx.data() + n * x_sample : nullptr);
  }
  convolution.finish(p.dw.data());
}

/// Leaves NaN wherever a pass writes.
void spoil(Convolution& convolution, std::int64_t samples, std::int64_t block) {
  Passes bad = random_arguments(convolution.shape(), samples);
  for (std::vector<float>* const values : {&bad.x, &bad.weights, &bad.bias, &bad.dy})
    std::ranges::fill(*values, kNan);
  compute(convolution, samples, block, bad);
}

/// Largest error, relative to the largest value.
double error(const std::vector<float>& found, const std::vector<float>& right) {
  double largest = 1e-30;
  double worst = 0;
  for (std::size_t i = 0; i < right.size(); ++i) {
    largest = std::max<double>(largest, std::abs(right[i]));
    const double difference = std::abs(static_cast<double>(found[i]) - right[i]);
    worst = std::isnan(difference) ? std::numeric_limits<double>::infinity()
                                   : std::max(worst, difference);
  }
  return worst / largest;
}

std::string text(const ConvolutionShape& s, Isa isa) {
  return fmt::format("{}: {} x {} x {} to {} channels, kernel {} x {}, stride {}, padding {} x {}",
                     isa_name(isa), s.height, s.width, s.in_channels, s.out_channels,
                     s.kernel_height, s.kernel_width, s.stride, s.pad_height, s.pad_width);
}

/// Also when the numbers before were none.
void expect_right(Make make, const ConvolutionShape& shape, double tolerance) {
  constexpr std::int64_t kSamples = 5;
  constexpr std::int64_t kBlock = 2;
  Passes right = random_arguments(shape, kSamples);
  compute_by_definition(shape, kSamples, right);
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(text(shape, isa));
    Passes found = random_arguments(shape, kSamples);
    Arena arena;
    const std::unique_ptr<Convolution> convolution = make(shape, kBlock, kernels_for(isa), arena);
    spoil(*convolution, kSamples, kBlock);
    compute(*convolution, kSamples, kBlock, found);
    EXPECT_LE(error(found.y, right.y), tolerance);
    if (shape.input_gradient) {
      EXPECT_LE(error(found.dx, right.dx), tolerance);
    }
    EXPECT_LE(error(found.dw, right.dw), tolerance);
  }
}

// A float has 24 bits; sums of some hundred products lose three or four, Winograd's transforms,
// which multiply by up to 8 and cancel again, about three more.
constexpr double kDirectTolerance = 2e-6;
constexpr double kWinogradTolerance = 2e-5;

TEST(DirectConvolution, IsWhatTheDefinitionSaysForSequences) {
  for (const std::int64_t kernel : {1, 2, 3, 5})
    for (const std::int64_t stride : {1, 2, 3})
      for (std::int64_t padding = 0; padding <= kernel + 1; ++padding)
        expect_right(direct_convolution,
                     {.width = 9,
                      .in_channels = 16,
                      .out_channels = 32,
                      .kernel_width = kernel,
                      .stride = stride,
                      .pad_width = padding},
                     kDirectTolerance);
}

TEST(DirectConvolution, IsWhatTheDefinitionSaysForImages) {
  for (const std::int64_t kernel : {1, 3, 4})
    for (const std::int64_t stride : {1, 2})
      for (std::int64_t padding = 0; padding <= kernel; ++padding)
        expect_right(direct_convolution,
                     {.height = 4,
                      .width = 7,
                      .in_channels = 16,
                      .out_channels = 16,
                      .kernel_height = kernel,
                      .kernel_width = kernel,
                      .stride = stride,
                      .pad_height = padding,
                      .pad_width = padding},
                     kDirectTolerance);
}

TEST(DirectConvolution, TakesAnyNumberOfChannelsOfTheNetworksInput) {
  for (const std::int64_t channels : {1, 3, 17})
    expect_right(direct_convolution,
                 {.height = 5,
                  .width = 6,
                  .in_channels = channels,
                  .out_channels = 48,
                  .kernel_height = 3,
                  .kernel_width = 3,
                  .stride = 2,
                  .pad_height = 1,
                  .pad_width = 1,
                  .input_gradient = false},
                 kDirectTolerance);
}

TEST(WinogradConvolution, IsWhatTheDefinitionSaysForSequencesOfAnyWidth) {
  for (std::int64_t width = 1; width <= 10; ++width)
    expect_right(
        winograd_convolution,
        {.width = width, .in_channels = 32, .out_channels = 16, .kernel_width = 3, .pad_width = 1},
        kWinogradTolerance);
}

TEST(WinogradConvolution, IsWhatTheDefinitionSaysForImages) {
  for (const std::int64_t kernel_height : {1, 2, 3, 5})
    for (std::int64_t padding = 0; padding < kernel_height; ++padding)
      for (const bool input_gradient : {true, false})
        expect_right(winograd_convolution,
                     {.height = 5,
                      .width = 7,
                      .in_channels = 16,
                      .out_channels = 48,
                      .kernel_height = kernel_height,
                      .kernel_width = 3,
                      .pad_height = padding,
                      .pad_width = 1,
                      .input_gradient = input_gradient},
                     kWinogradTolerance);
}

TEST(WinogradConvolution, IsNotOfferedWhatItCannotDo) {
  const ConvolutionShape good{.height = 5,
                              .width = 7,
                              .in_channels = 16,
                              .out_channels = 16,
                              .kernel_height = 3,
                              .kernel_width = 3,
                              .pad_height = 1,
                              .pad_width = 1};
  EXPECT_TRUE(suits_winograd(good));
  const auto with = [&](std::int64_t ConvolutionShape::*member, std::int64_t value) {
    ConvolutionShape shape = good;
    shape.*member = value;
    return suits_winograd(shape);
  };
  EXPECT_FALSE(with(&ConvolutionShape::kernel_width, 5));
  EXPECT_FALSE(with(&ConvolutionShape::stride, 2));
  EXPECT_FALSE(with(&ConvolutionShape::pad_width, 0));
  EXPECT_FALSE(with(&ConvolutionShape::pad_height, 3));
  EXPECT_FALSE(with(&ConvolutionShape::in_channels, 3));
}

TEST(SamplesPerBlock, DivideTheBatchEvenlyAndAreAtLeastOne) {
  const ConvolutionShape small{.width = 8, .in_channels = 16, .out_channels = 16};
  EXPECT_EQ(samples_per_block(small, 1), 1);
  EXPECT_EQ(samples_per_block(small, 20), 20);
  const ConvolutionShape large{
      .height = 1000, .width = 1000, .in_channels = 64, .out_channels = 64};
  EXPECT_EQ(samples_per_block(large, 20), 1);
  const ConvolutionShape middling{.width = 400, .in_channels = 16, .out_channels = 16};
  const std::int64_t most = samples_per_block(middling, 1'000'000);
  EXPECT_GT(most, 1);
  EXPECT_EQ(samples_per_block(middling, most + 1), (most + 2) / 2);
}

}  // namespace
}  // namespace hypertune::testing

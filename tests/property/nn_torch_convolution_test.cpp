// Single convolutions of the engine against LibTorch in double precision.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>

#include "nn/convolution.h"
#include "nn/isa.h"
#include "support/torch_reference.h"

namespace hypertune {
namespace {

using testing_support::ConvolutionResults;
using testing_support::Factors;
using testing_support::torch_convolution;

// Largest error of a value, relative to the largest value of its tensor. A float has 24 bits, and a
// sum of up to some thousand products loses a few of them; Winograd's transforms multiply by up to
// 8 and cancel again, which costs three bits more.
constexpr double kDirectTolerance = 1e-5;
constexpr double kWinogradTolerance = 1e-4;

using MakeConvolution = std::unique_ptr<Convolution> (*)(const ConvolutionShape&, std::int64_t,
                                                         const Kernels&, Arena&);

/// From low to high, both included.
std::int64_t between(std::int64_t low, std::int64_t high) {
  return *rc::gen::inRange(low, high + 1);
}

/// A size of the input along which at least one output remains.
std::int64_t any_size(std::int64_t kernel, std::int64_t padding, std::int64_t extra) {
  return std::max<std::int64_t>(1, kernel - 2 * padding) + between(0, extra);
}

ConvolutionShape any_shape() {
  const bool sequence = *rc::gen::arbitrary<bool>();
  const std::int64_t largest_kernel = sequence ? 9 : 5;
  ConvolutionShape shape{.kernel_width = between(1, largest_kernel),
                         .stride = between(1, 3),
                         .input_gradient = *rc::gen::arbitrary<bool>()};
  shape.pad_width = between(0, shape.kernel_width);
  shape.width = any_size(shape.kernel_width, shape.pad_width, sequence ? 40 : 10);
  if (!sequence) {
    shape.kernel_height = between(1, largest_kernel);
    shape.pad_height = between(0, shape.kernel_height);
    shape.height = any_size(shape.kernel_height, shape.pad_height, 10);
  }
  shape.in_channels = shape.input_gradient ? kLanes * between(1, 5) : between(1, 40);
  shape.out_channels = kLanes * between(1, 5);
  return shape;
}

ConvolutionShape any_winograd_shape() {
  ConvolutionShape shape = any_shape();
  shape.stride = 1;
  shape.kernel_width = 3;
  shape.pad_width = 1;
  shape.pad_height = std::min(shape.pad_height, shape.kernel_height - 1);
  shape.in_channels = kLanes * between(1, 5);
  return shape;
}

std::vector<float> some_values(std::int64_t size, Rng& rng) {
  std::vector<float> values(static_cast<std::size_t>(size));
  for (float& value : values) value = static_cast<float>(rng.normal());
  return values;
}

/// What is given to a convolution.
struct Data {
  Data(const ConvolutionShape& s, std::int64_t n, Rng rng)
      : shape(s),
        samples(n),
        x(some_values(n * s.height * s.width * s.in_channels, rng)),
        weights(some_values(s.weights(), rng)),
        bias(some_values(s.out_channels, rng)),
        dy(some_values(n * s.out_height() * s.out_width() * s.out_channels, rng)) {}

  ConvolutionShape shape;
  std::int64_t samples;
  std::vector<float> x, weights, bias, dy;
};

/// Copies samples of [height][width][channels] to where the layout has them.
void lay_out(const float* cells, std::int64_t samples, std::int64_t height, std::int64_t width,
             std::int64_t channels, const PaddedLayout& layout, float* padded) {
  for (std::int64_t s = 0; s < samples; ++s) {
    for (std::int64_t i = 0; i < height; ++i) {
      for (std::int64_t j = 0; j < width; ++j, cells += channels) {
        float* cell = padded + layout.first + s * layout.sample + i * layout.row + j * layout.cell;
        std::copy_n(cells, channels, cell);
      }
    }
  }
}

/// One pass forward and one back, `block` samples at a time.
ConvolutionResults results_of(Convolution& convolution, const Data& data, std::int64_t block) {
  const ConvolutionShape& s = data.shape;
  const PaddedLayout in = convolution.input();
  const PaddedLayout out = convolution.gradient_layout();
  const std::int64_t x_size = s.height * s.width * s.in_channels;
  const std::int64_t y_size = s.out_height() * s.out_width() * s.out_channels;
  std::vector<float> padded(static_cast<std::size_t>(data.samples * in.sample + in.slack));
  lay_out(data.x.data(), data.samples, s.height, s.width, s.in_channels, in, padded.data());
  std::vector<float> y(static_cast<std::size_t>(data.samples * y_size));
  std::vector<float> dx(s.input_gradient ? data.x.size() : 0);
  std::vector<float> dw(data.weights.size());
  convolution.prepare(data.weights.data(), true);
  for (std::int64_t first = 0; first < data.samples; first += block) {
    const std::int64_t n = std::min(block, data.samples - first);
    const float* x = padded.data() + first * in.sample;
    convolution.forward(n, x, data.bias.data(), y.data() + first * y_size);
    lay_out(data.dy.data() + first * y_size, n, s.out_height(), s.out_width(), s.out_channels, out,
            convolution.gradient());
    convolution.backward(n, x, s.input_gradient ? dx.data() + first * x_size : nullptr);
  }
  convolution.finish(dw.data());
  return {{y.begin(), y.end()}, {dx.begin(), dx.end()}, {dw.begin(), dw.end()}};
}

double error(const std::vector<double>& actual, const std::vector<double>& expected) {
  double largest = 0;
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double difference = std::abs(actual[i] - expected[i]);
    worst = difference <= worst ? worst : difference;  // a NaN stays
  }
  return largest > 0 ? worst / largest : worst;
}

std::string describe(const Data& data, std::int64_t block) {
  const ConvolutionShape& s = data.shape;
  return fmt::format(
      "{} samples by {} of {} x {} x {} to {}, kernel {} x {}, stride {}, pad {}, {}", data.samples,
      block, s.height, s.width, s.in_channels, s.out_channels, s.kernel_height, s.kernel_width,
      s.stride, s.pad_height, s.pad_width);
}

void expect_like_torch(const ConvolutionShape& shape, MakeConvolution make, Factors factors,
                       double tolerance) {
  const std::int64_t block = between(1, 6);
  const std::int64_t samples = between(1, 3 * block);
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const Data first(shape, samples, Rng(seed, 1));
  const Data second(shape, samples, Rng(seed, 2));
  RC_LOG() << describe(first, block) << '\n';
  const auto reference = [&](const Data& d) {
    return torch_convolution(d.shape, d.x, d.weights, d.bias, d.dy, factors);
  };
  const ConvolutionResults expected[] = {reference(first), reference(second)};
  for (const Isa isa : supported_isas()) {
    RC_LOG() << isa_name(isa) << '\n';
    prepare_compute_thread(isa);
    Arena arena;
    const auto convolution = make(shape, block, kernels_for(isa), arena);
    for (const Data* data : {&first, &second}) {  // twice: nothing of the first must remain
      const ConvolutionResults actual = results_of(*convolution, *data, block);
      const ConvolutionResults& e = expected[data == &second ? 1 : 0];
      RC_ASSERT(error(actual.y, e.y) <= tolerance);
      RC_ASSERT(error(actual.weight_gradients, e.weight_gradients) <= tolerance);
      if (shape.input_gradient)
        RC_ASSERT(error(actual.input_gradients, e.input_gradients) <= tolerance);
    }
  }
}

RC_GTEST_PROP(ConvolutionAndTorch, AgreeForAnyShape, ()) {
  expect_like_torch(any_shape(), direct_convolution, Factors::Exact, kDirectTolerance);
}

RC_GTEST_PROP(ConvolutionAndTorch, AgreeWithWinogradsMultiplications, ()) {
  const ConvolutionShape shape = any_winograd_shape();
  RC_ASSERT(suits_winograd(shape));
  expect_like_torch(shape, winograd_convolution, Factors::Exact, kWinogradTolerance);
}

RC_GTEST_PROP(ConvolutionAndTorch, AgreeWithFactorsRoundedToBf16, ()) {
  expect_like_torch(any_shape(), bf16_convolution, Factors::Bf16, kDirectTolerance);
}

}  // namespace
}  // namespace hypertune

// Convolutions in bf16 against sums in double precision of factors that are rounded to bf16.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "hypertune/rng.h"
#include "nn/bf16_convolution.h"
#include "nn/isa.h"
#include "nn/kernels/tables.h"
#include "support/emulated_tiles.h"
#include "support/trapped_amx.h"

namespace hypertune {

void PrintTo(const ConvolutionShape& s, std::ostream* out) {
  *out << fmt::format("{}x{}x{} -> {}, kernel {}x{}, stride {}, padding {}x{}{}", s.height, s.width,
                      s.in_channels, s.out_channels, s.kernel_height, s.kernel_width, s.stride,
                      s.pad_height, s.pad_width, s.input_gradient ? "" : ", first");
}

namespace {

using ::testing::PrintToString;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// Sums in f32 of up to some thousand products, relative to the largest sum. Factors in f32 would
/// give differences of 1e-3.
constexpr double kTolerance = 5e-6;

/// What a convolution is given, without padding, and what it gives.
struct Values {
  std::vector<float> x, weights, bias, dy;
};
struct Results {
  std::vector<float> y, dx, weight_gradients;
  bool operator==(const Results&) const = default;
};

std::size_t size_of(std::int64_t count) { return static_cast<std::size_t>(count); }

std::vector<float> normal_numbers(std::int64_t count, Rng& rng) {
  std::vector<float> numbers(size_of(count));
  for (float& number : numbers) number = static_cast<float>(rng.normal());
  return numbers;
}

Values any_values(const ConvolutionShape& s, std::int64_t samples, Rng& rng) {
  return {.x = normal_numbers(samples * s.height * s.width * s.in_channels, rng),
          .weights = normal_numbers(s.weights(), rng),
          .bias = normal_numbers(s.out_channels, rng),
          .dy = normal_numbers(samples * s.out_height() * s.out_width() * s.out_channels, rng)};
}

/// Makes a convolution in bf16.
struct Implementation {
  std::string name;
  std::function<bool(const ConvolutionShape&)> suits;
  std::function<std::unique_ptr<Convolution>(const ConvolutionShape&, std::int64_t block, Arena&)>
      make;
};

#if HYPERTUNE_X86
bool rounds_by_instruction() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw");
}

/// The processor has all that amx_products uses but the tiles.
bool amx_can_be_trapped() { return rounds_by_instruction() && supported_isas().back() != Isa::Amx; }
#endif

/// Of all instruction sets of this machine, and tiles that are emulated.
std::vector<Implementation> implementations() {
  std::vector<Implementation> all;
  for (const Isa isa : supported_isas()) {
    all.push_back({std::string(isa_name(isa)), [](const ConvolutionShape&) { return true; },
                   [isa](const ConvolutionShape& shape, std::int64_t block, Arena& arena) {
                     prepare_compute_thread(isa);
                     return bf16_convolution(shape, block, kernels_for(isa), arena);
                   }});
  }
  all.push_back({"emulated tiles", suits_tiles,
                 [](const ConvolutionShape& shape, std::int64_t block, Arena& arena) {
                   return tile_convolution(shape, block, kernels_for(Isa::Portable),
                                           emulated_products(), arena);
                 }});
#if HYPERTUNE_X86
  if (amx_can_be_trapped()) {
    all.push_back({"trapped AMX", suits_tiles,
                   [](const ConvolutionShape& shape, std::int64_t block, Arena& arena) {
                     static const TrappedAmx kTrap;
                     return tile_convolution(shape, block, kernels_for(Isa::Avx512), amx_products(),
                                             arena);
                   }});
  }
#endif
  return all;
}

/// Copies cells without padding to where they lie with it.
void pad(const std::vector<float>& cells, std::int64_t samples, std::int64_t height,
         std::int64_t width, std::int64_t channels, const PaddedLayout& layout, float* padded) {
  const float* from = cells.data();
  for (std::int64_t sample = 0; sample < samples; ++sample) {
    for (std::int64_t row = 0; row < height; ++row) {
      for (std::int64_t column = 0; column < width; ++column, from += channels) {
        std::copy_n(from, channels,
                    padded + sample * layout.sample + layout.first + row * layout.row +
                        column * layout.cell);
      }
    }
  }
}

/// All passes of one batch, backward in blocks.
Results run(Convolution& convolution, std::int64_t block, std::int64_t samples,
            const Values& values) {
  const ConvolutionShape& s = convolution.shape();
  const PaddedLayout in = convolution.input();
  const PaddedLayout out = convolution.gradient_layout();
  const std::int64_t outputs = s.out_height() * s.out_width() * s.out_channels;
  const std::int64_t inputs = s.height * s.width * s.in_channels;
  Arena arena;
  float* const x = arena.floats(samples * in.sample + in.slack).data();
  pad(values.x, samples, s.height, s.width, s.in_channels, in, x);

  Results results{.y = std::vector<float>(size_of(samples * outputs)),
                  .dx = std::vector<float>(size_of(s.input_gradient ? samples * inputs : 0)),
                  .weight_gradients = std::vector<float>(size_of(s.weights()))};
  convolution.prepare(values.weights.data(), true);
  convolution.forward(samples, x, values.bias.data(), results.y.data());
  for (std::int64_t first = 0; first < samples; first += block) {
    const std::int64_t some = std::min(block, samples - first);
    const std::vector<float> dy(values.dy.begin() + first * outputs,
                                values.dy.begin() + (first + some) * outputs);
    pad(dy, some, s.out_height(), s.out_width(), s.out_channels, out, convolution.gradient());
    convolution.backward(some, x + first * in.sample,
                         s.input_gradient ? results.dx.data() + first * inputs : nullptr);
  }
  convolution.finish(results.weight_gradients.data());
  return results;
}

struct Expected {
  std::vector<double> y, dx, weight_gradients;
};

/// From the definition of a convolution.
Expected expected(const ConvolutionShape& s, std::int64_t samples, const Values& values) {
  const auto rounded = [](const std::vector<float>& all, std::int64_t i) {
    return static_cast<double>(rounded_to_bf16(all[size_of(i)]));
  };
  Expected e{.y = {},
             .dx = std::vector<double>(values.x.size()),
             .weight_gradients = std::vector<double>(values.weights.size())};
  const std::int64_t positions = samples * s.out_height() * s.out_width();
  for (std::int64_t position = 0; position < positions; ++position)
    e.y.insert(e.y.end(), values.bias.begin(), values.bias.end());
  for (std::int64_t position = 0; position < positions; ++position) {
    const std::int64_t sample = position / (s.out_height() * s.out_width());
    const std::int64_t i = position / s.out_width() % s.out_height();
    const std::int64_t j = position % s.out_width();
    for (std::int64_t tap = 0; tap < s.kernel_height * s.kernel_width; ++tap) {
      const std::int64_t row = i * s.stride + tap / s.kernel_width - s.pad_height;
      const std::int64_t column = j * s.stride + tap % s.kernel_width - s.pad_width;
      if (row < 0 || row >= s.height || column < 0 || column >= s.width) continue;
      for (std::int64_t k = 0; k < s.in_channels; ++k) {
        const std::int64_t cell =
            ((sample * s.height + row) * s.width + column) * s.in_channels + k;
        const double x = rounded(values.x, cell);
        for (std::int64_t n = 0; n < s.out_channels; ++n) {
          const std::int64_t w = (tap * s.in_channels + k) * s.out_channels + n;
          const double dy = rounded(values.dy, position * s.out_channels + n);
          e.y[size_of(position * s.out_channels + n)] += x * rounded(values.weights, w);
          e.dx[size_of(cell)] += dy * rounded(values.weights, w);
          e.weight_gradients[size_of(w)] += x * dy;
        }
      }
    }
  }
  if (!s.input_gradient) e.dx.clear();
  return e;
}

/// Largest difference, relative to the largest value.
double error(const std::vector<float>& values, const std::vector<double>& reference) {
  EXPECT_EQ(values.size(), reference.size());
  double largest = 0;
  double difference = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    largest = std::max(largest, std::abs(reference[i]));
    difference = std::max(difference, std::abs(values[i] - reference[i]));
  }
  return difference == 0 ? 0 : difference / largest;
}

/// Of all results.
double error(const Results& results, const Expected& reference) {
  return std::max({error(results.y, reference.y), error(results.dx, reference.dx),
                   error(results.weight_gradients, reference.weight_gradients)});
}

std::int64_t between(std::int64_t low, std::int64_t high, Rng& rng) {
  return low + static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(high - low + 1)));
}

ConvolutionShape any_shape(bool suited_to_tiles, Rng& rng) {
  const bool sequence = rng.below(2) == 0;
  ConvolutionShape s{.height = sequence ? 1 : between(1, 9, rng),
                     .width = sequence ? between(1, 40, rng) : between(1, 18, rng),
                     .out_channels = kLanes * between(1, 3, rng),
                     .kernel_height = sequence ? 1 : between(1, 4, rng),
                     .kernel_width = between(1, 5, rng),
                     .stride = suited_to_tiles ? 1 : between(1, 3, rng),
                     .input_gradient = rng.below(3) > 0};
  s.in_channels = s.input_gradient ? kLanes * between(1, 3, rng) : between(1, 20, rng);
  const auto padding = [&](std::int64_t size, std::int64_t kernel) {
    const std::int64_t least = std::max<std::int64_t>(0, (kernel - size + 1) / 2);
    return between(least, suited_to_tiles ? std::max(least, kernel - 1) : kernel + 1, rng);
  };
  if (!sequence) s.pad_height = padding(s.height, s.kernel_height);
  s.pad_width = padding(s.width, s.kernel_width);
  return s;
}

TEST(Bf16Convolution, GivesTheSumsOfProductsOfRoundedFactors) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Rng rng(seed);
    const ConvolutionShape shape = any_shape(seed % 3 != 0, rng);
    const std::int64_t samples = between(1, 7, rng);
    const std::int64_t block = between(1, samples, rng);
    const Values values = any_values(shape, samples, rng);
    const Expected reference = expected(shape, samples, values);
    for (const Implementation& implementation : implementations()) {
      if (!implementation.suits(shape)) continue;
      Arena arena;
      const auto convolution = implementation.make(shape, block, arena);
      EXPECT_LT(error(run(*convolution, block, samples, values), reference), kTolerance)
          << fmt::format("{}, {} samples in blocks of {}, ", implementation.name, samples, block)
          << PrintToString(shape);
    }
  }
}

constexpr ConvolutionShape kShape{.height = 5,
                                  .width = 7,
                                  .in_channels = 16,
                                  .out_channels = 32,
                                  .kernel_height = 3,
                                  .kernel_width = 3,
                                  .pad_height = 1,
                                  .pad_width = 1};
constexpr std::int64_t kBlock = 3;
constexpr std::int64_t kSamples = 8;

TEST(Bf16Convolution, DiffersFromOneInF32) {
  Rng rng(1);
  const Values values = any_values(kShape, kSamples, rng);
  Arena arena;
  const auto f32 = direct_convolution(kShape, kBlock, kernels_for(Isa::Portable), arena);
  const Results results = run(*f32, kBlock, kSamples, values);
  const Expected reference = expected(kShape, kSamples, values);
  EXPECT_GT(error(results.y, reference.y), 10 * kTolerance);
  EXPECT_GT(error(results.dx, reference.dx), 10 * kTolerance);
  EXPECT_GT(error(results.weight_gradients, reference.weight_gradients), 10 * kTolerance);
}

TEST(Bf16Convolution, GivesTheSameBitsAgain) {
  Rng rng(2);
  const Values values = any_values(kShape, kSamples, rng);
  for (const Implementation& implementation : implementations()) {
    Arena arena;
    const auto convolution = implementation.make(kShape, kBlock, arena);
    const Results first = run(*convolution, kBlock, kSamples, values);
    EXPECT_EQ(run(*convolution, kBlock, kSamples, values), first) << implementation.name;
  }
}

/// Whether all that depends on a number that is not finite is not finite.
bool propagates(const std::vector<float>& values, const std::vector<double>& reference) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(reference[i]) && std::isfinite(values[i])) return false;
  }
  return true;
}

TEST(Bf16Convolution, PropagatesNumbersThatAreNotFinite) {
  for (const float bad : {kNan, kInfinity, -kInfinity}) {
    for (std::size_t which = 0; which < 4; ++which) {
      Rng rng(which);
      Values values = any_values(kShape, kSamples, rng);
      std::vector<float>& some =
          *std::array{&values.x, &values.weights, &values.bias, &values.dy}[which];
      some[size_of(between(0, static_cast<std::int64_t>(some.size()) - 1, rng))] = bad;
      const Expected reference = expected(kShape, kSamples, values);
      for (const Implementation& implementation : implementations()) {
        Arena arena;
        const auto convolution = implementation.make(kShape, kBlock, arena);
        const Results results = run(*convolution, kBlock, kSamples, values);
        EXPECT_TRUE(propagates(results.y, reference.y)) << implementation.name;
        EXPECT_TRUE(propagates(results.dx, reference.dx)) << implementation.name;
        EXPECT_TRUE(propagates(results.weight_gradients, reference.weight_gradients))
            << implementation.name;
      }
    }
  }
}

TEST(Bf16Convolution, KeepsNothingOfABatchThatWasNotFinite) {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    Rng rng(seed);
    const ConvolutionShape shape = any_shape(seed % 2 == 0, rng);
    Values bad = any_values(shape, kSamples, rng);
    for (std::vector<float>* const some : {&bad.x, &bad.weights, &bad.dy})
      std::ranges::fill(*some, kNan);
    const Values good = any_values(shape, 1, rng);
    for (const Implementation& implementation : implementations()) {
      if (!implementation.suits(shape)) continue;
      Arena arena;
      const auto fresh = implementation.make(shape, kBlock, arena);
      const auto used = implementation.make(shape, kBlock, arena);
      run(*used, kBlock, kSamples, bad);
      EXPECT_EQ(run(*used, kBlock, 1, good), run(*fresh, kBlock, 1, good))
          << implementation.name << ", " << PrintToString(shape);
    }
  }
}

struct Rounding {
  float from;
  float to;
};
const std::vector<Rounding> kRoundings{
    {0.0F, 0.0F},
    {1.0F, 1.0F},
    {1.0F + 0x1p-8F, 1.0F},                         // a tie: to even, downward
    {1.0F + 0x3p-8F, 1.0F + 0x1p-6F},               // a tie: to even, upward
    {1.0F + 0x1p-8F + 0x1p-20F, 1.0F + 0x1p-7F},    // just above a tie
    {-1.0F - 0x3p-8F, -1.0F - 0x1p-6F},             // signs make no difference
    {0x1.FFp0F, 2.0F},                              // into the next power of two
    {0x1.FEp127F, 0x1.FEp127F},                     // the largest number
    {std::numeric_limits<float>::max(), kInfinity}  // above it
};

/// Rounds in place.
using Rounder = std::function<void(std::vector<float>&)>;

std::vector<std::pair<std::string, Rounder>> rounders() {
  std::vector<std::pair<std::string, Rounder>> all;
  for (const Isa isa : supported_isas()) {
    all.emplace_back(isa_name(isa), [isa](std::vector<float>& numbers) {
      kernels_for(isa).round_to_bf16(numbers.data(), numbers.data(),
                                     static_cast<std::int64_t>(numbers.size()));
    });
  }
#if HYPERTUNE_X86
  if (rounds_by_instruction()) {
    all.emplace_back("avx512bf16", [](std::vector<float>& numbers) {
      std::vector<Bf16Number> rounded(numbers.size() + 1, 7);
      amx_products().round(numbers.data(), static_cast<std::int64_t>(numbers.size()),
                           rounded.data());
      EXPECT_EQ(rounded.back(), 7) << "wrote too far";
      std::transform(rounded.begin(), rounded.end() - 1, numbers.begin(), from_bf16);
    });
  }
#endif
  return all;
}

TEST(Bf16Rounding, IsToNearestWithTiesToEven) {
  for (const auto& [name, round] : rounders()) {
    // Any size: vectors of all widths, and what is left of them.
    for (std::size_t size = 1; size < 70; ++size) {
      std::vector<float> numbers;
      for (std::size_t i = 0; i < size; ++i)
        numbers.push_back(kRoundings[i % kRoundings.size()].from);
      round(numbers);
      for (std::size_t i = 0; i < size; ++i)
        ASSERT_EQ(numbers[i], kRoundings[i % kRoundings.size()].to) << name << ", " << i;
    }
    Rng rng(3);
    std::vector<float> numbers = normal_numbers(1000, rng);
    std::vector<float> reference = numbers;
    std::ranges::transform(reference, reference.begin(), rounded_to_bf16);
    round(numbers);
    EXPECT_EQ(numbers, reference) << name;
  }
}

TEST(Bf16Rounding, KeepsNanAndInfinity) {
  const float low_bits_only = std::bit_cast<float>(0x7F800001U);  // would round to an infinity
  const float all_bits = std::bit_cast<float>(0xFFFFFFFFU);       // would round to zero
  for (const auto& [name, round] : rounders()) {
    std::vector<float> numbers{kNan, low_bits_only, all_bits, kInfinity, -kInfinity};
    round(numbers);
    for (std::size_t i = 0; i < 3; ++i) EXPECT_TRUE(std::isnan(numbers[i])) << name << ", " << i;
    EXPECT_EQ(numbers[3], kInfinity) << name;
    EXPECT_EQ(numbers[4], -kInfinity) << name;
  }
}

TEST(Bf16Rounding, LeavesDenormalNumbersBelowTheSmallestNormalOne) {
  for (const auto& [name, round] : rounders()) {
    std::vector<float> numbers{0x1p-140F, -0x1p-130F};
    round(numbers);
    for (const float number : numbers) EXPECT_LE(std::abs(number), 0x1p-130F) << name;
  }
}

#if HYPERTUNE_X86
TEST(Bf16Rounding, InterleavesRowsAlikeByInstructionsAndEmulation) {
  if (!rounds_by_instruction()) GTEST_SKIP() << "this processor lacks AVX512-BF16";
  for (const std::int64_t rows : {1, 2, 7, 32}) {
    constexpr std::int64_t kDepth = 32, kColumns = 48, kStride = 50;
    constexpr std::int64_t kPairBlock = kDepth / 2 * kTilePairs + 5;
    Rng rng(4);
    const std::vector<float> numbers = normal_numbers(rows * kStride, rng);
    const auto pairs = [&](const TileProducts& products) {
      std::vector<Bf16Number> result(3 * kPairBlock, 7);
      products.round_pairs(numbers.data(), kStride, rows, kDepth, kColumns,
                           {result.data(), kPairBlock});
      return result;
    };
    EXPECT_EQ(pairs(amx_products()), pairs(emulated_products()));
  }
}
#endif

}  // namespace
}  // namespace hypertune

// Activation and pooling of the engine, for each instruction set, against plain loops in double
// precision and their numerical derivatives.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "nn/kernels.h"
#include "support/random_floats.h"

namespace hypertune::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

/// In places of a result that nothing may be written to.
constexpr float kUntouched = 12345.0F;

/// Of single values, which are of the order of 1, after a handful of roundings to 2^-24.
constexpr double kTolerance = 2e-6;
/// Of sums of up to a thousand of them.
constexpr double kSumTolerance = 1e-4;

constexpr std::array kActivations{Activation::None, Activation::Relu, Activation::LeakyRelu,
                                  Activation::Gelu, Activation::Tanh};
constexpr std::array kPoolings{Pooling::None, Pooling::Max, Pooling::Average};

double activated(Activation activation, double z) {
  switch (activation) {
    case Activation::None:
      return z;
    case Activation::Relu:
      return std::max(z, 0.0);
    case Activation::LeakyRelu:
      return z > 0 ? z : z * static_cast<double>(kLeakySlope);
    case Activation::Gelu:
      return z * 0.5 * std::erfc(-z / std::sqrt(2.0));
    case Activation::Tanh:
      return std::tanh(z);
  }
  return 0;
}

/// Activation, then pooling.
double pooled(const Epilogue& e, const std::vector<double>& window) {
  double sum = 0;
  double largest = -std::numeric_limits<double>::infinity();
  for (const double z : window) {
    sum += activated(e.activation, z);
    largest = std::max(largest, activated(e.activation, z));
  }
  return e.pooling == Pooling::Max ? largest : sum / static_cast<double>(window.size());
}

/// Derivative of `pooled` by one of its values.
double derivative(const Epilogue& e, std::vector<double> window, std::size_t cell) {
  constexpr double kStep = 1e-7;
  const double z = window[cell];
  window[cell] = z + kStep;
  const double above = pooled(e, window);
  window[cell] = z - kStep;
  return (above - pooled(e, window)) / (2 * kStep);
}

enum class Normalized { No, Yes };

/// An EpilogueGradient, with its Epilogue, and all their data: random sizes and numbers, gaps
/// between rows and cells of the results.
struct MadeUpEpilogue {
  MadeUpEpilogue(Rng& rng, Activation activation, Pooling pooling, Normalized normalized) {
    Epilogue& e = g.forward;
    e.activation = activation;
    e.pooling = pooling;
    e.pool_height = pooling == Pooling::None ? 1 : between(rng, 1, 3);
    e.pool_width = pooling == Pooling::None ? 1 : between(rng, 1, 3);
    e.samples = between(rng, 1, 3);
    e.height = between(rng, 1, 5);
    e.width = between(rng, 1, 9);
    e.channels = kLanes * between(rng, 1, 3);
    y = random_floats(rng, e.samples * e.height * e.width * e.channels);
    for (float& value : y) value *= 3;
    e.y = y.data();
    scale = random_floats(rng, e.channels);
    shift = random_floats(rng, e.channels);
    if (normalized == Normalized::Yes) {
      e.scale = scale.data();
      e.shift = shift.data();
    }
    e.out_row = (out_width() + between(rng, 0, 2)) * e.channels;
    e.out_sample = out_height() * e.out_row + between(rng, 0, 40);
    out.assign(static_cast<std::size_t>(e.samples * e.out_sample), kUntouched);
    e.out = out.data();
    make_gradient(rng);
  }
  MadeUpEpilogue(const MadeUpEpilogue&) = delete;
  MadeUpEpilogue& operator=(const MadeUpEpilogue&) = delete;

  void make_gradient(Rng& rng) {
    const Epilogue& e = g.forward;
    g.d_out_row = (out_width() + between(rng, 0, 2)) * e.channels;
    g.d_out_sample = out_height() * g.d_out_row + between(rng, 0, 40);
    d_out = random_floats(rng, e.samples * g.d_out_sample);
    g.d_out = d_out.data();
    mean = random_floats(rng, e.channels);
    offset = random_floats(rng, e.channels);
    slope = random_floats(rng, e.channels);
    g.mean = mean.data();
    sum_dz.assign(static_cast<std::size_t>(e.channels), 0.25F);
    sum_dz_y.assign(static_cast<std::size_t>(e.channels), -0.5F);
    g.dy_cell = e.channels + between(rng, 0, 20);
    g.dy_row = e.width * g.dy_cell + between(rng, 0, 20);
    g.dy_sample = e.height * g.dy_row + between(rng, 0, 20);
    dy.assign(static_cast<std::size_t>(e.samples * g.dy_sample), kUntouched);
    g.dy = dy.data();
  }

  std::int64_t out_height() const { return g.forward.height / g.forward.pool_height; }
  std::int64_t out_width() const { return g.forward.width / g.forward.pool_width; }
  std::int64_t y_at(std::int64_t sample, std::int64_t row, std::int64_t x, std::int64_t c) const {
    const Epilogue& e = g.forward;
    return ((sample * e.height + row) * e.width + x) * e.channels + c;
  }
  double z(std::int64_t y_index) const {
    const auto c = static_cast<std::size_t>(y_index % g.forward.channels);
    const double value = y[static_cast<std::size_t>(y_index)];
    return g.forward.scale == nullptr ? value : value * static_cast<double>(scale[c]) + shift[c];
  }

  /// Calls f(sample, row, column, channel, indices of the window in y) for each value of `out`.
  void each_window(const std::function<void(std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                                            const std::vector<std::int64_t>&)>& f) const {
    const Epilogue& e = g.forward;
    for (std::int64_t sample = 0; sample < e.samples; ++sample)
      for (std::int64_t row = 0; row < out_height(); ++row)
        for (std::int64_t x = 0; x < out_width(); ++x)
          for (std::int64_t c = 0; c < e.channels; ++c) {
            std::vector<std::int64_t> window;
            for (std::int64_t i = 0; i < e.pool_height * e.pool_width; ++i)
              window.push_back(y_at(sample, row * e.pool_height + i / e.pool_width,
                                    x * e.pool_width + i % e.pool_width, c));
            f(sample, row, x, c, window);
          }
  }
  std::vector<double> values(const std::vector<std::int64_t>& window) const {
    std::vector<double> all;
    for (const std::int64_t i : window) all.push_back(z(i));
    return all;
  }

  /// Gradient of z for each y, by numerical derivatives; 0 outside of windows.
  std::vector<double> dz() const {
    std::vector<double> all(y.size(), 0.0);
    each_window([&](std::int64_t sample, std::int64_t row, std::int64_t x, std::int64_t c,
                    const std::vector<std::int64_t>& window) {
      const double d = d_out[static_cast<std::size_t>(sample * g.d_out_sample + row * g.d_out_row +
                                                      x * g.forward.channels + c)];
      for (std::size_t i = 0; i < window.size(); ++i)
        all[static_cast<std::size_t>(window[i])] = d * derivative(g.forward, values(window), i);
    });
    return all;
  }

  /// Compares `dy`, gaps included, with one expected value for each y.
  void expect_dy(const std::vector<double>& expected) const {
    const Epilogue& e = g.forward;
    std::vector<double> all(dy.size(), kUntouched);
    for (std::int64_t sample = 0; sample < e.samples; ++sample)
      for (std::int64_t row = 0; row < e.height; ++row)
        for (std::int64_t x = 0; x < e.width; ++x)
          for (std::int64_t c = 0; c < e.channels; ++c)
            all[static_cast<std::size_t>(sample * g.dy_sample + row * g.dy_row + x * g.dy_cell +
                                         c)] =
                expected[static_cast<std::size_t>(y_at(sample, row, x, c))];
    for (std::size_t i = 0; i < all.size(); ++i) ASSERT_NEAR(dy[i], all[i], kTolerance) << i;
  }

  EpilogueGradient g;
  std::vector<float> y, scale, shift, out;
  std::vector<float> d_out, mean, offset, slope, sum_dz, sum_dz_y, dy;
};

class Epilogues : public ::testing::TestWithParam<Isa> {
 protected:
  const Kernels& kernels() const { return kernels_for(GetParam()); }

  /// Calls `check` for random sizes, with each activation and pooling.
  void for_many(Normalized normalized, const std::function<void(MadeUpEpilogue&)>& check) const {
    Rng rng(20);
    for (const Activation activation : kActivations) {
      for (const Pooling pooling : kPoolings) {
        for (int repeat = 0; repeat < 25; ++repeat) {
          MadeUpEpilogue made(rng, activation, pooling, normalized);
          SCOPED_TRACE("activation " + std::to_string(static_cast<int>(activation)) + ", pooling " +
                       std::to_string(static_cast<int>(pooling)) + ", window " +
                       std::to_string(made.g.forward.pool_height) + " x " +
                       std::to_string(made.g.forward.pool_width));
          check(made);
          if (::testing::Test::HasFatalFailure()) return;
        }
      }
    }
  }
};

INSTANTIATE_TEST_SUITE_P(EachInstructionSet, Epilogues, ::testing::ValuesIn(supported_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

TEST_P(Epilogues, ForwardActivatesAndPoolsWithAndWithoutNormalization) {
  for (const Normalized normalized : {Normalized::No, Normalized::Yes}) {
    for_many(normalized, [&](MadeUpEpilogue& made) {
      const Epilogue& e = made.g.forward;
      std::vector<double> expected(made.out.size(), kUntouched);
      made.each_window([&](std::int64_t sample, std::int64_t row, std::int64_t x, std::int64_t c,
                           const std::vector<std::int64_t>& window) {
        expected[static_cast<std::size_t>(sample * e.out_sample + row * e.out_row + x * e.channels +
                                          c)] = pooled(e, made.values(window));
      });
      kernels().epilogue(e);
      for (std::size_t i = 0; i < expected.size(); ++i)
        ASSERT_NEAR(made.out[i], expected[i], kTolerance) << i;
    });
  }
}

TEST_P(Epilogues, BackwardWithoutNormalizationGivesTheDerivativeAndItsSum) {
  for_many(Normalized::No, [&](MadeUpEpilogue& made) {
    made.g.sum_dz = made.sum_dz.data();
    kernels().epilogue_backward(made.g);
    const std::vector<double> dz = made.dz();
    made.expect_dy(dz);
    std::vector<double> sums(made.sum_dz.size(), 0.25);
    for (std::size_t i = 0; i < dz.size(); ++i) sums[i % sums.size()] += dz[i];
    for (std::size_t c = 0; c < sums.size(); ++c)
      ASSERT_NEAR(made.sum_dz[c], sums[c], kSumTolerance);
  });
}

TEST_P(Epilogues, BackwardThroughNormalizationAlsoReachesCellsOutsideOfWindows) {
  for_many(Normalized::Yes, [&](MadeUpEpilogue& made) {
    made.g.offset = made.offset.data();
    made.g.slope = made.slope.data();
    kernels().epilogue_backward(made.g);
    std::vector<double> expected = made.dz();
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const std::size_t c = i % made.scale.size();
      expected[i] = expected[i] * made.scale[c] - made.offset[c] -
                    (static_cast<double>(made.y[i]) - made.mean[c]) * made.slope[c];
    }
    made.expect_dy(expected);
  });
}

TEST_P(Epilogues, BackwardThroughRunningStatisticsOnlyScales) {
  for_many(Normalized::Yes, [&](MadeUpEpilogue& made) {
    made.g.mean = nullptr;
    kernels().epilogue_backward(made.g);
    std::vector<double> expected = made.dz();
    for (std::size_t i = 0; i < expected.size(); ++i)
      expected[i] *= made.scale[i % made.scale.size()];
    made.expect_dy(expected);
  });
}

TEST_P(Epilogues, SumsAreAddedToWhatWasThere) {
  for_many(Normalized::Yes, [&](MadeUpEpilogue& made) {
    made.g.sum_dz = made.sum_dz.data();
    made.g.sum_dz_y = made.sum_dz_y.data();
    kernels().epilogue_sums(made.g);
    const std::vector<double> dz = made.dz();
    std::vector<double> sums(made.sum_dz.size(), 0.25);
    std::vector<double> sums_y(made.sum_dz.size(), -0.5);
    for (std::size_t i = 0; i < dz.size(); ++i) {
      const std::size_t c = i % sums.size();
      sums[c] += dz[i];
      sums_y[c] += dz[i] * (static_cast<double>(made.y[i]) - made.mean[c]);
    }
    for (std::size_t c = 0; c < sums.size(); ++c) {
      ASSERT_NEAR(made.sum_dz[c], sums[c], kSumTolerance);
      ASSERT_NEAR(made.sum_dz_y[c], sums_y[c], kSumTolerance);
    }
    for (const float untouched : made.dy) ASSERT_EQ(untouched, kUntouched);
  });
}

/// One window over all of y, each lane a case of its own.
struct OneWindow {
  OneWindow(Activation activation, Pooling pooling, std::int64_t height, std::int64_t width)
      : y(static_cast<std::size_t>(height * width * kLanes), 0.5F),
        dy(y.size()),
        out(kLanes),
        d_out(kLanes, 1.0F),
        ones(kLanes, 1.0F),
        zeros(kLanes, 0.0F),
        sum_dz(kLanes),
        sum_dz_y(kLanes) {
    g.forward = {.activation = activation,
                 .pooling = pooling,
                 .pool_height = height,
                 .pool_width = width,
                 .samples = 1,
                 .height = height,
                 .width = width,
                 .channels = kLanes,
                 .y = y.data(),
                 .out = out.data()};
    g.d_out = d_out.data();
    g.sum_dz = sum_dz.data();
    g.sum_dz_y = sum_dz_y.data();
    g.mean = zeros.data();
    g.dy = dy.data();
    g.dy_cell = kLanes;
    g.dy_row = width * kLanes;
  }
  OneWindow(const OneWindow&) = delete;
  OneWindow& operator=(const OneWindow&) = delete;

  void normalize() {
    g.forward.scale = ones.data();
    g.forward.shift = zeros.data();
    g.offset = g.slope = zeros.data();
  }
  float& at(std::vector<float>& cells, std::int64_t cell, std::int64_t lane) const {
    return cells[static_cast<std::size_t>(cell * kLanes + lane)];
  }

  EpilogueGradient g;
  std::vector<float> y, dy, out, d_out, ones, zeros, sum_dz, sum_dz_y;
};

constexpr std::array<std::array<std::int64_t, 2>, 4> kWindows{{{1, 2}, {2, 2}, {3, 2}, {1, 5}}};

TEST_P(Epilogues, OfEqualLargestValuesTheFirstTakesTheGradient) {
  for (const Activation activation : kActivations) {
    for (const auto& [height, width] : kWindows) {
      for (const Normalized normalized : {Normalized::No, Normalized::Yes}) {
        OneWindow w(activation, Pooling::Max, height, width);
        if (normalized == Normalized::Yes) w.normalize();
        const std::int64_t cells = height * width;
        // In lane `first`, that cell and all behind it hold the largest value.
        for (std::int64_t first = 0; first < cells; ++first)
          for (std::int64_t cell = first; cell < cells; ++cell) w.at(w.y, cell, first) = 1.5F;
        kernels().epilogue_backward(w.g);
        for (std::int64_t first = 0; first < cells; ++first)
          for (std::int64_t cell = 0; cell < cells; ++cell)
            EXPECT_EQ(w.at(w.dy, cell, first) != 0, cell == first) << cell << " " << first;
      }
    }
  }
}

TEST_P(Epilogues, NothingPassesAReluAtZero) {
  OneWindow w(Activation::Relu, Pooling::Max, 1, 2);
  std::ranges::fill(w.y, 0.0F);
  kernels().epilogue_backward(w.g);
  for (const float gradient : w.dy) EXPECT_EQ(gradient, 0);
}

TEST_P(Epilogues, NaNAnywhereInAWindowReachesTheResultAndNoOtherChannel) {
  for (const Activation activation : kActivations) {
    for (const Pooling pooling : {Pooling::Max, Pooling::Average}) {
      for (const auto& [height, width] : kWindows) {
        for (const Normalized normalized : {Normalized::No, Normalized::Yes}) {
          OneWindow w(activation, pooling, height, width);
          if (normalized == Normalized::Yes) w.normalize();
          const std::int64_t cells = height * width;
          for (std::int64_t cell = 0; cell < cells; ++cell) w.at(w.y, cell, cell) = kNaN;
          kernels().epilogue(w.g.forward);
          for (std::int64_t lane = 0; lane < kLanes; ++lane)
            EXPECT_EQ(std::isnan(w.at(w.out, 0, lane)), lane < cells);
        }
      }
    }
  }
}

TEST_P(Epilogues, NaNPassesWithoutPoolingToo) {
  for (const Activation activation : kActivations) {
    OneWindow w(activation, Pooling::None, 1, 1);
    w.y[3] = kNaN;
    kernels().epilogue(w.g.forward);
    for (std::size_t lane = 0; lane < w.out.size(); ++lane)
      EXPECT_EQ(std::isnan(w.out[lane]), lane == 3);
  }
}

TEST_P(Epilogues, NaNAnywhereInAWindowReachesTheSumsOfNormalization) {
  for (const Activation activation : kActivations) {
    for (const Pooling pooling : {Pooling::Max, Pooling::Average}) {
      for (const auto& [height, width] : kWindows) {
        OneWindow w(activation, pooling, height, width);
        w.normalize();
        for (std::int64_t cell = 0; cell < height * width; ++cell) w.at(w.y, cell, cell) = kNaN;
        kernels().epilogue_sums(w.g);
        for (std::int64_t lane = 0; lane < kLanes; ++lane)
          EXPECT_EQ(std::isnan(w.at(w.sum_dz_y, 0, lane)), lane < height * width);
      }
    }
  }
}

TEST_P(Epilogues, NaNGradientsArriveInEachWindowThatIsNotBlocked) {
  for (const Activation activation : kActivations) {
    for (const Pooling pooling : {Pooling::Max, Pooling::Average}) {
      for (const auto& [height, width] : kWindows) {
        for (const float y : {0.5F, kNaN}) {
          OneWindow w(activation, pooling, height, width);
          std::ranges::fill(w.d_out, kNaN);
          w.y[0] = y;
          kernels().epilogue_backward(w.g);
          for (std::int64_t lane = 0; lane < kLanes; ++lane) {
            bool arrived = false;
            for (std::int64_t cell = 0; cell < height * width; ++cell)
              arrived = arrived || std::isnan(w.at(w.dy, cell, lane));
            EXPECT_TRUE(arrived);
          }
        }
      }
    }
  }
}

TEST_P(Epilogues, InfinityPassesThePooling) {
  for (const Activation activation :
       {Activation::None, Activation::Relu, Activation::LeakyRelu, Activation::Gelu}) {
    for (const Pooling pooling : {Pooling::Max, Pooling::Average}) {
      for (const auto& [height, width] : kWindows) {
        OneWindow w(activation, pooling, height, width);
        for (std::int64_t cell = 0; cell < height * width; ++cell)
          w.at(w.y, cell, cell) = kInfinity;
        kernels().epilogue(w.g.forward);
        for (std::int64_t lane = 0; lane < kLanes; ++lane)
          EXPECT_EQ(w.at(w.out, 0, lane) == kInfinity, lane < height * width);
      }
    }
  }
}

class Moments : public Epilogues {};

INSTANTIATE_TEST_SUITE_P(EachInstructionSet, Moments, ::testing::ValuesIn(supported_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

TEST_P(Moments, AreExactForAnyNumberOfRowsAlsoFarFromZero) {
  Rng rng(21);
  for (const std::int64_t rows : {1, 2, 3, 63, 64, 65, 130, 1000, 20000}) {
    const std::int64_t channels = kLanes * between(rng, 1, 7);
    std::vector<float> y = random_floats(rng, rows * channels);
    for (float& value : y) value += 100;
    std::vector<float> mean(static_cast<std::size_t>(channels));
    std::vector<float> squares(mean.size());
    kernels().moments(y.data(), rows, channels, mean.data(), squares.data());
    for (std::size_t c = 0; c < mean.size(); ++c) {
      double sum = 0;
      double squared = 0;
      for (std::size_t i = c; i < y.size(); i += mean.size()) sum += y[i];
      const double exact = sum / static_cast<double>(rows);
      for (std::size_t i = c; i < y.size(); i += mean.size())
        squared += (y[i] - exact) * (y[i] - exact);
      // Floats near 100 are 8e-6 apart.
      ASSERT_NEAR(mean[c], exact, 8e-6) << rows;
      ASSERT_NEAR(squares[c], squared, 2e-5 * squared + 1e-9) << rows;
    }
  }
}

TEST_P(Moments, NaNAndInfinitySpoilTheirOwnChannelOnly) {
  constexpr std::int64_t kChannels = 48;
  for (const float bad : {kNaN, kInfinity}) {
    for (const std::size_t row : {0, 70, 99}) {
      std::vector<float> y(100 * kChannels, 1.0F);
      y[row * kChannels + 17] = bad;
      std::vector<float> mean(kChannels);
      std::vector<float> squares(kChannels);
      kernels().moments(y.data(), 100, kChannels, mean.data(), squares.data());
      for (std::size_t c = 0; c < kChannels; ++c) {
        EXPECT_EQ(std::isfinite(mean[c]), c != 17);
        EXPECT_EQ(std::isnan(squares[c]), c == 17);
      }
    }
  }
}

}  // namespace
}  // namespace hypertune::testing

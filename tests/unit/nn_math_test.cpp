// Tanh and GELU of the engine and their derivatives, for each instruction set, against the standard
// library in double precision. They stand for all of its vector mathematics.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <thread>
#include <vector>

#include "nn/kernels.h"

namespace hypertune::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr double kSmallestNormal = std::numeric_limits<float>::min();

/// About two units in the last place.
constexpr double kTolerance = 2.5e-7;

double gelu(double x) { return x * 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double gelu_derivative(double x) {
  const double density = std::exp(-x * x / 2) / std::sqrt(2 * std::numbers::pi);
  return 0.5 * std::erfc(-x / std::numbers::sqrt2) + x * density;
}

double tanh_derivative(double x) {
  const double cosh = std::cosh(x);
  return 1 / (cosh * cosh);
}

/// Every thousandth from -20 to 20, and the powers of two, with both signs.
std::vector<float> arguments() {
  std::vector<float> all;
  for (int i = -20000; i <= 20000; ++i) all.push_back(static_cast<float>(i) / 1000);
  for (int exponent = -149; exponent < 128; ++exponent)
    for (const float sign : {1.0F, -1.0F}) all.push_back(std::ldexp(sign, exponent));
  return all;
}

class VectorMath : public ::testing::TestWithParam<Isa> {
 protected:
  struct Results {
    std::vector<float> values, derivatives;
  };

  /// At each x, in lanes of their own.
  Results apply(Activation activation, std::vector<float> x) const {
    const std::size_t count = x.size();
    const std::size_t cells = (count + kLanes - 1) / kLanes;
    x.resize(cells * kLanes);
    std::vector<float> values(x.size());
    std::vector<float> derivatives(x.size());
    const std::vector<float> ones(x.size(), 1.0F);
    EpilogueGradient g;
    g.forward = {.activation = activation,
                 .samples = 1,
                 .height = 1,
                 .width = static_cast<std::int64_t>(cells),
                 .channels = kLanes,
                 .y = x.data(),
                 .out = values.data()};
    g.d_out = ones.data();
    g.dy = derivatives.data();
    g.dy_cell = kLanes;
    kernels_for(GetParam()).epilogue(g.forward);
    kernels_for(GetParam()).epilogue_backward(g);
    values.resize(count);
    derivatives.resize(count);
    return {values, derivatives};
  }
};

INSTANTIATE_TEST_SUITE_P(EachInstructionSet, VectorMath, ::testing::ValuesIn(supported_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

TEST_P(VectorMath, TanhIsAccurateAlsoNearZero) {
  const std::vector<float> x = arguments();
  const std::vector<float> values = apply(Activation::Tanh, x).values;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = std::tanh(static_cast<double>(x[i]));
    ASSERT_NEAR(values[i], exact, kTolerance * std::abs(exact) + kSmallestNormal) << x[i];
    ASSERT_LE(std::abs(values[i]), 1) << x[i];
  }
}

TEST_P(VectorMath, GeluIsAccurateWhereItIsNotNegligible) {
  const std::vector<float> x = arguments();
  const std::vector<float> values = apply(Activation::Gelu, x).values;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double exact = gelu(x[i]);
    // The exponential of -x^2 / 2 multiplies the rounding of x^2, which matters far left only.
    const double tolerance = kTolerance * std::abs(exact) * (1 + double{x[i]} * x[i] / 4);
    ASSERT_NEAR(values[i], exact, tolerance + 10 * kSmallestNormal) << x[i];
  }
}

TEST_P(VectorMath, DerivativesAreAccurate) {
  const std::vector<float> x = arguments();
  const std::vector<float> of_tanh = apply(Activation::Tanh, x).derivatives;
  const std::vector<float> of_gelu = apply(Activation::Gelu, x).derivatives;
  for (std::size_t i = 0; i < x.size(); ++i) {
    ASSERT_NEAR(of_tanh[i], tanh_derivative(x[i]), 2 * kTolerance) << x[i];
    ASSERT_NEAR(of_gelu[i], gelu_derivative(x[i]), 2 * kTolerance) << x[i];
  }
}

TEST_P(VectorMath, LimitsAreReachedAtInfinity) {
  const float highest = std::numeric_limits<float>::max();
  const Results tanh = apply(Activation::Tanh, {kInfinity, -kInfinity, highest, -highest});
  EXPECT_EQ(tanh.values, (std::vector<float>{1, -1, 1, -1}));
  EXPECT_EQ(tanh.derivatives, (std::vector<float>{0, 0, 0, 0}));
  const Results gelu = apply(Activation::Gelu, {kInfinity, highest, -highest});
  EXPECT_EQ(gelu.values, (std::vector<float>{kInfinity, highest, 0}));
  EXPECT_EQ(gelu.derivatives[1], 1);
  EXPECT_EQ(gelu.derivatives[2], 0);
}

TEST_P(VectorMath, NaNGivesNaN) {
  for (const Activation activation : {Activation::Tanh, Activation::Gelu}) {
    const Results results = apply(activation, {kNaN, 1.0F, -kNaN});
    for (const std::vector<float>& all : {results.values, results.derivatives}) {
      EXPECT_TRUE(std::isnan(all[0]));
      EXPECT_FALSE(std::isnan(all[1]));
      EXPECT_TRUE(std::isnan(all[2]));
    }
  }
}

TEST_P(VectorMath, AThreadWithoutDenormalsGetsTheSameButForDenormals) {
  const std::vector<float> x = arguments();
  for (const Activation activation : {Activation::Tanh, Activation::Gelu}) {
    const std::vector<float> expected = apply(activation, x).values;
    std::vector<float> flushed;
    std::jthread([&] {
      prepare_compute_thread(GetParam());
      flushed = apply(activation, x).values;
    }).join();
    for (std::size_t i = 0; i < x.size(); ++i)
      ASSERT_NEAR(flushed[i], expected[i], 20 * kSmallestNormal) << x[i];
  }
}

}  // namespace
}  // namespace hypertune::testing

// Optimizers of the engine, for each instruction set, against PyTorch's formulas written out in
// double precision.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "nn/optimizer.h"
#include "support/random_floats.h"

namespace hypertune::testing {
namespace {

constexpr std::array kRules{OptimizerRule::Sgd,  OptimizerRule::Momentum, OptimizerRule::Nesterov,
                            OptimizerRule::Adam, OptimizerRule::AdamW,    OptimizerRule::RmsProp};

/// Sizes below, at and beside those of vectors.
constexpr std::array<std::int64_t, 6> kSizes{1, 3, 16, 37, 64, 1001};

/// One parameter, as the documentation of torch.optim describes its steps.
class ScalarOptimizer {
 public:
  ScalarOptimizer(const OptimizerOptions& options, double parameter)
      : options_(options), p_(parameter) {}

  double parameter() const { return p_; }

  void step(double g, double rate) {
    ++t_;
    if (options_.rule == OptimizerRule::AdamW)
      p_ -= rate * options_.weight_decay * p_;
    else
      g += options_.weight_decay * p_;
    switch (options_.rule) {
      case OptimizerRule::Sgd:
        p_ -= rate * g;
        break;
      case OptimizerRule::Momentum:
      case OptimizerRule::Nesterov:
        m_ = t_ == 1 ? g : options_.momentum * m_ + g;
        p_ -= rate * (options_.rule == OptimizerRule::Momentum ? m_ : g + options_.momentum * m_);
        break;
      case OptimizerRule::Adam:
      case OptimizerRule::AdamW: {
        m_ = 0.9 * m_ + 0.1 * g;
        v_ = 0.999 * v_ + 0.001 * g * g;
        const double mean = m_ / (1 - std::pow(0.9, t_));
        const double square = v_ / (1 - std::pow(0.999, t_));
        p_ -= rate * mean / (std::sqrt(square) + 1e-8);
        break;
      }
      case OptimizerRule::RmsProp:
        v_ = 0.99 * v_ + 0.01 * g * g;
        p_ -= rate * g / (std::sqrt(v_) + 1e-8);
    }
  }

 private:
  OptimizerOptions options_;
  double p_;
  double m_ = 0;
  double v_ = 0;
  int t_ = 0;
};

class Optimizers : public ::testing::TestWithParam<Isa> {
 protected:
  Optimizer make(const OptimizerOptions& options, std::int64_t size) const {
    return {options, static_cast<std::size_t>(size), kernels_for(GetParam())};
  }
};

INSTANTIATE_TEST_SUITE_P(EachInstructionSet, Optimizers, ::testing::ValuesIn(supported_isas()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

TEST_P(Optimizers, FollowPyTorchOverFiftySteps) {
  Rng rng(30);
  for (const OptimizerRule rule : kRules) {
    for (const double weight_decay : {0.0, 0.1}) {
      for (const std::int64_t size : kSizes) {
        const OptimizerOptions options{.rule = rule, .momentum = 0.8, .weight_decay = weight_decay};
        std::vector<float> parameters = random_floats(rng, size);
        std::vector<ScalarOptimizer> expected;
        for (const float parameter : parameters) expected.emplace_back(options, parameter);
        Optimizer optimizer = make(options, size);
        for (int step = 0; step < 50; ++step) {
          const double rate = 0.01 / (1 + step % 5);
          const std::vector<float> gradients = random_floats(rng, size);
          optimizer.step(parameters, gradients, rate);
          for (std::size_t i = 0; i < gradients.size(); ++i) expected[i].step(gradients[i], rate);
        }
        // Fifty steps, each rounded to 2^-24 of parameters of the order of 1.
        for (std::size_t i = 0; i < parameters.size(); ++i)
          ASSERT_NEAR(parameters[i], expected[i].parameter(), 3e-6)
              << "rule " << static_cast<int>(rule) << ", size " << size << ", " << i;
      }
    }
  }
}

TEST_P(Optimizers, NaNGradientsSpoilTheirOwnParametersOnly) {
  for (const OptimizerRule rule : kRules) {
    for (const std::size_t bad : {std::size_t{4}, std::size_t{36}}) {
      Optimizer optimizer = make({.rule = rule}, 37);
      std::vector<float> parameters(37, 1.0F);
      std::vector<float> gradients(37, 0.5F);
      gradients[bad] = std::numeric_limits<float>::quiet_NaN();
      optimizer.step(parameters, gradients, 0.01);
      for (std::size_t i = 0; i < parameters.size(); ++i)
        EXPECT_EQ(std::isnan(parameters[i]), i == bad);
    }
  }
}

TEST_P(Optimizers, ZerosWithoutGradientsStayZero) {
  for (const OptimizerRule rule : kRules) {
    Optimizer optimizer = make({.rule = rule, .weight_decay = 0.1}, 37);
    std::vector<float> parameters(37, 0.0F);
    const std::vector<float> gradients(37, 0.0F);
    for (int step = 0; step < 3; ++step) optimizer.step(parameters, gradients, 0.01);
    EXPECT_EQ(parameters, gradients);
  }
}

TEST_P(Optimizers, RestoredOnesGoOnBitForBit) {
  Rng rng(31);
  for (const OptimizerRule rule : kRules) {
    const OptimizerOptions options{.rule = rule, .weight_decay = 0.01};
    std::vector<float> parameters = random_floats(rng, 37);
    Optimizer optimizer = make(options, 37);
    for (int step = 0; step < 5; ++step) optimizer.step(parameters, random_floats(rng, 37), 0.01);
    Optimizer restored = make(options, 37);
    restored.restore(optimizer.steps(), optimizer.first(), optimizer.second());
    std::vector<float> same = parameters;
    for (int step = 0; step < 5; ++step) {
      const std::vector<float> gradients = random_floats(rng, 37);
      optimizer.step(parameters, gradients, 0.01);
      restored.step(same, gradients, 0.01);
    }
    EXPECT_EQ(parameters, same);
    EXPECT_EQ(restored.steps(), 10);
  }
}

}  // namespace
}  // namespace hypertune::testing

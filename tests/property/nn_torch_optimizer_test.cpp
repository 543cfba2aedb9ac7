// Optimizers and schedules of the engine against those of LibTorch.
#include <gtest/gtest.h>
#include <torch/optim.h>

#include <cmath>
#include <functional>

#include "hypertune/rng.h"
#include "nn/isa.h"
#include "nn/optimizer.h"
#include "nn/schedule.h"

namespace hypertune {
namespace {

namespace optim = torch::optim;

constexpr int kSteps = 50;
constexpr std::size_t kSize = 137;  // not a multiple of any vector's width
constexpr double kRate = 0.03;
constexpr double kMomentum = 0.8;

/// 50 steps of a float lose at most 50 halves of its last bit, 3e-6 of values about 1; three times
/// that, for moments are rounded too.
constexpr double kTolerance = 1e-5;

using Parameters = std::vector<at::Tensor>;
/// LibTorch's optimizer with a weight decay.
using MakeReference = std::function<std::unique_ptr<optim::Optimizer>(const Parameters&, double)>;

/// Sets the learning rate of LibTorch's optimizer.
void set_rate(optim::Optimizer& optimizer, double rate) {
  for (auto& group : optimizer.param_groups()) group.options().set_lr(rate);
}

/// Both start at the same random parameters and see the same random gradients, of all magnitudes.
void expect_same_steps(const OptimizerOptions& options, const MakeReference& make) {
  SCOPED_TRACE(options.weight_decay);
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(isa_name(isa));
    prepare_compute_thread(isa);
    Rng rng(7);
    std::vector<float> ours(kSize);
    for (float& value : ours) value = static_cast<float>(rng.normal());
    at::Tensor theirs = at::tensor(at::ArrayRef<float>(ours)).to(at::kDouble).requires_grad_();
    const auto reference = make({theirs}, options.weight_decay);
    Optimizer optimizer(options, kSize, kernels_for(isa));
    LearningRateSchedule schedule(
        {.kind = ScheduleKind::OneCycle, .learning_rate = kRate, .epochs = 5}, kSteps / 5);
    std::vector<float> gradients(kSize);
    for (int step = 0; step < kSteps; ++step) {
      for (std::size_t i = 0; i < kSize; ++i)
        gradients[i] = static_cast<float>(rng.normal() * std::pow(10, -static_cast<int>(i % 6)));
      theirs.mutable_grad() = at::tensor(at::ArrayRef<float>(gradients)).to(at::kDouble);
      const double rate = schedule.rate(step / 10, step % 10);
      set_rate(*reference, rate);
      reference->step();
      optimizer.step(ours, gradients, rate);
    }
    const double* expected = theirs.data_ptr<double>();
    for (std::size_t i = 0; i < kSize; ++i)
      ASSERT_NEAR(ours[i], expected[i], kTolerance * std::max(1.0, std::abs(expected[i]))) << i;
  }
}

void expect_same_steps(OptimizerRule rule, const MakeReference& make) {
  for (const double decay : {0.0, 0.1})
    expect_same_steps({.rule = rule, .momentum = kMomentum, .weight_decay = decay}, make);
}

TEST(OptimizersAndTorch, GoTheSameWayWithSgd) {
  expect_same_steps(OptimizerRule::Sgd, [](const Parameters& parameters, double decay) {
    return std::make_unique<optim::SGD>(parameters, optim::SGDOptions(kRate).weight_decay(decay));
  });
}

TEST(OptimizersAndTorch, GoTheSameWayWithMomentum) {
  expect_same_steps(OptimizerRule::Momentum, [](const Parameters& parameters, double decay) {
    return std::make_unique<optim::SGD>(
        parameters, optim::SGDOptions(kRate).momentum(kMomentum).weight_decay(decay));
  });
}

TEST(OptimizersAndTorch, GoTheSameWayWithNesterov) {
  expect_same_steps(OptimizerRule::Nesterov, [](const Parameters& parameters, double decay) {
    return std::make_unique<optim::SGD>(
        parameters,
        optim::SGDOptions(kRate).momentum(kMomentum).nesterov(true).weight_decay(decay));
  });
}

TEST(OptimizersAndTorch, GoTheSameWayWithAdam) {
  expect_same_steps(OptimizerRule::Adam, [](const Parameters& parameters, double decay) {
    return std::make_unique<optim::Adam>(parameters, optim::AdamOptions(kRate).weight_decay(decay));
  });
}

TEST(OptimizersAndTorch, GoTheSameWayWithAdamW) {
  expect_same_steps(OptimizerRule::AdamW, [](const Parameters& parameters, double decay) {
    return std::make_unique<optim::AdamW>(parameters,
                                          optim::AdamWOptions(kRate).weight_decay(decay));
  });
}

TEST(OptimizersAndTorch, GoTheSameWayWithRmsProp) {
  expect_same_steps(OptimizerRule::RmsProp, [](const Parameters& parameters, double decay) {
    return std::make_unique<optim::RMSprop>(parameters,
                                            optim::RMSpropOptions(kRate).weight_decay(decay));
  });
}

TEST(SchedulesAndTorch, StepChangesTheRateAsStepLRDoes) {
  constexpr std::int64_t kPeriod = 7;
  constexpr double kFactor = 0.6;
  const std::vector<at::Tensor> parameters = {at::zeros({1}).requires_grad_()};
  optim::SGD reference(parameters, optim::SGDOptions(kRate));
  optim::StepLR theirs(reference, kPeriod, kFactor);
  theirs.step();  // PyTorch's constructor does this, LibTorch's does not
  LearningRateSchedule ours({.kind = ScheduleKind::Step,
                             .learning_rate = kRate,
                             .period = kPeriod,
                             .factor = kFactor,
                             .epochs = kSteps},
                            1);
  for (std::int64_t epoch = 0; epoch < kSteps; ++epoch) {
    EXPECT_NEAR(ours.rate(epoch, 0), reference.param_groups()[0].options().get_lr(), 1e-12);
    reference.step();
    theirs.step();
    ours.end_epoch(1);
  }
}

}  // namespace
}  // namespace hypertune

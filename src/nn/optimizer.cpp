// Optimizers over one flat vector of parameters, with PyTorch's formulas.
#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kRmsPropSmoothing = 0.99;
constexpr float kEpsilon = 1e-8F;

bool has_first(OptimizerRule rule) {
  return rule != OptimizerRule::Sgd && rule != OptimizerRule::RmsProp;
}

bool has_second(OptimizerRule rule) {
  return rule == OptimizerRule::Adam || rule == OptimizerRule::AdamW ||
         rule == OptimizerRule::RmsProp;
}

}  // namespace

Optimizer::Optimizer(const OptimizerOptions& options, std::size_t size, const Kernels& kernels)
    : options_(options),
      size_(size),
      kernels_(kernels),
      first_(has_first(options.rule) ? size : 0),
      second_(has_second(options.rule) ? size : 0) {}

/// Kingma and Ba, "Adam: a method for stochastic optimization", 2015. AdamW: the decoupled weight
/// decay of Loshchilov and Hutter, 2019.
OptimizerStep Optimizer::adam_step(double learning_rate) const {
  const auto t = static_cast<double>(steps_);
  OptimizerStep s;
  s.rate = static_cast<float>(learning_rate / (1 - std::pow(kBeta1, t)));
  s.root_scale = static_cast<float>(1 / std::sqrt(1 - std::pow(kBeta2, t)));
  s.keep_first = static_cast<float>(kBeta1);
  s.take_first = static_cast<float>(1 - kBeta1);
  s.keep_second = static_cast<float>(kBeta2);
  s.take_second = static_cast<float>(1 - kBeta2);
  if (options_.rule == OptimizerRule::AdamW)
    s.shrink = static_cast<float>(1 - learning_rate * options_.weight_decay);
  else
    s.decay = static_cast<float>(options_.weight_decay);
  return s;
}

void Optimizer::step(std::span<float> parameters, std::span<const float> gradients,
                     double learning_rate) {
  HT_ASSERT(parameters.size() == size_ && gradients.size() == size_);
  ++steps_;
  const bool adam = options_.rule == OptimizerRule::Adam || options_.rule == OptimizerRule::AdamW;
  OptimizerStep s;
  if (adam) {
    s = adam_step(learning_rate);
  } else {
    s.rate = static_cast<float>(learning_rate);
    s.decay = static_cast<float>(options_.weight_decay);
  }
  s.size = static_cast<std::int64_t>(size_);
  s.parameter = parameters.data();
  s.gradient = gradients.data();
  s.first = first_.empty() ? nullptr : first_.data();
  s.second = second_.empty() ? nullptr : second_.data();
  s.epsilon = kEpsilon;
  if (adam) return kernels_.adam(s);
  if (options_.rule == OptimizerRule::RmsProp) {  // Hinton's lecture 6e, 2012.
    s.keep_second = static_cast<float>(kRmsPropSmoothing);
    s.take_second = static_cast<float>(1 - kRmsPropSmoothing);
    return kernels_.rms_prop(s);
  }
  s.keep_first = static_cast<float>(options_.momentum);
  s.nesterov = options_.rule == OptimizerRule::Nesterov;
  kernels_.sgd(s);
}

void Optimizer::restore(std::int64_t steps, std::span<const float> first,
                        std::span<const float> second) {
  HT_ASSERT(first.size() == first_.size() && second.size() == second_.size());
  steps_ = steps;
  std::ranges::copy(first, first_.begin());
  std::ranges::copy(second, second_.begin());
}

}  // namespace hypertune

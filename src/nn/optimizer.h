// Optimizers over one flat vector of parameters, with PyTorch's formulas.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "nn/kernels.h"

namespace hypertune {

enum class OptimizerRule : std::uint8_t { Sgd, Momentum, Nesterov, Adam, AdamW, RmsProp };

struct OptimizerOptions {
  OptimizerRule rule = OptimizerRule::Adam;
  double momentum = 0.9;    ///< of Momentum and Nesterov
  double weight_decay = 0;  ///< added to the gradients; AdamW shrinks the parameters instead
};

/// The update rules and default constants of PyTorch's SGD, Adam, AdamW (here without weight decay
/// unless asked for) and RMSprop. NaN gradients give NaN parameters. Not thread-safe.
class Optimizer {
 public:
  /// For `size` parameters, any number.
  Optimizer(const OptimizerOptions& options, std::size_t size, const Kernels& kernels);

  /// One step along `gradients`; both spans have the size given to the constructor.
  void step(std::span<float> parameters, std::span<const float> gradients, double learning_rate);

  /// What it remembers from step to step; which of the vectors it has is the rule's.
  std::int64_t steps() const { return steps_; }
  std::span<const float> first() const { return first_; }    ///< momentum, or mean of the gradients
  std::span<const float> second() const { return second_; }  ///< mean of their squares
  /// Goes on from where an optimizer of the same rule and size was.
  void restore(std::int64_t steps, std::span<const float> first, std::span<const float> second);

 private:
  OptimizerStep adam_step(double learning_rate) const;

  OptimizerOptions options_;
  std::size_t size_;
  const Kernels& kernels_;
  std::int64_t steps_ = 0;
  std::vector<float> first_;
  std::vector<float> second_;
};

}  // namespace hypertune

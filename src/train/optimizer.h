// Optimizers over one flat vector of parameters, with PyTorch's formulas.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hypertune/trainer.h"

namespace hypertune {

/// SGD (with momentum), Adam, AdamW or RMSprop: the update rules and default constants of PyTorch's
/// SGD, Adam, AdamW (here without weight decay unless asked for) and RMSprop.
class Optimizer {
 public:
  /// `options.optimizer`, for `size` parameters.
  Optimizer(const TrainerOptions& options, std::size_t size);

  /// One step along `gradients`; both spans have the size given to the constructor.
  void step(std::span<float> parameters, std::span<const float> gradients, double learning_rate);

 private:
  enum class Rule : std::uint8_t { Sgd, Momentum, Adam, AdamW, RmsProp };

  Rule rule_;
  double momentum_;
  double weight_decay_;
  std::int64_t steps_ = 0;
  std::vector<float> first_;   ///< momentum, or mean of the gradients
  std::vector<float> second_;  ///< mean of their squares
};

}  // namespace hypertune

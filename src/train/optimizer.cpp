// Optimizers over one flat vector of parameters, with PyTorch's formulas. One pass over the vector
// for each step, which the compiler turns into vector instructions.
#include "train/optimizer.h"

#include <cmath>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kRmsPropSmoothing = 0.99;
constexpr float kEpsilon = 1e-8F;

struct Vectors {
  std::size_t size;
  float* __restrict parameter;
  const float* __restrict gradient;
  float* __restrict first;
  float* __restrict second;
};

void sgd(const Vectors& v, float rate, float decay) {
  for (std::size_t i = 0; i < v.size; ++i)
    v.parameter[i] -= rate * (v.gradient[i] + decay * v.parameter[i]);
}

void momentum(const Vectors& v, float rate, float decay, float keep) {
  for (std::size_t i = 0; i < v.size; ++i) {
    v.first[i] = keep * v.first[i] + v.gradient[i] + decay * v.parameter[i];
    v.parameter[i] -= rate * v.first[i];
  }
}

/// Kingma and Ba, "Adam: a method for stochastic optimization", 2015. `shrink` is the decoupled
/// weight decay of Loshchilov and Hutter, 2019.
void adam(const Vectors& v, double rate, float decay, float shrink, std::int64_t steps) {
  const auto t = static_cast<double>(steps);
  const auto size = static_cast<float>(rate / (1 - std::pow(kBeta1, t)));
  const auto scale = static_cast<float>(1 / std::sqrt(1 - std::pow(kBeta2, t)));
  constexpr auto kKeep1 = static_cast<float>(kBeta1);
  constexpr auto kKeep2 = static_cast<float>(kBeta2);
  constexpr auto kTake1 = static_cast<float>(1 - kBeta1);
  constexpr auto kTake2 = static_cast<float>(1 - kBeta2);
  for (std::size_t i = 0; i < v.size; ++i) {
    const float p = v.parameter[i] * shrink;
    const float g = v.gradient[i] + decay * p;
    v.first[i] = kKeep1 * v.first[i] + kTake1 * g;
    v.second[i] = kKeep2 * v.second[i] + kTake2 * g * g;
    v.parameter[i] = p - size * v.first[i] / (std::sqrt(v.second[i]) * scale + kEpsilon);
  }
}

/// Hinton's lecture 6e, 2012.
void rms_prop(const Vectors& v, float rate, float decay) {
  constexpr auto kKeep = static_cast<float>(kRmsPropSmoothing);
  constexpr auto kTake = static_cast<float>(1 - kRmsPropSmoothing);
  for (std::size_t i = 0; i < v.size; ++i) {
    const float g = v.gradient[i] + decay * v.parameter[i];
    v.second[i] = kKeep * v.second[i] + kTake * g * g;
    v.parameter[i] -= rate * g / (std::sqrt(v.second[i]) + kEpsilon);
  }
}

}  // namespace

Optimizer::Optimizer(const TrainerOptions& options, std::size_t size)
    : momentum_(options.momentum), weight_decay_(options.weight_decay) {
  if (options.optimizer == "sgd")
    rule_ = Rule::Sgd;
  else if (options.optimizer == "momentum")
    rule_ = Rule::Momentum;
  else if (options.optimizer == "adam")
    rule_ = Rule::Adam;
  else if (options.optimizer == "adamw")
    rule_ = Rule::AdamW;
  else
    rule_ = Rule::RmsProp;
  if (rule_ != Rule::Sgd && rule_ != Rule::RmsProp) first_.resize(size);
  if (rule_ != Rule::Sgd && rule_ != Rule::Momentum) second_.resize(size);
}

void Optimizer::step(std::span<float> parameters, std::span<const float> gradients,
                     double learning_rate) {
  HT_ASSERT(parameters.size() == gradients.size());
  ++steps_;
  const Vectors v{parameters.size(), parameters.data(), gradients.data(), first_.data(),
                  second_.data()};
  const auto rate = static_cast<float>(learning_rate);
  const auto decay = static_cast<float>(weight_decay_);
  switch (rule_) {
    case Rule::Sgd:
      return sgd(v, rate, decay);
    case Rule::Momentum:
      return momentum(v, rate, decay, static_cast<float>(momentum_));
    case Rule::Adam:
      return adam(v, learning_rate, decay, 1.0F, steps_);
    case Rule::AdamW:
      return adam(v, learning_rate, 0.0F, static_cast<float>(1 - learning_rate * weight_decay_),
                  steps_);
    case Rule::RmsProp:
      return rms_prop(v, rate, decay);
  }
}

}  // namespace hypertune

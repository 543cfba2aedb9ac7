// The end of a network: head, dropout, linear classifier, cross-entropy.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hypertune/rng.h"
#include "nn/arena.h"
#include "nn/block.h"
#include "nn/kernels.h"
#include "nn/network.h"

namespace hypertune {

/// Works on batches of at most `capacity` samples. Not thread-safe.
class HeadLayers {
 public:
  HeadLayers(const NetworkPlan& plan, const Extent& input, std::int64_t capacity,
             const Kernels& kernels, Arena& arena);

  /// Features that the classifier sees, filled up.
  std::int64_t features() const;
  std::int64_t laid_classes() const { return filled_up(plan_.classes); }

  /// Must be called before all else.
  ///   weight  [features][laid_classes]
  ///   bias    [laid_classes]
  void bind(const float* weight, const float* bias, float* weight_gradient, float* bias_gradient);

  /// Where the last block writes its output, which `forward` reads.
  Destination input();

  /// `dropout`: null in evaluation mode.
  void forward(std::int64_t samples, Rng* dropout);

  /// [classes] of one sample.
  std::span<const float> logits(std::int64_t sample) const;

  /// Mean cross-entropy; NaN when a logit is not finite.
  float loss(std::span<const std::int64_t> labels);

  /// The way back of the last `forward` and `loss`.
  ///   returns  [samples][input]: valid until the next call
  const float* backward(std::int64_t samples);

 private:
  bool flattens() const { return plan_.head == Head::Flatten; }
  std::int64_t input_size() const { return input_.cells() * input_.laid_channels; }
  void take_means(std::int64_t samples);
  void take_maxima(std::int64_t samples);
  void drop(std::int64_t samples, Rng& rng);
  void differentiate_classifier(std::int64_t samples);
  void spread_means(std::int64_t samples);
  void spread_maxima(std::int64_t samples);

  NetworkPlan plan_;
  Extent input_;
  const Kernels& kernels_;
  const float* weight_ = nullptr;
  const float* bias_ = nullptr;
  float* weight_gradient_ = nullptr;
  float* bias_gradient_ = nullptr;
  std::span<float> pooled_;             ///< [capacity][input]
  std::span<float> d_pooled_;           ///< likewise
  std::span<float> features_;           ///< [capacity][features]; to flatten, `pooled_`
  std::span<float> d_features_;         ///< likewise
  std::span<float> mask_;               ///< of dropout: 0 or 1 / (1 - dropout)
  std::vector<std::int32_t> largest_;   ///< [capacity][channels]: cell with the maximum
  std::span<float> logits_, d_logits_;  ///< [capacity][laid_classes]
  std::span<float> transposed_;         ///< weight
};

}  // namespace hypertune

// Convolutions whose factors are rounded to bf16.
#include "nn/bf16_convolution.h"

#include <algorithm>
#include <memory>
#include <span>

#include "nn/kernels/tables.h"

namespace hypertune {
namespace {

/// Computes as in f32 with rounded copies of weights and inputs, and gradients rounded in place.
class RoundedConvolution final : public Convolution {
 public:
  RoundedConvolution(const ConvolutionShape& shape, std::int64_t block, const Kernels& kernels,
                     Arena& arena)
      : Convolution(shape),
        block_(block),
        kernels_(kernels),
        inner_(f32_convolution(shape, block, kernels, arena)),
        weights_(arena.floats(shape.weights())),
        x_(arena.floats(block * input().sample + input().slack)) {}

  void prepare(const float* weights, bool training) override {
    kernels_.round_to_bf16(weights, weights_.data(), shape().weights());
    inner_->prepare(weights_.data(), training);
  }

  void forward(std::int64_t samples, const float* x, const float* bias, float* y) override {
    const std::int64_t outputs = shape().out_height() * shape().out_width() * shape().out_channels;
    for (std::int64_t first = 0; first < samples; first += block_) {
      const std::int64_t some = std::min(block_, samples - first);
      inner_->forward(some, rounded(some, x + first * input().sample), bias, y + first * outputs);
    }
  }

  float* gradient() override { return inner_->gradient(); }
  PaddedLayout gradient_layout() const override { return inner_->gradient_layout(); }

  void backward(std::int64_t samples, const float* x, float* dx) override {
    float* const dy = gradient();
    kernels_.round_to_bf16(dy, dy, samples * gradient_layout().sample);
    inner_->backward(samples, rounded(samples, x), dx);
  }

  void finish(float* weight_gradients) override { inner_->finish(weight_gradients); }

 private:
  const float* rounded(std::int64_t samples, const float* x) {
    kernels_.round_to_bf16(x, x_.data(), samples * input().sample + input().slack);
    return x_.data();
  }

  std::int64_t block_;
  const Kernels& kernels_;
  std::unique_ptr<Convolution> inner_;
  std::span<float> weights_;
  std::span<float> x_;  ///< of a block
};

}  // namespace

std::unique_ptr<Convolution> rounded_convolution(const ConvolutionShape& shape, std::int64_t block,
                                                 const Kernels& kernels, Arena& arena) {
  return std::make_unique<RoundedConvolution>(shape, block, kernels, arena);
}

std::unique_ptr<Convolution> bf16_convolution(const ConvolutionShape& shape, std::int64_t block,
                                              const Kernels& kernels, Arena& arena) {
#if HYPERTUNE_X86
  if (kernels.isa == Isa::Amx && suits_tiles(shape))
    return tile_convolution(shape, block, kernels, amx_products(), arena);
#endif
  return rounded_convolution(shape, block, kernels, arena);
}

}  // namespace hypertune

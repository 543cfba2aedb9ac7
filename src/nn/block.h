// One block of a network: convolution -> [batch normalization] -> activation -> pooling.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "nn/arena.h"
#include "nn/convolution.h"
#include "nn/kernels.h"
#include "nn/network.h"

namespace hypertune {

/// Sequences stay so through all blocks, and an image of one row remains an image.
enum class SampleKind : std::uint8_t { Sequence, Image };

/// Cells of a sample between two blocks.
struct Extent {
  SampleKind kind = SampleKind::Sequence;
  std::int64_t height = 1, width = 1;
  std::int64_t channels = 0;       ///< of the plan
  std::int64_t laid_channels = 0;  ///< with those that fill up
  std::int64_t cells() const { return height * width; }
};

/// The parameters of a block, or their gradients. Without batch normalization scale is null and
/// shift the bias.
struct BlockTensors {
  float* weight = nullptr;
  float* scale = nullptr;
  float* shift = nullptr;
};

/// Where results go: sample, row and cell as PaddedLayout has them.
struct Destination {
  float* data = nullptr;  ///< cell (0, 0) of sample 0
  std::int64_t sample = 0, row = 0;
};

enum class Mode : std::uint8_t { Training, Evaluation };

struct BlockOptions {
  Precision precision = Precision::F32;
  std::int64_t capacity = 1;  ///< samples of the largest batch
  bool input_gradient = true;
};

/// Not thread-safe.
class Block {
 public:
  /// Requires that something is left of the input (output_extent).
  Block(const BlockPlan& plan, const Extent& input, const BlockOptions& options,
        const Kernels& kernels, Arena& arena);

  const ConvolutionShape& shape() const { return convolution_->shape(); }
  const Extent& output() const { return output_; }
  bool normalizes() const { return plan_.batch_norm; }

  /// Must be called before all else. `statistics`: running means, then variances.
  void bind(const BlockTensors& parameters, const BlockTensors& gradients, float* statistics);

  /// Where the caller writes the cells of the input, which `forward` and `backward` read.
  Destination input();

  void forward(std::int64_t samples, Mode mode, const Destination& out);

  /// The way back of the last `forward` in training mode. Writes the gradients of the parameters.
  ///   d_out  [samples][output]
  ///   dx     [samples][input], or null without input_gradient
  void backward(std::int64_t samples, const float* d_out, float* dx);

 private:
  /// Samples [first, first + count), as many as a cache level holds.
  struct Range {
    std::int64_t first, count;
  };
  template <class Function>
  void for_ranges(std::int64_t samples, const Function& function) const;
  std::int64_t y_cells() const { return shape().out_height() * shape().out_width(); }
  std::int64_t y_size() const { return y_cells() * shape().out_channels; }
  const float* input_of(std::int64_t sample) const {
    return x_.data() + sample * convolution_->input().sample;
  }

  void merge_moments(Range range);
  void use_batch_statistics(std::int64_t samples);
  void use_running_statistics();
  void fold();
  Epilogue epilogue(Range range) const;
  EpilogueGradient epilogue_gradient(Range range, const float* d_out) const;
  void differentiate_normalization(std::int64_t samples, const float* d_out);

  BlockPlan plan_;
  Extent output_;
  std::int64_t block_;
  const Kernels& kernels_;
  std::unique_ptr<Convolution> convolution_;
  std::span<float> x_;  ///< padded
  std::span<float> y_;  ///< [capacity][out_height][out_width][out_channels]
  BlockTensors parameters_, gradients_;
  float* running_mean_ = nullptr;
  float* running_variance_ = nullptr;

  // Batch normalization; all [out_channels].
  bool from_batch_ = false;              ///< the statistics in use are the batch's
  std::vector<double> mean_, variance_;  ///< in use; while moments are merged, `variance_` holds
                                         ///< sums of squared deviations
  std::vector<double> sum_dz_, sum_dz_y_;
  std::span<float> f32_mean_;
  std::span<float> scale_, shift_;           ///< z = y * scale + shift
  std::span<float> offset_, slope_;          ///< see EpilogueGradient
  std::span<float> first_sum_, second_sum_;  ///< of one range
};

/// What a block leaves of its input: without `height` or `width` when that is nothing.
Extent output_extent(const BlockPlan& plan, const Extent& input);

/// `channels` filled up to a multiple of kLanes.
std::int64_t filled_up(std::int64_t channels);

}  // namespace hypertune

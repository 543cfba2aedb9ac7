// A convolutional network of the engine: explicit forward and backward passes over preallocated
// memory.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hypertune/rng.h"
#include "nn/convolution.h"
#include "nn/isa.h"
#include "nn/kernels.h"

namespace hypertune {

enum class Precision : std::uint8_t { F32, Bf16 };
enum class Head : std::uint8_t { Mean, Max, Flatten };

/// Convolution -> [batch normalization] -> activation -> pooling. A convolution before batch
/// normalization has no bias, which would have no effect.
struct BlockPlan {
  std::int64_t channels = 16;  ///< of the output; any number
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 1;
  bool batch_norm = false;
  Activation activation = Activation::Relu;
  Pooling pooling = Pooling::Max;
  std::int64_t pool = 2;
};

/// Blocks, then the head, dropout and a linear classifier. Sequences (height 1) are convolved and
/// pooled along the width alone.
struct NetworkPlan {
  std::int64_t height = 1, width = 1, channels = 1;  ///< of a sample
  std::vector<BlockPlan> blocks;                     ///< at least one
  Head head = Head::Mean;
  double dropout = 0;
  std::int64_t classes = 2;
  std::int64_t batch = 32;  ///< samples of the largest batch that is trained on
  Precision precision = Precision::F32;
};

/// Where a tensor lies in the flat vectors of parameters and gradients.
struct TensorPlace {
  std::string name;                     ///< "block1.weight", "block1.scale", "classifier.bias", ...
  std::array<std::int64_t, 4> sizes;    ///< out, rows, columns, in; ones for vectors
  std::array<std::int64_t, 4> strides;  ///< in floats
  std::int64_t offset;
  std::int64_t inputs;  ///< of a unit, for initial weights; 0: scale (ones) or shift (zeros)

  std::int64_t at(std::int64_t out, std::int64_t row, std::int64_t column, std::int64_t in) const {
    return offset + out * strides[0] + row * strides[1] + column * strides[2] + in * strides[3];
  }
};

/// Runs on the calling thread alone, which must have been prepared (prepare_compute_thread). Not
/// thread-safe; different networks may be used at once. Results are a function of plan, parameters
/// and instruction set, bit for bit.
class ConvNetwork {
 public:
  /// All parameters are 0, but scales and running variances 1. Throws ConfigError when nothing is
  /// left of the input after the pooling.
  ConvNetwork(const NetworkPlan& plan, Isa isa);
  ~ConvNetwork();
  ConvNetwork(ConvNetwork&&) noexcept;

  /// One vector; weights are [rows][columns][in][out], channels filled up to a multiple of kLanes.
  /// Entries that belong to no tensor are 0, have gradient 0, and must stay 0.
  std::span<float> parameters();
  std::span<const float> gradients() const;
  /// Running means and variances of the batch normalizations: for each block [channels] means, then
  /// [channels] variances (filled up likewise).
  std::span<float> statistics();
  /// In the order of the blocks: weight, then bias or scale and shift; the classifier last.
  const std::vector<TensorPlace>& tensors() const;

  /// Forward and backward pass over one batch in training mode.
  ///   samples  [n, height, width, channels]
  ///   labels   [n], below classes
  ///   returns  mean cross-entropy, in nats; NaN or infinity when an output is not finite
  /// `rng` draws the dropout masks, one number for each feature. Batch normalization over a single
  /// value uses the running statistics, for it has no variance. Requires 1 <= n <= batch.
  float train(std::span<const float> samples, std::span<const std::int64_t> labels, Rng& rng);

  /// Outputs in evaluation mode, any number of samples.
  ///   samples  [n, height, width, channels]
  ///   logits   [n, classes]
  void evaluate(std::span<const float> samples, std::span<float> logits);

  /// Floating-point operations (2 for each multiplication and addition) of the matrix products of
  /// one sample as a plain convolution would need them: forward, and forward with backward.
  struct Work {
    double forward = 0;
    double training = 0;
  };
  Work work_per_sample() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace hypertune

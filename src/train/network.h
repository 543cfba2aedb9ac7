// A convolutional network: forward pass, gradients, and its parameters as one flat vector.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "hypertune/rng.h"
#include "train/datasets.h"

namespace hypertune {

/// For each entry of `options.channels` a block: convolution (same size) -> [batch normalization]
/// -> activation -> max-pooling; then the head, dropout and a linear classifier. Sequences (height
/// 1) are convolved and pooled along the width alone. A convolution that is followed by batch
/// normalization has no bias, which would have no effect.
///
/// Runs on the calling thread alone. Not thread-safe; different networks may be used at once.
class Network {
 public:
  /// Initial weights as in PyTorch, uniform in +-1/sqrt(inputs of a unit), each tensor drawn from
  /// the fork of `rng` that is named after it. Throws ConfigError when the input is too small for
  /// the pooling, or the network larger than any machine could train.
  Network(const TrainerOptions& options, const SampleShape& input, int classes, const Rng& rng);
  ~Network();
  Network(Network&&) noexcept;

  /// All parameters, in one vector: for each block the weights [out, rows, columns, in], then the
  /// bias, or scale and shift of the batch normalization; then weights and bias of the classifier.
  /// Each tensor begins at a multiple of 16; the entries in between are unused and stay 0.
  std::span<float> parameters();
  /// Where `train` leaves the gradients: same places as `parameters`.
  std::span<const float> gradients() const;
  /// Without unused entries.
  std::int64_t parameter_count() const;

  /// Forward and backward pass over one batch in training mode.
  ///   samples  [n, height, width, channels]
  ///   labels   [n]
  ///   returns  mean cross-entropy, in nats
  /// `rng` draws the dropout masks. Batch normalization over a single value (one sample, pooled to
  /// one position) uses the running statistics, for it has no variance.
  float train(std::span<const float> samples, std::span<const std::int64_t> labels, Rng& rng);

  /// Outputs of the classifier in evaluation mode.
  ///   samples  [n, height, width, channels]
  ///   returns  [n, classes]
  std::vector<float> logits(std::span<const float> samples);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// The number of parameters that such a network has, without building it. Throws as the constructor
/// does.
std::int64_t count_parameters(const TrainerOptions& options, const SampleShape& input, int classes);

/// Makes the calling thread compute alone, and for good without denormal numbers, which are slow.
/// To be called by each thread before it uses a network; further calls cost nothing.
void prepare_training_thread();

/// Version of the library that computes.
std::string libtorch_version();

}  // namespace hypertune

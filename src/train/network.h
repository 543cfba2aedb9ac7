// A network that can be trained, whichever backend computes it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hypertune/rng.h"
#include "hypertune/trainer.h"
#include "nn/network.h"
#include "train/datasets.h"

namespace hypertune {

/// The network that TrainerOptions describe: for each entry of `channels` a block of convolution
/// (same size) -> [batch normalization] -> activation -> max-pooling; then the head, dropout and a
/// linear classifier. Backends give the same results up to rounding.
///
/// Runs on the calling thread alone. Not thread-safe; different networks may be used at once.
class Network {
 public:
  virtual ~Network() = default;

  /// All parameters, as one vector whose layout is the backend's (`tensors` says it). Entries that
  /// belong to no tensor are 0, have gradient 0, and must stay 0.
  virtual std::span<float> parameters() = 0;
  /// Where `train` leaves the gradients: same places as `parameters`.
  virtual std::span<const float> gradients() const = 0;
  /// Running means and variances of the batch normalizations; layout as in ConvNetwork.
  virtual std::span<float> statistics() = 0;
  virtual const std::vector<TensorPlace>& tensors() const = 0;

  /// To be called by each thread before it uses the network, and again when the thread's floating-
  /// point modes were changed since: from then on it flushes denormal numbers to zero.
  virtual void prepare_thread() = 0;
  /// As ConvNetwork::train and ConvNetwork::evaluate.
  virtual float train(std::span<const float> samples, std::span<const std::int64_t> labels,
                      Rng& rng) = 0;
  virtual void evaluate(std::span<const float> samples, std::span<float> logits) = 0;
};

/// Initial weights as in PyTorch, uniform in +-1/sqrt(inputs of a unit), each tensor drawn from the
/// fork of `rng` that is named after it, in the order [out, rows, columns, in]: all backends begin
/// with the same. Takes memory for batches of `options.batch_size`. Throws ConfigError when the
/// input is too small for the pooling, the network larger than any machine could train, or the
/// backend not to be had.
std::unique_ptr<Network> make_network(const TrainerOptions& options, const SampleShape& input,
                                      int classes, const Rng& rng);

/// The number of parameters that such a network has, without building it. Throws as make_network
/// does, but for a missing backend.
std::int64_t count_parameters(const TrainerOptions& options, const SampleShape& input, int classes);

/// What computes: "backend" (native or torch), "version", and for the native one "instructions"
/// (as isa_name), by name. Throws ConfigError when it, its device or the instruction set that
/// HYPERTUNE_ISA asks for is not to be had.
std::map<std::string, std::string> backend_facts(const TrainerOptions& options);

}  // namespace hypertune

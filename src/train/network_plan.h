// The network that the trainer's options describe, layer by layer, without building it.
#pragma once

#include <cstdint>

#include "nn/network.h"
#include "train/datasets.h"

namespace hypertune {

/// Throws ConfigError when the input is too small for the pooling, or the network larger than any
/// machine could train.
NetworkPlan network_plan(const TrainerOptions& options, const SampleShape& input, int classes);

/// Of weights, biases, scales and shifts, without what a layout adds.
std::int64_t count_parameters(const NetworkPlan& plan);

/// Positions after the block along a direction in which it convolves and pools.
inline std::int64_t length_after(const BlockPlan& block, std::int64_t length) {
  const std::int64_t convolved = (length + 2 * block.padding - block.kernel) / block.stride + 1;
  return block.pooling == Pooling::None ? convolved : convolved / block.pool;
}

}  // namespace hypertune

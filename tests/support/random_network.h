// Networks of the engine with random weights, and batches for them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "nn/network.h"

namespace hypertune::testing {

struct Batch {
  std::vector<float> samples;
  std::vector<std::int64_t> labels;
};

/// Samples are uniform in [-1, 1).
Batch random_batch(const NetworkPlan& plan, std::int64_t n, std::uint64_t seed);

/// Weights and biases as a trainer begins, scales around 1, shifts around 0.
void initialize(ConvNetwork& network, std::uint64_t seed);

const TensorPlace& place_of(const ConvNetwork& network, std::string_view name);

/// Where the entries of a tensor lie in the flat vectors.
std::vector<std::size_t> entries(const TensorPlace& tensor);

/// Logits in evaluation mode.
std::vector<float> outputs(ConvNetwork& network, const NetworkPlan& plan,
                           std::span<const float> samples);

std::string text(const NetworkPlan& plan, Isa isa);

}  // namespace hypertune::testing

// Networks of the engine with random weights, and batches for them.
#include "support/random_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace hypertune::testing {

Batch random_batch(const NetworkPlan& plan, std::int64_t n, std::uint64_t seed) {
  Rng rng(seed);
  Batch batch;
  batch.samples.resize(static_cast<std::size_t>(n * plan.height * plan.width * plan.channels));
  batch.labels.resize(static_cast<std::size_t>(n));
  for (float& value : batch.samples) value = static_cast<float>(2 * rng.uniform() - 1);
  for (std::int64_t& label : batch.labels)
    label = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(plan.classes)));
  return batch;
}

void initialize(ConvNetwork& network, std::uint64_t seed) {
  for (const TensorPlace& tensor : network.tensors()) {
    Rng rng = Rng(seed).fork(tensor.name);
    const double bound =
        tensor.inputs > 0 ? 1 / std::sqrt(static_cast<double>(tensor.inputs)) : 0.4;
    const double center = tensor.name.ends_with(".scale") ? 1 : 0;
    for (const std::size_t i : entries(tensor))
      network.parameters()[i] = static_cast<float>(center + bound * (2 * rng.uniform() - 1));
  }
}

const TensorPlace& place_of(const ConvNetwork& network, std::string_view name) {
  const auto found = std::ranges::find(network.tensors(), name, &TensorPlace::name);
  if (found == network.tensors().end()) throw std::out_of_range(std::string(name));
  return *found;
}

std::vector<std::size_t> entries(const TensorPlace& tensor) {
  std::vector<std::size_t> all;
  for (std::int64_t out = 0; out < tensor.sizes[0]; ++out)
    for (std::int64_t row = 0; row < tensor.sizes[1]; ++row)
      for (std::int64_t column = 0; column < tensor.sizes[2]; ++column)
        for (std::int64_t in = 0; in < tensor.sizes[3]; ++in)
          all.push_back(static_cast<std::size_t>(tensor.at(out, row, column, in)));
  return all;
}

std::vector<float> outputs(ConvNetwork& network, const NetworkPlan& plan,
                           std::span<const float> samples) {
  const std::size_t n =
      samples.size() / static_cast<std::size_t>(plan.height * plan.width * plan.channels);
  std::vector<float> logits(n * static_cast<std::size_t>(plan.classes));
  network.evaluate(samples, logits);
  return logits;
}

std::string text(const NetworkPlan& plan, Isa isa) {
  std::string blocks;
  for (const BlockPlan& b : plan.blocks) {
    blocks += fmt::format(
        "\n  {} channels, kernel {}, stride {}, padding {}, batch norm {}, activation {}, "
        "pooling {} by {}",
        b.channels, b.kernel, b.stride, b.padding, b.batch_norm, static_cast<int>(b.activation),
        static_cast<int>(b.pooling), b.pool);
  }
  return fmt::format("{}: {} x {} x {}, head {}, dropout {}, {} classes, batch {}{}", isa_name(isa),
                     plan.height, plan.width, plan.channels, static_cast<int>(plan.head),
                     plan.dropout, plan.classes, plan.batch, blocks);
}

}  // namespace hypertune::testing

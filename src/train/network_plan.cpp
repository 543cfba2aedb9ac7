// The network that the trainer's options describe, layer by layer, without building it.
#include "train/network_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/assert.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::int64_t kMaxParameters = 500'000'000;

Activation activation_of(const TrainerOptions& options) {
  if (options.activation == "relu") return Activation::Relu;
  if (options.activation == "leaky-relu") return Activation::LeakyRelu;
  if (options.activation == "gelu") return Activation::Gelu;
  HT_ASSERT(options.activation == "tanh");
  return Activation::Tanh;
}

Head head_of(const TrainerOptions& options) {
  if (options.head == "mean") return Head::Mean;
  if (options.head == "max") return Head::Max;
  HT_ASSERT(options.head == "flatten");
  return Head::Flatten;
}

void check_pooling(const TrainerOptions& options, const SampleShape& input) {
  const bool sequence = input.height == 1;
  std::int64_t shortest = sequence ? input.width : std::min(input.height, input.width);
  for (std::size_t blocks = 1; blocks <= options.channels.size(); ++blocks) {
    shortest /= options.pool;
    if (shortest > 0) continue;
    throw ConfigError(fmt::format(
        "nothing is left of the input after {} of {} blocks: it has {} positions and each block "
        "pools by {}; use fewer channels entries or a smaller pool",
        blocks, options.channels.size(),
        sequence ? fmt::format("{}", input.width)
                 : fmt::format("{} x {}", input.height, input.width),
        options.pool));
  }
}

}  // namespace

NetworkPlan network_plan(const TrainerOptions& options, const SampleShape& input, int classes) {
  check_pooling(options, input);
  NetworkPlan plan{.height = input.height,
                   .width = input.width,
                   .channels = input.channels,
                   .blocks = {},
                   .head = head_of(options),
                   .dropout = options.dropout,
                   .classes = classes,
                   .batch = options.batch_size,
                   .precision = options.precision == "bf16" ? Precision::Bf16 : Precision::F32};
  for (const std::int64_t channels : options.channels) {
    plan.blocks.push_back({.channels = channels,
                           .kernel = options.kernel,
                           .stride = 1,
                           .padding = options.kernel / 2,
                           .batch_norm = options.batch_norm,
                           .activation = activation_of(options),
                           .pooling = options.pool == 1 ? Pooling::None : Pooling::Max,
                           .pool = options.pool});
  }
  if (const std::int64_t count = count_parameters(plan); count > kMaxParameters) {
    throw ConfigError(
        fmt::format("the network would have {} parameters, more than {}; use fewer "
                    "channels or a smaller kernel",
                    count, kMaxParameters));
  }
  return plan;
}

std::int64_t count_parameters(const NetworkPlan& plan) {
  const bool sequence = plan.height == 1;
  std::int64_t height = plan.height;
  std::int64_t width = plan.width;
  std::int64_t channels = plan.channels;
  std::int64_t count = 0;
  for (const BlockPlan& block : plan.blocks) {
    const std::int64_t inputs = (sequence ? 1 : block.kernel) * block.kernel * channels;
    count += block.channels * (inputs + (block.batch_norm ? 2 : 1));
    channels = block.channels;
    if (!sequence) height = length_after(block, height);
    width = length_after(block, width);
  }
  const std::int64_t features = plan.head == Head::Flatten ? height * width * channels : channels;
  return count + plan.classes * (features + 1);
}

}  // namespace hypertune

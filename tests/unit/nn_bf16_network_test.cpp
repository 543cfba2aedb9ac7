// Networks whose convolutions compute in bf16.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <vector>

#include "hypertune/rng.h"
#include "nn/isa.h"
#include "nn/network.h"

namespace hypertune {
namespace {

/// A small network with all passes of a convolution in its second block, and a batch for it.
NetworkPlan plan(Precision precision) {
  return {.height = 1,
          .width = 20,
          .channels = 3,
          .blocks = {{.channels = 16, .batch_norm = true}, {.channels = 32}},
          .classes = 4,
          .batch = 16,
          .precision = precision};
}

struct Batch {
  std::vector<float> samples;
  std::vector<std::int64_t> labels;
};

/// Samples of a class are shifted by it in one channel.
Batch any_batch(Rng& rng) {
  constexpr std::int64_t kCount = 16;
  Batch batch{std::vector<float>(kCount * 20 * 3), {}};
  for (float& number : batch.samples) number = static_cast<float>(rng.normal());
  for (std::int64_t sample = 0; sample < kCount; ++sample) {
    batch.labels.push_back(sample % 4);
    for (std::int64_t i = 0; i < 20; ++i)
      batch.samples[static_cast<std::size_t>((sample * 20 + i) * 3)] +=
          static_cast<float>(sample % 4);
  }
  return batch;
}

void draw_weights(ConvNetwork& network, Rng& rng) {
  for (const TensorPlace& tensor : network.tensors()) {
    if (tensor.inputs == 0) continue;
    const double bound = 1 / std::sqrt(static_cast<double>(tensor.inputs));
    for (std::int64_t o = 0; o < tensor.sizes[0]; ++o) {
      for (std::int64_t r = 0; r < tensor.sizes[1]; ++r) {
        for (std::int64_t c = 0; c < tensor.sizes[2]; ++c) {
          for (std::int64_t i = 0; i < tensor.sizes[3]; ++i)
            network.parameters()[static_cast<std::size_t>(tensor.at(o, r, c, i))] =
                static_cast<float>((2 * rng.uniform() - 1) * bound);
        }
      }
    }
  }
}

/// Gradients of a batch for the same weights in either precision.
std::vector<float> gradients(Precision precision, Isa isa, std::uint64_t seed) {
  prepare_compute_thread(isa);
  Rng rng(seed);
  ConvNetwork network(plan(precision), isa);
  draw_weights(network, rng);
  const Batch batch = any_batch(rng);
  network.train(batch.samples, batch.labels, rng);
  return {network.gradients().begin(), network.gradients().end()};
}

double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  const double product = std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
  return product / std::sqrt(std::inner_product(a.begin(), a.end(), a.begin(), 0.0) *
                             std::inner_product(b.begin(), b.end(), b.begin(), 0.0));
}

TEST(Bf16Network, HasNearlyTheGradientsOfF32) {
  for (const Isa isa : supported_isas()) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
      const std::vector<float> f32 = gradients(Precision::F32, isa, seed);
      const std::vector<float> bf16 = gradients(Precision::Bf16, isa, seed);
      EXPECT_NE(f32, bf16) << isa_name(isa);
      EXPECT_GT(cosine(f32, bf16), 0.99) << isa_name(isa) << ", seed " << seed;
    }
  }
}

TEST(Bf16Network, LearnsABatch) {
  for (const Isa isa : supported_isas()) {
    prepare_compute_thread(isa);
    Rng rng(5);
    ConvNetwork network(plan(Precision::Bf16), isa);
    draw_weights(network, rng);
    const Batch batch = any_batch(rng);
    const float first = network.train(batch.samples, batch.labels, rng);
    float last = first;
    for (int step = 0; step < 60; ++step) {
      for (std::size_t i = 0; i < network.parameters().size(); ++i)
        network.parameters()[i] -= 0.3F * network.gradients()[i];
      last = network.train(batch.samples, batch.labels, rng);
    }
    EXPECT_LT(last, first / 4) << isa_name(isa) << ", first " << first;
  }
}

}  // namespace
}  // namespace hypertune

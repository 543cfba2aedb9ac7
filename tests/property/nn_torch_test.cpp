// Whole networks of the engine against the same networks of LibTorch in double precision.
//
// A network that takes a maximum or has a kink in its activation decides, and rounding may decide
// otherwise where two values are nearly equal. That is no error, but changes gradients by far more
// than rounding does: such draws are left out.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "nn/isa.h"
#include "nn/network.h"
#include "support/torch_reference.h"

namespace hypertune {
namespace {

using testing_support::Real;
using testing_support::TorchNetwork;

/// Of gradients and outputs, relative to the largest of their tensor.
constexpr double kTolerance = 1e-4;
/// Of the loss, relative to the larger of it and 1.
constexpr double kLossTolerance = 1e-5;
/// Gradients that are smaller than this part of those of another tensor, or than that of the terms
/// they are the sum of, consist of what larger numbers leave when they cancel, and of rounding
/// errors of these: they are measured by this part of those.
constexpr double kPartOfNetwork = 0.01;
constexpr double kPartOfTerms = 0.1;
/// Below this part of the network's largest gradient a true gradient is 0 but for rounding errors
/// of double precision: such sums (of what a mean head gives to each of a layer's normalized
/// values, say) may have terms of any size, and are measured by the network's largest gradient.
constexpr double kNothing = 1e-6;
/// Decisions below this margin, a hundred times the precision of a float, may differ.
constexpr double kMargin = 1e-5;
/// Batch normalization of less spread would raise the rounding errors of a float above kTolerance.
constexpr double kSpread = 0.01;
/// Multiplications of one convolution, forward, of a drawn case.
constexpr std::int64_t kMostWork = 3'000'000;

std::int64_t between(std::int64_t low, std::int64_t high) {
  return *rc::gen::inRange(low, high + 1);
}

/// Networks without decisions, or any.
enum class Kind : std::uint8_t { Smooth, Deciding };

/// What a block is given: how its input lies.
struct Cells {
  bool sequence;
  std::int64_t height, width, channels;

  std::int64_t smaller_side() const { return sequence ? width : std::min(height, width); }
  void divide(std::int64_t padding, std::int64_t kernel, std::int64_t stride) {
    if (!sequence) height = (height + 2 * padding - kernel) / stride + 1;
    width = (width + 2 * padding - kernel) / stride + 1;
  }
};

/// A block for such an input, which becomes its output, and the multiplications for one sample.
std::pair<BlockPlan, std::int64_t> any_block(Kind kind, Cells& cells) {
  BlockPlan block{.kernel = between(1, 9), .stride = between(1, 3)};
  const std::int64_t lacking = block.kernel - cells.smaller_side();
  block.padding = between(std::max<std::int64_t>(0, (lacking + 1) / 2), block.kernel);
  cells.divide(block.padding, block.kernel, block.stride);
  const std::int64_t work = cells.height * cells.width * cells.channels * block.kernel *
                            (cells.sequence ? 1 : block.kernel);
  block.channels = between(1, std::clamp<std::int64_t>(kMostWork / work, 1, 70));
  cells.channels = block.channels;
  block.batch_norm = *rc::gen::arbitrary<bool>();
  using enum Activation;
  if (kind == Kind::Smooth) {
    block.activation = *rc::gen::element(None, Gelu, Tanh);
    block.pooling = *rc::gen::element(Pooling::None, Pooling::Average);
  } else {
    block.activation = *rc::gen::element(Relu, LeakyRelu, None, Gelu, Tanh);
    block.pooling = *rc::gen::element(Pooling::Max, Pooling::None, Pooling::Average);
  }
  block.pool = between(1, std::min<std::int64_t>(3, cells.smaller_side()));
  if (block.pooling != Pooling::None) cells.divide(0, block.pool, block.pool);
  return {block, work * block.channels};
}

NetworkPlan any_plan(Kind kind) {
  const bool sequence = *rc::gen::arbitrary<bool>();
  NetworkPlan plan;
  plan.height = sequence ? 1 : between(2, 12);
  plan.width = between(1, sequence ? 50 : 12);
  plan.channels = between(1, 5);
  Cells cells{sequence, plan.height, plan.width, plan.channels};
  std::int64_t most_work = 1;
  for (std::int64_t blocks = between(1, 3); blocks > 0; --blocks) {
    const auto [block, work] = any_block(kind, cells);
    plan.blocks.push_back(block);
    most_work = std::max(most_work, work);
  }
  plan.head = kind == Kind::Smooth ? *rc::gen::element(Head::Mean, Head::Flatten)
                                   : *rc::gen::element(Head::Mean, Head::Max, Head::Flatten);
  plan.dropout = *rc::gen::element(0.0, 0.0, 0.3);
  plan.classes = between(2, 20);
  plan.batch = between(1, std::clamp<std::int64_t>(kMostWork / most_work, 1, 40));
  return plan;
}

std::string describe(const NetworkPlan& plan) {
  std::string text = fmt::format("{} x {} x {}, batch {}, head {}, dropout {}, {} classes",
                                 plan.height, plan.width, plan.channels, plan.batch,
                                 static_cast<int>(plan.head), plan.dropout, plan.classes);
  for (const BlockPlan& b : plan.blocks) {
    text += fmt::format(
        "\n  {} channels, kernel {}, stride {}, padding {}, norm {}, activation {}, "
        "pooling {} by {}",
        b.channels, b.kernel, b.stride, b.padding, b.batch_norm, static_cast<int>(b.activation),
        static_cast<int>(b.pooling), b.pool);
  }
  return text;
}

/// Parameters that keep values at about 1 through the network; scales of both signs.
void draw_parameters(ConvNetwork& network, Rng rng) {
  const std::span<float> flat = network.parameters();
  for (const TensorPlace& place : network.tensors()) {
    const double bound =
        place.inputs > 0 ? std::sqrt(3.0 / static_cast<double>(place.inputs)) : 0.5;
    const bool scale = place.name.ends_with(".scale");
    const auto& [outs, rows, columns, ins] = place.sizes;
    for (std::int64_t i = 0; i < outs * rows * columns * ins; ++i) {
      double value = bound * (2 * rng.uniform() - 1);
      if (scale) value += value > 0 ? 0.5 : -0.5;
      const std::int64_t in = i % ins;
      const std::int64_t column = i / ins % columns;
      const std::int64_t row = i / ins / columns % rows;
      const std::int64_t out = i / ins / columns / rows;
      flat[static_cast<std::size_t>(place.at(out, row, column, in))] = static_cast<float>(value);
    }
  }
}

struct Batch {
  std::vector<float> samples;
  std::vector<std::int64_t> labels;
};

Batch draw_batch(const NetworkPlan& plan, std::int64_t n, Rng rng) {
  Batch batch;
  batch.samples.resize(static_cast<std::size_t>(n * plan.height * plan.width * plan.channels));
  for (float& value : batch.samples) value = static_cast<float>(rng.normal());
  for (std::int64_t i = 0; i < n; ++i)
    batch.labels.push_back(
        static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(plan.classes))));
  return batch;
}

double largest_of(std::span<const double> values) {
  double largest = 0;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

/// The largest difference, divided by `scale`; NaN if there is one.
double error(std::span<const double> actual, std::span<const double> expected, double scale) {
  double worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = std::abs(actual[i] - expected[i]);
    worst = difference <= worst ? worst : difference;
  }
  return scale > 0 ? worst / scale : worst;
}

/// The values of a tensor in a flat vector, [out, rows, columns, in].
std::vector<double> values_at(std::span<const float> flat, const TensorPlace& place) {
  const auto& [outs, rows, columns, ins] = place.sizes;
  std::vector<double> values;
  for (std::int64_t out = 0; out < outs; ++out)
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t column = 0; column < columns; ++column)
        for (std::int64_t in = 0; in < ins; ++in)
          values.push_back(flat[static_cast<std::size_t>(place.at(out, row, column, in))]);
  return values;
}

/// The engine's running means and variances without the channels that only fill up.
std::vector<double> statistics_of(ConvNetwork& network, const NetworkPlan& plan) {
  std::vector<double> values;
  const float* next = network.statistics().data();
  for (const BlockPlan& block : plan.blocks) {
    if (!block.batch_norm) continue;
    for (int kind = 0; kind < 2; ++kind) {
      values.insert(values.end(), next, next + block.channels);
      next += (block.channels + kLanes - 1) / kLanes * kLanes;
    }
  }
  return values;
}

/// Two batches, of which the second is smaller, and samples to evaluate; with what LibTorch makes
/// of them.
struct Case {
  NetworkPlan plan;
  std::uint64_t seed = 0;
  std::vector<Batch> batches;
  Batch evaluated;
  std::vector<TorchNetwork::Step> steps;
  std::vector<double> statistics, logits;

  bool clear() const {
    return std::ranges::all_of(steps, [](const TorchNetwork::Step& step) {
      return step.margin >= kMargin && step.spread >= kSpread;
    });
  }
};

Case make_case(const NetworkPlan& plan, std::uint64_t seed, std::int64_t second_batch) {
  const Rng rng(seed);
  Case made;
  made.plan = plan;
  made.seed = seed;
  made.batches = {draw_batch(plan, plan.batch, rng.fork("first")),
                  draw_batch(plan, second_batch, rng.fork("second"))};
  made.evaluated = draw_batch(plan, 2 * plan.batch + 1, rng.fork("evaluated"));
  ConvNetwork network(plan, Isa::Portable);
  draw_parameters(network, rng.fork("parameters"));
  TorchNetwork reference(plan, Real::F64);
  reference.set_parameters(network.parameters(), network.tensors());
  Rng dropout = rng.fork("dropout");
  for (const Batch& batch : made.batches)
    made.steps.push_back(reference.train(batch.samples, batch.labels, dropout));
  made.statistics = reference.statistics();
  made.logits = reference.evaluate(made.evaluated.samples);
  return made;
}

void expect_gradients(const ConvNetwork& network, const TorchNetwork::Step& step) {
  double largest = 0;
  for (const auto& gradients : step.gradients) largest = std::max(largest, largest_of(gradients));
  for (std::size_t i = 0; i < step.gradients.size(); ++i) {
    const TensorPlace& place = network.tensors()[i];
    const double own = largest_of(step.gradients[i]);
    const double scale = std::max({own, kPartOfTerms * step.terms[i],
                                   (own < kNothing * largest ? 1 : kPartOfNetwork) * largest});
    RC_LOG() << place.name << '\n';
    RC_ASSERT(error(values_at(network.gradients(), place), step.gradients[i], scale) <= kTolerance);
  }
}

void expect_like_torch(const Case& made, Isa isa) {
  RC_LOG() << isa_name(isa) << '\n';
  prepare_compute_thread(isa);
  const Rng rng(made.seed);
  ConvNetwork network(made.plan, isa);
  draw_parameters(network, rng.fork("parameters"));
  Rng dropout = rng.fork("dropout");
  for (std::size_t i = 0; i < made.batches.size(); ++i) {
    const double loss = network.train(made.batches[i].samples, made.batches[i].labels, dropout);
    const double expected = made.steps[i].loss;
    RC_ASSERT(std::abs(loss - expected) <= kLossTolerance * std::max(1.0, expected));
    expect_gradients(network, made.steps[i]);
  }
  RC_ASSERT(error(statistics_of(network, made.plan), made.statistics,
                  largest_of(made.statistics)) <= kTolerance);
  std::vector<float> logits(made.logits.size());
  network.evaluate(made.evaluated.samples, logits);
  RC_ASSERT(error(std::vector<double>(logits.begin(), logits.end()), made.logits,
                  largest_of(made.logits)) <= kTolerance);
}

/// Draws data until every decision is clear; a network that has too many is given up,
/// which happens to one in a hundred.
std::optional<Case> clear_case(const NetworkPlan& plan) {
  constexpr int kDraws = 8;
  const auto seed = *rc::gen::arbitrary<std::uint64_t>();
  const std::int64_t second_batch = between(1, plan.batch);
  for (std::uint64_t draw = 0; draw < kDraws; ++draw) {
    Case made = make_case(plan, Rng(seed, draw)(), second_batch);
    if (made.clear()) return made;
  }
  return std::nullopt;
}

/// Several cases for each of RapidCheck's.
void expect_like_torch(Kind kind) {
  constexpr int kCases = 4;
  for (int i = 0; i < kCases; ++i) {
    const NetworkPlan plan = any_plan(kind);
    RC_LOG() << describe(plan) << '\n';
    const std::optional<Case> made = clear_case(plan);
    RC_PRE(made.has_value());
    for (const Isa isa : supported_isas()) expect_like_torch(*made, isa);
  }
}

RC_GTEST_PROP(NetworkAndTorch, AgreeOnNetworksWithoutDecisions, ()) {
  expect_like_torch(Kind::Smooth);
}

RC_GTEST_PROP(NetworkAndTorch, AgreeOnNetworksThatDecide, ()) { expect_like_torch(Kind::Deciding); }

// 20 steps of gradient descent on three batches in turn.
constexpr int kSteps = 20;
constexpr double kRate = 0.05;

Batch batch_of_step(const NetworkPlan& plan, int step) {
  return draw_batch(plan, plan.batch, Rng(5).fork(fmt::format("{}", step % 3)));
}

std::vector<double> losses_of_torch(const NetworkPlan& plan) {
  ConvNetwork network(plan, Isa::Portable);
  draw_parameters(network, Rng(5));
  TorchNetwork reference(plan, Real::F64);
  reference.set_parameters(network.parameters(), network.tensors());
  Rng dropout;
  std::vector<double> losses;
  for (int step = 0; step < kSteps; ++step) {
    const Batch batch = batch_of_step(plan, step);
    losses.push_back(reference.train(batch.samples, batch.labels, dropout).loss);
    reference.descend(kRate);
  }
  return losses;
}

/// Training in float must follow training in double, although each step's rounding errors enter the
/// next: losses differed by 2e-7 at most. A decision that differs for one of a hundred thousand
/// values may add some 1e-6; a wrong gradient adds a part of what the loss falls, a percent or
/// more.
void expect_same_training(const NetworkPlan& plan) {
  constexpr double kTrajectoryTolerance = 1e-5;
  const std::vector<double> expected = losses_of_torch(plan);
  ASSERT_LT(expected.back(), 0.99 * expected.front());
  for (const Isa isa : supported_isas()) {
    SCOPED_TRACE(isa_name(isa));
    prepare_compute_thread(isa);
    ConvNetwork network(plan, isa);
    draw_parameters(network, Rng(5));
    Rng dropout;
    for (int step = 0; step < kSteps; ++step) {
      const Batch batch = batch_of_step(plan, step);
      const double loss = network.train(batch.samples, batch.labels, dropout);
      const double like = expected[static_cast<std::size_t>(step)];
      ASSERT_NEAR(loss, like, kTrajectoryTolerance * like) << "step " << step;
      for (std::size_t i = 0; i < network.parameters().size(); ++i)
        network.parameters()[i] -= static_cast<float>(kRate) * network.gradients()[i];
    }
  }
}

NetworkPlan plan_of(std::int64_t height, std::int64_t width, std::int64_t channels,
                    std::initializer_list<std::int64_t> blocks, Head head) {
  NetworkPlan plan;
  plan.height = height;
  plan.width = width;
  plan.channels = channels;
  for (const std::int64_t count : blocks) {
    plan.blocks.emplace_back();
    plan.blocks.back().channels = count;
  }
  plan.head = head;
  plan.classes = 10;
  return plan;
}

TEST(NetworkAndTorch, TrainAlikeOnSequences) {
  NetworkPlan plan = plan_of(1, 51, 3, {32, 64, 128}, Head::Mean);
  plan.batch = 16;
  expect_same_training(plan);
  for (BlockPlan& block : plan.blocks) block.batch_norm = true;
  expect_same_training(plan);
}

TEST(NetworkAndTorch, TrainAlikeOnImages) {
  NetworkPlan plan = plan_of(14, 14, 1, {16, 32}, Head::Flatten);
  plan.batch = 16;
  expect_same_training(plan);
  for (BlockPlan& block : plan.blocks) block.batch_norm = true;
  expect_same_training(plan);
}

}  // namespace
}  // namespace hypertune

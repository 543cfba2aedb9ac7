// What a network of the engine promises besides right gradients.
#include "nn/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "hypertune/error.h"
#include "support/random_network.h"

namespace hypertune::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

NetworkPlan image_plan() {
  return {.height = 9,
          .width = 11,
          .channels = 3,
          .blocks = {{.channels = 20, .batch_norm = true}, {.channels = 7, .batch_norm = true}},
          .head = Head::Flatten,
          .dropout = 0.3,
          .classes = 5,
          .batch = 8};
}

NetworkPlan sequence_plan() {
  return {.width = 23,
          .channels = 2,
          .blocks = {{.channels = 16}, {.channels = 18, .kernel = 5, .padding = 2}},
          .classes = 3,
          .batch = 8};
}

/// Cells that no window or kernel reaches, and gradients with cells between them.
NetworkPlan strided_plan() {
  return {.height = 10,
          .width = 8,
          .channels = 2,
          .blocks = {{.channels = 16, .pooling = Pooling::None},
                     {.channels = 20, .stride = 2, .batch_norm = true, .pool = 3}},
          .head = Head::Max,
          .classes = 3,
          .batch = 8};
}

/// Losses, gradients and outputs of some steps of plain gradient descent.
std::vector<float> some_training(const NetworkPlan& plan, Isa isa) {
  prepare_compute_thread(isa);
  ConvNetwork network(plan, isa);
  initialize(network, 1);
  const Batch batch = random_batch(plan, plan.batch, 2);
  Rng rng(3);
  std::vector<float> results;
  const auto append = [&](std::span<const float> values) {
    results.insert(results.end(), values.begin(), values.end());
  };
  for (int step = 0; step < 4; ++step) {
    results.push_back(network.train(batch.samples, batch.labels, rng));
    append(network.gradients());
    for (std::size_t i = 0; i < network.gradients().size(); ++i)
      network.parameters()[i] -= 0.1F * network.gradients()[i];
  }
  append(network.statistics());
  append(outputs(network, plan, batch.samples));
  return results;
}

TEST(ConvNetwork, GivesTheSameBitForBitWhereverItsMemoryLiesAndWhateverRunsBesideIt) {
  for (const Isa isa : supported_isas()) {
    for (const NetworkPlan& plan : {image_plan(), sequence_plan()}) {
      const std::vector<float> alone = some_training(plan, isa);
      ASSERT_TRUE(std::ranges::all_of(alone, [](float x) { return std::isfinite(x); }));
      const std::vector<char> shift(12'345);
      EXPECT_EQ(some_training(plan, isa), alone) << isa_name(isa);
      std::vector<float> first;
      std::vector<float> second;
      {
        const std::jthread a([&] { first = some_training(plan, isa); });
        const std::jthread b([&] { second = some_training(plan, isa); });
      }
      EXPECT_EQ(first, alone) << isa_name(isa);
      EXPECT_EQ(second, alone) << isa_name(isa);
    }
  }
}

TEST(ConvNetwork, GivesTheSameOnAllInstructionSetsButForRounding) {
  for (const NetworkPlan& plan : {image_plan(), sequence_plan()}) {
    const std::vector<float> portable = some_training(plan, Isa::Portable);
    for (const Isa isa : supported_isas()) {
      const std::vector<float> found = some_training(plan, isa);
      for (std::size_t i = 0; i < found.size(); ++i)
        ASSERT_NEAR(found[i], portable[i], 1e-3) << isa_name(isa);
    }
  }
}

TEST(ConvNetwork, LearnsLabelsByHeart) {
  NetworkPlan plan = image_plan();
  plan.dropout = 0;
  ConvNetwork network(plan, chosen_isa());
  initialize(network, 1);
  const Batch batch = random_batch(plan, plan.batch, 2);
  Rng rng;
  float loss = 0;
  for (int step = 0; step < 60; ++step) {
    loss = network.train(batch.samples, batch.labels, rng);
    for (std::size_t i = 0; i < network.gradients().size(); ++i)
      network.parameters()[i] -= 0.1F * network.gradients()[i];
  }
  EXPECT_LT(loss, 0.05);
}

TEST(ConvNetwork, ForgetsALargerBatchThatWentBefore) {
  for (const NetworkPlan& plan : {image_plan(), sequence_plan()}) {
    const Batch large = random_batch(plan, plan.batch, 2);
    const Batch small = random_batch(plan, 3, 4);
    ConvNetwork used(plan, chosen_isa());
    ConvNetwork fresh(plan, chosen_isa());
    for (ConvNetwork* network : {&used, &fresh}) initialize(*network, 1);
    Rng first(5);
    used.train(large.samples, large.labels, first);
    Rng a(6);
    Rng b(6);
    EXPECT_EQ(used.train(small.samples, small.labels, a),
              fresh.train(small.samples, small.labels, b));
    EXPECT_TRUE(std::ranges::equal(used.gradients(), fresh.gradients()));
  }
}

/// As a checkpoint is taken up after a training that diverged.
TEST(ConvNetwork, WithItsStateRestoredForgetsABatchThatWasNotFinite) {
  for (const Isa isa : supported_isas()) {
    for (const Precision precision : {Precision::F32, Precision::Bf16}) {
      for (NetworkPlan plan : {image_plan(), sequence_plan(), strided_plan()}) {
        SCOPED_TRACE(text(plan, isa));
        prepare_compute_thread(isa);
        plan.precision = precision;
        ConvNetwork used(plan, isa);
        ConvNetwork fresh(plan, isa);
        for (ConvNetwork* network : {&used, &fresh}) initialize(*network, 1);
        Batch bad = random_batch(plan, plan.batch, 2);
        std::ranges::fill(bad.samples, kNan);
        Rng rng(5);
        EXPECT_TRUE(std::isnan(used.train(bad.samples, bad.labels, rng)));
        std::ranges::copy(fresh.parameters(), used.parameters().begin());
        std::ranges::copy(fresh.statistics(), used.statistics().begin());
        const Batch good = random_batch(plan, 3, 4);
        EXPECT_EQ(outputs(used, plan, good.samples), outputs(fresh, plan, good.samples));
        Rng a(6);
        Rng b(6);
        EXPECT_EQ(used.train(good.samples, good.labels, a),
                  fresh.train(good.samples, good.labels, b));
        EXPECT_TRUE(std::ranges::equal(used.gradients(), fresh.gradients()));
      }
    }
  }
}

TEST(ConvNetwork, EvaluatesAnyNumberOfSamplesEachByItself) {
  const NetworkPlan plan = image_plan();
  ConvNetwork network(plan, chosen_isa());
  initialize(network, 1);
  const Batch batch = random_batch(plan, 75, 2);
  const std::vector<float> together = outputs(network, plan, batch.samples);
  const std::size_t size = batch.samples.size() / 75;
  for (const std::size_t i : {0, 31, 32, 74}) {
    const std::vector<float> alone =
        outputs(network, plan, std::span(batch.samples).subspan(i * size, size));
    for (std::size_t c = 0; c < alone.size(); ++c)
      EXPECT_NEAR(alone[c], together[i * alone.size() + c], 1e-5);
  }
  EXPECT_TRUE(outputs(network, plan, {}).empty());
}

TEST(ConvNetwork, LossIsTheMeanCrossEntropyOfItsOutputsAlsoWhenTheyAreHuge) {
  const NetworkPlan plan = sequence_plan();
  ConvNetwork network(plan, chosen_isa());
  initialize(network, 1);
  const Batch batch = random_batch(plan, 5, 2);
  Rng rng;
  for (const float bias : {0.0F, 5e3F}) {
    network.parameters()[place_of(network, "classifier.bias").at(1, 0, 0, 0)] += bias;
    const std::vector<float> logits = outputs(network, plan, batch.samples);
    double sum = 0;
    for (std::size_t i = 0; i < batch.labels.size(); ++i) {
      const float* row = logits.data() + i * 3;
      const double highest = std::max({row[0], row[1], row[2]});
      double total = 0;
      for (int c = 0; c < 3; ++c) total += std::exp(row[c] - highest);
      sum += std::log(total) + highest - row[batch.labels[i]];
    }
    const double mean = sum / 5;
    EXPECT_NEAR(network.train(batch.samples, batch.labels, rng), mean, 1e-5 * (1 + mean));
  }
}

TEST(ConvNetwork, KeepsRunningStatisticsAsPyTorchDoes) {
  // One channel that is the input itself: a convolution of one cell with weight 1.
  NetworkPlan plan{.width = 2,
                   .blocks = {{.channels = 1,
                               .kernel = 1,
                               .padding = 0,
                               .batch_norm = true,
                               .activation = Activation::None,
                               .pooling = Pooling::None}},
                   .batch = 2};
  ConvNetwork network(plan, chosen_isa());
  network.parameters()[place_of(network, "block1.weight").offset] = 1;
  Rng rng;
  network.train(std::vector<float>{1, 2, 3, 6}, std::vector<std::int64_t>{0, 1}, rng);
  // Mean 3, sum of squared deviations 14: unbiased variance 14 / 3.
  EXPECT_FLOAT_EQ(network.statistics()[0], 0.3F);
  EXPECT_FLOAT_EQ(network.statistics()[kLanes], 0.9F + 0.1F * 14 / 3);

  const std::vector<float> before(network.statistics().begin(), network.statistics().end());
  outputs(network, plan, std::vector<float>{1, 2, 3, 6});
  EXPECT_TRUE(std::ranges::equal(network.statistics(), before)) << "evaluation keeps them";
}

TEST(ConvNetwork, TakesMomentsOverAllOfALargeBatch) {
  constexpr std::int64_t kWidth = 20'000;  // a cache level holds less than two samples
  const NetworkPlan plan{.width = kWidth,
                         .blocks = {{.channels = 1, .kernel = 1, .padding = 0, .batch_norm = true}},
                         .batch = 3};
  ConvNetwork network(plan, chosen_isa());
  network.parameters()[place_of(network, "block1.weight").offset] = 1;
  Batch batch = random_batch(plan, 3, 2);
  for (std::int64_t i = 0; i < 3 * kWidth; ++i) batch.samples[i] += static_cast<float>(i / kWidth);
  double mean = 0;
  for (const float x : batch.samples) mean += x;
  mean /= 3 * kWidth;
  double squares = 0;
  for (const float x : batch.samples) squares += (x - mean) * (x - mean);
  Rng rng;
  network.train(batch.samples, batch.labels, rng);
  EXPECT_NEAR(network.statistics()[0], 0.1 * mean, 1e-6);
  EXPECT_NEAR(network.statistics()[kLanes], 0.9 + 0.1 * squares / (3 * kWidth - 1), 1e-6);
}

TEST(ConvNetwork, NormalizesASingleValueByTheRunningStatistics) {
  const NetworkPlan plan{
      .width = 2, .blocks = {{.channels = 5, .batch_norm = true}}, .classes = 3, .batch = 4};
  NetworkPlan single = plan;
  single.blocks[0].kernel = 2;
  single.blocks[0].padding = 0;
  single.blocks[0].pool = 1;
  ConvNetwork network(single, chosen_isa());
  initialize(network, 1);
  const std::vector<float> before(network.statistics().begin(), network.statistics().end());
  const Batch batch = random_batch(single, 1, 2);
  const std::vector<float> logits = outputs(network, single, batch.samples);
  Rng rng;
  const float loss = network.train(batch.samples, batch.labels, rng);
  double total = 0;
  for (const float logit : logits) total += std::exp(logit);
  EXPECT_NEAR(loss, std::log(total) - logits[batch.labels[0]], 1e-5);
  EXPECT_TRUE(std::ranges::equal(network.statistics(), before));
}

TEST(ConvNetwork, DrawsOneNumberForEachFeatureItMayDrop) {
  const NetworkPlan plan = image_plan();
  ConvNetwork network(plan, chosen_isa());
  initialize(network, 1);
  const Batch batch = random_batch(plan, 3, 2);
  Rng used(9);
  network.train(batch.samples, batch.labels, used);
  Rng counted(9);
  for (int i = 0; i < 3 * (9 / 4) * (11 / 4) * 7; ++i) counted.uniform();
  EXPECT_EQ(used.uniform(), counted.uniform());
}

TEST(ConvNetwork, NamesItsTensorsInOrderAndBeginsEachOnACacheLine) {
  ConvNetwork network(image_plan(), chosen_isa());
  std::vector<std::string> names;
  for (const TensorPlace& tensor : network.tensors()) {
    names.push_back(tensor.name);
    EXPECT_EQ(tensor.offset % 16, 0);
  }
  EXPECT_THAT(names,
              ElementsAre("block1.weight", "block1.scale", "block1.shift", "block2.weight",
                          "block2.scale", "block2.shift", "classifier.weight", "classifier.bias"));
  EXPECT_THAT(place_of(network, "block2.weight").sizes, ElementsAre(7, 3, 3, 20));
  EXPECT_EQ(place_of(network, "block2.weight").inputs, 9 * 20);
  EXPECT_THAT(place_of(network, "classifier.weight").sizes, ElementsAre(5, 2, 2, 7));
  EXPECT_EQ(place_of(network, "classifier.bias").inputs, 2 * 2 * 7);
  EXPECT_EQ(place_of(network, "block1.scale").inputs, 0);
}

TEST(ConvNetwork, CountsTheWorkOfItsProducts) {
  // By hand: convolutions of 23 x (3 * 2 to 16) and 11 x (5 * 16 to 18), a classifier of 18 to 3.
  const ConvNetwork network(sequence_plan(), chosen_isa());
  const double first = 2.0 * 23 * 3 * 2 * 16;
  const double second = 2.0 * 11 * 5 * 16 * 18;
  const double classifier = 2.0 * 18 * 3;
  EXPECT_EQ(network.work_per_sample().forward, first + second + classifier);
  EXPECT_EQ(network.work_per_sample().training, 2 * first + 3 * second + 3 * classifier);
}

TEST(ConvNetwork, RefusesAPlanThatLeavesNothingOfTheInput) {
  const auto message = [](const NetworkPlan& plan) {
    try {
      const ConvNetwork network(plan, chosen_isa());
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(message({.width = 7, .blocks = {{}, {}, {}}}),
              HasSubstr("nothing is left of the input after 3 of 3 blocks: it has 7 positions"));
  EXPECT_THAT(message({.height = 3, .width = 9, .blocks = {{}, {}}}),
              HasSubstr("after 2 of 2 blocks: it has 3 x 9 positions"));
  EXPECT_THAT(message({.width = 4, .blocks = {{.kernel = 5, .stride = 2, .padding = 0}}}),
              HasSubstr("after 1 of 1 blocks"));
}

/// Loss of training and sum of the outputs of evaluation.
std::array<float, 2> results(ConvNetwork& network, const NetworkPlan& plan, const Batch& batch) {
  float sum = 0;
  for (const float logit : outputs(network, plan, batch.samples)) sum += logit;
  Rng rng;
  return {network.train(batch.samples, batch.labels, rng), sum};
}

std::vector<NetworkPlan> plans_of_each_layer_kind() {
  std::vector<NetworkPlan> plans;
  for (const NetworkPlan& base : {image_plan(), sequence_plan()}) {
    for (const Activation activation : {Activation::None, Activation::Relu, Activation::LeakyRelu,
                                        Activation::Gelu, Activation::Tanh})
      for (const Pooling pooling : {Pooling::None, Pooling::Max, Pooling::Average})
        for (const Head head : {Head::Mean, Head::Max, Head::Flatten}) {
          NetworkPlan plan = base;
          plan.head = head;
          plan.dropout = 0;
          for (BlockPlan& block : plan.blocks) {
            block.activation = activation;
            block.pooling = pooling;
          }
          plans.push_back(plan);
        }
  }
  return plans;
}

TEST(ConvNetwork, PassesNanThroughEveryKindOfLayer) {
  for (const Isa isa : supported_isas()) {
    for (const NetworkPlan& plan : plans_of_each_layer_kind()) {
      SCOPED_TRACE(text(plan, isa));
      Batch batch = random_batch(plan, plan.batch, 2);
      batch.samples[batch.samples.size() / 2] = kNan;
      ConvNetwork network(plan, isa);
      initialize(network, 1);
      for (const float result : results(network, plan, batch)) EXPECT_TRUE(std::isnan(result));
    }
  }
}

TEST(ConvNetwork, PassesNanThroughEachHeadFromWhereverItIs) {
  for (const Head head : {Head::Mean, Head::Max, Head::Flatten}) {
    const NetworkPlan plan{.width = 9, .blocks = {{.pooling = Pooling::None}}, .head = head};
    ConvNetwork network(plan, chosen_isa());
    initialize(network, 1);
    for (std::size_t i = 0; i < 9; ++i) {
      Batch batch = random_batch(plan, 1, 2);
      batch.samples[i] = kNan;
      for (const float result : results(network, plan, batch)) EXPECT_TRUE(std::isnan(result));
    }
  }
}

TEST(ConvNetwork, ShowsAWeightThatIsNotFinite) {
  for (const Isa isa : supported_isas()) {
    for (const NetworkPlan& plan : {image_plan(), sequence_plan()}) {
      const Batch batch = random_batch(plan, plan.batch, 2);
      ConvNetwork network(plan, isa);
      const std::vector<TensorPlace> tensors = network.tensors();
      for (const TensorPlace& tensor : tensors) {
        for (const float bad : {kNan, std::numeric_limits<float>::infinity()}) {
          SCOPED_TRACE(tensor.name);
          initialize(network, 1);
          network.parameters()[tensor.offset] = bad;
          for (const float result : results(network, plan, batch))
            EXPECT_FALSE(std::isfinite(result));
        }
      }
    }
  }
}

TEST(ConvNetwork, ShowsAnOutputOfMinusInfinityThoughItsProbabilityIsZero) {
  const NetworkPlan plan = sequence_plan();
  ConvNetwork network(plan, chosen_isa());
  initialize(network, 1);
  Batch batch = random_batch(plan, 2, 2);
  std::ranges::fill(batch.labels, 0);
  network.parameters()[place_of(network, "classifier.bias").at(1, 0, 0, 0)] =
      -std::numeric_limits<float>::infinity();
  Rng rng;
  EXPECT_FALSE(std::isfinite(network.train(batch.samples, batch.labels, rng)));
}

}  // namespace
}  // namespace hypertune::testing

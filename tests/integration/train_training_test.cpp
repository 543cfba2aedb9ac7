// Training on made-up data: it learns, it repeats itself bit for bit, and it survives what is odd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>

#include "hypertune/error.h"
#include "support/engines.h"
#include "support/made_up_data.h"
#include "train/training.h"

namespace hypertune {
namespace {

using testing::HasSubstr;
using testing_support::bar_data;
using testing_support::ChosenInstructions;
using testing_support::Engine;
using testing_support::engines;
using testing_support::wave_data;

const TrainerOptions kSmall{.channels = {8, 16}, .learning_rate = 0.01, .batch_size = 16};

/// Losses and accuracies of a few epochs.
std::vector<double> history(const TrainerOptions& options, const Dataset& data, std::uint64_t seed,
                            int epochs = 3) {
  const Split split = split_dataset(data, options, 1);
  Training training(options, data, split, seed);
  std::vector<double> numbers;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    const EpochResult result = training.run_epoch();
    numbers.insert(numbers.end(), {result.train_loss, result.val_loss, result.val_accuracy});
  }
  return numbers;
}

TEST(Training, LearnsToTellSequencesApart) {
  for (const bool norm : {false, true}) {
    TrainerOptions options = kSmall;
    options.batch_norm = norm;
    EXPECT_GT(history(options, wave_data(300), 1, 10).back(), 0.9) << norm;
  }
}

TEST(Training, LearnsToTellImagesApart) {
  EXPECT_GT(history(kSmall, bar_data(300), 1, 10).back(), 0.9);
}

TEST(Training, LearnsWithEveryOptimizerAndSchedule) {
  for (const char* optimizer : {"sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"}) {
    TrainerOptions options = kSmall;
    options.optimizer = optimizer;
    const bool plain = options.optimizer != "rmsprop" && !options.optimizer.starts_with("adam");
    if (plain) options.learning_rate = 0.1;
    EXPECT_GT(history(options, wave_data(300), 1, 10).back(), 0.9) << optimizer;
  }
  for (const char* schedule : {"none", "step", "cosine", "plateau", "one-cycle"}) {
    TrainerOptions options = kSmall;
    options.schedule = schedule;
    EXPECT_GT(history(options, wave_data(300), 1, 10).back(), 0.9) << schedule;
  }
}

TEST(Training, RepeatsItselfBitForBitInWhateverThread) {
  TrainerOptions options = kSmall;
  options.dropout = 0.3;
  const Dataset data = wave_data(200);
  const std::vector<double> alone = history(options, data, 5);
  std::vector<double> first;
  std::vector<double> second;
  {
    const std::jthread one([&] { first = history(options, data, 5); });
    const std::jthread two([&] { second = history(options, data, 5); });
  }
  EXPECT_EQ(first, alone);
  EXPECT_EQ(second, alone);
  EXPECT_NE(history(options, data, 6), alone);
}

/// The entries of the tensor of this name.
std::vector<float> entries(Network& network, std::string_view name) {
  std::vector<float> all;
  for (const TensorPlace& tensor : network.tensors()) {
    if (tensor.name != name) continue;
    for (std::int64_t out = 0; out < tensor.sizes[0]; ++out)
      for (std::int64_t row = 0; row < tensor.sizes[1]; ++row)
        for (std::int64_t column = 0; column < tensor.sizes[2]; ++column)
          for (std::int64_t in = 0; in < tensor.sizes[3]; ++in)
            all.push_back(
                network.parameters()[static_cast<std::size_t>(tensor.at(out, row, column, in))]);
  }
  return all;
}

TEST(Training, BothArmsBeginWithTheSameWeightsWhereShapesAgree) {
  const Dataset data = wave_data(40);
  TrainerOptions options = kSmall;
  const Split split = split_dataset(data, options, 1);
  const auto weights = [&](bool norm, std::string_view name) {
    options.batch_norm = norm;
    Training training(options, data, split, 9);
    return entries(training.network(), name);
  };
  const std::vector<float> first = weights(true, "block1.weight");
  EXPECT_EQ(first.size(), 8U * 3 * 2);
  EXPECT_EQ(first, weights(false, "block1.weight"));
  EXPECT_EQ(weights(true, "classifier.weight"), weights(false, "classifier.weight"));
  const double bound = 1 / std::sqrt(3 * 2);  // three taps of two channels
  for (const float weight : first) EXPECT_LE(std::abs(weight), bound);
  EXPECT_NE(first[0], first[1]);
}

TEST(Training, ALastBatchOfOneSampleIsNoTroubleForBatchNormalization) {
  const Dataset data = wave_data(41);  // 33 to train on: batches of 16, 16 and 1
  TrainerOptions options = kSmall;
  options.channels = {4, 4, 4};  // pooled from 12 positions to one
  for (const std::int64_t batch_size : {16, 1}) {
    options.batch_size = batch_size;
    for (const double number : history(options, data, 1)) EXPECT_TRUE(std::isfinite(number));
  }
}

TEST(Training, ABatchLargerThanTheDataIsThatOfAllSamples) {
  TrainerOptions options = kSmall;
  options.batch_size = 1'000'000;  // memory for so many would be some gigabytes
  options.schedule = "one-cycle";
  const Dataset data = wave_data(60);
  const std::vector<double> huge = history(options, data, 1);
  options.batch_size = std::ssize(split_dataset(data, options, 1).train);
  EXPECT_EQ(huge, history(options, data, 1));
}

TEST(Training, LeavesTheThreadsFloatingPointModesAsTheyWere) {
  // Denormal, and computed at run time.
  volatile double smallest = std::numeric_limits<double>::min();
  const double half = smallest / 2;
  ASSERT_GT(half, 0);
  history(kSmall, wave_data(60), 1, 1);
  EXPECT_EQ(smallest / 2, half);
}

TEST(Training, AnInputTooShortForThePoolingIsRefused) {
  const Dataset data = wave_data(40);
  TrainerOptions options = kSmall;
  options.channels = {4, 4, 4, 4};
  const Split split = split_dataset(data, options, 1);
  try {
    const Training training(options, data, split, 1);
    FAIL() << "no error";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("4 of 4 blocks"));
  }
}

TEST(Training, ANetworkOfImmenseSizeIsRefused) {
  const Dataset data = wave_data(40);
  TrainerOptions options = kSmall;
  options.channels = {8192, 8192};
  options.kernel = 63;
  const Split split = split_dataset(data, options, 1);
  EXPECT_THROW(Training(options, data, split, 1), ConfigError);
}

/// Divergence, whatever computes.
class Divergence : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!is_here(GetParam())) GTEST_SKIP() << "the LibTorch backend was not built";
  }

  /// Trains an epoch with each activation, head and normalization.
  void expect_diverged(const TrainerOptions& base, const Dataset& data) {
    for (const char* activation : {"relu", "leaky-relu", "gelu", "tanh"}) {
      for (const char* head : {"mean", "max", "flatten"}) {
        for (const bool norm : {false, true}) {
          SCOPED_TRACE(std::string(activation) + " " + head + (norm ? " with norm" : ""));
          TrainerOptions options = base;
          options.backend = GetParam().backend;
          options.activation = activation;
          options.head = head;
          options.batch_norm = norm;
          const Split split = split_dataset(data, options, 1);
          Training training(options, data, split, 1);
          const EpochResult result = training.run_epoch();
          EXPECT_TRUE(result.diverged);
          EXPECT_TRUE(training.finished());
          EXPECT_FALSE(std::isnan(result.train_loss));
          EXPECT_FALSE(std::isnan(result.val_loss));
        }
      }
    }
  }

 private:
  ChosenInstructions instructions_{GetParam()};
};

TEST_P(Divergence, OfAnAbsurdLearningRateIsSeenWithinTheEpoch) {
  TrainerOptions options = kSmall;
  options.learning_rate = 1e38;
  for (const char* optimizer : {"sgd", "adam"}) {
    options.optimizer = optimizer;
    expect_diverged(options, wave_data(200));
  }
}

TEST_P(Divergence, OfASampleThatIsNoNumberIsSeenWithinTheEpoch) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const Dataset& clean : {wave_data(60), bar_data(60)}) {
    const Split split = split_dataset(clean, kSmall, 1);
    for (const std::int64_t sample : {split.train.back(), split.validation.back()}) {
      Dataset data = clean;
      data.values[static_cast<std::size_t>(sample * data.shape.size() + 5)] = nan;
      expect_diverged(kSmall, data);
    }
  }
}

TEST_P(Divergence, ScoresTheNetworkAsOneThatPredictsTheFirstClass) {
  const Dataset data = wave_data(200);
  TrainerOptions options = kSmall;
  options.backend = GetParam().backend;
  options.batch_norm = false;
  options.optimizer = "sgd";
  options.learning_rate = 1e6;
  const Split split = split_dataset(data, options, 1);
  Training training(options, data, split, 1);
  EpochResult result;
  while (!result.diverged && training.epochs_done() < 5) result = training.run_epoch();
  EXPECT_TRUE(result.diverged);
  EXPECT_FALSE(std::isfinite(result.train_loss));
  double first_class = 0;
  for (const std::int64_t i : split.validation)
    first_class += data.labels[static_cast<std::size_t>(i)] == 0;
  EXPECT_EQ(result.val_accuracy, first_class / static_cast<double>(split.validation.size()));
}

INSTANTIATE_TEST_SUITE_P(Engine, Divergence, testing::ValuesIn(engines()),
                         testing_support::engine_name);

}  // namespace
}  // namespace hypertune

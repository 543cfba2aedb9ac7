// Training on made-up data: it learns, it repeats itself bit for bit, and it survives what is odd.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "hypertune/error.h"
#include "support/made_up_data.h"
#include "train/training.h"

namespace hypertune {
namespace {

using testing::HasSubstr;
using testing_support::bar_data;
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
  for (const char* optimizer : {"sgd", "momentum", "adam", "adamw", "rmsprop"}) {
    TrainerOptions options = kSmall;
    options.optimizer = optimizer;
    if (options.optimizer == "sgd" || options.optimizer == "momentum") options.learning_rate = 0.1;
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

TEST(Training, BothArmsBeginWithTheSameWeightsWhereShapesAgree) {
  const Dataset data = wave_data(40);
  TrainerOptions options = kSmall;
  const Split split = split_dataset(data, options, 1);
  const auto weights = [&](bool norm) {
    options.batch_norm = norm;
    Training training(options, data, split, 9);
    const auto flat = training.network().parameters();
    return std::vector<float>(flat.begin(), flat.end());
  };
  const std::vector<float> with = weights(true);
  const std::vector<float> without = weights(false);
  constexpr std::size_t kFirstConvolution = 8 * 3 * 2;
  constexpr std::size_t kClassifier = 16 * 3 + 16;  // weights, and the bias in its own 16
  EXPECT_TRUE(std::equal(with.begin(), with.begin() + kFirstConvolution, without.begin()));
  EXPECT_TRUE(std::equal(with.end() - kClassifier, with.end(), without.end() - kClassifier));
  const double bound = 1 / std::sqrt(3 * 2);  // three taps of two channels
  for (std::size_t i = 0; i < kFirstConvolution; ++i) EXPECT_LE(std::abs(with[i]), bound);
  EXPECT_NE(with[0], with[1]);
}

TEST(Training, ALearningRateFarTooHighDivergesAndSaysSo) {
  const Dataset data = wave_data(200);
  TrainerOptions options = kSmall;
  options.batch_norm = false;
  options.optimizer = "sgd";
  options.learning_rate = 1e6;
  const Split split = split_dataset(data, options, 1);
  Training training(options, data, split, 1);
  EpochResult result;
  while (!result.diverged && training.epochs_done() < 5) result = training.run_epoch();
  EXPECT_TRUE(result.diverged);
  EXPECT_FALSE(std::isfinite(result.train_loss));
  EXPECT_FALSE(std::isnan(result.val_loss));
  double first_class = 0;
  for (const std::int64_t i : split.validation)
    first_class += data.labels[static_cast<std::size_t>(i)] == 0;
  EXPECT_EQ(result.val_accuracy, first_class / static_cast<double>(split.validation.size()));
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

}  // namespace
}  // namespace hypertune

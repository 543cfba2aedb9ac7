// Checkpoints: training that goes on from one ends bit for bit as training that never stopped, and
// nothing but a whole checkpoint of the same training is taken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/files.h"
#include "hypertune/error.h"
#include "support/engines.h"
#include "support/made_up_data.h"
#include "support/temporary_folder.h"
#include "train/training.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing_support::bar_data;
using testing_support::ChosenInstructions;
using testing_support::Engine;
using testing_support::engines;
using testing_support::wave_data;

constexpr std::uint64_t kSeed = 5;
constexpr int kEpochs = 3;
const TrainerOptions kSmall{
    .channels = {4, 20}, .learning_rate = 0.01, .batch_size = 16, .epochs = kEpochs};

struct Samples {
  explicit Samples(Dataset from) : data(std::move(from)), split(split_dataset(data, kSmall, 1)) {}
  Dataset data;
  Split split;
};

Training begin(const TrainerOptions& options, const Samples& samples) {
  return {options, samples.data, samples.split, kSeed};
}

/// The checkpoint before each epoch, and after the last one.
std::vector<std::string> checkpoints(const TrainerOptions& options, const Samples& samples) {
  Training training = begin(options, samples);
  std::vector<std::string> all = {training.checkpoint()};
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    training.run_epoch();
    all.push_back(training.checkpoint());
  }
  return all;
}

void expect_same_end_from_every_epoch(const TrainerOptions& options, const Samples& samples) {
  const std::vector<std::string> all = checkpoints(options, samples);
  for (std::size_t done = 0; done < all.size(); ++done) {
    Training training = begin(options, samples);
    training.restore(all[done]);
    EXPECT_EQ(training.epochs_done(), static_cast<std::int64_t>(done));
    while (training.epochs_done() < kEpochs) training.run_epoch();
    EXPECT_TRUE(training.checkpoint() == all.back()) << "from epoch " << done;
  }
}

std::string fault_of_restoring(Training& training, std::string_view bytes) {
  try {
    training.restore(bytes);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

class Checkpoints : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!is_here(GetParam())) GTEST_SKIP() << "the LibTorch backend was not built";
  }

  TrainerOptions small() const {
    TrainerOptions options = kSmall;
    options.backend = GetParam().backend;
    return options;
  }

 private:
  ChosenInstructions instructions_{GetParam()};
};

TEST_P(Checkpoints, TrainingGoesOnFromEveryEpochBitForBit) {
  const Samples waves(wave_data(60));
  TrainerOptions options = small();
  for (const char* optimizer : {"sgd", "momentum", "nesterov", "adam", "adamw", "rmsprop"}) {
    for (const char* schedule : {"none", "step", "cosine", "plateau", "one-cycle"}) {
      for (const bool norm : {false, true}) {
        SCOPED_TRACE(std::string(optimizer) + " " + schedule + (norm ? " with norm" : ""));
        options.optimizer = optimizer;
        options.schedule = schedule;
        options.schedule_epochs = 1;
        options.batch_norm = norm;
        options.dropout = norm ? 0 : 0.3;
        options.weight_decay = 0.01;
        expect_same_end_from_every_epoch(options, waves);
      }
    }
  }
}

TEST_P(Checkpoints, TrainingOnImagesWithDropoutAndNormGoesOnBitForBit) {
  TrainerOptions options = small();
  options.dropout = 0.5;
  options.head = "flatten";
  options.activation = "gelu";
  expect_same_end_from_every_epoch(options, Samples(bar_data(40)));
}

TEST_P(Checkpoints, WhatFollowsDependsOnTheCheckpointAlone) {
  const Samples waves(wave_data(60));
  const std::vector<std::string> all = checkpoints(small(), waves);
  Training training = begin(small(), waves);
  training.run_epoch();
  training.run_epoch();
  training.restore(all[1]);
  while (training.epochs_done() < kEpochs) training.run_epoch();
  EXPECT_TRUE(training.checkpoint() == all.back());
  EXPECT_FALSE(all[1] == all[2]);
}

TEST_P(Checkpoints, ADivergedTrainingGoesOnFromOneAsIfNothingHadHappened) {
  for (const Samples& samples : {Samples(wave_data(60)), Samples(bar_data(40))}) {
    for (const char* precision : {"f32", "bf16"}) {
      TrainerOptions options = small();
      if (options.backend != "torch") options.precision = precision;
      const std::vector<std::string> all = checkpoints(options, samples);
      Training training = begin(options, samples);
      std::ranges::fill(training.network().parameters(), std::numeric_limits<float>::quiet_NaN());
      ASSERT_TRUE(training.run_epoch().diverged);
      training.restore(all[1]);
      EXPECT_TRUE(training.checkpoint() == all[1]);
      while (training.epochs_done() < kEpochs) training.run_epoch();
      EXPECT_TRUE(training.checkpoint() == all.back()) << samples.data.name << ' ' << precision;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Engine, Checkpoints, testing::ValuesIn(engines()),
                         testing_support::engine_name);

TEST(Checkpoint, IsTakenOnAnyInstructionSet) {
  const Samples waves(wave_data(60));
  std::string bytes;
  std::vector<EpochResult> results;
  for (const Engine& engine : engines()) {
    if (engine.backend != "native") continue;
    const ChosenInstructions instructions(engine);
    if (bytes.empty()) bytes = checkpoints(kSmall, waves)[1];
    Training training = begin(kSmall, waves);
    training.restore(bytes);
    results.push_back(training.run_epoch());
    EXPECT_NEAR(results.back().train_loss, results.front().train_loss, 1e-3) << engine.isa;
  }
}

TEST(Checkpoint, HoldsTheLastResultAndWhetherTrainingIsFinished) {
  const Samples waves(wave_data(60));
  TrainerOptions options = kSmall;
  options.epochs = 100;
  options.patience = 2;
  options.learning_rate = 0.1;
  Training training = begin(options, waves);
  std::string before;
  while (!training.finished()) {
    before = training.checkpoint();
    training.run_epoch();
  }
  ASSERT_LT(training.epochs_done(), 100);
  Training later = begin(options, waves);
  later.restore(training.checkpoint());
  EXPECT_TRUE(later.finished());
  EXPECT_EQ(later.last(), training.last());
  later.restore(before);
  EXPECT_FALSE(later.finished());
  later.run_epoch();
  EXPECT_TRUE(later.finished());
}

TEST(Checkpoint, OfADivergedTrainingIsDiverged) {
  Samples waves(wave_data(60));
  waves.data.values[0] = std::numeric_limits<float>::quiet_NaN();
  Training training = begin(kSmall, waves);
  ASSERT_TRUE(training.run_epoch().diverged);
  Training later = begin(kSmall, waves);
  later.restore(training.checkpoint());
  EXPECT_TRUE(later.finished());
  EXPECT_TRUE(later.last().diverged);
}

TEST(Checkpoint, SurvivesAFile) {
  const testing_support::TemporaryFolder folder;
  const Samples waves(wave_data(60));
  const std::vector<std::string> all = checkpoints(kSmall, waves);
  write_file(folder.path() / "training", all[2]);
  Training training = begin(kSmall, waves);
  training.restore(read_file(folder.path() / "training"));
  EXPECT_TRUE(training.checkpoint() == all[2]);
}

TEST(Checkpoint, OfAnotherTrainingIsRefusedAndNothingChanges) {
  const Samples waves(wave_data(60));
  const Samples others(wave_data(60, 2));
  const Samples more(wave_data(80));
  const Samples bars(bar_data(60));
  Training training = begin(kSmall, waves);
  training.run_epoch();
  const std::string before = training.checkpoint();
  const auto expect_refused = [&](const Training& other, const std::string& name) {
    EXPECT_THAT(fault_of_restoring(training, other.checkpoint()),
                AllOf(HasSubstr("another training"), HasSubstr(name)));
    EXPECT_TRUE(training.checkpoint() == before) << name;
  };
  const std::vector<std::pair<std::string, Value>> changes = {{"channels", "4,16"},
                                                              {"kernel", std::int64_t{5}},
                                                              {"pool", std::int64_t{1}},
                                                              {"batch_norm", false},
                                                              {"dropout", 0.1},
                                                              {"activation", "tanh"},
                                                              {"head", "max"},
                                                              {"optimizer", "rmsprop"},
                                                              {"learning_rate", 0.02},
                                                              {"weight_decay", 0.1},
                                                              {"schedule", "cosine"},
                                                              {"batch_size", std::int64_t{8}},
                                                              {"precision", "bf16"},
                                                              {"epochs", std::int64_t{4}},
                                                              {"patience", std::int64_t{1}}};
  for (const auto& [name, value] : changes) {
    TrainerOptions options = kSmall;
    options.set(name, value);
    expect_refused(begin(options, waves), name);
  }
  expect_refused(Training(kSmall, waves.data, waves.split, kSeed + 1), "seed");
  expect_refused(begin(kSmall, bars), "classes");
  expect_refused(begin(kSmall, more), "samples");
  const Split split = split_dataset(waves.data, kSmall, 2);
  expect_refused(Training(kSmall, waves.data, split, kSeed), "samples");
  for (const Engine& engine : engines()) {
    if (engine.backend == "native" || !is_here(engine)) continue;
    TrainerOptions options = kSmall;
    options.backend = engine.backend;
    expect_refused(begin(options, waves), "backend");
  }
}

TEST(Checkpoint, OfTheSameTrainingIsInheritedBitForBit) {
  const Samples waves(wave_data(60));
  const std::vector<std::string> all = checkpoints(kSmall, waves);
  Training training = begin(kSmall, waves);
  training.inherit(all[1]);
  while (training.epochs_done() < kEpochs) training.run_epoch();
  EXPECT_TRUE(training.checkpoint() == all.back());
}

TEST(Checkpoint, IsInheritedByATrainingWithOtherOptionsAndSeed) {
  const Samples waves(wave_data(60));
  Training parent = begin(kSmall, waves);
  parent.run_epoch();
  TrainerOptions options = kSmall;
  options.learning_rate = 0.002;
  options.weight_decay = 0.1;
  options.batch_size = 8;
  options.dropout = 0.2;
  options.schedule = "cosine";
  options.epochs = 2 * kEpochs;
  const auto child = [&](const TrainerOptions& of_child) {
    Training training(of_child, waves.data, waves.split, kSeed + 1);
    training.inherit(parent.checkpoint());
    return training;
  };
  Training training = child(options);
  EXPECT_EQ(training.epochs_done(), 1);
  EXPECT_EQ(training.last(), parent.last());
  EXPECT_TRUE(std::ranges::equal(training.network().parameters(), parent.network().parameters()));
  EXPECT_TRUE(std::ranges::equal(training.network().statistics(), parent.network().statistics()));
  training.run_epoch();
  EXPECT_EQ(training.epochs_done(), 2);

  // The optimizer's memory goes along, unless the rule is another.
  TrainerOptions other_rate = kSmall;
  other_rate.learning_rate = 0.002;
  Training warm = child(other_rate);
  EXPECT_EQ(decode(warm.checkpoint()).optimizer_steps, decode(parent.checkpoint()).optimizer_steps);
  EXPECT_EQ(decode(warm.checkpoint()).first_moments, decode(parent.checkpoint()).first_moments);
  TrainerOptions other_rule = kSmall;
  other_rule.optimizer = "rmsprop";
  Training cold = child(other_rule);
  EXPECT_EQ(cold.epochs_done(), 1);
  EXPECT_EQ(decode(cold.checkpoint()).optimizer_steps, 0);
  EXPECT_FALSE(cold.run_epoch().diverged);
}

TEST(Checkpoint, OfAnotherNetworkOrOtherDataIsNotInherited) {
  const Samples waves(wave_data(60));
  Samples others(wave_data(60));
  others.data.sha256 = "of other data";
  Training training = begin(kSmall, waves);
  const std::string before = training.checkpoint();
  const auto expect_refused = [&](const Training& other, const std::string& name) {
    try {
      training.inherit(other.checkpoint());
      ADD_FAILURE() << "another " << name << " was accepted";
    } catch (const ConfigError& error) {
      EXPECT_THAT(error.what(), HasSubstr(name));
    }
    EXPECT_TRUE(training.checkpoint() == before) << name;
  };
  const std::vector<std::pair<std::string, Value>> changes = {
      {"channels", "4,16"},  {"kernel", std::int64_t{5}}, {"pool", std::int64_t{1}},
      {"batch_norm", false}, {"activation", "tanh"},      {"head", "max"},
      {"precision", "bf16"}};
  for (const auto& [name, value] : changes) {
    TrainerOptions options = kSmall;
    options.set(name, value);
    expect_refused(begin(options, waves), name);
  }
  expect_refused(begin(kSmall, others), "data_sha256");
  const Split split = split_dataset(waves.data, kSmall, 2);
  expect_refused(Training(kSmall, waves.data, split, kSeed), "samples");
}

TEST(Checkpoint, TruncatedAnywhereIsRefused) {
  const std::string whole = checkpoints(kSmall, Samples(wave_data(60)))[1];
  for (std::size_t size = 0; size < whole.size(); size += size < 200 ? 1 : 97) {
    EXPECT_THROW(decode(std::string_view(whole).substr(0, size)), ConfigError) << size;
  }
  EXPECT_THROW(decode(whole + "x"), ConfigError);
  EXPECT_NO_THROW(decode(whole));
}

TEST(Checkpoint, DamagedAnywhereIsRefused) {
  std::string bytes = checkpoints(kSmall, Samples(wave_data(60)))[1];
  for (std::size_t i = 0; i < bytes.size(); i += i < 200 ? 1 : 13) {
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
    EXPECT_THROW(decode(bytes), ConfigError) << i;
    bytes[i] = static_cast<char>(bytes[i] ^ 0x10);
  }
  EXPECT_NO_THROW(decode(bytes));
}

TEST(Checkpoint, OfFieldsThatNoTrainingHasIsRefused) {
  const Checkpoint whole = decode(checkpoints(kSmall, Samples(wave_data(60)))[1]);
  Checkpoint no_object = whole;
  no_object.identity = Json::array({1});
  Checkpoint before_the_first = whole;
  before_the_first.epochs = -1;
  Checkpoint backwards = whole;
  backwards.optimizer_steps = -1;
  for (const Checkpoint& damaged : {no_object, before_the_first, backwards}) {
    EXPECT_THROW(decode(encode(damaged)), ConfigError);
  }
  EXPECT_NO_THROW(decode(encode(whole)));
}

TEST(Checkpoint, RefusalsSayWhatIsWrong) {
  const Samples waves(wave_data(60));
  Training training = begin(kSmall, waves);
  const std::string whole = training.checkpoint();
  const auto fault_of = [&](const std::string& bytes) {
    std::string fault = fault_of_restoring(training, bytes);
    EXPECT_TRUE(training.checkpoint() == whole);
    return fault;
  };
  EXPECT_THAT(fault_of(""), HasSubstr("is none"));
  EXPECT_THAT(fault_of("PK\x03\x04"), HasSubstr("is none"));
  EXPECT_THAT(fault_of(whole.substr(0, whole.size() / 2)), HasSubstr("is truncated: "));
  EXPECT_THAT(fault_of(whole.substr(0, whole.size() - 1)), HasSubstr("is truncated: "));
  std::string damaged = whole;
  damaged[whole.size() / 2] = static_cast<char>(~damaged[whole.size() / 2]);
  EXPECT_THAT(fault_of(damaged), HasSubstr("is damaged"));
  std::string newer = whole;
  newer[newer.find('\n') + 1] = 2;  // the version stands behind the first line
  EXPECT_THAT(fault_of(newer), HasSubstr("version 2, and this program reads version 1"));
}

}  // namespace
}  // namespace hypertune

// Options of the trainer: every one can be set by name, and every bad value is refused in words.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "hypertune/error.h"
#include "hypertune/trainer.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace std::string_literals;

Value whole(std::int64_t n) { return n; }

std::string fault_of_setting(std::string_view name, const Value& value) {
  TrainerOptions options;
  try {
    options.set(name, value);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(TrainerOptions, TheDefaultsAreValid) { EXPECT_NO_THROW(TrainerOptions().validate()); }

TEST(TrainerOptions, EveryOptionOfTheTableCanBeSetByItsName) {
  const std::map<std::string_view, Value> legal = {
      {"model", "cnn"s},          {"dataset", "fashion-mnist, gestures"s},
      {"split", "by-user"s},      {"validation_share", 0.5},
      {"max_samples", whole(7)},  {"channels", "8, 16"s},
      {"kernel", whole(5)},       {"pool", whole(1)},
      {"batch_norm", false},      {"dropout", 0.25},
      {"activation", "gelu"s},    {"head", "flatten"s},
      {"optimizer", "sgd"s},      {"learning_rate", whole(1)},
      {"momentum", 0.5},          {"weight_decay", 0.01},
      {"schedule", "one-cycle"s}, {"schedule_epochs", whole(2)},
      {"schedule_factor", 0.5},   {"batch_size", 64.0},
      {"epochs", whole(3)},       {"patience", whole(2)},
      {"backend", "torch"s},      {"device", "cuda"s},
      {"precision", "f32"s},      {"rerun_best_in_f32", true},
      {"checkpoint_s", 5.0},
  };
  TrainerOptions options;
  for (const TrainerOption& option : trainer_options()) {
    ASSERT_TRUE(legal.contains(option.name)) << option.name;
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_NO_THROW(options.set(option.name, legal.at(option.name))) << option.name;
  }
  EXPECT_EQ(trainer_options().size(), legal.size());
  EXPECT_NO_THROW(options.validate());
  EXPECT_EQ(options.dataset, (std::vector<std::string>{"fashion-mnist", "gestures"}));
  EXPECT_EQ(options.channels, (std::vector<std::int64_t>{8, 16}));
  EXPECT_EQ(options.batch_size, 64);
  EXPECT_FALSE(options.batch_norm);
  EXPECT_EQ(options.learning_rate, 1.0);
  EXPECT_EQ(options.schedule, "one-cycle");
}

TEST(TrainerOptions, WhatIsReadByNameCanBeSetByName) {
  const TrainerOptions others{.model = "cnn",
                              .dataset = {"fashion-mnist", "gestures"},
                              .split = "by-user",
                              .validation_share = 0.1,
                              .max_samples = 7,
                              .channels = {8, 16},
                              .kernel = 5,
                              .pool = 1,
                              .batch_norm = false,
                              .dropout = 0.25,
                              .activation = "gelu",
                              .head = "flatten",
                              .optimizer = "sgd",
                              .learning_rate = 0.3,
                              .momentum = 0.5,
                              .weight_decay = 0.01,
                              .schedule = "step",
                              .schedule_epochs = 2,
                              .schedule_factor = 0.5,
                              .batch_size = 64,
                              .epochs = 4,
                              .patience = 2,
                              .backend = "torch",
                              .device = "cuda",
                              .precision = "bf16",
                              .rerun_best_in_f32 = true,
                              .checkpoint_s = 5};
  for (const TrainerOption& option : trainer_options()) {
    TrainerOptions read;
    const Value value = others.get(option.name);
    EXPECT_TRUE(option.name == "model" || value != read.get(option.name)) << option.name;
    read.set(option.name, value);
    EXPECT_EQ(read.get(option.name), value) << option.name;
  }
  EXPECT_EQ(others.get("channels"), Value("8,16"s));
  EXPECT_THROW(others.get("kernels"), ConfigError);
}

TEST(TrainerOptions, ThoseOfTheDataAndOfTheBackendAreTheSameForAllTrials) {
  std::set<std::string_view> of_the_study;
  for (const TrainerOption& option : trainer_options())
    if (!option.per_trial) of_the_study.insert(option.name);
  EXPECT_EQ(of_the_study, (std::set<std::string_view>{
                              "model", "dataset", "split", "validation_share", "max_samples",
                              "backend", "device", "rerun_best_in_f32", "checkpoint_s"}));
}

TEST(TrainerOptions, ABadValueIsRefusedAndNamesTheOptionAndItsLegalValues) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<std::tuple<std::string, Value, std::string>> bad = {
      {"model", "mlp"s, "cnn"},
      {"model", true, "cnn"},
      {"dataset", "mnist"s, "gestures, fashion-mnist"},
      {"dataset", ""s, "an entry at least"},
      {"dataset", whole(1), "gestures"},
      {"split", "by_user"s, "did you mean \"by-user\""},
      {"validation_share", 0.0, "above 0 to below 1"},
      {"validation_share", 1.0, "above 0 to below 1"},
      {"validation_share", nan, "above 0 to below 1"},
      {"max_samples", whole(-1), "from 0"},
      {"channels", "32,x"s, "\"32,64,128\""},
      {"channels", "32,64.5"s, "\"32,64,128\""},
      {"channels", "32,0"s, "from 1"},
      {"channels", "99999999999999999999"s, "\"32,64,128\""},
      {"channels", ""s, "an entry at least"},
      {"channels", "1,1,1,1,1,1,1,1,1,1,1,1,1"s, "at most 12 long"},
      {"channels", false, "\"32,64,128\""},
      {"kernel", whole(4), "odd"},
      {"kernel", whole(0), "from 1"},
      {"kernel", 3.5, "a whole number"},
      {"kernel", true, "a whole number"},
      {"pool", whole(0), "from 1"},
      {"batch_norm", whole(1), "true or false"},
      {"batch_norm", "yes"s, "true or false"},
      {"dropout", 1.0, "from 0 to below 1"},
      {"dropout", -0.1, "from 0 to below 1"},
      {"dropout", true, "a number"},
      {"activation", "Relu"s, "did you mean \"relu\""},
      {"head", "average"s, "mean, max, flatten"},
      {"optimizer", "adm"s, "did you mean \"adam\""},
      {"optimizer", "lion"s, "sgd, momentum, nesterov, adam, adamw, rmsprop"},
      {"learning_rate", 0.0, "above 0"},
      {"learning_rate", -1.0, "above 0"},
      {"learning_rate", nan, "above 0"},
      {"learning_rate", infinity, "above 0"},
      {"learning_rate", "fast"s, "a number"},
      {"momentum", 1.0, "from 0 to below 1"},
      {"weight_decay", -1.0, "from 0"},
      {"weight_decay", infinity, "from 0"},
      {"schedule", "cosin"s, "did you mean \"cosine\""},
      {"schedule_epochs", whole(0), "from 1"},
      {"schedule_factor", 1.0, "above 0 to below 1"},
      {"batch_size", whole(0), "from 1"},
      {"epochs", whole(0), "from 1"},
      {"epochs", "ten"s, "a whole number"},
      {"patience", whole(-2), "from 0"},
      {"backend", "tensorflow"s, "native, torch, auto"},
      {"backend", "natve"s, "did you mean \"native\""},
      {"device", "gpu"s, "cpu, cuda"},
      {"precision", "f16"s, "f32, bf16"},
      {"precision", whole(32), "f32, bf16"},
      {"rerun_best_in_f32", "yes"s, "true or false"},
      {"checkpoint_s", -1.0, "from 0"},
  };
  std::set<std::string, std::less<>> covered;
  for (const auto& [name, value, legal] : bad) {
    EXPECT_THAT(fault_of_setting(name, value), AllOf(HasSubstr(name), HasSubstr(legal)))
        << name << " = " << to_string(value);
    covered.insert(name);
  }
  for (const TrainerOption& option : trainer_options())
    EXPECT_TRUE(covered.contains(option.name)) << option.name;
}

TEST(TrainerOptions, AnUnknownNameSuggestsTheNearest) {
  EXPECT_THAT(fault_of_setting("learning_rte", 0.1), HasSubstr("did you mean \"learning_rate\""));
  EXPECT_THAT(fault_of_setting("xyzzy", 0.1), HasSubstr("batch_norm"));
}

TEST(TrainerOptions, ARefusedValueLeavesTheOptionsAsTheyWere) {
  TrainerOptions options;
  EXPECT_THROW(options.set("kernel", whole(4)), ConfigError);
  EXPECT_EQ(options.kernel, 3);
}

TEST(TrainerOptions, ValidateRefusesWhatWasPutIntoTheStruct) {
  EXPECT_THROW((TrainerOptions{.channels = {}}).validate(), ConfigError);
  EXPECT_THROW((TrainerOptions{.kernel = 2}).validate(), ConfigError);
  EXPECT_THROW((TrainerOptions{.optimizer = "lbfgs"}).validate(), ConfigError);
  EXPECT_THROW((TrainerOptions{.learning_rate = -1}).validate(), ConfigError);
  EXPECT_THROW((TrainerOptions{.epochs = 0}).validate(), ConfigError);
}

TEST(TrainerOptions, WhatABackendCannotDoIsRefusedWithWhatCan) {
  const auto fault_of = [](const TrainerOptions& options) -> std::string {
    try {
      options.validate();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(fault_of({.backend = "native", .device = "cuda"}),
              AllOf(HasSubstr("device is \"cuda\""), HasSubstr("\"torch\" or \"auto\"")));
  for (const TrainerOptions& options :
       {TrainerOptions{.backend = "torch", .precision = "bf16"},
        TrainerOptions{.backend = "auto", .device = "cuda", .precision = "bf16"}}) {
    EXPECT_THAT(fault_of(options),
                AllOf(HasSubstr("precision is \"bf16\""), HasSubstr("backend to \"native\"")));
  }
  for (const TrainerOptions& options :
       {TrainerOptions{.precision = "bf16"}, TrainerOptions{.backend = "auto", .precision = "bf16"},
        TrainerOptions{.backend = "auto", .device = "cuda"}, TrainerOptions{.backend = "torch"}}) {
    EXPECT_EQ(fault_of(options), "");
  }
}

}  // namespace
}  // namespace hypertune

// Which backend computes, and that both begin and compute alike.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "hypertune/error.h"
#include "support/engines.h"
#include "support/made_up_data.h"
#include "support/temporary_folder.h"
#include "train/network.h"
#include "train/network_plan.h"
#include "train/torch_backend.h"

namespace hypertune {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using testing_support::bar_data;
using testing_support::wave_data;

constexpr SampleShape kSequence{.height = 1, .width = 51, .channels = 3};

/// The message of the ConfigError that `action` throws; empty when it throws none.
template <typename Action>
std::string config_error(Action action) {
  try {
    action();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return {};
}

bool torch_is_here() {
  return config_error([] { torch_backend(); }).empty();
}
constexpr const char* kNoTorch = "the LibTorch backend was not built";

TrainerOptions with_backend(TrainerOptions options, const std::string& backend) {
  options.backend = backend;
  return options;
}

std::unique_ptr<Network> network_for(const TrainerOptions& options, const Dataset& data) {
  auto network = make_network(options, data.shape, static_cast<int>(data.classes.size()), Rng(3));
  network->prepare_thread();
  return network;
}

/// The entries of a tensor, [out, rows, columns, in].
std::vector<float> entries(std::span<const float> flat, const TensorPlace& place) {
  std::vector<float> all;
  for (std::int64_t out = 0; out < place.sizes[0]; ++out)
    for (std::int64_t row = 0; row < place.sizes[1]; ++row)
      for (std::int64_t column = 0; column < place.sizes[2]; ++column)
        for (std::int64_t in = 0; in < place.sizes[3]; ++in)
          all.push_back(flat[static_cast<std::size_t>(place.at(out, row, column, in))]);
  return all;
}

double largest(std::span<const float> values) {
  double result = 0;
  for (const float value : values) result = std::max(result, static_cast<double>(std::abs(value)));
  return result;
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
  double result = a.size() == b.size() ? 0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    result = std::max(result, static_cast<double>(std::abs(a[i] - b[i])));
  return result;
}

std::string backend_of(const std::string& backend, const std::string& device) {
  TrainerOptions options;
  options.backend = backend;
  options.device = device;
  return backend_facts(options).at("backend");
}

TEST(Backend, NativeComputesUnlessCudaIsAskedFor) {
  EXPECT_EQ(backend_facts({}).at("backend"), "native");
  EXPECT_EQ(backend_of("auto", "cpu"), "native");
  EXPECT_THAT(backend_facts({}), ::testing::Contains(::testing::Key("instructions")));
  if (!torch_is_here()) GTEST_SKIP() << kNoTorch;
  EXPECT_EQ(backend_of("torch", "cpu"), "torch");
  for (const char* backend : {"auto", "torch"}) {
    std::string used;
    const std::string fault = config_error([&] { used = backend_of(backend, "cuda"); });
    if (fault.empty()) {
      EXPECT_EQ(used, "torch");
    } else {
      EXPECT_THAT(fault, AllOf(HasSubstr("this LibTorch"), HasSubstr("finds no CUDA device")));
    }
  }
}

TEST(Backend, WhatABackendCannotDoIsRefusedWithTheWayOut) {
  TrainerOptions cuda;
  cuda.device = "cuda";
  EXPECT_THAT(config_error([&] { make_network(cuda, kSequence, 20, Rng(1)); }),
              AllOf(HasSubstr("cuda"), HasSubstr("torch"), HasSubstr("auto")));
  TrainerOptions bf16 = with_backend({}, "torch");
  bf16.precision = "bf16";
  EXPECT_THAT(config_error([&] { make_network(bf16, kSequence, 20, Rng(1)); }),
              AllOf(HasSubstr("bf16"), HasSubstr("native")));
}

TEST(Backend, ALibTorchWithoutCudaSaysSoInAnErrorThatCrossesTheLibrary) {
  if (!torch_is_here()) GTEST_SKIP() << kNoTorch;
  TrainerOptions options = with_backend({.channels = {4}}, "torch");
  options.device = "cuda";
  const std::string message = config_error([&] { make_network(options, kSequence, 3, Rng(1)); });
  if (message.empty()) GTEST_SKIP() << "this LibTorch has CUDA";
  EXPECT_THAT(message, AllOf(HasSubstr("device is \"cuda\""), HasSubstr("\"cpu\"")));
}

TEST(Backend, AnUnknownInstructionSetIsRefusedBeforeAnythingIsTrainedByEither) {
  const testing_support::ChosenInstructions unknown({.backend = "native", .isa = "avx9"});
  for (const char* backend : {"native", "torch"}) {
    EXPECT_THAT(config_error([&] { backend_of(backend, "cpu"); }),
                AllOf(HasSubstr("HYPERTUNE_ISA"), HasSubstr("\"avx9\"")));
  }
}

TEST(Backend, TheSameNetworksAreRefusedByBoth) {
  std::vector<std::string> backends = {"native"};
  if (torch_is_here()) backends.emplace_back("torch");
  for (const std::string& backend : backends) {
    const TrainerOptions small = with_backend({.channels = {4, 4, 4}, .pool = 4}, backend);
    EXPECT_THAT(config_error([&] { make_network(small, kSequence, 2, Rng(1)); }),
                HasSubstr("nothing is left of the input after 3 of 3 blocks: it has 51 positions"));
    const TrainerOptions large =
        with_backend({.channels = {8192, 8192}, .kernel = 63, .pool = 1}, backend);
    EXPECT_THAT(config_error([&] { make_network(large, kSequence, 2, Rng(1)); }),
                HasSubstr("more than 500000000"));
    EXPECT_THROW(count_parameters(small, kSequence, 2), ConfigError);
    EXPECT_THROW(count_parameters(large, kSequence, 2), ConfigError);
  }
}

TEST(Backend, ParametersAreCountedAsTheyAreTrained) {
  // (3 * 3 + 2) * 32 + (3 * 32 + 2) * 64 + (3 * 64 + 2) * 128 + (128 + 1) * 20
  EXPECT_EQ(count_parameters({}, kSequence, 20), 352 + 6'272 + 24'832 + 2'580);
  for (const bool norm : {false, true}) {
    for (const char* head : {"mean", "flatten"}) {
      const TrainerOptions options{
          .channels = {5, 18}, .kernel = 5, .pool = 2, .batch_norm = norm, .head = head};
      for (const Dataset& data : {wave_data(4), bar_data(4)}) {
        const auto network = network_for(options, data);
        std::int64_t count = 0;
        for (const TensorPlace& place : network->tensors())
          count += std::ssize(entries(std::vector<float>(1'000'000), place));
        EXPECT_EQ(count_parameters(options, data.shape, static_cast<int>(data.classes.size())),
                  count);
      }
    }
  }
}

TEST(Backend, InitialWeightsAreThoseOfPyTorchAndNothingLiesBetweenThem) {
  const Dataset data = wave_data(4);
  const auto network = network_for({.channels = {5, 18}}, data);
  std::vector<float> rest(network->parameters().begin(), network->parameters().end());
  for (const TensorPlace& place : network->tensors()) {
    SCOPED_TRACE(place.name);
    const std::vector<float> values = entries(network->parameters(), place);
    if (place.inputs > 0) {
      const double bound = 1 / std::sqrt(static_cast<double>(place.inputs));
      EXPECT_LE(largest(values), bound);
      EXPECT_GT(largest(values), 0.5 * bound);
    } else {
      EXPECT_THAT(values, ::testing::Each(place.name.ends_with(".scale") ? 1.0F : 0.0F));
    }
    for (std::int64_t out = 0; out < place.sizes[0]; ++out)
      for (std::int64_t row = 0; row < place.sizes[1]; ++row)
        for (std::int64_t column = 0; column < place.sizes[2]; ++column)
          for (std::int64_t in = 0; in < place.sizes[3]; ++in)
            rest[static_cast<std::size_t>(place.at(out, row, column, in))] = 0;
  }
  EXPECT_EQ(largest(rest), 0);
}

/// Compares weights, then loss, gradients, running statistics and outputs of one batch. f32 has 24
/// bits, and sums of some hundred terms lose a few: 1e-4 of the largest is ten times what was seen.
void expect_alike(const TrainerOptions& options, const Dataset& data) {
  const auto native = network_for(with_backend(options, "native"), data);
  const auto torch = network_for(with_backend(options, "torch"), data);
  const auto& ours = native->tensors();
  const auto& theirs = torch->tensors();
  ASSERT_EQ(ours.size(), theirs.size());
  const auto expect_same_tensors = [&](std::span<const float> a, std::span<const float> b,
                                       double tolerance) {
    for (std::size_t i = 0; i < ours.size(); ++i) {
      SCOPED_TRACE(ours[i].name);
      EXPECT_EQ(ours[i].name, theirs[i].name);
      EXPECT_EQ(ours[i].inputs, theirs[i].inputs);
      const std::vector<float> expected = entries(b, theirs[i]);
      EXPECT_LE(largest_difference(entries(a, ours[i]), expected), tolerance * largest(expected));
    }
  };
  expect_same_tensors(native->parameters(), torch->parameters(), 0);

  const std::vector<std::int64_t> labels(data.labels.begin(), data.labels.end());
  Rng native_rng(5);
  Rng torch_rng(5);
  for (int step = 0; step < 2; ++step) {  // twice: gradients must not add up
    const float loss = torch->train(data.values, labels, torch_rng);
    EXPECT_NEAR(native->train(data.values, labels, native_rng), loss, 1e-5 * loss);
    expect_same_tensors(native->gradients(), torch->gradients(), 1e-4);
  }
  EXPECT_EQ(native_rng.uniform(), torch_rng.uniform());
  EXPECT_LE(largest_difference(native->statistics(), torch->statistics()), 1e-5);

  std::vector<float> our_logits(labels.size() * data.classes.size());
  std::vector<float> their_logits(our_logits.size());
  native->evaluate(data.values, our_logits);
  torch->evaluate(data.values, their_logits);
  EXPECT_LE(largest_difference(our_logits, their_logits), 1e-4 * largest(their_logits));
}

TEST(Backend, BothBeginWithTheSameWeightsAndAgreeOnABatch) {
  if (!torch_is_here()) GTEST_SKIP() << kNoTorch;
  for (const bool norm : {false, true}) {
    SCOPED_TRACE(norm);
    expect_alike({.channels = {32, 64}, .batch_norm = norm}, wave_data(20));
    expect_alike({.channels = {8, 20}, .batch_norm = norm, .head = "flatten"}, bar_data(20));
    expect_alike({.channels = {6}, .batch_norm = norm, .dropout = 0.4, .activation = "tanh"},
                 wave_data(20));
  }
}

TEST(Backend, AMissingLibraryIsAnErrorThatSaysHowToGetIt) {
  const std::array<std::filesystem::path, 2> places = {"/nowhere/a.so", "/nowhere/b.so"};
  EXPECT_THAT(config_error([&] { load_torch_backend(places); }),
              AllOf(HasSubstr("/nowhere/a.so, /nowhere/b.so"), HasSubstr("libtorch-dev"),
                    HasSubstr("\"native\"")));
}

TEST(Backend, AFileThatIsNoLibraryIsAnErrorThatNamesIt) {
  const testing_support::TemporaryFolder folder;
  const std::array<std::filesystem::path, 1> file = {folder.path() / "hypertune_torch.so"};
  std::ofstream(file[0]) << "not a library";
  EXPECT_THAT(config_error([&] { load_torch_backend(file); }),
              AllOf(HasSubstr(file[0].string()), HasSubstr("cannot be loaded")));
}

TEST(Backend, ALibraryOfAnotherVersionIsRefused) {
  const std::array<std::filesystem::path, 1> file = {HYPERTUNE_OLD_TORCH_BACKEND};
  EXPECT_THAT(config_error([&] { load_torch_backend(file); }),
              AllOf(HasSubstr("belongs to hypertune 0.0.1"), HasSubstr("\"native\"")));
}

TEST(Backend, ALibraryOfSomebodyElseIsRefused) {
  const std::array<std::filesystem::path, 1> file = {HYPERTUNE_OTHER_LIBRARY};
  EXPECT_THAT(config_error([&] { load_torch_backend(file); }),
              HasSubstr("is no LibTorch backend of hypertune"));
}

}  // namespace
}  // namespace hypertune

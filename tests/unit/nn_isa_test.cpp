// Instruction sets: what is offered, what HYPERTUNE_ISA does, how threads are prepared.
#include "nn/isa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <string>
#include <thread>

#include "hypertune/error.h"
#include "nn/arena.h"
#include "nn/kernels.h"

namespace hypertune {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

/// HYPERTUNE_ISA for the time of a test; null unsets it.
class IsaVariable {
 public:
  explicit IsaVariable(const char* value) {
    const char* const before = std::getenv(kName);
    if (before != nullptr) before_ = before;
    had_one_ = before != nullptr;
    set(value);
  }
  ~IsaVariable() { set(had_one_ ? before_.c_str() : nullptr); }
  IsaVariable(const IsaVariable&) = delete;
  IsaVariable& operator=(const IsaVariable&) = delete;

 private:
  static constexpr const char* kName = "HYPERTUNE_ISA";
  static void set(const char* value) {
    if (value == nullptr) {
      unsetenv(kName);
    } else {
      setenv(kName, value, 1);
    }
  }
  std::string before_;
  bool had_one_ = false;
};

std::string message_of_choice() {
  try {
    chosen_isa();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(InstructionSets, ThePortableOneIsAlwaysSupported) {
  EXPECT_EQ(supported_isas().front(), Isa::Portable);
}

TEST(InstructionSets, TheLastSupportedOneIsChosenUnlessTheEnvironmentNamesAnother) {
  const IsaVariable none(nullptr);
  EXPECT_EQ(chosen_isa(), supported_isas().back());
  const IsaVariable empty("");
  EXPECT_EQ(chosen_isa(), supported_isas().back());
  for (const Isa isa : supported_isas()) {
    const IsaVariable named(std::string(isa_name(isa)).c_str());
    EXPECT_EQ(chosen_isa(), isa);
  }
}

TEST(InstructionSets, AnUnknownNameIsRefusedWithThoseThatAreKnown) {
  const IsaVariable wrong("avx51");
  EXPECT_THAT(message_of_choice(),
              AllOf(HasSubstr("HYPERTUNE_ISA"), HasSubstr("\"avx51\""),
                    HasSubstr("did you mean \"avx512\""), HasSubstr("portable")));
}

TEST(InstructionSets, OneThatThisMachineDoesNotOfferIsRefused) {
  for (const Isa isa : {Isa::Avx2, Isa::Avx512, Isa::Amx}) {
    const std::vector<Isa> supported = supported_isas();
    if (std::find(supported.begin(), supported.end(), isa) != supported.end()) continue;
    const IsaVariable missing(std::string(isa_name(isa)).c_str());
    EXPECT_THAT(message_of_choice(), AllOf(HasSubstr("does not offer"), HasSubstr("portable")));
  }
}

TEST(InstructionSets, EachHasATableOfFunctions) {
  for (const Isa isa : supported_isas()) {
    EXPECT_NE(kernels_for(isa).product, nullptr);
    EXPECT_NE(kernels_for(isa).rms_prop, nullptr);
  }
  EXPECT_EQ(kernels_for(Isa::Portable).isa, Isa::Portable);
}

#if defined(__x86_64__) || defined(__aarch64__)
TEST(InstructionSets, APreparedThreadComputesWithoutDenormalNumbers) {
  const auto half_of_smallest = [] {
    volatile float smallest = std::numeric_limits<float>::min();
    return smallest * 0.5F;
  };
  float before = 0;
  float after = 1;
  std::thread([&] {
    before = half_of_smallest();
    prepare_compute_thread(chosen_isa());
    after = half_of_smallest();
  }).join();
  EXPECT_GT(before, 0);
  EXPECT_EQ(after, 0);
  EXPECT_GT(half_of_smallest(), 0) << "other threads compute as before";
}
#endif

TEST(Arena, ArraysBeginAtACacheLineAndAreZero) {
  Arena arena;
  for (const std::int64_t count : {0, 1, 15, 16, 1000}) {
    const std::span<float> floats = arena.floats(count);
    EXPECT_EQ(floats.size(), static_cast<std::size_t>(count));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(floats.data()) % 64, 0U);
    EXPECT_THAT(floats, Each(0.0F));
  }
  EXPECT_EQ(arena.bytes(), static_cast<std::int64_t>(1032 * sizeof(float)));
}

}  // namespace
}  // namespace hypertune

// Replays the corpus of a fuzz target, and simple damage to each of its files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hypertune {
namespace {

/// Of longer files only so many places are damaged, evenly spread.
constexpr std::size_t kPlaces = 400;

std::vector<std::string> corpus() {
  std::vector<std::string> texts;
  const std::filesystem::path folder =
      std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "tests/fuzz/corpus" / HYPERTUNE_FUZZ_CORPUS;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    texts.push_back(read_file(entry.path()));
  }
  return texts;
}

void feed(const std::string& text) {
  ASSERT_NO_THROW(
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

TEST(HYPERTUNE_FUZZ_SUITE, TakesEveryFileOfTheCorpus) {
  const auto texts = corpus();
  EXPECT_GE(texts.size(), 8U);
  for (const std::string& text : texts) feed(text);
}

TEST(HYPERTUNE_FUZZ_SUITE, TakesBeginningsOfEachFile) {
  for (const std::string& text : corpus()) {
    const std::size_t stride = std::max<std::size_t>(1, text.size() / kPlaces);
    for (std::size_t length = 0; length < text.size(); length += stride) {
      feed(text.substr(0, length));
    }
  }
}

TEST(HYPERTUNE_FUZZ_SUITE, TakesEachFileWithAWrongByte) {
  constexpr std::string_view kWrong("\"\n[]{}=.,0'-e\\\xff\0", 16);
  for (const std::string& text : corpus()) {
    const std::size_t stride = std::max<std::size_t>(1, text.size() / kPlaces);
    for (std::size_t at = 0; at < text.size(); at += stride) {
      std::string damaged = text;
      damaged[at] = kWrong[(at / stride) % kWrong.size()];
      feed(damaged);
    }
  }
}

}  // namespace
}  // namespace hypertune

// Replays the corpus of the study file fuzz target, and simple damage to a good file.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hypertune {
namespace {

const std::filesystem::path kSource = HYPERTUNE_SOURCE_DIR;

void feed(const std::string& text) {
  ASSERT_NO_THROW(
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size()));
}

TEST(StudyFileFuzz, EveryFileOfTheCorpusEndsInAStudyOrAConfigError) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(kSource / "tests/fuzz/corpus/study_file")) {
    SCOPED_TRACE(entry.path().filename());
    feed(read_file(entry.path()));
    ++files;
  }
  EXPECT_GE(files, 20);
}

TEST(StudyFileFuzz, EveryBeginningOfAGoodFileEndsInAStudyOrAConfigError) {
  const std::string text = read_file(kSource / "experiments/batchnorm_vs_learning_rate.toml");
  for (std::size_t length = 0; length <= text.size(); ++length) feed(text.substr(0, length));
}

TEST(StudyFileFuzz, AGoodFileWithOneWrongByteEndsInAStudyOrAConfigError) {
  const std::string text = read_file(kSource / "experiments/batchnorm_vs_learning_rate.toml");
  constexpr std::string_view kWrong("\"\n[]{}=.,0\\\xff\0", 13);
  for (std::size_t at = 0; at < text.size(); ++at) {
    std::string damaged = text;
    damaged[at] = kWrong[at % kWrong.size()];
    feed(damaged);
  }
}

}  // namespace
}  // namespace hypertune

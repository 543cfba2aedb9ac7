// Feeds a fuzz target with changed and spliced files of its corpus:
//   NAME_fuzz INPUTS SEED tests/fuzz/corpus/NAME
// One that an exception escapes from is kept in `NAME_fuzz.input`. Works with any compiler; build
// with HYPERTUNE_SANITIZE to find more.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "base/files.h"
#include "hypertune/rng.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace hypertune {
namespace {

constexpr std::size_t kMostBytes = 8192;
constexpr int kMostChanges = 8;

std::size_t below(Rng& rng, std::size_t end) { return end == 0 ? 0 : rng() % end; }

/// Somewhere in the text, and of some length.
std::string piece(const std::string& text, Rng& rng) {
  const std::size_t at = below(rng, text.size());
  return text.substr(at, 1 + below(rng, std::size_t{1} << below(rng, 8)));
}

void change(std::string& text, const std::vector<std::string>& corpus, Rng& rng) {
  static const std::vector<std::string> kTokens = {
      "NaN",  "-Infinity", "1e999", "-1", "18446744073709551616",
      "null", "true",      "\"\"",  "\n", "{",
      "[",    "'",         "\\u",   ",",  "\xff",
      "\xc0", ";",         "x",     "0"};
  const std::size_t at = below(rng, text.size() + 1);
  switch (below(rng, 7)) {
    case 0:
      if (at < text.size()) text[at] = static_cast<char>(rng());
      return;
    case 1:
      if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(rng, 8)));
      return;
    case 2:
      text.erase(at, 1 + below(rng, 16));
      return;
    case 3:
      text.insert(at, kTokens[below(rng, kTokens.size())]);
      return;
    case 4:
      text.insert(at, piece(text, rng));
      return;
    case 5:
      text.insert(at, piece(corpus[below(rng, corpus.size())], rng));
      return;
    default:
      text.resize(at);
      return;
  }
}

std::vector<std::string> read_corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  std::ranges::sort(files);
  std::vector<std::string> corpus;
  for (const auto& file : files) corpus.push_back(read_file(file));
  return corpus;
}

void feed_all(std::uint64_t inputs, std::uint64_t seed, const std::vector<std::string>& corpus,
              const std::filesystem::path& kept) {
  for (std::uint64_t i = 0; i < inputs; ++i) {
    Rng rng(seed, i);
    std::string text = corpus[below(rng, corpus.size())];
    for (std::size_t n = 1 + below(rng, kMostChanges); n > 0; --n) change(text, corpus, rng);
    text.resize(std::min(text.size(), kMostBytes));
    try {
      LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    } catch (const std::exception& fault) {
      write_file(kept, text);
      std::cerr << "input " << i << " of seed " << seed << ", kept in " << kept << ": "
                << fault.what() << '\n';
      std::exit(1);
    }
  }
}

}  // namespace
}  // namespace hypertune

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: " << argv[0] << " INPUTS SEED CORPUS\n";
    return 2;
  }
  const std::string name = std::filesystem::path(argv[0]).filename().string();
  const auto corpus = hypertune::read_corpus(argv[3]);
  if (corpus.empty()) {
    std::cerr << name << ": there is no file in " << argv[3] << '\n';
    return 2;
  }
  const std::uint64_t inputs = std::stoull(argv[1]);
  hypertune::feed_all(inputs, std::stoull(argv[2]), corpus, name + ".input");
  std::cout << name << ": " << inputs << " inputs\n";
  return 0;
}

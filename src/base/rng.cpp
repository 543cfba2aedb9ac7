// Philox 4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011.
#include "hypertune/rng.h"

#include <cmath>
#include <numbers>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr std::uint32_t kMultiplier0 = 0xD2511F53;
constexpr std::uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
constexpr int kRounds = 10;

using Block = std::array<std::uint32_t, 4>;

constexpr std::uint32_t low_half(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high_half(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }
constexpr std::uint64_t joined(std::uint32_t high, std::uint32_t low) {
  return (static_cast<std::uint64_t>(high) << 32) | low;
}

Block philox(std::uint64_t key, std::uint64_t stream, std::uint64_t counter) {
  Block x = {low_half(counter), high_half(counter), low_half(stream), high_half(stream)};
  std::uint32_t key0 = low_half(key);
  std::uint32_t key1 = high_half(key);
  for (int round = 0; round < kRounds; ++round) {
    const std::uint64_t p0 = static_cast<std::uint64_t>(kMultiplier0) * x[0];
    const std::uint64_t p1 = static_cast<std::uint64_t>(kMultiplier1) * x[2];
    x = {high_half(p1) ^ x[1] ^ key0, low_half(p1), high_half(p0) ^ x[3] ^ key1, low_half(p0)};
    key0 += kWeyl0;
    key1 += kWeyl1;
  }
  return x;
}

/// 64-bit FNV-1a.
std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return h;
}

}  // namespace

Rng::Rng(std::uint64_t key, std::uint64_t stream) : key_(key), stream_(stream) {}

Rng Rng::for_trial(std::uint64_t study_seed, std::uint64_t draw) { return Rng(study_seed, draw); }

Rng Rng::fork(std::string_view name) const {
  // The child's key is a block of the parent's key at a counter that numbers never reach.
  const Block block = philox(key_, stream_ ^ hash(name), ~std::uint64_t{0});
  return Rng(joined(block[0], block[1]), joined(block[2], block[3]));
}

Rng::result_type Rng::operator()() {
  if (half_used_) {
    half_used_ = false;
    return block_[1];
  }
  const Block block = philox(key_, stream_, counter_++);
  block_ = {joined(block[0], block[1]), joined(block[2], block[3])};
  half_used_ = true;
  return block_[0];
}

double Rng::uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::uint64_t Rng::below(std::uint64_t n) {
  HT_ASSERT(n > 0);
  // Numbers under the threshold would make the small residues more likely: draw again.
  const std::uint64_t threshold = (0 - n) % n;
  for (;;) {
    const std::uint64_t x = (*this)();
    if (x >= threshold) return x % n;
  }
}

}  // namespace hypertune

// Sobol sequences: direction numbers by Bratley and Fox, "Algorithm 659", 1988.
#include "math/sobol.h"

#include <array>
#include <cstddef>

#include "base/assert.h"

namespace hypertune {
namespace {

constexpr int kBits = 32;

using Directions = std::array<std::uint32_t, kBits>;

/// Continues the recurrence that the table's entry at `at` begins, and moves `at` to the next.
constexpr Directions directions_at(std::size_t& at) {
  const std::size_t degree = kSobolTable[at++];
  const std::uint32_t polynomial = kSobolTable[at++];
  Directions v{};
  for (std::size_t k = 0; k < degree; ++k) {
    v[k] = static_cast<std::uint32_t>(kSobolTable[at++]) << (kBits - 1 - k);
  }
  for (std::size_t k = degree; k < kBits; ++k) {
    v[k] = v[k - degree] ^ (v[k - degree] >> degree);
    for (std::size_t j = 1; j < degree; ++j) {
      if ((polynomial >> (degree - 1 - j) & 1U) != 0) v[k] ^= v[k - j];
    }
  }
  return v;
}

constexpr std::array<Directions, kSobolDimensions> all_directions() {
  std::array<Directions, kSobolDimensions> all{};
  for (std::size_t k = 0; k < kBits; ++k) all[0][k] = std::uint32_t{1} << (kBits - 1 - k);
  std::size_t at = 0;
  for (std::size_t d = 1; d < all.size(); ++d) all[d] = directions_at(at);
  return all;
}

constexpr std::array<Directions, kSobolDimensions> kDirections = all_directions();

/// The finalizer of SplitMix64: every bit of the answer depends on every bit of `x`. Steele, Lea,
/// Flood, "Fast splittable pseudorandom number generators", 2014.
constexpr std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

/// What chance says at a node of the tree of prefixes; the root is 1, the children 2n and 2n + 1.
constexpr std::uint64_t at_node(std::uint64_t node, std::uint64_t key) {
  return mixed(key + mixed(node * 0x9E3779B97F4A7C15));
}

}  // namespace

std::uint32_t sobol(std::uint32_t index, int dimension) {
  HT_ASSERT(dimension >= 0 && dimension < kSobolDimensions);
  const Directions& v = kDirections[static_cast<std::size_t>(dimension)];
  std::uint32_t x = 0;
  for (std::size_t k = 0; index != 0; ++k, index >>= 1) {
    if ((index & 1U) != 0) x ^= v[k];
  }
  return x;
}

std::uint32_t owen_scrambled(std::uint32_t fraction, std::uint64_t key) {
  std::uint32_t flips = 0;
  std::uint64_t node = 1;
  for (int bit = kBits - 1; bit >= 0; --bit) {
    flips |= static_cast<std::uint32_t>(at_node(node, key) >> 63) << bit;
    node = node * 2 + (fraction >> bit & 1U);
  }
  return fraction ^ flips;
}

double owen_scrambled_unit(std::uint32_t fraction, std::uint64_t key) {
  const std::uint64_t leaf = (std::uint64_t{1} << kBits) + fraction;
  const std::uint64_t low_bits = at_node(leaf, key) >> (64 - 21);
  const std::uint64_t bits = std::uint64_t{owen_scrambled(fraction, key)} << 21 | low_bits;
  return static_cast<double>(bits) * 0x1.0p-53;
}

double padded_coordinate(std::uint32_t index, std::uint64_t key) {
  // Scrambling the index keeps blocks of 2^k consecutive indices together.
  const std::uint32_t shuffled = owen_scrambled(index, mixed(key));
  return owen_scrambled_unit(sobol(shuffled, 0), key);
}

}  // namespace hypertune

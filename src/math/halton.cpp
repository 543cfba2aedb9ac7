// Halton sequences: radical inverses, and permutations of their digits.
#include "math/halton.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "hypertune/rng.h"

namespace hypertune {
namespace {

constexpr std::array<int, kHaltonDimensions> first_primes() {
  std::array<int, kHaltonDimensions> primes{};
  std::size_t count = 0;
  for (int n = 2; count < primes.size(); ++n) {
    bool divided = false;
    for (std::size_t k = 0; k < count; ++k) divided = divided || n % primes[k] == 0;
    if (!divided) primes[count++] = n;
  }
  return primes;
}

constexpr std::array<int, kHaltonDimensions> kPrimes = first_primes();
constexpr double kBelowOne = 1.0 - 0x1.0p-53;

/// Where a random permutation of 0, ..., base - 1 puts `digit`.
std::uint32_t permuted(std::uint32_t digit, std::uint32_t base, Rng rng) {
  // Fisher and Yates decide the places in order, so that the first digits are cheap.
  if (digit == 0) return static_cast<std::uint32_t>(rng.below(base));
  std::vector<std::uint32_t> images(base);
  std::iota(images.begin(), images.end(), 0U);
  for (std::uint32_t i = 0; i <= digit; ++i) {
    std::swap(images[i], images[i + rng.below(base - i)]);
  }
  return images[digit];
}

}  // namespace

int halton_base(int dimension) {
  HT_ASSERT(dimension >= 0 && dimension < kHaltonDimensions);
  return kPrimes[static_cast<std::size_t>(dimension)];
}

double halton(std::uint32_t index, int dimension) {
  const auto base = static_cast<std::uint32_t>(halton_base(dimension));
  double x = 0;
  for (double place = 1.0 / base; index != 0; index /= base, place /= base) {
    x += place * (index % base);
  }
  return std::min(x, kBelowOne);
}

double scrambled_halton(std::uint32_t index, int dimension, std::uint64_t key) {
  const auto base = static_cast<std::uint32_t>(halton_base(dimension));
  double x = 0;
  std::uint64_t digit = 0;
  for (double place = 1.0 / base; place > 0x1.0p-54; index /= base, place /= base, ++digit) {
    x += place * permuted(index % base, base, Rng(key, digit));
  }
  return std::min(x, kBelowOne);
}

}  // namespace hypertune

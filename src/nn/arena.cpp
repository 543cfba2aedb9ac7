// Memory of a network.
#include "nn/arena.h"

#include <algorithm>

#include "base/assert.h"

namespace hypertune {
namespace {

/// Floats behind an array that a kernel may read.
constexpr std::int64_t kSlack = 64;

}  // namespace

std::span<float> Arena::floats(std::int64_t count) {
  HT_ASSERT(count >= 0);
  const auto size = static_cast<std::size_t>(count + kSlack);
  const std::size_t bytes = size * sizeof(float);
  blocks_.emplace_back(static_cast<float*>(::operator new[](bytes, kAlignment)));
  bytes_ += static_cast<std::int64_t>(bytes);
  float* const block = blocks_.back().get();
  std::fill_n(block, size, 0.0F);
  return {block, static_cast<std::size_t>(count)};
}

}  // namespace hypertune

// Memory of a network.
#include "nn/arena.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace hypertune {

std::span<float> Arena::floats(std::int64_t count) {
  HT_ASSERT(count >= 0);
  const auto size = static_cast<std::size_t>(count);
  std::unique_ptr<float[], Free> block(
      static_cast<float*>(::operator new[](size * sizeof(float), kAlignment)));
  std::fill_n(block.get(), size, 0.0F);
  bytes_ += static_cast<std::int64_t>(size * sizeof(float));
  return {blocks_.emplace_back(std::move(block)).get(), size};
}

}  // namespace hypertune

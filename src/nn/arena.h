// Memory of a network: taken once when it is built, never in a step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

namespace hypertune {

/// Hands out zeroed arrays that begin at a cache line; all are freed with it. Not thread-safe.
class Arena {
 public:
  std::span<float> floats(std::int64_t count);
  std::int64_t bytes() const { return bytes_; }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Free {
    void operator()(float* block) const { ::operator delete[](block, kAlignment); }
  };

  std::vector<std::unique_ptr<float[], Free>> blocks_;
  std::int64_t bytes_ = 0;
};

}  // namespace hypertune

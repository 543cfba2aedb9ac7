// Waiting for what other processes bring about.
#pragma once

#include <poll.h>

#include <chrono>
#include <functional>

namespace hypertune::testing_support {

/// Looks again and again until the condition holds; false when it does not within the limit.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::seconds limit = std::chrono::seconds(90)) {
  constexpr int kBetweenLooksMs = 50;
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, kBetweenLooksMs);
  }
  return true;
}

}  // namespace hypertune::testing_support

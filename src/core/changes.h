// Waiting until a study's trials have changed.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

namespace hypertune {

/// Counts what this process changes. Changes by other processes are found by looking again after a
/// while. Thread-safe.
class Changes {
 public:
  std::uint64_t count() const {
    const std::scoped_lock lock(mutex_);
    return count_;
  }

  void announce() {
    bool is_awaited = false;
    {
      const std::scoped_lock lock(mutex_);
      ++count_;
      is_awaited = waiting_ > 0;
    }
    if (is_awaited) changed_.notify_all();
  }

  /// Returns when there were more than `seen` changes, a stop is requested, or it is time to look
  /// at what other processes did.
  void wait(std::uint64_t seen, const std::stop_token& stop) {
    constexpr std::chrono::milliseconds kLookAgain{100};
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait_for(lock, stop, kLookAgain, [&] { return count_ > seen; });
    --waiting_;
  }

 private:
  mutable std::mutex mutex_;  // guards the counts
  std::condition_variable_any changed_;
  std::uint64_t count_ = 0;
  int waiting_ = 0;
};

}  // namespace hypertune

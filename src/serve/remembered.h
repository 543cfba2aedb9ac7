// Answers that take long to compute, kept for those who ask for the same.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace hypertune {

/// An answer is computed once for all who ask at the same time. One about an older revision is
/// given again while it is young, by the time that it took to compute: so computing takes a bounded
/// part of the time however fast a study changes, and small studies are always up to date.
/// Thread-safe.
class Remembered {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  explicit Remembered(Clock clock = std::chrono::steady_clock::now) : clock_(std::move(clock)) {}

  /// What `compute` throws leaves nothing behind.
  std::string get(const std::string& key, std::uint64_t revision,
                  const std::function<std::string()>& compute);

 private:
  struct Entry {
    std::mutex mutex;  // guards what follows, and is held while it is computed
    bool known = false;
    std::uint64_t revision = 0;
    std::string answer;
    std::chrono::steady_clock::time_point computed;
    std::chrono::steady_clock::duration took{};
  };
  std::shared_ptr<Entry> entry(const std::string& key);

  Clock clock_;
  std::mutex mutex_;  // guards what follows
  struct Kept {
    std::shared_ptr<Entry> entry;
    std::uint64_t used = 0;
  };
  std::map<std::string, Kept> kept_;
  std::uint64_t uses_ = 0;
};

}  // namespace hypertune

// A clock that tests move by hand.
#pragma once

#include <chrono>
#include <memory>

#include "hypertune/storage.h"

namespace hypertune::testing_support {

class ManualClock {
 public:
  /// The time now; copies of the function follow this clock.
  Clock function() const {
    return [now = now_] { return *now; };
  }
  TimePoint now() const { return *now_; }
  void advance(std::chrono::milliseconds by) { *now_ += by; }

 private:
  std::shared_ptr<TimePoint> now_ = std::make_shared<TimePoint>(
      std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + std::chrono::hours(12));
};

}  // namespace hypertune::testing_support

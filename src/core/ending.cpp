// Why no trial of a study begins any more: the first reason that a stopper or the study gives.
#include "core/ending.h"

#include <algorithm>
#include <utility>

namespace hypertune {

void Ending::set_stoppers(std::vector<std::unique_ptr<Stopper>> stoppers) {
  forget();
  const std::scoped_lock lock(mutex_);
  stoppers_ = std::move(stoppers);
}

void Ending::forget() {
  const std::scoped_lock lock(mutex_);
  reason_.reset();
  asked_below_ = 0;
}

bool Ending::has_stoppers() const {
  const std::scoped_lock lock(mutex_);
  return !stoppers_.empty();
}

void Ending::end(std::string reason) {
  const std::scoped_lock lock(mutex_);
  if (!reason_) reason_ = std::move(reason);
}

std::optional<std::string> Ending::reason() const {
  const std::scoped_lock lock(mutex_);
  return reason_;
}

bool Ending::ends_before(int first, int last, const Ask& ask) {
  const std::scoped_lock lock(mutex_);
  for (int number = std::max(first, asked_below_); !reason_ && number <= last; ++number) {
    for (const auto& stopper : stoppers_) {
      if (!reason_) reason_ = ask(*stopper, number);
    }
    asked_below_ = number + 1;
  }
  return reason_.has_value();
}

}  // namespace hypertune

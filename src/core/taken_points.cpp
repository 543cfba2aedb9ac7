// Points that trials have had: what is final is read once.
#include "core/taken_points.h"

#include <mutex>

namespace hypertune {

std::size_t TakenPoints::add_final(const SearchSpace& space, std::span<const TrialRecord> trials) {
  const std::unique_lock lock(mutex_);
  for (; count_ < trials.size(); ++count_) {
    const TrialRecord& trial = trials[count_];
    if (trial.number != static_cast<int>(count_) || !is_final(trial.state)) break;
    if (!trial.params.empty()) points_.insert(point_key(space, trial.params));
  }
  return count_;
}

bool TakenPoints::contains(const PointKey& point) const {
  const std::shared_lock lock(mutex_);
  return points_.contains(point);
}

}  // namespace hypertune

// The points of a study's space that its trials have had.
#pragma once

#include <set>
#include <shared_mutex>
#include <span>

#include "hypertune/trial.h"
#include "space/points.h"

namespace hypertune {

/// Remembers those of final trials, so that each is looked at once. Thread-safe.
class TakenPoints {
 public:
  /// Adds those of the first of these trials, which are all that have begun by increasing number:
  /// from number 0 on, while they are final and none is missing. Returns how many these are.
  std::size_t add_final(const SearchSpace& space, std::span<const TrialRecord> trials);
  bool contains(const PointKey& point) const;

 private:
  mutable std::shared_mutex mutex_;  // guards what follows
  std::set<PointKey> points_;
  std::size_t count_ = 0;  // of trials
};

}  // namespace hypertune

// The trials of a study that have begun, kept between decisions.
#pragma once

#include <shared_mutex>
#include <span>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// Reads from the store only what may have changed: what is neither final nor paused still.
/// Thread-safe; nothing is copied for a reader, who keeps writers waiting while a View lives.
class BegunTrials {
 public:
  BegunTrials(const Storage& storage, StudyId study) : storage_(storage), study_(study) {}

  /// Holds the records still as long as it lives.
  class View {
   public:
    std::span<const TrialRecord> trials() const { return trials_; }

   private:
    friend class BegunTrials;
    View(std::shared_lock<std::shared_mutex> lock, std::span<const TrialRecord> trials)
        : lock_(std::move(lock)), trials_(trials) {}
    std::shared_lock<std::shared_mutex> lock_;
    std::span<const TrialRecord> trials_;
  };

  /// All of them, as they are in the store now.
  View all();
  /// The trials numbered below `count`, which must be final.
  View first(int count);
  /// How many trials from number 0 on are final without a gap, as it is in the store now.
  int count_final();

 private:
  void refresh();
  /// Those below `known` were looked at before.
  void note_unfinished(int known);

  const Storage& storage_;
  StudyId study_;
  std::shared_mutex mutex_;  // guards what follows
  std::vector<TrialRecord> trials_;
  int gapless_ = 0;  // so many of the first are numbered from 0 without a gap
  int final_ = 0;    // so many of these are final, before the first that is not
  std::vector<Storage::Unfinished> unfinished_;  // the others of these
};

}  // namespace hypertune

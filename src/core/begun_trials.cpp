// The trials of a study that have begun: what is final is read once.
#include "core/begun_trials.h"

#include <iterator>
#include <mutex>

#include "base/assert.h"

namespace hypertune {

BegunTrials::View BegunTrials::all() {
  {
    const std::unique_lock lock(mutex_);
    refresh();
  }
  std::shared_lock lock(mutex_);
  const std::span<const TrialRecord> trials = trials_;
  return {std::move(lock), trials};
}

BegunTrials::View BegunTrials::first(int count) {
  std::shared_lock lock(mutex_);
  if (final_ < count) {
    lock.unlock();
    count_final();
    lock.lock();
    HT_ASSERT(final_ >= count);
  }
  const auto trials = std::span<const TrialRecord>(trials_).first(static_cast<std::size_t>(count));
  return {std::move(lock), trials};
}

int BegunTrials::count_final() {
  const std::unique_lock lock(mutex_);
  refresh();
  return final_;
}

void BegunTrials::refresh() {
  std::vector<TrialRecord> fresh = storage_.begun_trials(study_, final_);
  trials_.erase(trials_.begin() + final_, trials_.end());
  trials_.insert(trials_.end(), std::move_iterator(fresh.begin()), std::move_iterator(fresh.end()));
  while (final_ < std::ssize(trials_)) {
    const TrialRecord& next = trials_[static_cast<std::size_t>(final_)];
    if (next.number != final_ || !is_final(next.state)) break;
    ++final_;
  }
}

}  // namespace hypertune

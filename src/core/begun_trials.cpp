// The trials of a study that have begun: what is final or paused is read once.
#include "core/begun_trials.h"

#include <algorithm>
#include <mutex>
#include <utility>

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
  std::vector<TrialRecord> fresh = storage_.changed_trials(study_, gapless_, unfinished_);
  // Behind a gap, any trial may have begun since.
  trials_.erase(trials_.begin() + gapless_, trials_.end());
  int first_gap = gapless_;
  for (TrialRecord& trial : fresh) {
    if (trial.number >= gapless_) {
      trials_.push_back(std::move(trial));
    } else {
      if (trial.state == TrialState::Waiting) first_gap = std::min(first_gap, trial.number);
      trials_[static_cast<std::size_t>(trial.number)] = std::move(trial);
    }
  }
  if (first_gap < gapless_) {  // what had begun was given back
    std::erase_if(trials_, [](const TrialRecord& t) { return t.state == TrialState::Waiting; });
  }
  note_unfinished(first_gap);
}

void BegunTrials::note_unfinished(int known) {
  std::erase_if(unfinished_, [&](Storage::Unfinished& seen) {
    if (seen.number >= known) return true;
    const TrialRecord& trial = trials_[static_cast<std::size_t>(seen.number)];
    seen.paused_under.reset();
    if (trial.state == TrialState::Paused) seen.paused_under = trial.lease;
    return is_final(trial.state);
  });
  gapless_ = known;
  for (; gapless_ < std::ssize(trials_); ++gapless_) {
    const TrialRecord& trial = trials_[static_cast<std::size_t>(gapless_)];
    if (trial.number != gapless_) break;
    if (is_final(trial.state)) continue;
    unfinished_.push_back({gapless_, {}});
    if (trial.state == TrialState::Paused) unfinished_.back().paused_under = trial.lease;
  }
  final_ = unfinished_.empty() ? gapless_ : unfinished_.front().number;
}

}  // namespace hypertune

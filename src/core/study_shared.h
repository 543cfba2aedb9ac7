// What the parts of Study have in common; for its own source files alone.
#pragma once

#include <algorithm>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/begun_trials.h"
#include "core/changes.h"
#include "core/ending.h"
#include "core/shared_domains.h"
#include "core/taken_points.h"
#include "hypertune/study.h"

namespace hypertune {

struct Study::Shared {
  Shared(const Storage& storage, StudyId study) : begun(storage, study) {}
  BegunTrials begun;
  Changes changes;
  Ending ending;
  TakenPoints taken;
  std::mutex plan_mutex;  // guards what follows
  std::optional<std::string> plan_exhausted;
  std::shared_ptr<const std::vector<Params>> paired_cells;
  std::set<int> repeated;    // failed trials that are planned again
  std::mutex domains_mutex;  // guards what follows
  SharedDomains domains;
};

template <typename Action>
auto Study::with_history(const TrialRecord& of, bool wanted, Action action) const {
  History history{spec_.objectives, {}, spec_.seed, of.number, of.draw()};
  if (!wanted) return action(history);
  const BegunTrials::View view =
      lag_ ? shared_->begun.first(std::max(0, of.number - *lag_)) : shared_->begun.all();
  history.trials = view.trials();
  history.earlier = earlier_;
  return action(history);
}

/// Throws ParameterConflict for values that no trial of the study may have together.
void require_allowed(const SearchSpace& space, const Params& values);

/// Whether a process of ours runs the trial; others run theirs without a lease.
inline bool runs(const TrialRecord& trial) {
  return trial.state == TrialState::Running && trial.lease > 0;
}

}  // namespace hypertune

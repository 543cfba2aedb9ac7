// What happened to a trial between two looks at it, in words.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "base/json.h"
#include "hypertune/history.h"
#include "hypertune/storage.h"

namespace hypertune {

/// What was seen of a trial that is not final.
struct SeenTrial {
  TrialState state = TrialState::Waiting;
  int lease = 0;
  std::size_t params = 0;
  std::size_t reports = 0;
  std::optional<TimePoint> started = {};
  bool announced = false;  ///< that it began; parameters are decided a moment later

  bool same_as(const TrialRecord& trial) const;
};
SeenTrial seen(const TrialRecord& trial);

/// `TrialEvent` of the API, without its revision; null when there is nothing to tell. `before` is
/// what was seen last; nothing when it was not there. `now` is when it was looked at.
Json trial_event(StudyId study, std::span<const Objective> objectives, const TrialRecord& trial,
                 const std::optional<SeenTrial>& before, TimePoint now);

/// Whether a trial that began is to be announced by the next look: when its parameters are known.
bool announces_later(const TrialRecord& trial, const std::optional<SeenTrial>& before);

/// Milliseconds since 1970.
std::int64_t milliseconds_since_epoch(TimePoint time);

}  // namespace hypertune

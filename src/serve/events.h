// What happened lately, in order, for those who listen.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "hypertune/storage.h"

namespace hypertune {

/// One line of an event stream.
struct LiveEvent {
  std::uint64_t id = 0;  ///< 1, 2, 3, ... since the server began
  StudyId study = 0;
  std::string kind = {};  ///< `trial`, `study`, `studies`, `note`; see docs/reference/http-api.md
  Json data = {};
};

/// The last `kKeptEvents` events. Thread-safe.
class Events {
 public:
  static constexpr std::size_t kKeptEvents = 4096;

  Events();
  void publish(StudyId study, std::string kind, Json data);

  /// The name of an event's place: `EPOCH-ID`, where the epoch is that of this server's life.
  std::string place(std::uint64_t id) const;
  /// The id of a place; nothing for one of another server's life, or of what is forgotten: whoever
  /// was there has missed something.
  std::optional<std::uint64_t> id_of(std::string_view place) const;
  std::uint64_t last_id() const;

  /// Events after `id` about the study (all of them when none is named), at most `limit`; waits for
  /// the first for `patience` at most. Empty when none came, or `stop` was requested, or a gap was
  /// found (then `id_of(place(id))` is nothing).
  std::vector<LiveEvent> after(std::uint64_t id, std::optional<StudyId> study, std::size_t limit,
                               std::chrono::milliseconds patience, std::stop_token stop) const;

  /// Whether somebody listens to events about the study (of all when none is named), or did so
  /// within `lately`.
  bool listened_to(std::optional<StudyId> study, std::chrono::milliseconds lately) const;

 private:
  using Time = std::chrono::steady_clock::time_point;

  // What follows is called with the mutex held.
  bool is_forgotten(std::uint64_t id) const { return id + kept_.size() < last_; }
  void note_listener(std::optional<StudyId> study, Time until) const;

  std::string epoch_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable_any came_;
  std::deque<LiveEvent> kept_;
  std::uint64_t last_ = 0;
  mutable std::map<StudyId, Time> listened_;  // until when, by study; 0: to all
};

}  // namespace hypertune

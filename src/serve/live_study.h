// One study that is read in blocks and then followed.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "serve/events.h"
#include "serve/live_studies.h"
#include "serve/trial_events.h"

namespace hypertune {

/// Attributes of a study that facts are made of.
using StatedAttributes = std::map<std::string, std::string, std::less<>>;
StatedAttributes stated_attributes(const Storage& storage, StudyId study);
/// Throws StorageError; a damaged experiment counts as none.
StudyFacts read_facts(const Storage& storage, StudyId study, const StatedAttributes& attributes);

/// Its trials, which it follows, and what was stated about it.
class LiveStudy {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Reads the facts. Throws StorageError.
  LiveStudy(const Storage& storage, StudyId id, Events& events);

  StudyId id() const { return id_; }

  // Any thread:

  void read(const std::function<void(const LiveStudies::Reading&)>& use);
  StudyOverview overview();
  /// Wait until the first trials, or all of them, are there, or reading them failed; for `patience`
  /// at most. The first throws StorageError when that is why there are none.
  void await_first(std::chrono::milliseconds patience);
  void await_loaded(std::chrono::milliseconds patience);

  bool is_loaded() const { return is_loaded_; }

  // The following thread alone. What reads the store throws StorageError.

  void load_block();
  /// Reads what changed since. `thorough`: also what waits far behind the next trials to run.
  void look(bool thorough);
  /// Whether a look is due although the store did not change.
  bool wants_look(Time now) const { return wants_look_ || (wants_sweep_ && sweep_is_due(now)); }
  /// Whether it is another study by now, or none.
  bool is_gone() const { return is_gone_; }
  /// Publishes what is due of the summary, and reads the facts again where they may be others.
  void settle(Time now);
  void failed(const std::string& what);

 private:
  /// Who reads waits for who writes and the other way round, each in turn.
  std::shared_lock<std::shared_mutex> reading() const;
  std::unique_lock<std::shared_mutex> writing() const;

  void take(std::vector<TrialRecord> trials, bool are_new);
  void look_at_waiting(bool thorough);
  void look_at_new();
  /// Asks for these, which are not final; returns how many of them changed.
  std::size_t look_at(const std::vector<Storage::Unfinished>& trials);
  bool sweep_is_due(Time now) const;
  void refresh_facts();
  StudyOverview overview_held() const;
  double loaded_held() const;

  const Storage& storage_;
  const StudyId id_;
  Events& events_;

  mutable std::mutex turn_;          // held by who waits for `mutex_`
  mutable std::shared_mutex mutex_;  // guards what follows
  std::condition_variable_any came_;
  StudyFacts facts_;
  TrialTable table_;
  std::uint64_t revision_ = 1;
  int total_ = 0;  // trials that are to be loaded
  bool has_first_ = false;
  std::atomic<bool> is_loaded_ = false;  // read without the lock too
  std::string failure_;

  // The following thread's own.
  StatedAttributes attributes_;          // as they were when the facts were read
  std::map<int, SeenTrial> unfinished_;  // by number, Waiting ones among them
  int next_ = 0;                         // the first number that was not read yet
  int block_ = 0;
  bool wants_look_ = false;
  bool wants_sweep_ = false;
  bool is_gone_ = false;
  bool summary_is_due_ = false;
  bool facts_are_due_ = false;
  Time published_{};
  Time facts_read_{};
  Time swept_{};
  std::chrono::nanoseconds sweep_cost_{};
};

}  // namespace hypertune

// What other processes do with a study, read from its store as events.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "hypertune/storage.h"
#include "hypertune/tune.h"

namespace hypertune {

/// Not thread-safe. Reads only what may have changed since it last looked.
class StudyFollower {
 public:
  using OnEvent = std::function<void(const Event&)>;

  /// What is stored when it begins is no news, apart from the trials that run. Of failed trials
  /// those that are repeated, see `wants_retry`, are lost rather than finished.
  StudyFollower(const Storage& storage, StudyId study, int max_attempts);

  /// Reports what happened since the last time. The workers of events are places in a list: each
  /// running trial has the lowest that is free when it is first seen.
  void poll(const OnEvent& on_event);

  /// As of the last poll: trials that workers of ours run, and how many processes these are.
  int running() const { return static_cast<int>(running_.size()); }
  int processes() const;
  bool has_paused() const { return !paused_.empty(); }

 private:
  struct Running {
    int lease = 0;
    int place = 0;
    std::size_t reports = 0;
    std::string worker = {};
  };
  struct Paused {
    int lease = 0;
    std::size_t reports = 0;
  };

  void take(const TrialRecord& trial, const OnEvent& on_event);
  void take_running(const TrialRecord& trial, const OnEvent& on_event);
  void take_reports(const TrialRecord& trial, Running& known, const OnEvent& on_event);
  void take_back(const TrialRecord& trial, const OnEvent& on_event);
  int free_place() const;
  void note_ended(int number);

  const Storage& storage_;
  StudyId study_;
  int max_attempts_;
  int first_unknown_ = 0;           // all trials below it have begun
  std::set<int> ended_;             // those at or above first_unknown_ that are final
  std::map<int, Running> running_;  // by number
  std::map<int, Paused> paused_;    // by number
};

}  // namespace hypertune

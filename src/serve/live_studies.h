// The studies of a store as they are now: tables that follow the store, and events about changes.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/storage.h"
#include "report/study_view.h"
#include "serve/events.h"
#include "serve/trial_table.h"

namespace hypertune {

/// What a list of studies shows.
struct StudyOverview {
  StudyId id = 0;
  StudySpec spec = {};  ///< name and objectives
  TrialCounts counts = {};
  std::optional<TrialRecord> best = {};  ///< of the first objective
  std::optional<TimePoint> started = {};
  std::optional<TimePoint> changed = {};  ///< when a trial began or ended last
  bool ours = false;                      ///< whether a specification of ours is stored
  std::string stopped = {};               ///< why trials of the plan were not run
};

/// As `StudySummary` of the API.
Json summary_json(const StudyOverview& study);

/// Everything about one study but its trials.
struct StudyFacts {
  StudySpec spec = {};  ///< for a study of another program, a space put together from its trials
  bool ours = false;
  std::optional<StatedExperiment> experiment = {};
  Json provenance = Json::object();
  std::string stopped = {};
};

struct LiveOptions {
  /// How often the store is asked whether something changed while somebody listens.
  std::chrono::milliseconds pace{100};
  /// How long a study that nobody asks for is followed, and kept in memory.
  std::chrono::seconds kept{600};
};

/// Reads a study when it is first asked for, in blocks, so that readers see the part that is read
/// already; then follows it: a thread asks the store for what changed and publishes events.
/// Thread-safe. A store that cannot be read for a while is asked again; `trouble` tells.
class LiveStudies {
 public:
  LiveStudies(std::shared_ptr<Storage> storage, LiveOptions options = {});
  ~LiveStudies();
  LiveStudies(const LiveStudies&) = delete;
  LiveStudies& operator=(const LiveStudies&) = delete;

  /// By id; read at most once a second.
  std::vector<StudyOverview> overviews();
  bool has(StudyId study);

  /// What a reader sees of a study: nothing changes while `read` runs.
  struct Reading {
    const TrialTable& table;
    const StudyFacts& facts;
    double loaded;           ///< part of the trials that are in the table, 0 to 1
    std::uint64_t revision;  ///< grows with each change of the table
    TimePoint now;
  };
  /// Calls `use`, which must not call this object again. Throws HttpError (404) when there is no
  /// such study, StorageError when it cannot be read at all.
  void read(StudyId study, const std::function<void(const Reading&)>& use);
  /// Waits until the whole study is in its table, for `patience` at most.
  void await_loaded(StudyId study, std::chrono::milliseconds patience);

  /// The trial as it is stored now, with reports. Nothing when there is none.
  std::optional<TrialRecord> trial(StudyId study, int number) const;

  Events& events();
  Storage& storage() const;
  /// Looks for changes at once: something was written by this process.
  void hasten();
  /// Why the store cannot be read at present; empty when it can.
  std::string trouble() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace hypertune

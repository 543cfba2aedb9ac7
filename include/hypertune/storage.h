// Stores keep the history of studies.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/history.h"
#include "hypertune/space.h"

namespace hypertune {

/// What identifies a study. Everything else about it is kept in its attributes.
struct StudySpec {
  std::string name = {};
  std::vector<Objective> objectives = {};
  SearchSpace space = {};
  std::uint64_t seed = 0;
};

/// A worker's wish for a trial: who asks, and for how long the trial is its own without a
/// heartbeat.
struct Lease {
  std::string worker;
  std::chrono::seconds duration{60};
  /// Trials with higher numbers are not wanted.
  int highest_number = std::numeric_limits<int>::max();
};

/// How many trials of a study are in each state.
struct TrialCounts {
  int waiting = 0;
  int running = 0;
  int paused = 0;
  int complete = 0;
  int pruned = 0;
  int failed = 0;
  int total() const { return waiting + running + paused + complete + pruned + failed; }
};

/// What is wrong with a store, and how to mend it.
struct Finding {
  enum class Severity : std::uint8_t { Note, Warning, Damage };
  Severity severity = Severity::Note;
  std::string what = {};
  std::string mend = {};
};

/// A larger checkpoint is refused.
constexpr std::size_t kMaxCheckpointBytes = std::size_t{256} << 20;

/// A longer note is refused.
constexpr std::size_t kMaxNoteBytes = std::size_t{256} << 10;

/// What people wrote about a study or a trial, in Markdown.
struct Note {
  std::string text = {};
  int version = 0;  ///< 0: there is none; grows with each change
};

/// The history of any number of studies. Every method is one transaction: it happens wholly or not
/// at all, and other processes see it so. Thread-safe. Failures throw StorageError.
class Storage {
 public:
  virtual ~Storage() = default;

  /// Creates the study, or finds the one of that name. Throws StudyMismatch, saying what differs,
  /// when its space, seed or objectives are others. A study that another program made (no
  /// specification stored) only has to agree in its objectives.
  virtual StudyId open_study(const StudySpec& spec) = 0;

  virtual std::optional<StudyId> find_study(std::string_view name) const = 0;
  virtual std::vector<std::string> study_names() const = 0;

  /// As it was opened first. For a study made by another program: name and objectives alone.
  virtual StudySpec spec(StudyId study) const = 0;

  /// Attributes are JSON texts by key. `set_attribute` replaces.
  virtual void set_attribute(StudyId study, std::string_view key, std::string_view json) = 0;
  virtual std::map<std::string, std::string, std::less<>> attributes(StudyId study) const = 0;

  /// Appends Waiting trials in the order given, leaving out those whose key is already planned.
  /// Returns how many were new.
  virtual int enqueue(StudyId study, std::span<const TrialPlan> plans) = 0;

  /// Takes the Waiting trial with the lowest number: it becomes Running under a new lease. Nothing
  /// when no trial waits, or only such as are not wanted. The crash of a database's server may undo
  /// a claim under which nothing was written yet: what is written under it later throws LeaseLost.
  virtual std::optional<TrialRecord> claim(StudyId study, const Lease& lease) = 0;

  /// One decided parameter. `at` in the writes that follow fences them.
  struct ParamValue {
    std::string name;
    Domain domain;
    Value value;
  };
  /// Throws ParameterConflict when the study uses the name with an incompatible domain.
  virtual void set_params(Claim at, std::span<const ParamValue> params) = 0;
  virtual void add_report(Claim at, const Report& report) = 0;
  virtual void finish(Claim at, const Outcome& outcome) = 0;
  /// Gives back what was claimed and not begun: the trial waits again.
  virtual void release(Claim at) = 0;

  /// Keeps these bytes with the trial, in the place of those it kept before. Throws Error for more
  /// than kMaxCheckpointBytes.
  virtual void save_checkpoint(Claim at, std::string_view bytes) = 0;
  /// What was saved last; nothing when nothing was. What `finish` ends keeps it.
  virtual std::optional<std::string> checkpoint(StudyId study, int number) const = 0;
  /// Forgets the checkpoints of these trials, where they have any.
  virtual void drop_checkpoints(StudyId study, std::span<const int> numbers) = 0;

  /// The trial becomes Paused, and nobody's.
  virtual void pause(Claim at) = 0;
  /// Takes a trial that paused under this claim: it becomes Running under a new lease. Nothing when
  /// it does not pause any more, or paused again since.
  virtual std::optional<TrialRecord> resume(Claim paused, const Lease& lease) = 0;
  /// Ends such a trial, and drops its checkpoint. False, and nothing happens, where `resume` fails.
  virtual bool end_paused(Claim paused, const Outcome& outcome) = 0;

  /// Renews the leases. Returns the claims that are no longer valid.
  virtual std::vector<Claim> heartbeat(std::span<const Claim> claims,
                                       std::chrono::seconds duration) = 0;

  /// Fails (WorkerLost) every Running trial whose lease ran out or whose worker is known to be
  /// dead, and returns them. Trials that another program runs without a lease are left alone.
  virtual std::vector<TrialRecord> fail_stale(StudyId study) = 0;

  /// Trials numbered `first_number` to `last_number`, by increasing number.
  virtual std::vector<TrialRecord> trials(
      StudyId study, int first_number = 0,
      int last_number = std::numeric_limits<int>::max()) const = 0;

  /// The same without those that wait; takes no longer when many do.
  virtual std::vector<TrialRecord> begun_trials(StudyId study, int first_number = 0) const = 0;

  /// A begun trial that was not final when somebody read it.
  struct Unfinished {
    int number = 0;
    std::optional<int> paused_under = {};  ///< its lease, when it was Paused
  };
  /// For who has the begun trials below `first_number`: those of `seen` that are not Paused still
  /// under the same lease, whatever they are now, then the begun ones from `first_number` on.
  virtual std::vector<TrialRecord> changed_trials(StudyId study, int first_number,
                                                  std::span<const Unfinished> seen) const = 0;

  /// The lowest number of a Waiting trial; nothing when none waits.
  virtual std::optional<int> next_waiting(StudyId study) const = 0;

  /// These three take no longer, and no more memory, for the trials that they do not return.
  virtual TrialCounts counts(StudyId study) const = 0;
  /// The trials in one of these states, by increasing number.
  virtual std::vector<TrialRecord> trials_in(StudyId study,
                                             std::span<const TrialState> states) const = 0;
  /// The Complete trial whose first objective is best; of equals the first one.
  virtual std::optional<TrialRecord> best_trial(StudyId study) const = 0;

  /// Appends trials as they are, for copies and imports: final ones, and Waiting ones. Their
  /// numbers must go on where those of the study end; ids and leases are given anew. Throws
  /// StorageError for others, and what `set_params`, `add_report` and `finish` would throw.
  virtual void restore(StudyId study, std::span<const TrialRecord> trials) = 0;

  /// Another text than before whenever something in the store may have changed since, whoever
  /// changed it. Cheap.
  virtual std::string revision() const = 0;

  /// The note about the study, or about its trial of this number, where optuna-dashboard keeps it.
  virtual Note note(StudyId study, std::optional<int> number = {}) const = 0;
  /// Replaces the note of version `expected_version`. False, and nothing happens, when its version
  /// is another. Throws Error for more than kMaxNoteBytes.
  virtual bool set_note(StudyId study, std::optional<int> number, std::string_view text,
                        int expected_version) = 0;

  /// Looks for damage, and for what will make trouble. Does not change anything.
  virtual std::vector<Finding> examine() const = 0;
};

/// Wall clock of a store; tests pass their own.
using Clock = std::function<TimePoint()>;
Clock system_clock();

/// In this process only; gone with it.
std::shared_ptr<Storage> memory_storage(Clock clock = system_clock());

struct SqliteOptions {
  /// Create the file when it is missing; otherwise that is an error.
  bool create = true;
  /// Plans and results survive a power cut as soon as they are stored, with all that led to them;
  /// otherwise they survive the death of the process alone, and storing them is 30 times faster.
  bool durable = false;
  /// How long a writer waits for its turn before it gives up.
  std::chrono::milliseconds lock_timeout{60'000};
  Clock clock = system_clock();
};

/// A SQLite file in Optuna's schema, which `optuna.load_study` opens while it is in use. Any number
/// of processes on one machine may share it. Throws StorageError for a file that is not a database
/// or belongs to another program.
std::shared_ptr<Storage> sqlite_storage(const std::filesystem::path& file,
                                        SqliteOptions options = {});

struct PostgresOptions {
  /// How long to wait for the server, and for a lock that another holds.
  std::chrono::milliseconds timeout{60'000};
  /// Time of leases; default: the server's clock, which all machines share.
  Clock clock = {};
};

/// A PostgreSQL database (15 or newer) in Optuna's schema, shared by any number of machines. `url`
/// is libpq's: `postgresql://user@host:5432/database?sslmode=require`; the password is best left to
/// PGPASSWORD or ~/.pgpass. A lost connection is made again. Throws StorageError that never shows
/// the password.
std::shared_ptr<Storage> postgres_storage(const std::string& url, PostgresOptions options = {});

/// The store of a URL: `sqlite:///relative.db`, `sqlite:////absolute.db`, a path alone, or
/// `postgresql://...`. Throws ConfigError for others.
std::shared_ptr<Storage> open_storage(const std::string& url, SqliteOptions sqlite = {});

/// The URL without its password, for people to read.
std::string masked_url(std::string_view url);

}  // namespace hypertune

// The store in a SQL database, in Optuna's schema. Its methods are in sql_studies.cpp,
// sql_queue.cpp, sql_trials.cpp, sql_history.cpp and sql_notes.cpp.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "base/json.h"
#include "hypertune/storage.h"
#include "storage/sql_database.h"

namespace hypertune {

std::int64_t microseconds_since_epoch(TimePoint time);

class SqlStorage final : public Storage {
 public:
  /// Of a database that has its tables. Without a clock the database's own tells the time.
  SqlStorage(std::unique_ptr<SqlDatabase> database, Clock clock)
      : clock_(std::move(clock)), database_(std::move(database)) {}

  StudyId open_study(const StudySpec& spec) override;
  std::optional<StudyId> find_study(std::string_view name) const override;
  std::vector<std::string> study_names() const override;
  StudySpec spec(StudyId study) const override;
  void set_attribute(StudyId study, std::string_view key, std::string_view json) override;
  std::map<std::string, std::string, std::less<>> attributes(StudyId study) const override;
  int enqueue(StudyId study, std::span<const TrialPlan> plans) override;
  std::optional<TrialRecord> claim(StudyId study, const Lease& lease) override;
  void set_params(Claim at, std::span<const ParamValue> params) override;
  void add_report(Claim at, const Report& report) override;
  void finish(Claim at, const Outcome& outcome) override;
  void release(Claim at) override;
  void save_checkpoint(Claim at, std::string_view bytes) override;
  std::optional<std::string> checkpoint(StudyId study, int number) const override;
  void drop_checkpoints(StudyId study, std::span<const int> numbers) override;
  void pause(Claim at) override;
  std::optional<TrialRecord> resume(Claim paused, const Lease& lease) override;
  bool end_paused(Claim paused, const Outcome& outcome) override;
  std::vector<Claim> heartbeat(std::span<const Claim> claims,
                               std::chrono::seconds duration) override;
  std::vector<TrialRecord> fail_stale(StudyId study) override;
  std::vector<TrialRecord> trials(StudyId study, int first_number, int last_number) const override;
  std::vector<TrialRecord> begun_trials(StudyId study, int first_number) const override;
  std::vector<TrialRecord> changed_trials(StudyId study, int first_number,
                                          std::span<const Unfinished> seen) const override;
  std::optional<int> next_waiting(StudyId study) const override;
  TrialCounts counts(StudyId study) const override;
  std::vector<TrialRecord> trials_in(StudyId study,
                                     std::span<const TrialState> states) const override;
  std::optional<TrialRecord> best_trial(StudyId study) const override;
  void restore(StudyId study, std::span<const TrialRecord> trials) override;
  std::string revision() const override;
  Note note(StudyId study, std::optional<int> number) const override;
  bool set_note(StudyId study, std::optional<int> number, std::string_view text,
                int expected_version) override;
  std::vector<Finding> examine() const override;

 private:
  using Kind = SqlDatabase::Kind;

  template <class Work>
  auto transact(Kind kind, Work work) const {
    const std::scoped_lock lock(mutex_);
    return hypertune::transact(*database_, kind, work);
  }

  enum class AtOnce : std::uint8_t {
    Done,
    Refused,  ///< nothing was written; the longer way finds out why
    Unknown,  ///< it may be written, or not
  };
  /// Writes to a trial that is held under `at` in one trip to the server, which checks that it is.
  /// `write(held)` must not read.
  template <class Write>
  AtOnce write_at_once(Kind kind, Claim at, Write write);

  // What follows is called with the mutex held and in a transaction.

  /// A trial that may be written to.
  struct TrialRow {
    StudyId study = 0;
    int number = 0;
    bool has_params = false;
    std::optional<std::int64_t> last_step = {};
  };

  /// With what a study uses the name of a parameter: as it is stored, and read.
  struct UsedDomain {
    std::string text;
    Domain domain;
  };
  using UsedDomains = std::map<std::string, UsedDomain, std::less<>>;

  struct StaleTrial {
    TrialId id = 0;
    int number = 0;
    std::string worker;
  };

  /// Whether others may write while we do, but for what is locked here until the transaction ends.
  bool locks_rows() const { return database_->dialect() == SqlDialect::Postgres; }
  /// Of what the holder of a trial relies on later. A power cut ends the machine of a file with all
  /// that write to it; the workers of a server outlive its crash, and must not hold a trial that
  /// the server has forgotten, and gives under the same lease to others.
  Kind kept_for_holder() const { return locks_rows() ? Kind::Write : Kind::WriteOnTheWay; }
  /// Of what happens on the way to a result; of the first write to a trial after its claim, whose
  /// own commit did not wait for the disk, as `kept_for_holder`.
  Kind kept_on_the_way(TrialId trial) const;
  void note_kept(TrialId trial) const;
  void let_go(TrialId trial) const;
  /// For who adds trials to it. Optuna takes the same lock.
  void lock_study(StudyId study) const;
  void lock_trial(TrialId trial) const;
  template <class... Values>
  std::int64_t inserted(std::string_view sql, const Values&... values) {
    Query row = database_->query(sql, values...);
    row.next();
    return row.integer(0);
  }

  std::optional<StudyId> id_of(std::string_view name) const;
  std::vector<TrialRecord> begun_from(StudyId study, int first_number) const;
  /// By number.
  std::map<int, int> leases_of_paused(StudyId study) const;
  std::string study_name(StudyId study) const;
  std::optional<std::string> attribute(StudyId study, std::string_view key) const;
  std::vector<Objective> stored_objectives(StudyId study) const;
  std::vector<Objective> objectives(StudyId study) const;
  std::optional<StudySpec> stored_spec(StudyId study) const;
  StudyId create_study(const StudySpec& spec);
  void match_study(StudyId study, const StudySpec& spec);
  void put_study_attribute(StudyId study, std::string_view key, std::string_view json);
  std::optional<TrialId> noted_trial(StudyId study, std::optional<int> number) const;
  Note stored_note(StudyId study, std::optional<TrialId> trial) const;
  bool planned(StudyId study, const std::string& key) const;
  std::int64_t next_number(StudyId study) const;
  TrialId insert_trial(StudyId study, std::int64_t number, const TrialPlan& plan);
  void restore_trial(StudyId study, const TrialRecord& trial,
                     const std::vector<Objective>& objectives, UsedDomains& used);
  void put_trial_attribute(TrialId trial, std::string_view key, const Json& json);
  TrialRow writable_trial(Claim at) const;
  std::vector<StaleTrial> stale_trials(StudyId study) const;
  std::optional<TrialRow> paused_trial(Claim paused) const;
  void give_up_pause(TrialId trial, const std::optional<Lease>& lease);
  /// Adds to `used` what is stored for these names.
  void read_used_domains(StudyId study, std::span<const ParamValue> params,
                         UsedDomains& used) const;
  /// Of the trial's parameters.
  std::set<std::string, std::less<>> stored_names(TrialId trial) const;
  bool are_stored(TrialId trial, std::span<const ParamValue> params) const;
  void insert_params(TrialId id, const TrialRow& trial, std::span<const ParamValue> params,
                     UsedDomains& used);
  void insert_param(TrialId id, int number, const ParamValue& param, const UsedDomain* used,
                    bool decided);
  void insert_report(TrialId id, const Report& report, const Objective& watched);
  std::optional<std::string> used_distribution(StudyId study, const std::string& name) const;
  std::optional<double> last_reported(TrialId trial) const;
  Outcome settled(TrialId trial, int number, const Outcome& outcome,
                  const std::vector<Objective>& objectives) const;
  void end_trial(TrialId trial, const Outcome& outcome, const std::vector<Objective>& objectives,
                 std::optional<TimePoint> ended);
  TimePoint now() const;
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void fail_unknown(StudyId study) const;
  [[noreturn]] void fail_damaged(const std::string& study, std::string_view why) const;

  Clock clock_;
  mutable std::mutex mutex_;  // guards the connection, whose transaction is everybody's
  std::unique_ptr<SqlDatabase> database_;

  /// What does not change as long as a study lives. Forgotten when an id is looked up by name: on
  /// SQLite it may be that of a study that is gone.
  struct Known {
    std::vector<Objective> objectives;  ///< empty until they are read, and named
    UsedDomains domains;                ///< what others can see, for another use to agree with
  };
  mutable std::map<StudyId, Known> known_;

  /// A trial that this process holds, as far as it knows.
  struct Held {
    StudyId study = 0;
    int number = 0;
    /// When it was claimed here. A server that crashed may have forgotten a claim that nothing
    /// followed, and given the trial to others under the same lease, but not at the same time.
    std::optional<TimePoint> claimed = {};
    bool kept = true;  ///< the claim is on the disk
  };
  mutable std::map<TrialId, Held> held_;
};

}  // namespace hypertune

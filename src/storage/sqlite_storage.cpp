// The store in a SQLite file, in Optuna's schema.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <mutex>
#include <utility>

#include "base/json.h"
#include "base/worker_id.h"
#include "hypertune/error.h"
#include "hypertune/storage.h"
#include "storage/schema.h"
#include "storage/spec_json.h"
#include "storage/sqlite_database.h"
#include "storage/sqlite_records.h"
#include "storage/trial_rules.h"

namespace hypertune {
namespace {

using std::chrono::microseconds;

constexpr std::string_view kSpecAttribute = "hypertune:spec";
constexpr std::string_view kMetricNames = "study:metric_names";

std::int64_t microseconds_since_epoch(TimePoint time) {
  return std::chrono::floor<microseconds>(time).time_since_epoch().count();
}

std::string metric_names(const StudySpec& spec) {
  Json names = Json::array();
  for (const Objective& objective : spec.objectives) names.push_back(objective.metric);
  return dump_json(names);
}

class SqliteStorage final : public Storage {
 public:
  SqliteStorage(const std::filesystem::path& file, SqliteOptions options)
      : clock_(std::move(options.clock)), database_(file, options.create, options.lock_timeout) {
    prepare_schema(database_, options.durable);
  }

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
  void pause(Claim at) override;
  std::optional<TrialRecord> resume(Claim paused, const Lease& lease) override;
  bool end_paused(Claim paused, const Outcome& outcome) override;
  std::vector<Claim> heartbeat(std::span<const Claim> claims,
                               std::chrono::seconds duration) override;
  std::vector<TrialRecord> fail_stale(StudyId study) override;
  std::vector<TrialRecord> trials(StudyId study, int first_number) const override;
  std::vector<TrialRecord> begun_trials(StudyId study, int first_number) const override;
  std::vector<TrialRecord> changed_trials(StudyId study, int first_number,
                                          std::span<const Unfinished> seen) const override;
  std::optional<int> next_waiting(StudyId study) const override;

 private:
  // What follows is called with the mutex held and in a transaction.

  /// A trial that may be written to.
  struct TrialRow {
    StudyId study = 0;
    int number = 0;
  };

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
  bool planned(StudyId study, const std::string& key) const;
  void insert_trial(StudyId study, std::int64_t number, const TrialPlan& plan);
  void put_trial_attribute(TrialId trial, std::string_view key, const Json& json);
  TrialRow writable_trial(Claim at) const;
  std::optional<TrialRow> paused_trial(Claim paused) const;
  void give_up_pause(TrialId trial, const std::optional<Lease>& lease);
  void insert_param(Claim at, const TrialRow& trial, const ParamValue& param);
  std::optional<std::string> used_distribution(StudyId study, const std::string& name) const;
  Domain parsed_domain(const TrialRow& trial, const std::string& name,
                       const std::string& text) const;
  std::optional<double> last_reported(TrialId trial) const;
  void end_trial(TrialId trial, const Outcome& outcome, const std::vector<Objective>& objectives);
  TimePoint now() const { return std::chrono::floor<microseconds>(clock_()); }
  [[noreturn]] void fail(const std::string& what) const {
    throw StorageError(fmt::format("{}: {}", database_.name(), what));
  }
  [[noreturn]] void fail_damaged(const std::string& study, std::string_view why) const {
    fail(
        fmt::format("study \"{}\" is damaged: {}. Restore a copy, or start it again in another "
                    "folder",
                    study, why));
  }

  Clock clock_;
  mutable std::mutex mutex_;  // guards the connection, whose transaction is everybody's
  mutable Database database_;
};

// --- Studies ---

std::optional<StudyId> SqliteStorage::id_of(std::string_view name) const {
  Query row = database_.query("SELECT study_id FROM studies WHERE study_name = ?1", name);
  if (!row.next()) return std::nullopt;
  return row.integer(0);
}

std::string SqliteStorage::study_name(StudyId study) const {
  Query row = database_.query("SELECT study_name FROM studies WHERE study_id = ?1", study);
  if (!row.next()) fail(fmt::format("there is no study with id {}", study));
  return row.text(0);
}

std::optional<std::string> SqliteStorage::attribute(StudyId study, std::string_view key) const {
  Query row = database_.query(
      "SELECT value_json FROM study_system_attributes WHERE study_id = ?1 AND \"key\" = ?2", study,
      key);
  if (!row.next()) return std::nullopt;
  return row.text(0);
}

/// Metrics are empty texts where Optuna was not given names.
std::vector<Objective> SqliteStorage::stored_objectives(StudyId study) const {
  const std::string name = study_name(study);
  std::vector<Objective> all;
  {
    Query row = database_.query(
        "SELECT direction FROM study_directions WHERE study_id = ?1 ORDER BY objective", study);
    while (row.next()) {
      const bool maximize = row.text(0) == "MAXIMIZE";
      all.push_back({"", maximize ? Direction::Maximize : Direction::Minimize});
    }
  }
  if (all.empty()) fail_damaged(name, "it has no objective");
  const auto text = attribute(study, kMetricNames);
  if (!text) return all;
  try {
    const Json names = parse_json(*text);
    const bool usable = names.is_array() && names.size() == all.size() &&
                        std::ranges::all_of(names, [](const Json& n) { return n.is_string(); });
    if (!usable) throw Error("its metric names do not go with its objectives");
    for (std::size_t i = 0; i < all.size(); ++i) all[i].metric = names[i].get<std::string>();
  } catch (const Error& e) {
    fail_damaged(name, e.what());
  }
  return all;
}

/// With names for all; the ones that Optuna's data frames use where it has none.
std::vector<Objective> SqliteStorage::objectives(StudyId study) const {
  std::vector<Objective> all = stored_objectives(study);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].metric.empty()) continue;
    all[i].metric = all.size() == 1 ? "value" : fmt::format("values_{}", i);
  }
  return all;
}

/// Nothing for a study that another program made.
std::optional<StudySpec> SqliteStorage::stored_spec(StudyId study) const {
  const auto text = attribute(study, kSpecAttribute);
  if (!text) return std::nullopt;
  try {
    return spec_from_json(parse_json(*text));
  } catch (const Error& e) {
    fail_damaged(study_name(study), e.what());
  }
}

StudyId SqliteStorage::open_study(const StudySpec& spec) {
  check_spec(spec);
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  std::optional<StudyId> study = id_of(spec.name);
  if (study) {
    match_study(*study, spec);
  } else {
    study = create_study(spec);
  }
  transaction.commit();
  return *study;
}

StudyId SqliteStorage::create_study(const StudySpec& spec) {
  database_.run("INSERT INTO studies (study_name) VALUES (?1)", spec.name);
  const StudyId study = database_.last_insert_id();
  for (std::size_t i = 0; i < spec.objectives.size(); ++i) {
    const bool maximize = spec.objectives[i].direction == Direction::Maximize;
    // Optuna reads them in the order in which they were written.
    database_.run(
        "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, ?3)",
        maximize ? "MAXIMIZE" : "MINIMIZE", study, static_cast<std::int64_t>(i));
  }
  put_study_attribute(study, kMetricNames, metric_names(spec));
  put_study_attribute(study, kSpecAttribute, dump_json(to_json(spec)));
  return study;
}

void SqliteStorage::match_study(StudyId study, const StudySpec& spec) {
  if (const auto stored = stored_spec(study)) {
    check_match(spec.name, spec_differences(*stored, spec));
    return;
  }
  // Made by another program. It may not have named its objectives: then ours are the names.
  std::vector<Objective> stored = stored_objectives(study);
  const bool unnamed = stored.front().metric.empty();
  if (unnamed && stored.size() == spec.objectives.size()) {
    for (std::size_t i = 0; i < stored.size(); ++i) stored[i].metric = spec.objectives[i].metric;
  }
  check_match(spec.name, objective_differences(stored, spec.objectives));
  if (unnamed) put_study_attribute(study, kMetricNames, metric_names(spec));
}

std::optional<StudyId> SqliteStorage::find_study(std::string_view name) const {
  const std::scoped_lock lock(mutex_);
  return id_of(name);
}

std::vector<std::string> SqliteStorage::study_names() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> names;
  Query row = database_.query("SELECT study_name FROM studies ORDER BY study_id");
  while (row.next()) names.push_back(row.text(0));
  return names;
}

StudySpec SqliteStorage::spec(StudyId study) const {
  const std::scoped_lock lock(mutex_);
  const Transaction transaction(database_, Transaction::Kind::Read);
  if (auto stored = stored_spec(study)) return std::move(*stored);
  return {study_name(study), objectives(study), {}, 0};
}

void SqliteStorage::put_study_attribute(StudyId study, std::string_view key,
                                        std::string_view json) {
  database_.run(
      "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
      study, key, json);
}

void SqliteStorage::set_attribute(StudyId study, std::string_view key, std::string_view json) {
  check_attribute(key, json);
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  study_name(study);  // throws when there is none
  put_study_attribute(study, key, json);
  transaction.commit();
}

std::map<std::string, std::string, std::less<>> SqliteStorage::attributes(StudyId study) const {
  const std::scoped_lock lock(mutex_);
  const Transaction transaction(database_, Transaction::Kind::Read);
  study_name(study);  // throws when there is none
  std::map<std::string, std::string, std::less<>> all;
  Query row = database_.query(
      "SELECT \"key\", value_json FROM study_system_attributes WHERE study_id = ?1", study);
  while (row.next()) all.emplace(row.text(0), row.text(1));
  return all;
}

// --- The queue ---

bool SqliteStorage::planned(StudyId study, const std::string& key) const {
  return database_
      .query("SELECT 1 FROM hypertune_plans WHERE study_id = ?1 AND \"key\" = ?2", study, key)
      .next();
}

int SqliteStorage::enqueue(StudyId study, std::span<const TrialPlan> plans) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  study_name(study);  // throws when there is none
  std::int64_t next_number = 0;
  {
    Query row = database_.query(
        "SELECT number FROM trials WHERE study_id = ?1 ORDER BY number DESC LIMIT 1", study);
    if (row.next()) next_number = row.integer(0) + 1;
  }
  int inserted = 0;
  for (const TrialPlan& plan : plans) {
    if (!plan.key.empty() && planned(study, plan.key)) continue;
    insert_trial(study, next_number++, plan);
    ++inserted;
  }
  transaction.commit();
  return inserted;
}

void SqliteStorage::insert_trial(StudyId study, std::int64_t number, const TrialPlan& plan) {
  database_.run("INSERT INTO trials (number, study_id, state) VALUES (?1, ?2, ?3)", number, study,
                state_name(TrialState::Waiting));
  const TrialId trial = database_.last_insert_id();
  if (!plan.key.empty()) {
    database_.run("INSERT INTO hypertune_plans (trial_id, study_id, \"key\") VALUES (?1, ?2, ?3)",
                  trial, study, plan.key);
  }
  if (!plan.fixed.empty()) put_trial_attribute(trial, kFixedParams, to_json(plan.fixed));
  put_trial_attribute(trial, kPlanAttribute, plan_json(plan));
}

/// Nothing is written for null.
void SqliteStorage::put_trial_attribute(TrialId trial, std::string_view key, const Json& json) {
  if (json.is_null()) return;
  database_.run(
      "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
      trial, key, dump_json(json));
}

std::optional<TrialRecord> SqliteStorage::claim(StudyId study, const Lease& lease) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::WriteOnTheWay);
  const std::vector<Objective> all_objectives = objectives(study);
  TrialId trial = 0;
  int number = 0;
  {
    // Ids grow with the numbers.
    Query row = database_.query(
        "SELECT trial_id, number FROM trials WHERE study_id = ?1 AND state = 'WAITING' "
        "ORDER BY trial_id LIMIT 1",
        study);
    if (!row.next() || row.integer(1) > lease.highest_number) return std::nullopt;
    trial = row.integer(0);
    number = static_cast<int>(row.integer(1));
  }
  const TimePoint time = now();
  database_.run("UPDATE trials SET state = ?2, datetime_start = ?3 WHERE trial_id = ?1", trial,
                state_name(TrialState::Running), datetime_text(time));
  database_.run(
      "INSERT INTO hypertune_leases (trial_id, worker, lease, expires_us) VALUES (?1, ?2, 1, ?3) "
      "ON CONFLICT (trial_id) DO UPDATE SET worker = excluded.worker, lease = lease + 1, "
      "expires_us = excluded.expires_us",
      trial, lease.worker, microseconds_since_epoch(time + lease.duration));
  std::vector<TrialRecord> records = read_trials(database_, study, all_objectives, number, number);
  transaction.commit();
  return std::move(records.at(0));
}

// --- Writes of a running trial ---

SqliteStorage::TrialRow SqliteStorage::writable_trial(Claim at) const {
  Query row = database_.query(
      "SELECT t.study_id, t.number, t.state, l.lease, p.trial_id IS NOT NULL FROM trials t "
      "LEFT JOIN hypertune_leases l ON l.trial_id = t.trial_id "
      "LEFT JOIN hypertune_paused p ON p.trial_id = t.trial_id WHERE t.trial_id = ?1",
      at.trial);
  if (!row.next()) fail(fmt::format("there is no trial with id {}", at.trial));
  const TrialRow trial{row.integer(0), static_cast<int>(row.integer(1))};
  const int lease = row.is_null(3) ? 0 : static_cast<int>(row.integer(3));
  check_fence(at, trial.number, state_from_name(row.text(2), row.integer(4) != 0), lease);
  return trial;
}

std::optional<std::string> SqliteStorage::used_distribution(StudyId study,
                                                            const std::string& name) const {
  Query row = database_.query(
      "SELECT p.distribution_json FROM trials t CROSS JOIN trial_params p "
      "ON p.trial_id = t.trial_id AND p.param_name = ?2 WHERE t.study_id = ?1 LIMIT 1",
      study, name);
  if (!row.next()) return std::nullopt;
  return row.text(0);
}

Domain SqliteStorage::parsed_domain(const TrialRow& trial, const std::string& name,
                                    const std::string& text) const {
  try {
    return domain_from_json(parse_json(text));
  } catch (const Error& e) {
    fail_damaged(study_name(trial.study),
                 fmt::format("the domain of parameter \"{}\": {}", name, e.what()));
  }
}

void SqliteStorage::insert_param(Claim at, const TrialRow& trial, const ParamValue& param) {
  const std::optional<std::string> used_text = used_distribution(trial.study, param.name);
  std::optional<Domain> used;
  if (used_text) used = parsed_domain(trial, param.name, *used_text);
  const bool decided =
      database_
          .query("SELECT 1 FROM trial_params WHERE trial_id = ?1 AND param_name = ?2", at.trial,
                 param.name)
          .next();
  const Value value = checked_value(trial.number, param, used ? &*used : nullptr, decided);
  double stored = 0;
  std::string distribution = dump_json(to_json(param.domain));
  if (const auto* categories = std::get_if<CategoricalDomain>(&param.domain)) {
    stored = static_cast<double>(std::ranges::find(categories->choices, value) -
                                 categories->choices.begin());
    // Optuna's None is a text for us, and must stay None in the table.
    if (used_text) distribution = *used_text;
  } else {
    stored = *as_number(value);
  }
  database_.run(
      "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) "
      "VALUES (?1, ?2, ?3, ?4)",
      at.trial, param.name, stored, distribution);
  constexpr std::int64_t kLargestExact = std::int64_t{1} << 53;
  const auto* whole = std::get_if<std::int64_t>(&value);
  if (whole != nullptr && std::holds_alternative<IntDomain>(param.domain) &&
      (*whole > kLargestExact || *whole < -kLargestExact)) {
    put_trial_attribute(at.trial, std::string(kExactPrefix) + param.name, *whole);
  }
}

void SqliteStorage::set_params(Claim at, std::span<const ParamValue> params) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::WriteOnTheWay);
  const TrialRow trial = writable_trial(at);
  for (const ParamValue& param : params) insert_param(at, trial, param);
  transaction.commit();
}

void SqliteStorage::add_report(Claim at, const Report& report) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::WriteOnTheWay);
  const TrialRow trial = writable_trial(at);
  {
    Query row = database_.query(
        "SELECT step FROM hypertune_reports WHERE trial_id = ?1 ORDER BY step DESC LIMIT 1",
        at.trial);
    check_step(trial.number, report.step,
               row.next() ? std::optional(row.integer(0)) : std::nullopt);
  }
  database_.run("INSERT INTO hypertune_reports (trial_id, step, metrics_json) VALUES (?1, ?2, ?3)",
                at.trial, report.step, dump_json(to_json(report.metrics)));
  const auto watched = report.metrics.find(objectives(trial.study).front().metric);
  if (watched != report.metrics.end()) {
    const StoredNumber number(watched->second);
    database_.run(
        "INSERT INTO trial_intermediate_values "
        "(trial_id, step, intermediate_value, intermediate_value_type) VALUES (?1, ?2, ?3, ?4)",
        at.trial, report.step, number.value, number.type);
  }
  transaction.commit();
}

std::optional<double> SqliteStorage::last_reported(TrialId trial) const {
  Query row = database_.query(
      "SELECT intermediate_value, intermediate_value_type FROM trial_intermediate_values "
      "WHERE trial_id = ?1 ORDER BY step DESC LIMIT 1",
      trial);
  if (!row.next()) return std::nullopt;
  return stored_number(row, 0, 1);
}

void SqliteStorage::finish(Claim at, const Outcome& outcome) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  const TrialRow trial = writable_trial(at);
  const std::vector<Objective> all = objectives(trial.study);
  end_trial(at.trial, settle(trial.number, outcome, all, last_reported(at.trial)), all);
  transaction.commit();
}

void SqliteStorage::save_checkpoint(Claim at, std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::WriteOnTheWay);
  check_checkpoint(writable_trial(at).number, bytes);
  database_.run(
      "INSERT INTO hypertune_checkpoints (trial_id, bytes) VALUES (?1, ?2) "
      "ON CONFLICT (trial_id) DO UPDATE SET bytes = excluded.bytes",
      at.trial, Blob{bytes});
  transaction.commit();
}

std::optional<std::string> SqliteStorage::checkpoint(StudyId study, int number) const {
  const std::scoped_lock lock(mutex_);
  const Transaction transaction(database_, Transaction::Kind::Read);
  study_name(study);  // throws when there is none
  Query row = database_.query(
      "SELECT c.bytes FROM trials t JOIN hypertune_checkpoints c USING (trial_id) "
      "WHERE t.study_id = ?1 AND t.number = ?2",
      study, number);
  if (!row.next()) return std::nullopt;
  return row.blob(0);
}

// --- Pauses ---

void SqliteStorage::pause(Claim at) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  writable_trial(at);
  database_.run(
      "INSERT INTO hypertune_paused (trial_id, worker, lease) "
      "SELECT trial_id, worker, lease FROM hypertune_leases WHERE trial_id = ?1",
      at.trial);
  database_.run("DELETE FROM hypertune_leases WHERE trial_id = ?1", at.trial);
  transaction.commit();
}

std::optional<SqliteStorage::TrialRow> SqliteStorage::paused_trial(Claim paused) const {
  Query row = database_.query(
      "SELECT t.study_id, t.number FROM trials t JOIN hypertune_paused p USING (trial_id) "
      "WHERE t.trial_id = ?1 AND p.lease = ?2 AND t.state = 'RUNNING'",
      paused.trial, paused.lease);
  if (!row.next()) return std::nullopt;
  return TrialRow{row.integer(0), static_cast<int>(row.integer(1))};
}

/// The trial is held again: under this lease as its next one, or, without one, under its last.
void SqliteStorage::give_up_pause(TrialId trial, const std::optional<Lease>& lease) {
  database_.run(
      "INSERT INTO hypertune_leases (trial_id, worker, lease, expires_us) "
      "SELECT trial_id, COALESCE(?2, worker), lease + ?3, ?4 FROM hypertune_paused "
      "WHERE trial_id = ?1",
      trial, lease ? std::optional(lease->worker) : std::nullopt, lease ? 1 : 0,
      lease ? microseconds_since_epoch(now() + lease->duration) : 0);
  database_.run("DELETE FROM hypertune_paused WHERE trial_id = ?1", trial);
}

std::optional<TrialRecord> SqliteStorage::resume(Claim paused, const Lease& lease) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::WriteOnTheWay);
  const auto trial = paused_trial(paused);
  if (!trial) return std::nullopt;
  give_up_pause(paused.trial, lease);
  auto records =
      read_trials(database_, trial->study, objectives(trial->study), trial->number, trial->number);
  transaction.commit();
  return std::move(records.at(0));
}

bool SqliteStorage::end_paused(Claim paused, const Outcome& outcome) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  const auto trial = paused_trial(paused);
  if (!trial) return false;
  give_up_pause(paused.trial, std::nullopt);
  const std::vector<Objective> all = objectives(trial->study);
  end_trial(paused.trial, settle(trial->number, outcome, all, last_reported(paused.trial)), all);
  database_.run("DELETE FROM hypertune_checkpoints WHERE trial_id = ?1", paused.trial);
  transaction.commit();
  return true;
}

// --- Ends ---

void SqliteStorage::release(Claim at) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  writable_trial(at);
  database_.run("UPDATE trials SET state = ?2, datetime_start = NULL WHERE trial_id = ?1", at.trial,
                state_name(TrialState::Waiting));
  database_.run("UPDATE hypertune_leases SET worker = '' WHERE trial_id = ?1", at.trial);
  transaction.commit();
}

/// Values of the objectives go where Optuna keeps them, when it would accept them; every other
/// metric becomes a user attribute.
void SqliteStorage::end_trial(TrialId trial, const Outcome& outcome,
                              const std::vector<Objective>& objectives) {
  database_.run("UPDATE trials SET state = ?2, datetime_complete = ?3 WHERE trial_id = ?1", trial,
                state_name(outcome.state), datetime_text(now()));
  Metrics others = outcome.metrics;
  if (const auto values = objective_values(outcome, objectives)) {
    for (std::size_t i = 0; i < values->size(); ++i) {
      const StoredNumber number((*values)[i]);
      database_.run(
          "INSERT INTO trial_values (trial_id, objective, value, value_type) "
          "VALUES (?1, ?2, ?3, ?4)",
          trial, static_cast<std::int64_t>(i), number.value, number.type);
      others.erase(objectives[i].metric);
    }
  }
  for (const auto& [name, value] : others) {
    database_.run(
        "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
        trial, name, dump_json(value));
  }
  put_trial_attribute(trial, kReasonAttribute, reason_json(outcome));
}

// --- Leases ---

std::vector<Claim> SqliteStorage::heartbeat(std::span<const Claim> claims,
                                            std::chrono::seconds duration) {
  if (claims.empty()) return {};
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::WriteOnTheWay);
  const std::int64_t expires = microseconds_since_epoch(now() + duration);
  std::vector<Claim> lost;
  for (const Claim& at : claims) {
    const int renewed = database_.run(
        "UPDATE hypertune_leases SET expires_us = ?3 WHERE trial_id = ?1 AND lease = ?2 AND EXISTS "
        "(SELECT 1 FROM trials t WHERE t.trial_id = ?1 AND t.state = 'RUNNING')",
        at.trial, at.lease, expires);
    if (renewed == 0) lost.push_back(at);
  }
  transaction.commit();
  return lost;
}

std::vector<TrialRecord> SqliteStorage::fail_stale(StudyId study) {
  const std::scoped_lock lock(mutex_);
  Transaction transaction(database_, Transaction::Kind::Write);
  const std::vector<Objective> all = objectives(study);
  struct Stale {
    TrialId trial;
    int number;
    std::string worker;
  };
  std::vector<Stale> stale;
  {
    const std::int64_t time = microseconds_since_epoch(now());
    Query row = database_.query(
        "SELECT t.trial_id, t.number, l.worker, l.expires_us FROM trials t "
        "JOIN hypertune_leases l ON l.trial_id = t.trial_id "
        "WHERE t.study_id = ?1 AND t.state = 'RUNNING' ORDER BY t.trial_id",
        study);
    while (row.next()) {
      const std::string worker = row.text(2);
      if (row.integer(3) > time && !worker_is_dead(worker)) continue;
      stale.push_back({row.integer(0), static_cast<int>(row.integer(1)), worker});
    }
  }
  std::vector<TrialRecord> failed;
  for (const Stale& trial : stale) {
    end_trial(trial.trial, worker_lost(trial.worker), all);
    failed.push_back(
        std::move(read_trials(database_, study, all, trial.number, trial.number).at(0)));
  }
  transaction.commit();
  return failed;
}

std::vector<TrialRecord> SqliteStorage::trials(StudyId study, int first_number) const {
  const std::scoped_lock lock(mutex_);
  const Transaction transaction(database_, Transaction::Kind::Read);
  return read_trials(database_, study, objectives(study), first_number, kLastNumber);
}

std::vector<TrialRecord> SqliteStorage::begun_trials(StudyId study, int first_number) const {
  const std::scoped_lock lock(mutex_);
  const Transaction transaction(database_, Transaction::Kind::Read);
  return begun_from(study, first_number);
}

std::vector<TrialRecord> SqliteStorage::changed_trials(StudyId study, int first_number,
                                                       std::span<const Unfinished> seen) const {
  const std::scoped_lock lock(mutex_);
  const Transaction transaction(database_, Transaction::Kind::Read);
  std::vector<int> numbers;
  if (!seen.empty()) {
    const std::map<int, int> paused = leases_of_paused(study);
    for (const Unfinished& known : seen) {
      const auto found = paused.find(known.number);
      if (found == paused.end() || found->second != known.paused_under) {
        numbers.push_back(known.number);
      }
    }
  }
  std::vector<TrialRecord> changed;
  // Neighbors are read at once; a few between them cost less than one more reading.
  constexpr int kWidestGap = 8;
  for (std::size_t begin = 0, end = 0; begin < numbers.size(); begin = end) {
    end = begin + 1;
    while (end < numbers.size() && numbers[end] - numbers[end - 1] <= kWidestGap) ++end;
    for (TrialRecord& record :
         read_trials(database_, study, objectives(study), numbers[begin], numbers[end - 1])) {
      if (std::ranges::binary_search(numbers, record.number)) changed.push_back(std::move(record));
    }
  }
  std::ranges::move(begun_from(study, first_number), std::back_inserter(changed));
  return changed;
}

std::map<int, int> SqliteStorage::leases_of_paused(StudyId study) const {
  std::map<int, int> leases;
  Query row = database_.query(
      "SELECT t.number, p.lease FROM hypertune_paused p JOIN trials t USING (trial_id) "
      "WHERE t.study_id = ?1 AND t.state = 'RUNNING'",
      study);
  while (row.next()) leases[static_cast<int>(row.integer(0))] = static_cast<int>(row.integer(1));
  return leases;
}

std::vector<TrialRecord> SqliteStorage::begun_from(StudyId study, int first_number) const {
  // The last one first, so that the many that wait after it are not read.
  int last = -1;
  for (const TrialState state :
       {TrialState::Running, TrialState::Complete, TrialState::Pruned, TrialState::Failed}) {
    Query row = database_.query(
        "SELECT number FROM trials WHERE study_id = ?1 AND state = ?2 "
        "ORDER BY trial_id DESC LIMIT 1",
        study, state_name(state));
    if (row.next()) last = std::max(last, static_cast<int>(row.integer(0)));
  }
  auto records = read_trials(database_, study, objectives(study), first_number, last);
  std::erase_if(records, [](const TrialRecord& r) { return r.state == TrialState::Waiting; });
  return records;
}

std::optional<int> SqliteStorage::next_waiting(StudyId study) const {
  const std::scoped_lock lock(mutex_);
  const Transaction transaction(database_, Transaction::Kind::Read);
  Query row = database_.query(
      "SELECT number FROM trials WHERE study_id = ?1 AND state = 'WAITING' "
      "ORDER BY trial_id LIMIT 1",
      study);
  if (!row.next()) return std::nullopt;
  return static_cast<int>(row.integer(0));
}

}  // namespace

std::shared_ptr<Storage> sqlite_storage(const std::filesystem::path& file, SqliteOptions options) {
  return std::make_shared<SqliteStorage>(file, std::move(options));
}

}  // namespace hypertune

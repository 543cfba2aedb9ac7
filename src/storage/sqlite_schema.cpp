// Tables by the names and columns that Optuna 3.2 to 5 reads (revision v3.2.0.a of its schema), and
// tables named hypertune_* for what Optuna has no place for.
#include "storage/sqlite_schema.h"

#include "storage/schema.h"

namespace hypertune {
namespace {

constexpr const char* kCreateOptunaTables = R"sql(
CREATE TABLE studies (
  study_id INTEGER NOT NULL PRIMARY KEY,
  study_name VARCHAR(512) NOT NULL);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE TABLE study_directions (
  study_direction_id INTEGER NOT NULL PRIMARY KEY,
  direction VARCHAR(8) NOT NULL,
  study_id INTEGER NOT NULL REFERENCES studies (study_id),
  objective INTEGER NOT NULL,
  UNIQUE (study_id, objective));
CREATE TABLE study_user_attributes (
  study_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
  study_id INTEGER REFERENCES studies (study_id),
  "key" VARCHAR(512), value_json TEXT,
  UNIQUE (study_id, "key"));
CREATE TABLE study_system_attributes (
  study_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
  study_id INTEGER REFERENCES studies (study_id),
  "key" VARCHAR(512), value_json TEXT,
  UNIQUE (study_id, "key"));
CREATE TABLE trials (
  trial_id INTEGER NOT NULL PRIMARY KEY,
  number INTEGER,
  study_id INTEGER REFERENCES studies (study_id),
  state VARCHAR(8) NOT NULL,
  datetime_start DATETIME, datetime_complete DATETIME);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_user_attributes (
  trial_user_attribute_id INTEGER NOT NULL PRIMARY KEY,
  trial_id INTEGER REFERENCES trials (trial_id),
  "key" VARCHAR(512), value_json TEXT,
  UNIQUE (trial_id, "key"));
CREATE TABLE trial_system_attributes (
  trial_system_attribute_id INTEGER NOT NULL PRIMARY KEY,
  trial_id INTEGER REFERENCES trials (trial_id),
  "key" VARCHAR(512), value_json TEXT,
  UNIQUE (trial_id, "key"));
CREATE TABLE trial_params (
  param_id INTEGER NOT NULL PRIMARY KEY,
  trial_id INTEGER REFERENCES trials (trial_id),
  param_name VARCHAR(512), param_value FLOAT, distribution_json TEXT,
  UNIQUE (trial_id, param_name));
CREATE TABLE trial_values (
  trial_value_id INTEGER NOT NULL PRIMARY KEY,
  trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
  objective INTEGER NOT NULL,
  value FLOAT, value_type VARCHAR(7) NOT NULL,
  UNIQUE (trial_id, objective));
CREATE TABLE trial_intermediate_values (
  trial_intermediate_value_id INTEGER NOT NULL PRIMARY KEY,
  trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
  step INTEGER NOT NULL,
  intermediate_value FLOAT, intermediate_value_type VARCHAR(7) NOT NULL,
  UNIQUE (trial_id, step));
CREATE TABLE trial_heartbeats (
  trial_heartbeat_id INTEGER NOT NULL PRIMARY KEY,
  trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (trial_id),
  heartbeat DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE version_info (
  version_info_id INTEGER NOT NULL PRIMARY KEY CHECK (version_info_id = 1),
  schema_version INTEGER, library_version VARCHAR(256));
CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);
INSERT INTO version_info VALUES (1, 12, 'hypertune');
INSERT INTO alembic_version VALUES ('v3.2.0.a');
)sql";

// What pauses, and from where it goes on; made later than the tables below. A paused trial is
// RUNNING for Optuna, and has no row among the leases, so that nobody takes it for lost.
constexpr const char* kCreatePauseTables = R"sql(
CREATE TABLE hypertune_paused (
  trial_id INTEGER NOT NULL PRIMARY KEY,
  worker TEXT NOT NULL,
  lease INTEGER NOT NULL);
CREATE TABLE hypertune_checkpoints (
  trial_id INTEGER NOT NULL PRIMARY KEY,
  bytes BLOB NOT NULL);
CREATE TRIGGER hypertune_forget_checkpoint AFTER DELETE ON trials BEGIN
  DELETE FROM hypertune_paused WHERE trial_id = OLD.trial_id;
  DELETE FROM hypertune_checkpoints WHERE trial_id = OLD.trial_id;
END;
)sql";

// The triggers make Optuna's delete_study take our rows along: SQLite gives ids out again.
constexpr const char* kCreateOurTables = R"sql(
CREATE TABLE hypertune_plans (
  trial_id INTEGER NOT NULL PRIMARY KEY,
  study_id INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  UNIQUE (study_id, "key"));
CREATE TABLE hypertune_reports (
  trial_id INTEGER NOT NULL,
  step INTEGER NOT NULL,
  metrics_json TEXT NOT NULL,
  PRIMARY KEY (trial_id, step)) WITHOUT ROWID;
CREATE TABLE hypertune_leases (
  trial_id INTEGER NOT NULL PRIMARY KEY,
  worker TEXT NOT NULL,
  lease INTEGER NOT NULL,
  expires_us INTEGER NOT NULL);
CREATE INDEX hypertune_trials_by_number ON trials (study_id, number);
CREATE INDEX hypertune_trials_by_state ON trials (study_id, state);
CREATE TRIGGER hypertune_forget_trial AFTER DELETE ON trials BEGIN
  DELETE FROM hypertune_plans WHERE trial_id = OLD.trial_id;
  DELETE FROM hypertune_reports WHERE trial_id = OLD.trial_id;
  DELETE FROM hypertune_leases WHERE trial_id = OLD.trial_id;
END;
)sql";

// By which the best trial is found; made later than all tables.
constexpr const char* kCreateRank =
    "CREATE INDEX IF NOT EXISTS hypertune_values_by_rank ON trial_values "
    "(objective, value_type, value, trial_id)";

TableNames names_in(SqliteDatabase& database) {
  TableNames names;
  Query query = database.query("SELECT name FROM sqlite_master WHERE type IN ('table', 'index')");
  while (query.next()) names.insert(query.text(0));
  return names;
}

/// WithoutPauses and WithoutRank: made by an earlier hypertune.
enum class Content { Nothing, Optuna, WithoutPauses, WithoutRank, Ours };

/// Throws StorageError for a database that is neither empty nor one of Optuna's.
Content content(SqliteDatabase& database) {
  const TableNames names = names_in(database);
  if (names.empty()) return Content::Nothing;
  check_optuna_tables(database, names, "sqlite:///" + database.name());
  if (!names.contains("hypertune_leases")) return Content::Optuna;
  if (!names.contains("hypertune_checkpoints")) return Content::WithoutPauses;
  return names.contains("hypertune_values_by_rank") ? Content::Ours : Content::WithoutRank;
}

}  // namespace

void prepare_sqlite_schema(SqliteDatabase& database, bool durable) {
  Content found = content(database);
  database.use_write_ahead_log(durable);
  if (found == Content::Ours) return;
  transact(database, SqlDatabase::Kind::Write, [&] {
    found = content(database);  // another process may have been faster
    if (found == Content::Nothing) database.run_script(kCreateOptunaTables);
    if (found < Content::WithoutPauses) database.run_script(kCreateOurTables);
    if (found < Content::WithoutRank) database.run_script(kCreatePauseTables);
    if (found < Content::Ours) database.run_script(kCreateRank);
  });
}

}  // namespace hypertune

// Tables by the names and columns that Optuna 3.2 to 5 reads (revision v3.2.0.a of its schema), and
// tables named hypertune_* for what Optuna has no place for.
#include "storage/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::array<std::string_view, 12> kOptunaTables = {"studies",
                                                            "study_directions",
                                                            "study_user_attributes",
                                                            "study_system_attributes",
                                                            "trials",
                                                            "trial_user_attributes",
                                                            "trial_system_attributes",
                                                            "trial_params",
                                                            "trial_values",
                                                            "trial_intermediate_values",
                                                            "trial_heartbeats",
                                                            "version_info"};

// 3.0 and 3.1 differ from later versions in one index alone.
constexpr std::array<std::string_view, 2> kRevisions = {"v3.2.0.a", "v3.0.0.d"};

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

std::set<std::string, std::less<>> tables(Database& database) {
  std::set<std::string, std::less<>> names;
  Query query = database.query("SELECT name FROM sqlite_master WHERE type = 'table'");
  while (query.next()) names.insert(query.text(0));
  return names;
}

void check_revision(Database& database) {
  Query query = database.query("SELECT version_num FROM alembic_version");
  // Optuna takes no revision for its own one.
  if (!query.next()) return;
  const std::string revision = query.text(0);
  if (std::ranges::find(kRevisions, std::string_view(revision)) != kRevisions.end()) return;
  throw StorageError(fmt::format(
      "{}: has revision {} of Optuna's tables, but {} is needed; run `optuna storage upgrade "
      "--storage sqlite:///{}` if it is older, or use a newer hypertune",
      database.name(), revision, kRevisions.front(), database.name()));
}

/// Older: made by a hypertune that did not pause.
enum class Content { Nothing, Optuna, Older, Ours };

/// Throws StorageError for a database that is neither empty nor one of Optuna's.
Content content(Database& database) {
  const auto names = tables(database);
  if (names.empty()) return Content::Nothing;
  for (std::string_view table : kOptunaTables) {
    if (names.contains(table)) continue;
    throw StorageError(
        fmt::format("{}: a database of another program (it has no table \"{}\"); nothing was "
                    "changed. Choose another file",
                    database.name(), table));
  }
  if (names.contains("alembic_version")) check_revision(database);
  if (!names.contains("hypertune_leases")) return Content::Optuna;
  return names.contains("hypertune_checkpoints") ? Content::Ours : Content::Older;
}

}  // namespace

void prepare_schema(Database& database, bool durable) {
  Content found = content(database);
  database.use_write_ahead_log(durable);
  if (found == Content::Ours) return;
  Transaction transaction(database, Transaction::Kind::Write);
  found = content(database);  // another process may have been faster
  if (found == Content::Nothing) database.run_script(kCreateOptunaTables);
  if (found < Content::Older) database.run_script(kCreateOurTables);
  if (found < Content::Ours) database.run_script(kCreatePauseTables);
  transaction.commit();
}

}  // namespace hypertune

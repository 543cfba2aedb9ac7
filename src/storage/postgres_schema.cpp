// Tables, types and constraints by the names that Optuna 3.2 to 5 gives them on PostgreSQL
// (revision v3.2.0.a of its schema), and tables named hypertune_* for what Optuna has no place for.
#include "storage/postgres_schema.h"

#include <fmt/format.h>

#include "storage/schema.h"

namespace hypertune {
namespace {

using Kind = SqlDatabase::Kind;

// Each statement ends with a semicolon at the end of a line.
constexpr std::string_view kCreateOptunaTables = R"sql(
CREATE TYPE studydirection AS ENUM ('NOT_SET', 'MINIMIZE', 'MAXIMIZE');
CREATE TYPE trialstate AS ENUM ('RUNNING', 'COMPLETE', 'PRUNED', 'FAIL', 'WAITING');
CREATE TYPE trialvaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG');
CREATE TYPE trialintermediatevaluetype AS ENUM ('FINITE', 'INF_POS', 'INF_NEG', 'NAN');
CREATE TABLE studies (
  study_id SERIAL PRIMARY KEY,
  study_name VARCHAR(512) NOT NULL);
CREATE UNIQUE INDEX ix_studies_study_name ON studies (study_name);
CREATE TABLE study_directions (
  study_direction_id SERIAL PRIMARY KEY,
  direction studydirection NOT NULL,
  study_id INTEGER NOT NULL REFERENCES studies (study_id),
  objective INTEGER NOT NULL,
  UNIQUE (study_id, objective));
CREATE TABLE study_user_attributes (
  study_user_attribute_id SERIAL PRIMARY KEY,
  study_id INTEGER REFERENCES studies (study_id),
  key VARCHAR(512), value_json TEXT,
  UNIQUE (study_id, key));
CREATE TABLE study_system_attributes (
  study_system_attribute_id SERIAL PRIMARY KEY,
  study_id INTEGER REFERENCES studies (study_id),
  key VARCHAR(512), value_json TEXT,
  UNIQUE (study_id, key));
CREATE TABLE trials (
  trial_id SERIAL PRIMARY KEY,
  number INTEGER,
  study_id INTEGER REFERENCES studies (study_id),
  state trialstate NOT NULL,
  datetime_start TIMESTAMP, datetime_complete TIMESTAMP);
CREATE INDEX ix_trials_study_id ON trials (study_id);
CREATE TABLE trial_user_attributes (
  trial_user_attribute_id SERIAL PRIMARY KEY,
  trial_id INTEGER REFERENCES trials (trial_id),
  key VARCHAR(512), value_json TEXT,
  UNIQUE (trial_id, key));
CREATE TABLE trial_system_attributes (
  trial_system_attribute_id SERIAL PRIMARY KEY,
  trial_id INTEGER REFERENCES trials (trial_id),
  key VARCHAR(512), value_json TEXT,
  UNIQUE (trial_id, key));
CREATE TABLE trial_params (
  param_id SERIAL PRIMARY KEY,
  trial_id INTEGER REFERENCES trials (trial_id),
  param_name VARCHAR(512), param_value DOUBLE PRECISION, distribution_json TEXT,
  UNIQUE (trial_id, param_name));
CREATE TABLE trial_values (
  trial_value_id SERIAL PRIMARY KEY,
  trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
  objective INTEGER NOT NULL,
  value DOUBLE PRECISION, value_type trialvaluetype NOT NULL,
  UNIQUE (trial_id, objective));
CREATE TABLE trial_intermediate_values (
  trial_intermediate_value_id SERIAL PRIMARY KEY,
  trial_id INTEGER NOT NULL REFERENCES trials (trial_id),
  step INTEGER NOT NULL,
  intermediate_value DOUBLE PRECISION,
  intermediate_value_type trialintermediatevaluetype NOT NULL,
  UNIQUE (trial_id, step));
CREATE TABLE trial_heartbeats (
  trial_heartbeat_id SERIAL PRIMARY KEY,
  trial_id INTEGER NOT NULL UNIQUE REFERENCES trials (trial_id),
  heartbeat TIMESTAMP NOT NULL);
CREATE TABLE version_info (
  version_info_id INTEGER PRIMARY KEY CHECK (version_info_id = 1),
  schema_version INTEGER, library_version VARCHAR(256));
CREATE TABLE alembic_version (
  version_num VARCHAR(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY);
INSERT INTO version_info VALUES (1, 12, 'hypertune');
INSERT INTO alembic_version VALUES ('v3.2.0.a');
)sql";

// Optuna's delete_study takes our rows along. A paused trial is RUNNING for Optuna, and has no row
// among the leases, so that nobody takes it for lost.
constexpr std::string_view kCreateOurTables = R"sql(
CREATE TABLE hypertune_plans (
  trial_id INTEGER PRIMARY KEY REFERENCES trials (trial_id) ON DELETE CASCADE,
  study_id INTEGER NOT NULL,
  key TEXT NOT NULL,
  UNIQUE (study_id, key));
CREATE TABLE hypertune_reports (
  trial_id INTEGER NOT NULL REFERENCES trials (trial_id) ON DELETE CASCADE,
  step BIGINT NOT NULL,
  metrics_json TEXT NOT NULL,
  PRIMARY KEY (trial_id, step));
CREATE TABLE hypertune_leases (
  trial_id INTEGER PRIMARY KEY REFERENCES trials (trial_id) ON DELETE CASCADE,
  worker TEXT NOT NULL,
  lease INTEGER NOT NULL,
  expires_us BIGINT NOT NULL);
CREATE TABLE hypertune_paused (
  trial_id INTEGER PRIMARY KEY REFERENCES trials (trial_id) ON DELETE CASCADE,
  worker TEXT NOT NULL,
  lease INTEGER NOT NULL);
CREATE TABLE hypertune_checkpoints (
  trial_id INTEGER PRIMARY KEY REFERENCES trials (trial_id) ON DELETE CASCADE,
  bytes BYTEA NOT NULL);
CREATE INDEX hypertune_trials_by_number ON trials (study_id, number);
CREATE INDEX hypertune_trials_by_state ON trials (study_id, state, trial_id);
CREATE INDEX hypertune_values_by_rank ON trial_values (objective, value_type, value, trial_id);
)sql";

void run_script(SqlDatabase& database, std::string_view script) {
  constexpr std::string_view kEnd = ";\n";
  for (std::size_t end = script.find(kEnd); end != std::string_view::npos;
       end = script.find(kEnd)) {
    database.run(script.substr(0, end));
    script.remove_prefix(end + kEnd.size());
  }
}

enum class Content { Nothing, Optuna, Ours };

Content content(SqlDatabase& database) {
  TableNames names;
  Query query = database.query(
      "SELECT current_schema(), c.relname FROM (SELECT 1) one LEFT JOIN pg_catalog.pg_class c "
      "ON c.relnamespace = to_regnamespace(current_schema()::text) AND c.relkind IN ('r', 'p')");
  while (query.next()) {
    if (query.is_null(0)) {
      throw StorageError(fmt::format(
          "{}: the user's search_path names no schema that exists; create one, or grant the user "
          "USAGE on it",
          database.name()));
    }
    if (!query.is_null(1)) names.insert(query.text(1));
  }
  if (!has_optuna_tables(names)) return Content::Nothing;
  check_optuna_tables(database, names, database.name());
  return names.contains("hypertune_leases") ? Content::Ours : Content::Optuna;
}

}  // namespace

void prepare_postgres_schema(SqlDatabase& database) {
  if (transact(database, Kind::Read, [&] { return content(database); }) == Content::Ours) return;
  transact(database, Kind::Write, [&] {
    // One at a time; the number is ours alone. Released with the end of the transaction.
    constexpr std::int64_t kHypertune = 0x6879'7065'7274'756e;
    database.run("SELECT pg_advisory_xact_lock(?1)", kHypertune);
    const Content found = content(database);  // another process may have been faster
    if (found == Content::Nothing) run_script(database, kCreateOptunaTables);
    if (found < Content::Ours) run_script(database, kCreateOurTables);
  });
}

}  // namespace hypertune

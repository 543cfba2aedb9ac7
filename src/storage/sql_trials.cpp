// What is written of one trial in a SQL database.
#include <fmt/format.h>

#include <algorithm>

#include "hypertune/error.h"
#include "storage/spec_json.h"
#include "storage/sql_records.h"
#include "storage/sql_storage.h"
#include "storage/trial_rules.h"

namespace hypertune {

// --- Writes of a running trial ---

SqlStorage::TrialRow SqlStorage::writable_trial(Claim at) const {
  lock_trial(at.trial);
  Query row = database_->query(
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

std::optional<std::string> SqlStorage::used_distribution(StudyId study,
                                                         const std::string& name) const {
  Query row = database_->query(
      "SELECT p.distribution_json FROM trials t CROSS JOIN trial_params p "
      "WHERE p.trial_id = t.trial_id AND p.param_name = ?2 AND t.study_id = ?1 LIMIT 1",
      study, name);
  if (!row.next()) return std::nullopt;
  return row.text(0);
}

Domain SqlStorage::parsed_domain(const TrialRow& trial, const std::string& name,
                                 const std::string& text) const {
  try {
    return domain_from_json(parse_json(text));
  } catch (const Error& e) {
    fail_damaged(study_name(trial.study),
                 fmt::format("the domain of parameter \"{}\": {}", name, e.what()));
  }
}

void SqlStorage::insert_param(TrialId id, const TrialRow& trial, const ParamValue& param) {
  std::optional<std::string> used_text = used_distribution(trial.study, param.name);
  if (!used_text && locks_rows()) {
    // Of two that are the first to use a name, one is the first.
    lock_study(trial.study);
    used_text = used_distribution(trial.study, param.name);
  }
  std::optional<Domain> used;
  if (used_text) used = parsed_domain(trial, param.name, *used_text);
  const bool decided =
      database_
          ->query("SELECT 1 FROM trial_params WHERE trial_id = ?1 AND param_name = ?2", id,
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
  database_->run(
      "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) "
      "VALUES (?1, ?2, ?3, ?4)",
      id, param.name, stored, distribution);
  constexpr std::int64_t kLargestExact = std::int64_t{1} << 53;
  const auto* whole = std::get_if<std::int64_t>(&value);
  if (whole != nullptr && std::holds_alternative<IntDomain>(param.domain) &&
      (*whole > kLargestExact || *whole < -kLargestExact)) {
    put_trial_attribute(id, std::string(kExactPrefix) + param.name, *whole);
  }
}

void SqlStorage::set_params(Claim at, std::span<const ParamValue> params) {
  transact(kept_for_holder(), [&] {
    const TrialRow trial = writable_trial(at);
    for (const ParamValue& param : params) insert_param(at.trial, trial, param);
  });
}

void SqlStorage::add_report(Claim at, const Report& report) {
  transact(Kind::WriteOnTheWay, [&] {
    const TrialRow trial = writable_trial(at);
    {
      Query row = database_->query(
          "SELECT step FROM hypertune_reports WHERE trial_id = ?1 ORDER BY step DESC LIMIT 1",
          at.trial);
      check_step(trial.number, report.step,
                 row.next() ? std::optional(row.integer(0)) : std::nullopt);
    }
    insert_report(at.trial, report, objectives(trial.study).front());
  });
}

void SqlStorage::insert_report(TrialId id, const Report& report, const Objective& watched) {
  database_->run("INSERT INTO hypertune_reports (trial_id, step, metrics_json) VALUES (?1, ?2, ?3)",
                 id, report.step, dump_json(to_json(report.metrics)));
  const auto value = report.metrics.find(watched.metric);
  if (value != report.metrics.end()) {
    const StoredNumber number(value->second);
    database_->run(
        "INSERT INTO trial_intermediate_values "
        "(trial_id, step, intermediate_value, intermediate_value_type) VALUES (?1, ?2, ?3, ?4)",
        id, report.step, number.value, number.type);
  }
}

std::optional<double> SqlStorage::last_reported(TrialId trial) const {
  Query row = database_->query(
      "SELECT intermediate_value, intermediate_value_type FROM trial_intermediate_values "
      "WHERE trial_id = ?1 ORDER BY step DESC LIMIT 1",
      trial);
  if (!row.next()) return std::nullopt;
  return stored_number(row, 0, 1);
}

void SqlStorage::finish(Claim at, const Outcome& outcome) {
  transact(Kind::Write, [&] {
    const TrialRow trial = writable_trial(at);
    const std::vector<Objective> all = objectives(trial.study);
    end_trial(at.trial, settle(trial.number, outcome, all, last_reported(at.trial)), all, now());
  });
}

void SqlStorage::save_checkpoint(Claim at, std::string_view bytes) {
  transact(Kind::WriteOnTheWay, [&] {
    check_checkpoint(writable_trial(at).number, bytes);
    database_->run(
        "INSERT INTO hypertune_checkpoints (trial_id, bytes) VALUES (?1, ?2) "
        "ON CONFLICT (trial_id) DO UPDATE SET bytes = excluded.bytes",
        at.trial, Blob{bytes});
  });
}

std::optional<std::string> SqlStorage::checkpoint(StudyId study, int number) const {
  return transact(Kind::Read, [&]() -> std::optional<std::string> {
    study_name(study);  // throws when there is none
    Query row = database_->query(
        "SELECT c.bytes FROM trials t JOIN hypertune_checkpoints c USING (trial_id) "
        "WHERE t.study_id = ?1 AND t.number = ?2",
        study, number);
    if (!row.next()) return std::nullopt;
    return row.blob(0);
  });
}

void SqlStorage::drop_checkpoints(StudyId study, std::span<const int> numbers) {
  transact(Kind::WriteOnTheWay, [&] {
    for (const int number : numbers) {
      database_->run(
          "DELETE FROM hypertune_checkpoints WHERE trial_id IN "
          "(SELECT trial_id FROM trials WHERE study_id = ?1 AND number = ?2)",
          study, number);
    }
  });
}

// --- Pauses ---

void SqlStorage::pause(Claim at) {
  transact(Kind::Write, [&] {
    writable_trial(at);
    database_->run(
        "INSERT INTO hypertune_paused (trial_id, worker, lease) "
        "SELECT trial_id, worker, lease FROM hypertune_leases WHERE trial_id = ?1",
        at.trial);
    database_->run("DELETE FROM hypertune_leases WHERE trial_id = ?1", at.trial);
  });
}

std::optional<SqlStorage::TrialRow> SqlStorage::paused_trial(Claim paused) const {
  lock_trial(paused.trial);
  Query row = database_->query(
      "SELECT t.study_id, t.number FROM trials t JOIN hypertune_paused p USING (trial_id) "
      "WHERE t.trial_id = ?1 AND p.lease = ?2 AND t.state = 'RUNNING'",
      paused.trial, paused.lease);
  if (!row.next()) return std::nullopt;
  return TrialRow{row.integer(0), static_cast<int>(row.integer(1))};
}

/// The trial is held again: under this lease as its next one, or, without one, under its last.
void SqlStorage::give_up_pause(TrialId trial, const std::optional<Lease>& lease) {
  database_->run(
      "INSERT INTO hypertune_leases (trial_id, worker, lease, expires_us) "
      "SELECT trial_id, COALESCE(?2, worker), lease + ?3, CAST(?4 AS BIGINT) FROM hypertune_paused "
      "WHERE trial_id = ?1",
      trial, lease ? std::optional(lease->worker) : std::nullopt, lease ? 1 : 0,
      lease ? microseconds_since_epoch(now() + lease->duration) : 0);
  database_->run("DELETE FROM hypertune_paused WHERE trial_id = ?1", trial);
}

std::optional<TrialRecord> SqlStorage::resume(Claim paused, const Lease& lease) {
  return transact(kept_for_holder(), [&]() -> std::optional<TrialRecord> {
    const auto trial = paused_trial(paused);
    if (!trial) return std::nullopt;
    give_up_pause(paused.trial, lease);
    auto records = read_trials(*database_, trial->study, objectives(trial->study), trial->number,
                               trial->number);
    return std::move(records.at(0));
  });
}

bool SqlStorage::end_paused(Claim paused, const Outcome& outcome) {
  return transact(Kind::Write, [&]() -> bool {
    const auto trial = paused_trial(paused);
    if (!trial) return false;
    give_up_pause(paused.trial, std::nullopt);
    const std::vector<Objective> all = objectives(trial->study);
    end_trial(paused.trial, settle(trial->number, outcome, all, last_reported(paused.trial)), all,
              now());
    database_->run("DELETE FROM hypertune_checkpoints WHERE trial_id = ?1", paused.trial);
    return true;
  });
}

// --- Ends ---

void SqlStorage::release(Claim at) {
  transact(Kind::Write, [&] {
    writable_trial(at);
    database_->run("UPDATE trials SET state = ?2, datetime_start = NULL WHERE trial_id = ?1",
                   at.trial, state_name(TrialState::Waiting));
    database_->run("UPDATE hypertune_leases SET worker = '' WHERE trial_id = ?1", at.trial);
  });
}

/// Values of the objectives go where Optuna keeps them, when it would accept them; every other
/// metric becomes a user attribute.
void SqlStorage::end_trial(TrialId trial, const Outcome& outcome,
                           const std::vector<Objective>& objectives,
                           std::optional<TimePoint> ended) {
  database_->run("UPDATE trials SET state = ?2, datetime_complete = ?3 WHERE trial_id = ?1", trial,
                 state_name(outcome.state),
                 ended ? std::optional(datetime_text(*ended)) : std::nullopt);
  Metrics others = outcome.metrics;
  if (const auto values = objective_values(outcome, objectives)) {
    for (std::size_t i = 0; i < values->size(); ++i) {
      const StoredNumber number((*values)[i]);
      database_->run(
          "INSERT INTO trial_values (trial_id, objective, value, value_type) "
          "VALUES (?1, ?2, ?3, ?4)",
          trial, static_cast<std::int64_t>(i), number.value, number.type);
      others.erase(objectives[i].metric);
    }
  }
  for (const auto& [name, value] : others) {
    database_->run(
        "INSERT INTO trial_user_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
        "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
        trial, name, dump_json(value));
  }
  put_trial_attribute(trial, kReasonAttribute, reason_json(outcome));
}

}  // namespace hypertune

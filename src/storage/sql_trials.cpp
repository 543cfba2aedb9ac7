// What is written of one trial in a SQL database.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

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
      "SELECT t.study_id, t.number, t.state, l.lease, p.trial_id IS NOT NULL, "
      "EXISTS (SELECT 1 FROM trial_params v WHERE v.trial_id = t.trial_id), "
      "(SELECT MAX(r.step) FROM hypertune_reports r WHERE r.trial_id = t.trial_id), "
      "(SELECT MAX(i.step) FROM trial_intermediate_values i WHERE i.trial_id = t.trial_id), "
      "t.datetime_start "
      "FROM trials t LEFT JOIN hypertune_leases l ON l.trial_id = t.trial_id "
      "LEFT JOIN hypertune_paused p ON p.trial_id = t.trial_id WHERE t.trial_id = ?1",
      at.trial);
  if (!row.next()) fail(fmt::format("there is no trial with id {}", at.trial));
  TrialRow trial{row.integer(0), static_cast<int>(row.integer(1)), row.integer(5) != 0};
  for (const int steps : {6, 7}) {
    if (!row.is_null(steps)) trial.last_step = std::max(trial.last_step, {row.integer(steps)});
  }
  const int lease = row.is_null(3) ? 0 : static_cast<int>(row.integer(3));
  const TrialState state = state_from_name(row.text(2), row.integer(4) != 0);
  if (is_final(state)) held_.erase(at.trial);
  check_fence(at, trial.number, state, lease);
  if (!locks_rows()) return trial;
  const Held& held = held_.try_emplace(at.trial, trial.study, trial.number).first->second;
  if (held.claimed && !row.is_null(8) && time_from(row.text(8)) != *held.claimed) {
    fail_lost(trial.number, at.lease);
  }
  return trial;
}

SqlStorage::Kind SqlStorage::kept_on_the_way(TrialId trial) const {
  const std::scoped_lock lock(mutex_);
  const auto held = held_.find(trial);
  return held == held_.end() || held->second.kept ? Kind::WriteOnTheWay : Kind::Write;
}

void SqlStorage::note_kept(TrialId trial) const {
  const std::scoped_lock lock(mutex_);
  const auto held = held_.find(trial);
  if (held != held_.end()) held->second.kept = true;
}

void SqlStorage::let_go(TrialId trial) const {
  const std::scoped_lock lock(mutex_);
  held_.erase(trial);
}

/// What does not hold divides by zero, and undoes the transaction.
template <class Write>
SqlStorage::AtOnce SqlStorage::write_at_once(Kind kind, Claim at, Write write) {
  const std::scoped_lock lock(mutex_);
  const auto held = held_.find(at.trial);
  if (held == held_.end()) return AtOnce::Refused;
  std::optional<std::string> claimed;
  if (held->second.claimed) claimed = datetime_text(*held->second.claimed);
  try {
    database_->begin(kind);
    lock_trial(at.trial);
    database_->run(
        "SELECT 1 / COUNT(*) FROM trials t JOIN hypertune_leases l USING (trial_id) "
        "WHERE t.trial_id = ?1 AND l.lease = ?2 AND t.state = 'RUNNING' "
        "AND COALESCE(t.datetime_start = CAST(?3 AS TIMESTAMP), TRUE)",
        at.trial, at.lease, claimed);
    write(std::as_const(held->second));
    database_->commit_at_once();
    if (kind == Kind::Write) held->second.kept = true;
    return AtOnce::Done;
  } catch (const TransactionUndone&) {
    database_->roll_back();
    return AtOnce::Unknown;
  } catch (const CheckFailed&) {
    database_->roll_back();
    return AtOnce::Refused;
  } catch (...) {
    database_->roll_back();
    throw;
  }
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

void SqlStorage::read_used_domains(StudyId study, std::span<const ParamValue> params,
                                   UsedDomains& used) const {
  for (const ParamValue& param : params) {
    if (used.contains(param.name)) continue;
    auto text = used_distribution(study, param.name);
    if (!text) continue;
    try {
      Domain domain = domain_from_json(parse_json(*text));
      used.emplace(param.name, UsedDomain{std::move(*text), std::move(domain)});
    } catch (const Error& e) {
      fail_damaged(study_name(study),
                   fmt::format("the domain of parameter \"{}\": {}", param.name, e.what()));
    }
  }
}

std::set<std::string, std::less<>> SqlStorage::stored_names(TrialId trial) const {
  std::set<std::string, std::less<>> names;
  Query row = database_->query("SELECT param_name FROM trial_params WHERE trial_id = ?1", trial);
  while (row.next()) names.insert(row.text(0));
  return names;
}

void SqlStorage::insert_params(TrialId id, const TrialRow& trial,
                               std::span<const ParamValue> params, UsedDomains& used) {
  const auto is_new = [&](const ParamValue& param) { return !used.contains(param.name); };
  read_used_domains(trial.study, params, used);
  if (locks_rows() && std::ranges::any_of(params, is_new)) {
    // Of two that are the first to use a name, one is the first.
    lock_study(trial.study);
    read_used_domains(trial.study, params, used);
  }
  std::set<std::string, std::less<>> decided;
  if (trial.has_params) decided = stored_names(id);
  for (const ParamValue& param : params) {
    const auto known = used.find(param.name);
    insert_param(id, trial.number, param, known == used.end() ? nullptr : &known->second,
                 !decided.insert(param.name).second);
  }
}

void SqlStorage::insert_param(TrialId id, int number, const ParamValue& param,
                              const UsedDomain* used, bool decided) {
  const Value value =
      checked_value(number, param, used == nullptr ? nullptr : &used->domain, decided);
  const auto* categories = std::get_if<CategoricalDomain>(&param.domain);
  double stored = 0;
  if (categories != nullptr) {
    stored = static_cast<double>(std::ranges::find(categories->choices, value) -
                                 categories->choices.begin());
  } else {
    stored = *as_number(value);
  }
  // Optuna's None is a text for us, and must stay None in the table.
  const bool same = used != nullptr && (categories != nullptr || used->domain == param.domain);
  database_->run(
      "INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json) "
      "VALUES (?1, ?2, ?3, ?4)",
      id, param.name, stored, same ? used->text : dump_json(to_json(param.domain)));
  constexpr std::int64_t kLargestExact = std::int64_t{1} << 53;
  const auto* whole = std::get_if<std::int64_t>(&value);
  if (whole != nullptr && std::holds_alternative<IntDomain>(param.domain) &&
      (*whole > kLargestExact || *whole < -kLargestExact)) {
    put_trial_attribute(id, std::string(kExactPrefix) + param.name, *whole);
  }
}

void SqlStorage::set_params(Claim at, std::span<const ParamValue> params) {
  const AtOnce written = write_at_once(kept_for_holder(), at, [&](const Held& held) {
    UsedDomains& used = known_[held.study].domains;
    const bool known = std::ranges::all_of(
        params, [&](const ParamValue& param) { return used.contains(param.name); });
    if (!known) throw CheckFailed("a name is new");
    database_->run(
        "SELECT 1 / (CASE WHEN EXISTS (SELECT 1 FROM trial_params WHERE trial_id = ?1) "
        "THEN 0 ELSE 1 END)",
        at.trial);
    insert_params(at.trial, {held.study, held.number}, params, used);
  });
  if (written == AtOnce::Done) return;
  transact(kept_for_holder(), [&] {
    const TrialRow trial = writable_trial(at);
    if (written == AtOnce::Unknown && trial.has_params && are_stored(at.trial, params)) return;
    insert_params(at.trial, trial, params, known_[trial.study].domains);
  });
  note_kept(at.trial);
}

bool SqlStorage::are_stored(TrialId trial, std::span<const ParamValue> params) const {
  std::set<std::string, std::less<>> names = stored_names(trial);
  return std::ranges::all_of(params,
                             [&](const ParamValue& param) { return names.contains(param.name); });
}

void SqlStorage::add_report(Claim at, const Report& report) {
  const Kind kind = kept_on_the_way(at.trial);
  const AtOnce written = write_at_once(kind, at, [&](const Held& held) {
    database_->run(
        "SELECT 1 / (CASE WHEN EXISTS (SELECT 1 FROM hypertune_reports r "
        "WHERE r.trial_id = ?1 AND r.step >= ?2) OR EXISTS (SELECT 1 "
        "FROM trial_intermediate_values i WHERE i.trial_id = ?1 AND i.step >= ?2) "
        "THEN 0 ELSE 1 END)",
        at.trial, report.step);
    insert_report(at.trial, report, objectives(held.study).front());
  });
  if (written == AtOnce::Done) return;
  transact(kind, [&] {
    const TrialRow trial = writable_trial(at);
    // Nobody else writes to a trial that is held.
    if (written == AtOnce::Unknown && trial.last_step == report.step) return;
    check_step(trial.number, report.step, trial.last_step);
    insert_report(at.trial, report, objectives(trial.study).front());
  });
  if (kind == Kind::Write) note_kept(at.trial);
}

/// A metric that is watched alone has its place in Optuna's table.
void SqlStorage::insert_report(TrialId id, const Report& report, const Objective& watched) {
  const auto value = report.metrics.find(watched.metric);
  const bool is_watched = value != report.metrics.end();
  if (!is_watched || report.metrics.size() > 1) {
    database_->run(
        "INSERT INTO hypertune_reports (trial_id, step, metrics_json) VALUES (?1, ?2, ?3)", id,
        report.step, dump_json(to_json(report.metrics)));
  }
  if (is_watched) {
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

Outcome SqlStorage::settled(TrialId trial, int number, const Outcome& outcome,
                            const std::vector<Objective>& objectives) const {
  std::optional<double> last;
  if (outcome.state == TrialState::Pruned) last = last_reported(trial);
  return settle(number, outcome, objectives, last);
}

void SqlStorage::finish(Claim at, const Outcome& outcome) {
  transact(Kind::Write, [&] {
    const TrialRow trial = writable_trial(at);
    const std::vector<Objective>& all = objectives(trial.study);
    end_trial(at.trial, settled(at.trial, trial.number, outcome, all), all, now());
  });
  let_go(at.trial);
}

void SqlStorage::save_checkpoint(Claim at, std::string_view bytes) {
  transact(kept_on_the_way(at.trial), [&] {
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
  let_go(at.trial);
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
    end_trial(paused.trial, settled(paused.trial, trial->number, outcome, all), all, now());
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
  let_go(at.trial);
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

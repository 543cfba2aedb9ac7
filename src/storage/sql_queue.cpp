// The queue of trials in a SQL database: planned, claimed, restored; leases.
#include <fmt/format.h>

#include <set>
#include <utility>

#include "base/worker_id.h"
#include "hypertune/error.h"
#include "storage/sql_records.h"
#include "storage/sql_storage.h"
#include "storage/trial_rules.h"

namespace hypertune {

// --- The queue ---

bool SqlStorage::planned(StudyId study, const std::string& key) const {
  return database_
      ->query("SELECT 1 FROM hypertune_plans WHERE study_id = ?1 AND \"key\" = ?2", study, key)
      .next();
}

int SqlStorage::enqueue(StudyId study, std::span<const TrialPlan> plans) {
  return transact(Kind::Write, [&]() -> int {
    study_name(study);  // throws when there is none
    lock_study(study);
    std::int64_t number = next_number(study);
    int inserted = 0;
    for (const TrialPlan& plan : plans) {
      if (!plan.key.empty() && planned(study, plan.key)) continue;
      insert_trial(study, number++, plan);
      ++inserted;
    }
    return inserted;
  });
}

std::int64_t SqlStorage::next_number(StudyId study) const {
  Query row = database_->query(
      "SELECT number FROM trials WHERE study_id = ?1 ORDER BY number DESC LIMIT 1", study);
  return row.next() ? row.integer(0) + 1 : 0;
}

TrialId SqlStorage::insert_trial(StudyId study, std::int64_t number, const TrialPlan& plan) {
  const TrialId trial = inserted(
      "INSERT INTO trials (number, study_id, state) VALUES (?1, ?2, ?3) RETURNING trial_id", number,
      study, state_name(TrialState::Waiting));
  if (!plan.key.empty()) {
    database_->run("INSERT INTO hypertune_plans (trial_id, study_id, \"key\") VALUES (?1, ?2, ?3)",
                   trial, study, plan.key);
  }
  if (!plan.fixed.empty()) put_trial_attribute(trial, kFixedParams, to_json(plan.fixed));
  put_trial_attribute(trial, kPlanAttribute, plan_json(plan));
  return trial;
}

/// Nothing is written for null.
void SqlStorage::put_trial_attribute(TrialId trial, std::string_view key, const Json& json) {
  if (json.is_null()) return;
  database_->run(
      "INSERT INTO trial_system_attributes (trial_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (trial_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
      trial, key, dump_json(json));
}

/// Does not wait for the disk: what is written next does, before the holder begins.
std::optional<TrialRecord> SqlStorage::claim(StudyId study, const Lease& lease) {
  auto record = transact(Kind::WriteOnTheWay, [&]() -> std::optional<TrialRecord> {
    TrialId trial = 0;
    int number = 0;
    {
      // Ids grow with the numbers. By "+" SQLite is kept from the index of all numbers.
      Query row = database_->query(
          locks_rows() ? "SELECT trial_id, number FROM trials WHERE study_id = ?1 "
                         "AND state = 'WAITING' AND number <= ?2 ORDER BY trial_id LIMIT 1 "
                         "FOR NO KEY UPDATE SKIP LOCKED"
                       : "SELECT trial_id, number FROM trials WHERE study_id = ?1 "
                         "AND state = 'WAITING' AND +number <= ?2 ORDER BY trial_id LIMIT 1",
          study, lease.highest_number);
      if (!row.next()) {
        study_name(study);  // throws when there is none
        return std::nullopt;
      }
      trial = row.integer(0);
      number = static_cast<int>(row.integer(1));
    }
    const TimePoint time = now();
    database_->run("UPDATE trials SET state = ?2, datetime_start = ?3 WHERE trial_id = ?1", trial,
                   state_name(TrialState::Running), datetime_text(time));
    database_->run(
        "INSERT INTO hypertune_leases (trial_id, worker, lease, expires_us) VALUES (?1, ?2, 1, ?3) "
        "ON CONFLICT (trial_id) DO UPDATE SET worker = excluded.worker, lease = "
        "hypertune_leases.lease + 1, "
        "expires_us = excluded.expires_us",
        trial, lease.worker, microseconds_since_epoch(time + lease.duration));
    if (locks_rows() && held_.contains(trial)) {
      // The server crashed and forgot an earlier claim, under which somebody here may still write.
      database_->run("UPDATE hypertune_leases SET lease = lease + 1 WHERE trial_id = ?1", trial);
    }
    if (auto planned = read_planned_trial(*database_, study, trial)) return planned;
    return std::move(read_trials(*database_, study, objectives(study), number, number).at(0));
  });
  if (record && locks_rows()) {
    const std::scoped_lock lock(mutex_);
    held_[record->id] = {study, record->number, record->started, false};
  }
  return record;
}

// --- Leases ---

std::vector<Claim> SqlStorage::heartbeat(std::span<const Claim> claims,
                                         std::chrono::seconds duration) {
  if (claims.empty()) return {};
  return transact(Kind::WriteOnTheWay, [&]() -> std::vector<Claim> {
    const std::int64_t expires = microseconds_since_epoch(now() + duration);
    std::vector<Claim> lost;
    for (const Claim& at : claims) {
      Query renewed = database_->query(
          "UPDATE hypertune_leases SET expires_us = ?3 WHERE trial_id = ?1 AND lease = ?2 AND "
          "EXISTS "
          "(SELECT 1 FROM trials t WHERE t.trial_id = ?1 AND t.state = 'RUNNING') RETURNING 1",
          at.trial, at.lease, expires);
      if (!renewed.next()) lost.push_back(at);
    }
    return lost;
  });
}

std::vector<SqlStorage::StaleTrial> SqlStorage::stale_trials(StudyId study) const {
  const std::int64_t time = microseconds_since_epoch(now());
  std::vector<StaleTrial> stale;
  Query row = database_->query(
      "SELECT t.trial_id, t.number, l.worker, l.expires_us FROM trials t "
      "JOIN hypertune_leases l ON l.trial_id = t.trial_id "
      "WHERE t.study_id = ?1 AND t.state = 'RUNNING' ORDER BY t.trial_id",
      study);
  while (row.next()) {
    std::string worker = row.text(2);
    if (row.integer(3) > time && !worker_is_dead(worker)) continue;
    stale.push_back({row.integer(0), static_cast<int>(row.integer(1)), std::move(worker)});
  }
  return stale;
}

std::vector<TrialRecord> SqlStorage::fail_stale(StudyId study) {
  return transact(Kind::Write, [&]() -> std::vector<TrialRecord> {
    const std::vector<Objective> all = objectives(study);
    std::vector<StaleTrial> stale = stale_trials(study);
    if (!stale.empty() && locks_rows()) {
      // Others may have ended or claimed some of them until we had them all.
      std::set<TrialId> locked;
      for (const StaleTrial& trial : stale) {
        lock_trial(trial.id);
        locked.insert(trial.id);
      }
      stale = stale_trials(study);
      std::erase_if(stale, [&](const StaleTrial& trial) { return !locked.contains(trial.id); });
    }
    std::vector<TrialRecord> failed;
    for (const StaleTrial& trial : stale) {
      end_trial(trial.id, worker_lost(trial.worker), all, now());
      failed.push_back(
          std::move(read_trials(*database_, study, all, trial.number, trial.number).at(0)));
    }
    return failed;
  });
}

// --- Copies ---

void SqlStorage::restore(StudyId study, std::span<const TrialRecord> trials) {
  transact(Kind::Write, [&] {
    const std::vector<Objective> all = objectives(study);
    lock_study(study);
    int number = static_cast<int>(next_number(study));
    UsedDomains used;
    for (const TrialRecord& trial : trials) {
      check_restored(trial, number++);
      restore_trial(study, trial, all, used);
    }
  });
}

void SqlStorage::restore_trial(StudyId study, const TrialRecord& trial,
                               const std::vector<Objective>& objectives, UsedDomains& used) {
  check_restored_key(trial, planned(study, trial.plan.key));
  const TrialId id = insert_trial(study, trial.number, trial.plan);
  if (!trial.worker.empty()) {
    database_->run(
        "INSERT INTO hypertune_leases (trial_id, worker, lease, expires_us) VALUES (?1, ?2, 0, 0)",
        id, trial.worker);
  }
  std::vector<ParamValue> params;
  for (const auto& [name, domain] : trial.domains) {
    params.push_back({name, domain, trial.params.at(name)});
  }
  insert_params(id, {study, trial.number}, params, used);
  std::optional<std::int64_t> last;
  for (const Report& report : trial.reports) {
    check_step(trial.number, report.step, std::exchange(last, report.step));
    insert_report(id, report, objectives.front());
  }
  if (trial.state == TrialState::Waiting) return;
  if (trial.started) {
    database_->run("UPDATE trials SET datetime_start = ?2 WHERE trial_id = ?1", id,
                   datetime_text(*trial.started));
  }
  const Outcome outcome{trial.state, trial.metrics, trial.reason, trial.failure};
  end_trial(id, settled(id, trial.number, outcome, objectives), objectives, trial.ended);
}

}  // namespace hypertune

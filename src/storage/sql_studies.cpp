// Studies in a SQL database, and what all files of its store share.
#include <fmt/format.h>

#include <algorithm>

#include "hypertune/error.h"
#include "storage/spec_json.h"
#include "storage/sql_storage.h"
#include "storage/trial_rules.h"

namespace hypertune {
namespace {

constexpr std::string_view kSpecAttribute = "hypertune:spec";
constexpr std::string_view kMetricNames = "study:metric_names";

std::string metric_names(const StudySpec& spec) {
  Json names = Json::array();
  for (const Objective& objective : spec.objectives) names.push_back(objective.metric);
  return dump_json(names);
}

}  // namespace

std::int64_t microseconds_since_epoch(TimePoint time) {
  return std::chrono::floor<std::chrono::microseconds>(time).time_since_epoch().count();
}

void SqlStorage::lock_study(StudyId study) const {
  if (!locks_rows()) return;
  database_->run("SELECT 1 FROM studies WHERE study_id = ?1 FOR NO KEY UPDATE", study);
}

void SqlStorage::lock_trial(TrialId trial) const {
  if (!locks_rows()) return;
  database_->run("SELECT 1 FROM trials WHERE trial_id = ?1 FOR NO KEY UPDATE", trial);
}

TimePoint SqlStorage::now() const {
  return std::chrono::floor<std::chrono::microseconds>(clock_ ? clock_()
                                                              : database_->time().value());
}

void SqlStorage::fail(const std::string& what) const {
  throw StorageError(fmt::format("{}: {}", database_->name(), what));
}

void SqlStorage::fail_unknown(StudyId study) const {
  fail(fmt::format("there is no study with id {}", study));
}

void SqlStorage::fail_damaged(const std::string& study, std::string_view why) const {
  fail(
      fmt::format("study \"{}\" is damaged: {}. Restore a copy, or start it again in another "
                  "{}",
                  study, why, locks_rows() ? "database" : "folder"));
}

std::optional<StudyId> SqlStorage::id_of(std::string_view name) const {
  Query row = database_->query("SELECT study_id FROM studies WHERE study_name = ?1", name);
  if (!row.next()) return std::nullopt;
  known_.erase(row.integer(0));
  return row.integer(0);
}

std::string SqlStorage::study_name(StudyId study) const {
  Query row = database_->query("SELECT study_name FROM studies WHERE study_id = ?1", study);
  if (!row.next()) fail_unknown(study);
  return row.text(0);
}

std::optional<std::string> SqlStorage::attribute(StudyId study, std::string_view key) const {
  Query row = database_->query(
      "SELECT value_json FROM study_system_attributes WHERE study_id = ?1 AND \"key\" = ?2", study,
      key);
  if (!row.next()) return std::nullopt;
  return row.text(0);
}

/// Metrics are empty texts where Optuna was not given names.
std::vector<Objective> SqlStorage::stored_objectives(StudyId study) const {
  std::string name;
  std::optional<std::string> names_text;
  std::vector<Objective> all;
  {
    Query row = database_->query(
        "SELECT s.study_name, d.direction, a.value_json FROM studies s "
        "LEFT JOIN study_directions d ON d.study_id = s.study_id "
        "LEFT JOIN study_system_attributes a ON a.study_id = s.study_id AND a.\"key\" = ?2 "
        "WHERE s.study_id = ?1 ORDER BY d.objective",
        study, kMetricNames);
    while (row.next()) {
      name = row.text(0);
      if (row.is_null(1)) fail_damaged(name, "it has no objective");
      const bool maximize = row.text(1) == "MAXIMIZE";
      all.push_back({"", maximize ? Direction::Maximize : Direction::Minimize});
      if (!row.is_null(2)) names_text = row.text(2);
    }
  }
  if (all.empty()) fail_unknown(study);
  if (!names_text) return all;
  try {
    const Json names = parse_json(*names_text);
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
std::vector<Objective> SqlStorage::objectives(StudyId study) const {
  const auto known = known_.find(study);
  if (known != known_.end() && !known->second.objectives.empty()) return known->second.objectives;
  std::vector<Objective> all = stored_objectives(study);
  const bool named = std::ranges::none_of(all, &std::string::empty, &Objective::metric);
  if (named) known_[study].objectives = all;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].metric.empty()) continue;
    all[i].metric = all.size() == 1 ? "value" : fmt::format("values_{}", i);
  }
  return all;
}

/// Nothing for a study that another program made.
std::optional<StudySpec> SqlStorage::stored_spec(StudyId study) const {
  const auto text = attribute(study, kSpecAttribute);
  if (!text) return std::nullopt;
  try {
    return spec_from_json(parse_json(*text));
  } catch (const Error& e) {
    fail_damaged(study_name(study), e.what());
  }
}

StudyId SqlStorage::open_study(const StudySpec& spec) {
  check_spec(spec);
  return transact(Kind::Write, [&]() -> StudyId {
    std::optional<StudyId> study = id_of(spec.name);
    if (study) {
      match_study(*study, spec);
    } else {
      study = create_study(spec);
    }
    return *study;
  });
}

StudyId SqlStorage::create_study(const StudySpec& spec) {
  const StudyId study =
      inserted("INSERT INTO studies (study_name) VALUES (?1) RETURNING study_id", spec.name);
  known_.erase(study);
  for (std::size_t i = 0; i < spec.objectives.size(); ++i) {
    const bool maximize = spec.objectives[i].direction == Direction::Maximize;
    // Optuna reads them in the order in which they were written.
    database_->run(
        "INSERT INTO study_directions (direction, study_id, objective) VALUES (?1, ?2, ?3)",
        maximize ? "MAXIMIZE" : "MINIMIZE", study, static_cast<std::int64_t>(i));
  }
  put_study_attribute(study, kMetricNames, metric_names(spec));
  put_study_attribute(study, kSpecAttribute, dump_json(to_json(spec)));
  return study;
}

void SqlStorage::match_study(StudyId study, const StudySpec& spec) {
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

std::optional<StudyId> SqlStorage::find_study(std::string_view name) const {
  return transact(Kind::Read, [&]() -> std::optional<StudyId> { return id_of(name); });
}

std::vector<std::string> SqlStorage::study_names() const {
  return transact(Kind::Read, [&]() -> std::vector<std::string> {
    std::vector<std::string> names;
    Query row = database_->query("SELECT study_name FROM studies ORDER BY study_id");
    while (row.next()) names.push_back(row.text(0));
    return names;
  });
}

StudySpec SqlStorage::spec(StudyId study) const {
  return transact(Kind::Read, [&]() -> StudySpec {
    if (auto stored = stored_spec(study)) return std::move(*stored);
    return {study_name(study), objectives(study), {}, 0};
  });
}

void SqlStorage::put_study_attribute(StudyId study, std::string_view key, std::string_view json) {
  database_->run(
      "INSERT INTO study_system_attributes (study_id, \"key\", value_json) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (study_id, \"key\") DO UPDATE SET value_json = excluded.value_json",
      study, key, json);
}

void SqlStorage::set_attribute(StudyId study, std::string_view key, std::string_view json) {
  check_attribute(key, json);
  transact(Kind::Write, [&] {
    study_name(study);  // throws when there is none
    put_study_attribute(study, key, json);
  });
}

std::map<std::string, std::string, std::less<>> SqlStorage::attributes(StudyId study) const {
  return transact(Kind::Read, [&]() -> std::map<std::string, std::string, std::less<>> {
    study_name(study);  // throws when there is none
    std::map<std::string, std::string, std::less<>> all;
    Query row = database_->query(
        "SELECT \"key\", value_json FROM study_system_attributes WHERE study_id = ?1", study);
    while (row.next()) all.emplace(row.text(0), row.text(1));
    return all;
  });
}

}  // namespace hypertune

// Reads trials with one query for each table, whatever their number.
#include "storage/sql_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <iterator>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "core/shared_domains.h"
#include "hypertune/error.h"
#include "storage/spec_json.h"

namespace hypertune {
namespace {

using std::chrono::microseconds;

constexpr std::array<std::pair<TrialState, std::string_view>, 5> kStates = {
    {{TrialState::Waiting, "WAITING"},
     {TrialState::Running, "RUNNING"},
     {TrialState::Complete, "COMPLETE"},
     {TrialState::Pruned, "PRUNED"},
     {TrialState::Failed, "FAIL"}}};

constexpr std::array<std::pair<Failure, std::string_view>, 6> kFailures = {
    {{Failure::None, "none"},
     {Failure::Error, "error"},
     {Failure::Interrupted, "interrupted"},
     {Failure::WorkerLost, "worker-lost"},
     {Failure::Crash, "crash"},
     {Failure::Timeout, "timeout"}}};

constexpr std::string_view kFinite = "FINITE";
constexpr std::string_view kPlusInfinity = "INF_POS";
constexpr std::string_view kMinusInfinity = "INF_NEG";
constexpr std::string_view kNotANumber = "NAN";

/// The second of a row of a table whose first is `key`, or the other way round.
template <class Table>
std::string_view name_in(const Table& table, typename Table::value_type::first_type key) {
  return std::ranges::find(table, key, [](const auto& row) { return row.first; })->second;
}

template <class Table>
auto key_in(const Table& table, std::string_view name) {
  const auto row = std::ranges::find(table, name, [](const auto& r) { return r.second; });
  if (row == table.end()) throw Error(fmt::format("\"{}\" is not known", name));
  return row->first;
}

Json object_from(std::string_view text) {
  Json json = parse_json(text);
  if (!json.is_object()) throw Error(fmt::format("{} is not a JSON object", shorten(text, 60)));
  return json;
}

/// Reads the rows of one table after the other into records.
class Reader {
 public:
  Reader(SqlDatabase& database, StudyId study, const std::vector<Objective>& objectives)
      : database_(database), study_(study), objectives_(objectives) {}

  std::vector<TrialRecord> numbered(int first, int last) {
    where_ = " WHERE t.study_id = ?1 AND t.number BETWEEN ?2 AND ?3 ";
    first_ = first;
    last_ = last;
    read_trials(std::nullopt);
    return read_rest();
  }

  std::optional<TrialRecord> planned(TrialId trial) {
    Query row = database_.query(
        "SELECT t.trial_id, t.number, t.datetime_start, l.worker, l.lease, k.\"key\", "
        "f.value_json, a.value_json FROM trials t "
        "JOIN hypertune_leases l ON l.trial_id = t.trial_id "
        "LEFT JOIN hypertune_plans k ON k.trial_id = t.trial_id "
        "LEFT JOIN trial_system_attributes f ON f.trial_id = t.trial_id "
        "AND f.\"key\" = 'fixed_params' "
        "LEFT JOIN trial_system_attributes a ON a.trial_id = t.trial_id "
        "AND a.\"key\" = 'hypertune:plan' "
        "WHERE t.trial_id = ?1 AND t.state = 'RUNNING' "
        "AND NOT EXISTS (SELECT 1 FROM trial_params x WHERE x.trial_id = ?1) "
        "AND NOT EXISTS (SELECT 1 FROM hypertune_reports x WHERE x.trial_id = ?1) "
        "AND NOT EXISTS (SELECT 1 FROM trial_intermediate_values x WHERE x.trial_id = ?1) "
        "AND NOT EXISTS (SELECT 1 FROM trial_user_attributes x WHERE x.trial_id = ?1)",
        trial);
    if (!row.next()) return std::nullopt;
    TrialRecord record;
    record.id = trial;
    record.number = static_cast<int>(row.integer(1));
    record.state = TrialState::Running;
    take_row(record, row, [](TrialRecord& to, const Query& r) {
      if (!r.is_null(2)) to.started = time_from(r.text(2));
      to.worker = r.text(3);
      to.lease = static_cast<int>(r.integer(4));
      if (!r.is_null(5)) to.plan.key = r.text(5);
      if (!r.is_null(6)) take_system_attribute(to, std::string(kFixedParams), r.text(6));
      if (!r.is_null(7)) take_system_attribute(to, std::string(kPlanAttribute), r.text(7));
    });
    return record;
  }

  std::vector<TrialRecord> in_state(TrialState state) {
    where_ = " WHERE t.study_id = ?1 AND t.state = ?2 ";
    state_ = state_name(state == TrialState::Paused ? TrialState::Running : state);
    read_trials(state);
    return read_rest();
  }

 private:
  /// Calls `take(record, row)` for every row; the first column is the trial's id. What goes wrong
  /// in it is said to be wrong with that trial.
  template <class Take>
  void each_row(std::string_view select, std::string_view rest, Take take) {
    Query row = rows(select, rest);
    while (row.next()) {
      const std::int64_t id = row.integer(0);
      const auto record = std::ranges::lower_bound(records_, id, {}, &TrialRecord::id);
      if (record != records_.end() && record->id == id) take_row(*record, row, take);
    }
  }

  template <class Take>
  void take_row(TrialRecord& record, const Query& row, Take take) {
    try {
      take(record, row);
    } catch (const Error& e) {
      throw StorageError(
          fmt::format("{}: trial {} of study {} is damaged: {}. Restore a copy, or start "
                      "the study again in another folder",
                      database_.name(), record.number, study_, e.what()));
    }
  }

  Query rows(std::string_view select, std::string_view rest) {
    std::string sql(select);
    sql.append(where_).append(rest);
    return state_.empty() ? database_.query(sql, study_, first_, last_)
                          : database_.query(sql, study_, state_);
  }

  std::vector<TrialRecord> read_rest() {
    if (records_.empty()) return {};
    read_plan_keys();
    read_params();
    read_values();
    read_reports();
    read_intermediate_values();
    read_user_attributes();
    read_system_attributes();
    for (TrialRecord& record : records_) std::ranges::sort(record.reports, {}, &Report::step);
    return std::move(records_);
  }

  /// Those that are in the wanted state alone, where there is one.
  void read_trials(std::optional<TrialState> wanted) {
    // Ids and numbers grow together, so that records can be found by either.
    Query row = rows("SELECT t.trial_id, t.number FROM trials t", "ORDER BY t.trial_id");
    while (row.next()) {
      TrialRecord& record = records_.emplace_back();
      record.id = row.integer(0);
      record.number = static_cast<int>(row.integer(1));
    }
    each_row(
        "SELECT t.trial_id, t.state, t.datetime_start, t.datetime_complete, "
        "COALESCE(l.worker, p.worker), COALESCE(l.lease, p.lease), p.trial_id IS NOT NULL "
        "FROM trials t LEFT JOIN hypertune_leases l ON l.trial_id = t.trial_id "
        "LEFT JOIN hypertune_paused p ON p.trial_id = t.trial_id",
        "", [](TrialRecord& record, const Query& r) {
          record.state = state_from_name(r.text(1), r.integer(6) != 0);
          if (record.state == TrialState::Failed) record.failure = Failure::Error;
          if (!r.is_null(2)) record.started = time_from(r.text(2));
          if (!r.is_null(3)) record.ended = time_from(r.text(3));
          if (r.is_null(4)) return;
          record.worker = r.text(4);
          record.lease = static_cast<int>(r.integer(5));
        });
    if (wanted) std::erase_if(records_, [&](const auto& r) { return r.state != *wanted; });
  }

  void read_plan_keys() {
    each_row("SELECT p.trial_id, p.\"key\" FROM hypertune_plans p JOIN trials t USING (trial_id)",
             "", [](TrialRecord& record, const Query& r) { record.plan.key = r.text(1); });
  }

  void read_params() {
    each_row(
        "SELECT p.trial_id, p.param_name, p.param_value, p.distribution_json FROM trial_params p "
        "JOIN trials t USING (trial_id)",
        "", [this](TrialRecord& record, const Query& r) {
          const std::string name = r.text(1);
          const Domain& domain = parsed_domain(r.text(3));
          record.params[name] = param_value(domain, r.real(2));
          const NamedDomain added{name, &domain};
          record.domains = shared_.with(record.domains, std::span(&added, 1));
        });
  }

  void read_values() {
    each_row(
        "SELECT v.trial_id, v.objective, v.value, v.value_type FROM trial_values v "
        "JOIN trials t USING (trial_id)",
        "", [this](TrialRecord& record, const Query& r) {
          const std::int64_t index = r.integer(1);
          if (index < 0 || index >= std::ssize(objectives_)) {
            throw Error(fmt::format("the study has no objective {}", index));
          }
          record.metrics[objectives_[static_cast<std::size_t>(index)].metric] =
              stored_number(r, 2, 3);
        });
  }

  void read_reports() {
    each_row(
        "SELECT r.trial_id, r.step, r.metrics_json FROM hypertune_reports r "
        "JOIN trials t USING (trial_id)",
        "ORDER BY r.trial_id, r.step", [](TrialRecord& record, const Query& r) {
          record.reports.push_back({r.integer(1), metrics_from_json(object_from(r.text(2)))});
        });
  }

  /// Steps of other programs; ours repeat what the reports say.
  void read_intermediate_values() {
    each_row(
        "SELECT i.trial_id, i.step, i.intermediate_value, i.intermediate_value_type "
        "FROM trial_intermediate_values i JOIN trials t USING (trial_id)",
        "AND NOT EXISTS (SELECT 1 FROM hypertune_reports r WHERE r.trial_id = i.trial_id AND "
        "r.step = i.step)",
        [this](TrialRecord& record, const Query& r) {
          record.reports.push_back(
              {r.integer(1), {{objectives_.front().metric, stored_number(r, 2, 3)}}});
        });
  }

  void read_user_attributes() {
    each_row(
        "SELECT a.trial_id, a.\"key\", a.value_json FROM trial_user_attributes a "
        "JOIN trials t USING (trial_id)",
        "", [](TrialRecord& record, const Query& r) {
          const Json json = parse_json(r.text(2));
          if (json.is_number()) record.metrics.try_emplace(r.text(1), json.get<double>());
        });
  }

  void read_system_attributes() {
    each_row(
        "SELECT a.trial_id, a.\"key\", a.value_json FROM trial_system_attributes a "
        "JOIN trials t USING (trial_id)",
        "AND (a.\"key\" = 'fixed_params' OR a.\"key\" LIKE 'hypertune:%')",
        [](TrialRecord& record, const Query& r) {
          take_system_attribute(record, r.text(1), r.text(2));
        });
  }

  static void take_system_attribute(TrialRecord& record, const std::string& key,
                                    const std::string& text) {
    try {
      if (key == kFixedParams) {
        record.plan.fixed = params_from_json(object_from(text));
      } else if (key == kPlanAttribute) {
        const Json json = object_from(text);
        if (json.contains("draw")) record.plan.draw = json.at("draw").get<std::uint64_t>();
        if (json.contains("retry_of")) record.plan.retry_of = json.at("retry_of").get<int>();
        if (json.contains("parent")) record.plan.parent = json.at("parent").get<int>();
        record.plan.attempt = json.at("attempt").get<int>();
      } else if (key == kReasonAttribute) {
        const Json json = object_from(text);
        record.reason = json.at("reason").get<std::string>();
        record.failure = key_in(kFailures, json.at("failure").get<std::string>());
      } else if (key.starts_with(kExactPrefix)) {
        record.params[key.substr(kExactPrefix.size())] = value_from_json(parse_json(text));
      }
    } catch (const Json::exception& e) {
      throw Error(fmt::format("attribute \"{}\": {}", key, e.what()));
    }
  }

  const Domain& parsed_domain(const std::string& text) {
    const auto known = domains_.find(text);
    if (known != domains_.end()) return known->second;
    return domains_.emplace(text, domain_from_json(parse_json(text))).first->second;
  }

  /// From the form in which Optuna keeps every value: a double, or the index of a choice.
  static Value param_value(const Domain& domain, double stored) {
    if (std::holds_alternative<FloatDomain>(domain)) return stored;
    if (std::holds_alternative<IntDomain>(domain)) {
      // Rounding may have carried the largest numbers to 2^63; their exact value follows.
      constexpr double kLimit = 9223372036854775808.0;
      if (!(std::abs(stored) <= kLimit)) throw Error(fmt::format("{} is no whole number", stored));
      return stored == kLimit ? std::numeric_limits<std::int64_t>::max()
                              : static_cast<std::int64_t>(stored);
    }
    const auto& choices = std::get<CategoricalDomain>(domain).choices;
    if (!(stored >= 0 && stored < static_cast<double>(choices.size()))) {
      throw Error(fmt::format("there is no choice {} in {}", stored, to_string(domain)));
    }
    return choices[static_cast<std::size_t>(stored)];
  }

  SqlDatabase& database_;
  StudyId study_;
  const std::vector<Objective>& objectives_;
  std::string_view where_ = {};
  int first_ = 0;
  int last_ = 0;
  std::string_view state_ = {};  // instead of the numbers
  std::vector<TrialRecord> records_;
  SharedDomains shared_;
  std::unordered_map<std::string, Domain> domains_;  // few, and repeated in every trial
};

}  // namespace

std::vector<TrialRecord> read_trials(SqlDatabase& database, StudyId study,
                                     const std::vector<Objective>& objectives, int first,
                                     int last) {
  return Reader(database, study, objectives).numbered(first, last);
}

std::optional<TrialRecord> read_planned_trial(SqlDatabase& database, StudyId study, TrialId trial) {
  return Reader(database, study, {}).planned(trial);
}

std::vector<TrialRecord> read_trials_in(SqlDatabase& database, StudyId study,
                                        const std::vector<Objective>& objectives,
                                        std::span<const TrialState> states) {
  const std::set<TrialState> wanted(states.begin(), states.end());
  std::vector<TrialRecord> all;
  for (const TrialState state : wanted) {
    std::ranges::move(Reader(database, study, objectives).in_state(state), std::back_inserter(all));
  }
  std::ranges::sort(all, {}, &TrialRecord::number);
  return all;
}

std::optional<int> best_number(SqlDatabase& database, StudyId study, Direction direction) {
  const bool maximize = direction == Direction::Maximize;
  // From the best value on by an index, whatever the number of trials; infinities are NULL.
  const std::string_view by_value =
      "SELECT t.number FROM trial_values v CROSS JOIN trials t WHERE t.trial_id = v.trial_id "
      "AND v.objective = 0 AND v.value_type = ?2 AND t.study_id = ?1 AND t.state = 'COMPLETE' "
      "ORDER BY v.value, v.trial_id LIMIT 1";
  const std::string_view by_falling_value =
      "SELECT t.number FROM trial_values v CROSS JOIN trials t WHERE t.trial_id = v.trial_id "
      "AND v.objective = 0 AND v.value_type = ?2 AND t.study_id = ?1 AND t.state = 'COMPLETE' "
      "ORDER BY v.value DESC, v.trial_id LIMIT 1";
  const auto first = maximize ? kPlusInfinity : kMinusInfinity;
  const auto last = maximize ? kMinusInfinity : kPlusInfinity;
  for (const std::string_view type : {first, kFinite, last}) {
    Query row = database.query(maximize ? by_falling_value : by_value, study, type);
    if (row.next()) return static_cast<int>(row.integer(0));
  }
  return std::nullopt;
}

std::string_view state_name(TrialState state) { return name_in(kStates, state); }
TrialState state_from_name(std::string_view name, bool paused) {
  const TrialState state = key_in(kStates, name);
  return paused && state == TrialState::Running ? TrialState::Paused : state;
}

std::string datetime_text(TimePoint time) {
  const auto micros = std::chrono::floor<microseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(micros);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(micros - day);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", int(date.year()),
                     unsigned(date.month()), unsigned(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

/// SQLite keeps the six digits of a fraction that Optuna writes, PostgreSQL leaves zeros out at
/// their end.
TimePoint time_from(std::string_view text) {
  const auto refuse = [&] { throw Error(fmt::format("\"{}\" is no time", text)); };
  const auto field = [&](std::size_t at, std::size_t length) {
    int number = 0;
    if (at + length > text.size()) refuse();
    const char* end = text.data() + at + length;
    const auto [stop, error] = std::from_chars(text.data() + at, end, number);
    if (error != std::errc() || stop != end || number < 0) refuse();
    return number;
  };
  const std::chrono::year_month_day date(std::chrono::year(field(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(field(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(field(8, 2))));
  // What the clock cannot count, in nanoseconds since 1970, is damage too.
  constexpr int kFirstYear = 1678;
  constexpr int kLastYear = 2261;
  const int year = int(date.year());
  if (!date.ok() || year < kFirstYear || year > kLastYear) refuse();
  int micros = 0;
  if (text.size() > 19) {
    const std::size_t digits = text.size() - 20;
    if (text[19] != '.' || digits < 1 || digits > 6) refuse();
    micros = field(20, digits);
    for (std::size_t i = digits; i < 6; ++i) micros *= 10;
  }
  return std::chrono::sys_days(date) + std::chrono::hours(field(11, 2)) +
         std::chrono::minutes(field(14, 2)) + std::chrono::seconds(field(17, 2)) +
         microseconds(micros);
}

double stored_number(const Query& row, int value, int type) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::string name = row.text(type);
  if (name == kFinite) return row.real(value);
  if (name == kPlusInfinity) return kInfinity;
  if (name == kMinusInfinity) return -kInfinity;
  if (name == kNotANumber) return std::numeric_limits<double>::quiet_NaN();
  throw Error(fmt::format("\"{}\" is no kind of number", name));
}

StoredNumber::StoredNumber(double number) {
  if (std::isfinite(number)) {
    value = number;
    type = kFinite;
  } else {
    type = std::isnan(number) ? kNotANumber : number > 0 ? kPlusInfinity : kMinusInfinity;
  }
}

Json plan_json(const TrialPlan& plan) {
  if (!plan.draw && !plan.retry_of && !plan.parent && plan.attempt == 1) return nullptr;
  Json json = {{"attempt", plan.attempt}};
  if (plan.draw) json["draw"] = *plan.draw;
  if (plan.retry_of) json["retry_of"] = *plan.retry_of;
  if (plan.parent) json["parent"] = *plan.parent;
  return json;
}

Json reason_json(const Outcome& outcome) {
  if (outcome.reason.empty() && outcome.failure == Failure::None) return nullptr;
  return {{"reason", outcome.reason}, {"failure", name_in(kFailures, outcome.failure)}};
}

}  // namespace hypertune

// How trials look in Optuna's tables: rows to records, and the texts that go into rows.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "hypertune/history.h"
#include "hypertune/trial.h"
#include "storage/sql_database.h"

namespace hypertune {

// Attributes of trials. Optuna's enqueue_trial writes the first, and its processes obey it.
constexpr std::string_view kFixedParams = "fixed_params";
constexpr std::string_view kPlanAttribute = "hypertune:plan";  // draw, retry_of, attempt, parent
constexpr std::string_view kReasonAttribute = "hypertune:reason";  // reason, failure
// Followed by a parameter's name: a whole number that the column, a double, cannot hold.
constexpr std::string_view kExactPrefix = "hypertune:exact:";

constexpr int kLastNumber = std::numeric_limits<int>::max();

/// The trials numbered `first` to `last`, by increasing number; in a transaction of the caller's.
/// Throws StorageError that names the trial whose rows make no sense.
std::vector<TrialRecord> read_trials(SqlDatabase& database, StudyId study,
                                     const std::vector<Objective>& objectives, int first, int last);

/// A trial that is held, by one query; nothing when it has more than its plan, as one may that was
/// held before or that another program made.
std::optional<TrialRecord> read_planned_trial(SqlDatabase& database, StudyId study, TrialId trial);

/// The trials in one of these states, by increasing number; the same otherwise.
std::vector<TrialRecord> read_trials_in(SqlDatabase& database, StudyId study,
                                        const std::vector<Objective>& objectives,
                                        std::span<const TrialState> states);

/// The number of the Complete trial whose first objective is best; of equals the lowest.
std::optional<int> best_number(SqlDatabase& database, StudyId study, Direction direction);

/// `RUNNING`, as Optuna writes it.
std::string_view state_name(TrialState state);
/// Throws Error for an unknown name. What runs for Optuna may be `paused` for us.
TrialState state_from_name(std::string_view name, bool paused);

/// `2026-11-23 12:53:05.000000`, in UTC as Optuna writes it since 5.0. (Up to 4.x it wrote local
/// time, and shows ours shifted by the time zone.)
std::string datetime_text(TimePoint time);
/// The time of such a text, with or without a fraction. Throws Error for another text.
TimePoint time_from(std::string_view text);

/// A number as two columns: NULL and a word when it is not finite.
struct StoredNumber {
  explicit StoredNumber(double number);
  std::optional<double> value;
  std::string_view type;
};

/// The number in two columns of a row. Throws Error for an unknown word.
double stored_number(const Query& row, int value, int type);

/// What `hypertune:plan` and `hypertune:reason` hold; null when there is nothing to say.
Json plan_json(const TrialPlan& plan);
Json reason_json(const Outcome& outcome);

}  // namespace hypertune

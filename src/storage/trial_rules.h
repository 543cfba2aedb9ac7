// The rules that every store applies before it writes; none of them touches a store.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// Throws ConfigError unless the study has a name and at least one objective, each named once.
void check_spec(const StudySpec& spec);

/// Throws StudyMismatch that lists the differences unless there are none.
void check_match(const std::string& study, const std::vector<std::string>& differences);

/// Throws StorageError unless the key has letters and the text is JSON.
void check_attribute(std::string_view key, std::string_view json);

/// Throws TrialFinished or LeaseLost unless `at` names the present lease of a running trial.
/// `lease` is 0 for a trial that never had one.
void check_fence(Claim at, int number, TrialState state, int lease);

/// Throws LeaseLost: the trial is not held under this lease any more.
[[noreturn]] void fail_lost(int number, int lease);

/// The value as its domain has it. Throws ParameterConflict when it lies outside, when the study
/// uses the name with an incompatible domain (`used`), or when the trial has the parameter already.
Value checked_value(int number, const Storage::ParamValue& param, const Domain* used, bool decided);

/// Throws StorageError unless `step` comes after the trial's last one.
void check_step(int number, std::int64_t step, std::optional<std::int64_t> last);

/// Throws Error for more bytes than a trial may keep.
void check_checkpoint(int number, std::string_view bytes);

/// The outcome as it is recorded. A Pruned trial without a value for the one objective gets its
/// last reported one, as in Optuna; a Failed trial has a cause. Throws StorageError for a state
/// that is not final, or a Complete trial that lacks a number for an objective.
Outcome settle(int number, Outcome outcome, const std::vector<Objective>& objectives,
               std::optional<double> last_reported);

/// Values of all objectives; nothing when one is missing or NaN, or when the trial failed.
std::optional<std::vector<double>> objective_values(const Outcome& outcome,
                                                    const std::vector<Objective>& objectives);

/// So many more trials in this state.
void count(TrialState state, TrialCounts& counts, int trials = 1);

/// Throws StorageError unless trial `number` may be restored in this state as number `expected`.
void check_restored(const TrialRecord& trial, int expected);

/// Throws StorageError when a trial to restore has the key of one that the study has (`planned`).
void check_restored_key(const TrialRecord& trial, bool planned);

/// How a trial ends whose worker died or fell silent.
Outcome worker_lost(const std::string& worker);

}  // namespace hypertune

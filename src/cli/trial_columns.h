// Trials as rows of a table and as JSON.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/table.h"
#include "hypertune/storage.h"

namespace hypertune {

/// Objectives first, then the others that some trial has, by name.
std::vector<std::string> metric_names(const StudySpec& spec, std::span<const TrialRecord> trials);

/// Names, then a row for each trial, numbers rounded for people: number, state, parent (if
/// some trial has one), parameters (in the space's order, then others by name), metrics,
/// duration_s. Empty where a trial has no value.
std::vector<TableRow> trial_rows(const StudySpec& spec, std::span<const TrialRecord> trials);

/// number, state, params, metrics, reports [{step, metrics}], and where there is one: duration_s,
/// reason, retry_of, parent.
Json trial_json(const TrialRecord& trial);

}  // namespace hypertune

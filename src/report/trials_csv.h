// Trials as a table of comma-separated values.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/storage.h"
#include "report/study_copy.h"

namespace hypertune {

/// RFC 4180, with lines that end in a line feed. Columns: number, state, parent (if some
/// trial has one), the parameters in the order of the space and then others by name, the objectives
/// and then other metrics by name, duration_s. Numbers read back as the same; a value that is
/// absent leaves its field empty.
std::string trials_csv(const StudySpec& spec, std::span<const TrialRecord> trials);

/// Reads such a table, of which nothing is trusted. The columns between `state` (or `parent`) and
/// the first objective are parameters, those from there to `duration_s` metrics; the other
/// objectives must be among these. What the table does not say is not there: a parameter's domain
/// is the range, or the set, of its values; durations are dropped. Throws ConfigError `name:line:
/// what is wrong`.
StudyCopy study_from_csv(std::string_view text, const std::string& name, StudySpec spec);

/// A line of such a table: fields in quotes where they must be, and the line end.
std::string csv_line(std::vector<std::string> fields);

}  // namespace hypertune

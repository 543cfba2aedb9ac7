// Trials as a table of comma-separated values.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

/// RFC 4180, with lines that end in a line feed. Columns: number, state, parent (if some
/// trial has one), the parameters in the order of the space and then others by name, the objectives
/// and then other metrics by name, duration_s. Numbers read back as the same; a value that is
/// absent leaves its field empty.
std::string trials_csv(const StudySpec& spec, std::span<const TrialRecord> trials);

/// A line of such a table: fields in quotes where they must be, and the line end.
std::string csv_line(std::vector<std::string> fields);

}  // namespace hypertune

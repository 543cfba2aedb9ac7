// Trials as a table of comma-separated values.
#pragma once

#include <span>
#include <string>

#include "hypertune/storage.h"

namespace hypertune {

/// RFC 4180, with lines that end in a line feed. Columns: number, state, the parameters in the
/// order of the space and then others by name, the objectives and then other metrics by name,
/// duration_s. Numbers read back as the same; a value that is absent leaves its field empty.
std::string trials_csv(const StudySpec& spec, std::span<const TrialRecord> trials);

}  // namespace hypertune

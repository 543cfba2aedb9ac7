// What a report says, for the terminal and as JSON.
#pragma once

#include <filesystem>

#include "base/json.h"
#include "hypertune/report.h"

namespace hypertune {

/// Prints the table of claims and where the report is.
void print_verdicts(const ReportSummary& summary, const std::filesystem::path& folder);

/// One object for each claim: text, subject, expect, estimate, low, high, n, method, note,
/// verdict. `estimate` is null where the data give none.
Json verdicts_json(const ReportSummary& summary);

/// The report's page in the folder.
std::filesystem::path report_page(const std::filesystem::path& folder);

}  // namespace hypertune

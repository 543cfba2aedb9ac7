// Plain text tables for the terminal.
#pragma once

#include <string>
#include <vector>

namespace hypertune {

using TableRow = std::vector<std::string>;

/// Rows with aligned columns, two blanks apart, each row a line that begins with `indent`. Columns
/// of numbers are aligned to the right. Control characters are replaced.
std::string format_table(const std::vector<TableRow>& rows, const std::string& indent = "");

}  // namespace hypertune

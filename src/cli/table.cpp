// Plain text tables for the terminal.
#include "cli/table.h"

#include <algorithm>
#include <cstdlib>

#include "cli/terminal.h"

namespace hypertune {
namespace {

constexpr int kColumnGap = 2;

bool is_number(const std::string& text) {
  char* end = nullptr;
  std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0';
}

struct Column {
  int width = 0;
  bool numeric = true;  ///< every cell but the first row's is a number or empty
};

std::vector<Column> measure(const std::vector<TableRow>& rows) {
  std::vector<Column> columns;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    if (columns.size() < rows[r].size()) columns.resize(rows[r].size());
    for (std::size_t c = 0; c < rows[r].size(); ++c) {
      const std::string& cell = rows[r][c];
      columns[c].width = std::max(columns[c].width, display_width(cell));
      if (r > 0 && !cell.empty() && !is_number(cell)) columns[c].numeric = false;
    }
  }
  if (rows.size() < 2) {
    for (Column& column : columns) column.numeric = false;
  }
  return columns;
}

}  // namespace

std::string format_table(const std::vector<TableRow>& rows, const std::string& indent) {
  std::vector<TableRow> cells = rows;
  const bool utf8 = terminal_style().utf8;
  for (TableRow& row : cells) {
    for (std::string& cell : row) cell = printable(cell, utf8);
  }
  const std::vector<Column> columns = measure(cells);
  std::string out;
  for (const TableRow& row : cells) {
    std::string line = indent;
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c > 0) line.append(kColumnGap, ' ');
      const auto fill = static_cast<std::size_t>(columns[c].width - display_width(row[c]));
      if (columns[c].numeric) line.append(fill, ' ');
      line += row[c];
      if (!columns[c].numeric) line.append(fill, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

}  // namespace hypertune

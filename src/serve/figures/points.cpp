// The figure `points`: any columns of some trials.
#include <algorithm>

#include "serve/figures/parts.h"

namespace hypertune {
namespace {

/// Parameters and metrics, as far as an answer may have columns.
std::vector<const TableColumn*> usual_columns(const TrialTable& table) {
  std::vector<const TableColumn*> columns;
  for (const TableColumn* column : table.columns()) {
    const bool shown = column->name.starts_with("params.") || column->name.starts_with("metrics.");
    if (shown && columns.size() + 1 < kMostColumns) columns.push_back(column);
  }
  return columns;
}

}  // namespace

std::string points_figure(const LiveStudies::Reading& reading, const HttpRequest& request) {
  const TrialTable& table = reading.table;
  auto columns = columns_argument(request, table, usual_columns(table));
  // Without it nobody can tell which trial a point is.
  const TableColumn* number = &column_named(table, "number");
  if (std::ranges::find(columns, number) == columns.end()) {
    columns.insert(columns.begin(), number);
  }
  const std::vector<int> all = filtered_by(request, table);
  const std::vector<int> shown = thinned(table, all, columns, points_argument(request));
  JsonText out;
  begin_figure(out, reading, all.size(), shown.size());
  out.key("columns").open('[');
  for (const TableColumn* column : columns) append_column(out, *column, shown);
  out.close(']').close('}');
  return out.take();
}

}  // namespace hypertune

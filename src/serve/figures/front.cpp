// The figure `front`: the trials that no other dominates.
#include <algorithm>
#include <cmath>

#include "math/pareto.h"
#include "serve/figures/parts.h"

namespace hypertune {
namespace {

/// The objectives' columns; empty when some objective has none yet.
std::vector<const TableColumn*> objective_columns(const TrialTable& table) {
  std::vector<const TableColumn*> columns;
  for (const Objective& objective : table.spec().objectives) {
    const TableColumn* column = metric_column(table, objective.metric);
    if (column == nullptr) return {};
    columns.push_back(column);
  }
  return columns;
}

/// The Complete ones that have every objective.
std::vector<int> measured_trials(const TrialTable& table, std::span<const int> numbers,
                                 std::span<const TableColumn* const> columns) {
  std::vector<int> measured;
  if (columns.empty()) return measured;
  for (const int number : numbers) {
    const bool complete = table.state(number) == TrialState::Complete;
    if (complete && std::ranges::all_of(
                        columns, [&](const TableColumn* column) { return column->has(number); })) {
      measured.push_back(number);
    }
  }
  return measured;
}

std::vector<int> front_of(const TrialTable& table, std::span<const int> measured,
                          std::span<const TableColumn* const> columns) {
  if (measured.empty()) return {};
  std::vector<double> losses;
  losses.reserve(measured.size() * columns.size());
  for (const int number : measured) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const double value = at(*columns[i], number);
      const bool maximize = table.spec().objectives[i].direction == Direction::Maximize;
      losses.push_back(maximize ? -value : value);
    }
  }
  std::vector<int> front;
  for (const std::size_t i : nondominated({.values = losses, .dims = columns.size()})) {
    front.push_back(measured[i]);
  }
  return front;
}

}  // namespace

std::string front_figure(const LiveStudies::Reading& reading, const HttpRequest& request) {
  const TrialTable& table = reading.table;
  std::vector<const TableColumn*> columns = objective_columns(table);
  const std::vector<int> all = filtered_by(request, table);
  const std::vector<int> measured = measured_trials(table, all, columns);
  const std::vector<int> front = front_of(table, measured, columns);
  const int limit = points_argument(request);
  std::vector<int> wanted = front;
  const auto even =
      thinned(table, measured, columns, std::max(1, limit - static_cast<int>(front.size())));
  wanted.insert(wanted.end(), even.begin(), even.end());
  const std::vector<int> shown = chosen(measured, std::move(wanted), limit);
  columns.insert(columns.begin(), &column_named(table, "number"));

  JsonText out;
  begin_figure(out, reading, all.size(), shown.size());
  out.key("objectives").open('[');
  for (const auto& [metric, direction] : table.spec().objectives) {
    out.open('{').key("metric").text(metric);
    out.key("direction").text(direction == Direction::Maximize ? "maximize" : "minimize");
    out.close('}');
  }
  out.close(']').key("columns").open('[');
  for (const TableColumn* column : columns) append_column(out, *column, shown);
  out.close(']').key("front").wholes(front).close('}');
  return out.take();
}

}  // namespace hypertune

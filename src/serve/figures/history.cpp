// The figure `history`: a metric over the trials, and the best so far.
#include <cmath>

#include "serve/figures/parts.h"

namespace hypertune {
namespace {

/// The trials at which the best so far changed.
std::vector<int> improvements(const TrialTable& table, const TableColumn& column,
                              std::span<const int> numbers, Direction direction) {
  std::vector<int> steps;
  for (const int number : numbers) {
    const double value = at(column, number);
    if (table.state(number) != TrialState::Complete || !std::isfinite(value)) continue;
    if (!steps.empty()) {
      const double best = at(column, steps.back());
      if (direction == Direction::Maximize ? value <= best : value >= best) continue;
    }
    steps.push_back(number);
  }
  return steps;
}

}  // namespace

std::string history_figure_data(const LiveStudies::Reading& reading, const HttpRequest& request) {
  const TrialTable& table = reading.table;
  const std::string metric = metric_argument(request, table);
  const Direction direction =
      objective_of(table.spec(), metric).value_or(Objective{metric, Direction::Minimize}).direction;
  const TableColumn* column = metric_column(table, metric);
  const std::vector<int> all = filtered_by(request, table);
  std::vector<int> measured;
  if (column != nullptr) {
    for (const int number : all) {
      if (column->has(number)) measured.push_back(number);
    }
  }
  std::vector<int> best;
  if (column != nullptr) best = improvements(table, *column, measured, direction);
  const int limit = points_argument(request);
  std::vector<int> wanted = best;
  const auto even = thinned(table, measured, std::span(&column, column == nullptr ? 0U : 1U),
                            std::max(1, limit - static_cast<int>(best.size())));
  wanted.insert(wanted.end(), even.begin(), even.end());
  const std::vector<int> shown = chosen(measured, std::move(wanted), limit);

  JsonText out;
  begin_figure(out, reading, all.size(), shown.size());
  out.key("metric").text(metric);
  out.key("direction").text(direction == Direction::Maximize ? "maximize" : "minimize");
  out.key("numbers").wholes(shown);
  out.key("values").open('[');
  for (const int number : shown) out.number(at(*column, number));
  out.close(']').key("states").open('[');
  for (const int number : shown) out.text(state_label(table.state(number)));
  out.close(']').key("best_numbers").wholes(best);
  out.key("best_values").open('[');
  for (const int number : best) out.number(at(*column, number));
  out.close(']').close('}');
  return out.take();
}

}  // namespace hypertune

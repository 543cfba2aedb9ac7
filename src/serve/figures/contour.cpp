// The figure `contour`: a metric over two numeric parameters, as the mean of near trials.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/figures/surface.h"
#include "serve/figures/parts.h"

namespace hypertune {
namespace {

constexpr int kUsualCells = 40;  // of a side
constexpr int kMostCells = 60;
constexpr std::size_t kFewestTrials = 3;  // a surface needs
/// The surface is computed from no more: cells times trials take time.
constexpr int kMostSurfaceTrials = 2000;

/// A numeric parameter along an axis, on the scale of its domain.
struct ContourAxis {
  const TableColumn* column;

  bool shows(int number) const {
    const double value = at(*column, number);
    return std::isfinite(value) && (!column->log || value > 0);
  }
  double place(int number) const {
    const double value = at(*column, number);
    return column->log ? std::log10(value) : value;
  }
  std::vector<double> values_at(std::vector<double> places) const {
    if (!column->log) return places;
    for (double& place : places) place = std::pow(10, place);
    return places;
  }
};

/// The column that the argument names; when it names none, the first numeric parameter but `other`.
const TableColumn* axis_argument(const HttpRequest& request, const TrialTable& table,
                                 std::string_view name, const TableColumn* other) {
  const auto text = request.argument(name);
  if (text && !text->empty()) {
    const TableColumn& column = column_named(table, *text);
    if (column.kind == TableColumn::Kind::Number) return &column;
    refuse(fmt::format("{}: {} is a category; name a column of numbers", name, column.name));
  }
  for (const TableColumn* column : table.columns()) {
    const bool numeric = column->kind == TableColumn::Kind::Number;
    if (numeric && column->name.starts_with("params.") && column != other) return column;
  }
  refuse("a contour takes two numeric parameters, and the study does not have them");
}

SurfaceRange range_of(std::span<const SurfaceSample> samples, double SurfaceSample::*coordinate,
                      int cells) {
  const auto [low, high] = std::ranges::minmax_element(samples, {}, coordinate);
  return {(*low).*coordinate, (*high).*coordinate, static_cast<std::size_t>(cells)};
}

struct Computed {
  Surface surface = {};  // nothing where there are too few trials
  std::vector<std::string> notes = {};
};

Computed computed(const ContourAxis& x, const ContourAxis& y, const TableColumn* z,
                  std::span<const int> measured, int cells) {
  Computed result;
  if (measured.size() < kFewestTrials) {
    result.notes.push_back(fmt::format(
        "It takes {} complete trials that have both parameters and the metric; there {} {}.",
        kFewestTrials, measured.size() == 1 ? "is" : "are", measured.size()));
    return result;
  }
  const std::vector<int> used = chosen(measured, {}, kMostSurfaceTrials);
  if (used.size() < measured.size()) {
    result.notes.push_back(fmt::format("The surface is that of {} of {} trials, evenly chosen.",
                                       used.size(), measured.size()));
  }
  std::vector<SurfaceSample> samples;
  for (const int number : used) {
    samples.push_back({x.place(number), y.place(number), at(*z, number)});
  }
  const SurfaceRange along_x = range_of(samples, &SurfaceSample::x, cells);
  const SurfaceRange along_y = range_of(samples, &SurfaceSample::y, cells);
  for (const auto& [range, axis] : {std::pair(along_x, x), std::pair(along_y, y)}) {
    if (range.low < range.high) continue;
    result.notes.push_back(
        fmt::format("All trials have one value of {}: there is no surface.", axis.column->name));
    return result;
  }
  result.surface = surface(along_x, along_y, samples);
  return result;
}

void append_surface(JsonText& out, const ContourAxis& x, const ContourAxis& y,
                    const Surface& surface) {
  out.key("grid_x").numbers(x.values_at(surface.x));
  out.key("grid_y").numbers(y.values_at(surface.y));
  out.key("grid_z").open('[');
  for (std::size_t row = 0; row < surface.y.size(); ++row) {
    out.numbers(std::span(surface.heights).subspan(row * surface.x.size(), surface.x.size()));
  }
  out.close(']');
}

void append_values(JsonText& out, std::string_view key, const TableColumn* column,
                   std::span<const int> numbers) {
  out.key(key).open('[');
  for (const int number : numbers) out.number(at(*column, number));
  out.close(']');
}

}  // namespace

std::string contour_figure_data(const LiveStudies::Reading& reading, const HttpRequest& request) {
  const TrialTable& table = reading.table;
  const ContourAxis x{axis_argument(request, table, "x", nullptr)};
  const ContourAxis y{axis_argument(request, table, "y", x.column)};
  const std::string metric = metric_argument(request, table, "z");
  const TableColumn* z = metric_column(table, metric);
  const int cells = int_argument(request, "cells", kUsualCells, 2, kMostCells);
  const std::vector<int> all = filtered_by(request, table);
  std::vector<int> measured;
  for (const int number : all) {
    const bool complete = z != nullptr && table.state(number) == TrialState::Complete;
    if (complete && std::isfinite(at(*z, number)) && x.shows(number) && y.shows(number)) {
      measured.push_back(number);
    }
  }
  const Computed result = computed(x, y, z, measured, cells);
  std::vector<const TableColumn*> columns = {x.column, y.column};
  if (z != nullptr) columns.push_back(z);
  const std::vector<int> shown = thinned(table, measured, columns, points_argument(request));

  JsonText out;
  begin_figure(out, reading, all.size(), shown.size());
  out.key("x").text(x.column->name).key("y").text(y.column->name);
  out.key("z").text("metrics." + metric);
  out.key("x_log").json(x.column->log).key("y_log").json(y.column->log);
  append_surface(out, x, y, result.surface);
  out.key("points").open('{').key("numbers").wholes(shown);
  append_values(out, "x", x.column, shown);
  append_values(out, "y", y.column, shown);
  append_values(out, "z", z, shown);
  out.close('}').key("notes").texts(result.notes).close('}');
  return out.take();
}

}  // namespace hypertune

// What the page draws, computed from a table: the names of figures, and the choice of trials.
#include "serve/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <utility>

#include "base/text.h"
#include "serve/figures/parts.h"

namespace hypertune {
namespace {

using FigureFunction = std::string (*)(const LiveStudies::Reading&, const HttpRequest&);
constexpr std::array<std::pair<std::string_view, FigureFunction>, 6> kFigures = {{
    {"points", points_figure},
    {"history", history_figure_data},
    {"contour", contour_figure_data},
    {"curves", curves_figure},
    {"timeline", timeline_figure_data},
    {"front", front_figure},
}};

/// Of the points of a figure, one in so many may be there for being among the best.
constexpr int kBestShare = 5;

/// Spreads numbers that follow each other (the finalizer of SplitMix64, Steele et al. 2014).
std::uint64_t scattered(int number) {
  std::uint64_t x = static_cast<std::uint64_t>(number) + 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// Where the column is smallest and largest among these, infinities left out.
void append_extremes(const TableColumn& column, std::span<const int> numbers,
                     std::vector<int>& wanted) {
  int smallest = -1;
  int largest = -1;
  for (const int number : numbers) {
    const double value = at(column, number);
    if (!std::isfinite(value)) continue;
    if (smallest < 0 || value < at(column, smallest)) smallest = number;
    if (largest < 0 || value > at(column, largest)) largest = number;
  }
  if (smallest >= 0) wanted.insert(wanted.end(), {smallest, largest});
}

}  // namespace

std::vector<int> chosen(std::span<const int> numbers, std::vector<int> wanted, int limit) {
  const auto most = static_cast<std::size_t>(limit);
  if (numbers.size() <= most) return {numbers.begin(), numbers.end()};
  if (wanted.size() > most) wanted.resize(most);
  std::ranges::sort(wanted);
  const auto repeated = std::ranges::unique(wanted);
  wanted.erase(repeated.begin(), repeated.end());
  // The smallest of numbers that look random, one for each trial: an even choice.
  std::vector<std::pair<std::uint64_t, int>> others;
  others.reserve(numbers.size());
  for (const int number : numbers) {
    if (!std::ranges::binary_search(wanted, number)) others.emplace_back(scattered(number), number);
  }
  const std::size_t room = std::min(most - wanted.size(), others.size());
  std::ranges::nth_element(others, others.begin() + static_cast<std::ptrdiff_t>(room));
  for (std::size_t i = 0; i < room; ++i) wanted.push_back(others[i].second);
  std::ranges::sort(wanted);
  return wanted;
}

std::vector<int> thinned(const TrialTable& table, std::span<const int> numbers,
                         std::span<const TableColumn* const> columns, int limit) {
  if (std::ssize(numbers) <= limit) return {numbers.begin(), numbers.end()};
  std::vector<int> wanted;
  for (const Objective& objective : table.spec().objectives) {
    if (const TableColumn* column = metric_column(table, objective.metric)) {
      append_extremes(*column, numbers, wanted);
    }
  }
  for (const TableColumn* column : columns) append_extremes(*column, numbers, wanted);
  if (!table.spec().objectives.empty()) {
    const auto best =
        best_trials(table, numbers, table.spec().objectives.front(), limit / kBestShare);
    wanted.insert(wanted.end(), best.begin(), best.end());
  }
  return chosen(numbers, std::move(wanted), limit);
}

std::string figure(std::string_view name, const LiveStudies::Reading& reading,
                   const HttpRequest& request) {
  const auto* found = std::ranges::find(kFigures, name, [](const auto& row) { return row.first; });
  if (found != kFigures.end()) return found->second(reading, request);
  std::vector<std::string> names = {"importance"};
  for (const auto& [known, function] : kFigures) names.emplace_back(known);
  refuse(fmt::format("there is no figure \"{}\"; there are {}", shorten(plain_text(name), 40),
                     join(names, ", ")),
         404);
}

int points_argument(const HttpRequest& request) {
  return int_argument(request, "points", kUsualPoints, 1, kMostPoints);
}

std::optional<Objective> objective_of(const StudySpec& spec, std::string_view metric) {
  for (const Objective& objective : spec.objectives) {
    if (objective.metric == metric) return objective;
  }
  return std::nullopt;
}

const TableColumn* metric_column(const TrialTable& table, std::string_view metric) {
  return table.find(fmt::format("metrics.{}", metric));
}

std::string metric_argument(const HttpRequest& request, const TrialTable& table,
                            std::string_view argument) {
  if (const auto text = request.argument(argument); text && !text->empty()) {
    std::string metric(*text);
    // Who has the name of a column may give that.
    if (metric.starts_with("metrics.") && table.find(metric)) metric = metric.substr(8);
    if (!metric_column(table, metric) && !objective_of(table.spec(), metric)) {
      column_named(table, "metrics." + metric);
    }
    return metric;
  }
  if (table.spec().objectives.empty()) {
    refuse(fmt::format("the study has no objective; name a metric: {}=...", argument));
  }
  return table.spec().objectives.front().metric;
}

std::vector<int> best_trials(const TrialTable& table, std::span<const int> numbers,
                             const Objective& objective, int limit) {
  const TableColumn* column = metric_column(table, objective.metric);
  if (column == nullptr) return {};
  std::vector<std::pair<double, int>> losses;
  for (const int number : numbers) {
    if (table.state(number) != TrialState::Complete) continue;
    const double value = at(*column, number);
    if (!std::isfinite(value)) continue;
    losses.emplace_back(objective.direction == Direction::Maximize ? -value : value, number);
  }
  const auto count = std::min<std::ptrdiff_t>(limit, std::ssize(losses));
  std::ranges::partial_sort(losses, losses.begin() + count);
  std::vector<int> best;
  for (std::ptrdiff_t i = 0; i < count; ++i) {
    best.push_back(losses[static_cast<std::size_t>(i)].second);
  }
  return best;
}

void begin_figure(JsonText& out, const LiveStudies::Reading& reading, std::size_t total,
                  std::size_t shown) {
  out.open('{');
  out.key("revision").whole(static_cast<std::int64_t>(reading.revision));
  out.key("total").whole(static_cast<std::int64_t>(total));
  out.key("shown").whole(static_cast<std::int64_t>(shown));
}

void append_column(JsonText& out, const TableColumn& column, std::span<const int> numbers) {
  out.open('{');
  out.key("name").text(column.name);
  out.key("kind").text(column.kind == TableColumn::Kind::Category ? "category" : "number");
  out.key("log").json(column.log);
  out.key("labels").values(column.labels);
  out.key("values").open('[');
  for (const int number : numbers) out.number(at(column, number));
  out.close(']').close('}');
}

}  // namespace hypertune

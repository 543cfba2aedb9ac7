// What the figures' answers share: which trials they show, and how columns are written.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/history.h"
#include "serve/arguments.h"
#include "serve/figures.h"
#include "serve/json_text.h"

namespace hypertune {

// One file each.
std::string points_figure(const LiveStudies::Reading& reading, const HttpRequest& request);
std::string history_figure_data(const LiveStudies::Reading& reading, const HttpRequest& request);
std::string contour_figure_data(const LiveStudies::Reading& reading, const HttpRequest& request);
std::string curves_figure(const LiveStudies::Reading& reading, const HttpRequest& request);
std::string timeline_figure_data(const LiveStudies::Reading& reading, const HttpRequest& request);
std::string front_figure(const LiveStudies::Reading& reading, const HttpRequest& request);

/// The argument `points`.
int points_argument(const HttpRequest& request);

/// `wanted`, as far as there is room, and others of `numbers`, evenly: by increasing number. A
/// trial that comes later takes the place of at most one other, so that points do not jump while a
/// study runs.
std::vector<int> chosen(std::span<const int> numbers, std::vector<int> wanted, int limit);

/// The objective of this metric; nothing when it is none.
std::optional<Objective> objective_of(const StudySpec& spec, std::string_view metric);
/// The metric that the argument names, or else the first objective. Throws HttpError for one that
/// no trial has.
std::string metric_argument(const HttpRequest& request, const TrialTable& table,
                            std::string_view argument = "metric");
/// The Complete ones of `numbers` by increasing loss: at most `limit`, which have a finite value.
std::vector<int> best_trials(const TrialTable& table, std::span<const int> numbers,
                             const Objective& objective, int limit);

/// The column of a metric; null when no trial has it.
const TableColumn* metric_column(const TrialTable& table, std::string_view metric);

inline double at(const TableColumn& column, int number) {
  return column.values[static_cast<std::size_t>(number)];
}

/// Opens the object of an answer.
void begin_figure(JsonText& out, const LiveStudies::Reading& reading, std::size_t total,
                  std::size_t shown);
/// A `Column`, with the values of these trials.
void append_column(JsonText& out, const TableColumn& column, std::span<const int> numbers);

}  // namespace hypertune

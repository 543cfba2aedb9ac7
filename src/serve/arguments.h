// The arguments of requests, checked. Everything throws HttpError (400) that says what is wrong.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/filter.h"
#include "serve/http.h"
#include "serve/trial_table.h"

namespace hypertune {

/// Longest list of columns that a request may name.
inline constexpr std::size_t kMostColumns = 200;
/// Longest argument that names columns.
inline constexpr std::size_t kMostArgumentBytes = std::size_t{16} << 10;

[[noreturn]] void refuse(std::string message, int status = 400);

/// The number, or `fallback` when the request has none.
int int_argument(const HttpRequest& request, std::string_view name, int fallback, int lowest,
                 int highest);
/// A whole number from 0 on, as paths have them; nothing for anything else.
std::optional<int> number_from(std::string_view text);

/// Names with commas between them, or a JSON list of names.
std::vector<std::string> names_from(std::string_view argument, std::string_view text);

/// Throws HttpError for one that does not exist, with the name that was meant.
const TableColumn& column_named(const TrialTable& table, std::string_view name);
/// The columns that the argument names; `fallback` when there is no such argument.
std::vector<const TableColumn*> columns_argument(const HttpRequest& request,
                                                 const TrialTable& table,
                                                 std::vector<const TableColumn*> fallback);

/// The numbers of the trials that satisfy the argument `filter`.
std::vector<int> filtered_by(const HttpRequest& request, const TrialTable& table);

/// JSON from a request: a body or an argument.
Json json_from(std::string_view what, std::string_view text);

}  // namespace hypertune

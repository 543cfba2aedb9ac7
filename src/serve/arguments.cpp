// The arguments of requests, checked.
#include "serve/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr int kMostNesting = 8;     // of JSON in a request
constexpr std::size_t kShown = 80;  // bytes of what was given, in messages

}  // namespace

void refuse(std::string message, int status) { throw HttpError{status, std::move(message)}; }

std::optional<int> number_from(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0) {
    return std::nullopt;
  }
  return number;
}

int int_argument(const HttpRequest& request, std::string_view name, int fallback, int lowest,
                 int highest) {
  const auto text = request.argument(name);
  if (!text) return fallback;
  const auto number = number_from(*text);
  if (!number || *number < lowest || *number > highest) {
    refuse(fmt::format("{} is a whole number from {} to {}, not \"{}\"", name, lowest, highest,
                       shorten(plain_text(*text), kShown)));
  }
  return *number;
}

std::vector<std::string> names_from(std::string_view argument, std::string_view text) {
  if (text.size() > kMostArgumentBytes) {
    refuse(fmt::format("{} is longer than {} bytes; name fewer columns", argument,
                       kMostArgumentBytes));
  }
  if (!text.starts_with('[')) return split(text, ',');
  const Json json = json_from(argument, text);
  std::vector<std::string> names;
  for (const Json& name : json) {
    if (!name.is_string()) refuse(fmt::format("{} is a list of names of columns", argument));
    names.push_back(name.get<std::string>());
  }
  return names;
}

const TableColumn& column_named(const TrialTable& table, std::string_view name) {
  if (const TableColumn* column = table.find(name)) return *column;
  std::vector<std::string> names;
  for (const TableColumn* column : table.columns()) names.push_back(column->name);
  const std::string given = shorten(plain_text(name), kShown);
  refuse(fmt::format("there is no column \"{}\"{}; GET /api/studies/{{id}} lists the columns",
                     given, did_you_mean(given, names)));
}

std::vector<const TableColumn*> columns_argument(const HttpRequest& request,
                                                 const TrialTable& table,
                                                 std::vector<const TableColumn*> fallback) {
  const auto text = request.argument("columns");
  if (!text || text->empty()) return fallback;
  const std::vector<std::string> names = names_from("columns", *text);
  if (names.size() > kMostColumns) {
    refuse(fmt::format("columns names {} columns; name at most {}", names.size(), kMostColumns));
  }
  std::vector<const TableColumn*> columns;
  for (const std::string& name : names) {
    const TableColumn* column = &column_named(table, name);
    if (std::ranges::find(columns, column) == columns.end()) columns.push_back(column);
  }
  return columns;
}

std::vector<int> filtered_by(const HttpRequest& request, const TrialTable& table) {
  return filtered(table, parse_filter(request.argument("filter").value_or("")));
}

Json json_from(std::string_view what, std::string_view text) {
  if (is_nested_deeper(text, kMostNesting)) {
    refuse(fmt::format("{}: lists and objects stand in each other more than {} deep", what,
                       kMostNesting));
  }
  try {
    return parse_json(text);
  } catch (const Error& e) {
    refuse(fmt::format("{}: {}", what, shorten(plain_text(e.what()), 300)));
  }
}

}  // namespace hypertune

// Which trials are looked at, and in which order.
#include "serve/filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/text.h"
#include "hypertune/error.h"
#include "serve/arguments.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostFilterBytes = std::size_t{64} << 10;
constexpr std::size_t kMostTerms = 100;
constexpr std::size_t kMostValues = 1000;  // of one term
constexpr std::size_t kMostSortColumns = 8;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::optional<double> bound_from(const Json& term, const char* name) {
  const auto found = term.find(name);
  if (found == term.end()) return std::nullopt;
  if (!found->is_number() || std::isnan(found->get<double>())) {
    refuse(fmt::format("filter: {} is a number; leave it out where there is no bound", name));
  }
  return found->get<double>();
}

std::vector<Value> values_from(const Json& list) {
  if (!list.is_array() || list.size() > kMostValues) {
    refuse(fmt::format("filter: values is a list of at most {} values", kMostValues));
  }
  std::vector<Value> values;
  for (const Json& value : list) {
    if (!value.is_primitive() || value.is_null()) {
      refuse("filter: values are numbers, true, false and texts");
    }
    values.push_back(value_from_json(value));
  }
  return values;
}

FilterTerm term_from(const Json& json) {
  if (!json.is_object()) refuse("filter: each term is an object such as {\"column\": \"number\"}");
  for (const auto& [key, content] : json.items()) {
    if (key == "column" || key == "low" || key == "high" || key == "values") continue;
    refuse(fmt::format("filter: a term has column, low, high and values, not \"{}\"",
                       shorten(plain_text(key), 40)));
  }
  const auto column = json.find("column");
  if (column == json.end() || !column->is_string()) refuse("filter: a term lacks its column");
  FilterTerm term{.column = column->get<std::string>(),
                  .low = bound_from(json, "low"),
                  .high = bound_from(json, "high")};
  const auto values = json.find("values");
  if (values != json.end()) term.values = values_from(*values);
  const bool lists_none = values != json.end() && term.values.empty();
  if (lists_none || (!term.low && !term.high && term.values.empty())) {
    refuse(fmt::format("filter: the term about \"{}\" says nothing; give low, high or values",
                       shorten(plain_text(term.column), 80)));
  }
  return term;
}

/// JSON has no infinities: they came as texts.
bool is_meant(const Value& label, const Value& given) {
  if (same_value(label, given)) return true;
  const auto* number = std::get_if<double>(&label);
  const auto* text = std::get_if<std::string>(&given);
  return number != nullptr && text != nullptr && !std::isfinite(*number) &&
         *text == to_string(label);
}

bool is_within(const FilterTerm& term, double number) {
  return number >= term.low.value_or(-kInfinity) && number <= term.high.value_or(kInfinity);
}

/// By place in the labels, whether the term allows it.
std::vector<char> allowed_labels(const FilterTerm& term, const TableColumn& column) {
  std::vector<char> allowed;
  for (const Value& label : column.labels) {
    bool fits = term.values.empty() || std::ranges::any_of(term.values, [&](const Value& value) {
                  return is_meant(label, value);
                });
    if (term.low || term.high) {
      const auto number = as_number(label);
      fits = fits && number && is_within(term, *number);
    }
    allowed.push_back(fits ? 1 : 0);
  }
  return allowed;
}

void keep_labels(std::vector<int>& numbers, const FilterTerm& term, const TableColumn& column) {
  const std::vector<char> allowed = allowed_labels(term, column);
  std::erase_if(numbers, [&](int number) {
    if (!column.has(number)) return true;
    const auto label = static_cast<std::size_t>(column.values[static_cast<std::size_t>(number)]);
    return label >= allowed.size() || allowed[label] == 0;
  });
}

void keep_numbers(std::vector<int>& numbers, const FilterTerm& term, const TableColumn& column) {
  std::vector<double> values;
  for (const Value& value : term.values) {
    // A bool equals only a bool, see same_value.
    if (!std::holds_alternative<bool>(value) && as_number(value)) {
      values.push_back(*as_number(value));
    } else if (value == Value("inf") || value == Value("-inf")) {
      values.push_back(value == Value("inf") ? kInfinity : -kInfinity);
    }
  }
  std::ranges::sort(values);
  const double low = term.low.value_or(-kInfinity);
  const double high = term.high.value_or(kInfinity);
  const bool any = term.values.empty();
  std::erase_if(numbers, [&](int number) {
    const double value = column.values[static_cast<std::size_t>(number)];
    // Also what is NaN, and so absent, is not within.
    const bool fits = value >= low && value <= high;
    return !fits || !(any || std::ranges::binary_search(values, value));
  });
}

struct SortKey {
  const TableColumn* column;
  bool largest_first;
};

std::vector<SortKey> sort_keys(const TrialTable& table, std::string_view order) {
  std::vector<SortKey> keys;
  if (order.empty()) return keys;
  for (const std::string& name : names_from("sort", order)) {
    const bool largest_first = name.starts_with('-');
    keys.push_back({&column_named(table, std::string_view(name).substr(largest_first ? 1 : 0)),
                    largest_first});
    if (keys.size() > kMostSortColumns) {
      refuse(fmt::format("sort names more than {} columns; name fewer", kMostSortColumns));
    }
  }
  return keys;
}

}  // namespace

Filter parse_filter(std::string_view json) {
  if (trim(json).empty()) return {};
  if (json.size() > kMostFilterBytes) {
    refuse(fmt::format("filter is longer than {} bytes; use fewer terms and values",
                       kMostFilterBytes));
  }
  const Json list = json_from("filter", json);
  if (!list.is_array()) refuse("filter is a JSON list of terms");
  if (list.size() > kMostTerms) {
    refuse(fmt::format("filter has {} terms; use at most {}", list.size(), kMostTerms));
  }
  Filter filter;
  for (const Json& term : list) filter.push_back(term_from(term));
  return filter;
}

std::vector<int> filtered(const TrialTable& table, const Filter& filter) {
  std::vector<int> numbers;
  numbers.reserve(static_cast<std::size_t>(table.size()));
  for (int number = 0; number < table.size(); ++number) {
    if (table.has(number)) numbers.push_back(number);
  }
  for (const FilterTerm& term : filter) {
    const TableColumn& column = column_named(table, term.column);
    const bool labels = column.kind == TableColumn::Kind::Category;
    (labels ? keep_labels : keep_numbers)(numbers, term, column);
  }
  return numbers;
}

void sort_trials(std::vector<int>& numbers, const TrialTable& table, std::string_view order) {
  const std::vector<SortKey> keys = sort_keys(table, order);
  if (keys.empty()) return;
  std::ranges::stable_sort(numbers, [&](int a, int b) {
    for (const SortKey& key : keys) {
      const double left = key.column->values[static_cast<std::size_t>(a)];
      const double right = key.column->values[static_cast<std::size_t>(b)];
      if (left == right || (std::isnan(left) && std::isnan(right))) continue;
      if (std::isnan(left) || std::isnan(right)) return std::isnan(right);
      return key.largest_first ? left > right : left < right;
    }
    return false;
  });
}

}  // namespace hypertune

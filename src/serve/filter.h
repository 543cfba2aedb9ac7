// Which trials are looked at, and in which order.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/trial_table.h"

namespace hypertune {

/// What one column must be: within a range (ends included), or one of some values.
struct FilterTerm {
  std::string column;
  std::optional<double> low = {};
  std::optional<double> high = {};
  std::vector<Value> values = {};  ///< where it is not empty, one of these
};
using Filter = std::vector<FilterTerm>;

/// `[{"column": "params.learning_rate", "low": 0.001, "high": 0.1}, {"column": "state", "values":
/// ["Complete"]}]`; an empty text has no terms. Throws HttpError (400).
Filter parse_filter(std::string_view json);

/// The numbers of the trials that satisfy every term, by increasing number. A trial without a value
/// in a column satisfies no term about it. Throws HttpError (400) for a column that does not exist.
std::vector<int> filtered(const TrialTable& table, const Filter& filter);

/// `-metrics.val_accuracy,number`: sorted by each in turn, `-` the largest first; trials without a
/// value come last. Throws HttpError (400).
void sort_trials(std::vector<int>& numbers, const TrialTable& table, std::string_view order);

}  // namespace hypertune

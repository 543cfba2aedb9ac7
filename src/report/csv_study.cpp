// Studies from tables of comma-separated values.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "hypertune/error.h"
#include "report/trials_csv.h"

namespace hypertune {
namespace {

constexpr std::array kStates = {TrialState::Waiting,  TrialState::Running, TrialState::Paused,
                                TrialState::Complete, TrialState::Pruned,  TrialState::Failed};

/// A record of the table and the line on which it begins.
struct Row {
  int line = 0;
  std::vector<std::string> fields = {};
};

class Fault {
 public:
  explicit Fault(std::string name) : name_(std::move(name)) {}
  [[noreturn]] void operator()(int line, const std::string& what) const {
    throw ConfigError(fmt::format("{}:{}: {}", name_, line, what));
  }

 private:
  std::string name_;
};

/// RFC 4180; line ends may be of either kind.
std::vector<Row> rows_of(std::string_view text, const Fault& fail) {
  std::vector<Row> rows;
  int line = 1;
  std::size_t at = 0;
  while (at < text.size()) {
    Row row{.line = line, .fields = {""}};
    bool ended = false;
    while (!ended) {
      std::string& field = row.fields.back();
      if (at < text.size() && text[at] == '"' && field.empty()) {
        for (++at;; ++at) {
          if (at >= text.size()) fail(row.line, "a field in quotes does not end");
          if (text[at] == '\n') ++line;
          if (text[at] != '"') {
            field += text[at];
          } else if (at + 1 < text.size() && text[at + 1] == '"') {
            field += text[at++];
          } else {
            break;
          }
        }
        ++at;
        if (at < text.size() && text[at] != ',' && text[at] != '\r' && text[at] != '\n') {
          fail(line, "text follows the end of a field in quotes");
        }
      }
      if (at >= text.size() || text[at] == '\n') {
        ended = true;
        ++at;
        ++line;
      } else if (text[at] == ',') {
        row.fields.emplace_back();
        ++at;
      } else if (text[at] == '\r' && (at + 1 == text.size() || text[at + 1] == '\n')) {
        ++at;
      } else {
        field += text[at++];
      }
    }
    if (row.fields.size() > 1 || !row.fields.front().empty()) rows.push_back(std::move(row));
  }
  return rows;
}

template <class Number>
std::optional<Number> parsed(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Which columns are what.
struct Columns {
  std::optional<std::size_t> parent = {};
  std::size_t first_param = 0;
  std::size_t first_metric = 0;
  std::size_t end = 0;
};

Columns columns_of(const Row& header, const StudySpec& spec, const Fault& fail) {
  const std::vector<std::string>& names = header.fields;
  if (names.size() < 3 || names[0] != "number" || names[1] != "state") {
    fail(header.line,
         "a table of trials begins with the columns number and state; `hypertune export` writes "
         "such tables");
  }
  for (auto name = names.begin(); name != names.end(); ++name) {
    if (name->empty()) fail(header.line, "a column has no name");
    if (std::find(names.begin(), name, *name) != name) {
      fail(header.line, fmt::format("two columns are named \"{}\"", *name));
    }
  }
  Columns columns{.first_param = 2, .end = names.size()};
  if (names[2] == "parent") columns.parent = columns.first_param++;
  if (names.back() == "duration_s") --columns.end;
  columns.first_metric = columns.end;
  for (const Objective& objective : spec.objectives) {
    const auto column = std::ranges::find(names, objective.metric);
    if (column == names.end()) {
      fail(header.line, fmt::format("there is no column for the objective \"{}\"{}",
                                    objective.metric, did_you_mean(objective.metric, names)));
    }
    columns.first_metric =
        std::min(columns.first_metric, static_cast<std::size_t>(column - names.begin()));
  }
  return columns;
}

template <class T>
bool all_are(std::span<const Value> values) {
  return std::ranges::all_of(values, [](const Value& v) { return std::holds_alternative<T>(v); });
}

Value value_of(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  if (const auto whole = parsed<std::int64_t>(text)) return *whole;
  if (const auto number = parsed<double>(text); number && std::isfinite(*number)) return *number;
  return text;
}

/// Of the texts of one column, empty ones apart.
Domain domain_of(std::span<const std::string> texts) {
  std::vector<Value> values;
  for (const std::string& text : texts) values.push_back(value_of(text));
  const auto less = [](const Value& a, const Value& b) { return *as_number(a) < *as_number(b); };
  if (all_are<std::int64_t>(values)) {
    const auto [low, high] = std::ranges::minmax_element(values);
    return IntDomain{std::get<std::int64_t>(*low), std::get<std::int64_t>(*high)};
  }
  const bool numbers = std::ranges::none_of(values, [](const Value& value) {
    return std::holds_alternative<std::string>(value) || std::holds_alternative<bool>(value);
  });
  if (numbers) {
    const auto [low, high] = std::ranges::minmax_element(values, less);
    return FloatDomain{*as_number(*low), *as_number(*high)};
  }
  // Only where all are booleans is `true` not a text.
  CategoricalDomain domain;
  for (std::size_t i = 0; i < values.size(); ++i) {
    Value value = all_are<bool>(values) ? values[i] : Value(texts[i]);
    if (std::ranges::find(domain.choices, value) == domain.choices.end()) {
      domain.choices.push_back(std::move(value));
    }
  }
  std::ranges::sort(domain.choices);
  return domain;
}

SearchSpace space_of(std::span<const Row> rows, const Row& header, const Columns& columns) {
  SearchSpace space;
  for (std::size_t column = columns.first_param; column < columns.first_metric; ++column) {
    std::vector<std::string> texts;
    for (const Row& row : rows) {
      if (!row.fields[column].empty()) texts.push_back(row.fields[column]);
    }
    if (!texts.empty()) space.add(header.fields[column], domain_of(texts));
  }
  return space;
}

TrialRecord trial_of(const Row& row, const Row& header, const Columns& columns,
                     const SearchSpace& space) {
  const auto number = parsed<int>(row.fields[0]);
  if (!number) throw Error(fmt::format("\"{}\" is no number of a trial", row.fields[0]));
  const auto state = std::ranges::find(kStates, std::string_view(row.fields[1]),
                                       [](TrialState s) { return to_string(s); });
  if (state == kStates.end()) {
    throw Error(fmt::format("\"{}\" is no state of a trial", shorten(row.fields[1], 60)));
  }
  TrialRecord trial;
  trial.number = *number;
  trial.state = *state;
  if (columns.parent && !row.fields[*columns.parent].empty()) {
    trial.plan.parent = parsed<int>(row.fields[*columns.parent]);
    if (!trial.plan.parent) throw Error("the parent is no number of a trial");
  }
  if (trial.state == TrialState::Failed) trial.failure = Failure::Error;
  for (std::size_t i = columns.first_param; i < columns.end; ++i) {
    const std::string& text = row.fields[i];
    const std::string& name = header.fields[i];
    if (text.empty()) continue;
    if (i >= columns.first_metric) {
      const auto value = parsed<double>(text);
      if (!value) {
        throw Error(
            fmt::format("\"{}\" in column \"{}\" is not a number", shorten(text, 60), name));
      }
      trial.metrics[name] = *value;
      continue;
    }
    const Domain& domain = space.find(name)->domain;
    const auto* choices = std::get_if<CategoricalDomain>(&domain);
    const bool texts =
        choices != nullptr && std::holds_alternative<std::string>(choices->choices[0]);
    trial.params.insert_or_assign(name, *coerce(domain, texts ? Value(text) : value_of(text)));
    trial.domains.set(name, domain);
  }
  return trial;
}

}  // namespace

StudyCopy study_from_csv(std::string_view text, const std::string& name, StudySpec spec) {
  const Fault fail(name);
  const std::vector<Row> rows = rows_of(text, fail);
  if (rows.empty()) throw ConfigError(fmt::format("{}: it is empty", name));
  const Row& header = rows.front();
  const std::span<const Row> body = std::span(rows).subspan(1);
  const Columns columns = columns_of(header, spec, fail);
  for (const Row& row : body) {
    if (row.fields.size() == header.fields.size()) continue;
    fail(row.line, fmt::format("it has {}, but the header has {}",
                               count_of(std::ssize(row.fields), "field"), header.fields.size()));
  }
  spec.space = space_of(body, header, columns);
  StudyCopyBuilder builder(std::move(spec));
  for (const Row& row : body) {
    try {
      builder.add(trial_of(row, header, columns, builder.spec().space));
    } catch (const Error& error) {
      fail(row.line, error.what());
    }
  }
  return builder.take();
}

}  // namespace hypertune

// Answers about trials: rows, tables to download, one trial, its output.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/process.h"
#include "base/text.h"
#include "report/trials_csv.h"
#include "serve/api_parts.h"
#include "serve/json_text.h"

namespace hypertune {
namespace {

constexpr int kMostRows = 1000;
constexpr int kUsualRows = 100;
constexpr std::size_t kMostReports = 2000;
constexpr std::int64_t kMostOutputBytes = std::int64_t{64} << 10;

/// The trials that the request is about, in its order.
std::vector<int> wanted_trials(const HttpRequest& request, const TrialTable& table) {
  std::vector<int> numbers = filtered_by(request, table);
  sort_trials(numbers, table, request.argument("sort").value_or(""));
  return numbers;
}

std::vector<const TableColumn*> table_columns(const HttpRequest& request, const TrialTable& table) {
  std::vector<const TableColumn*> all = table.columns();
  if (all.size() > kMostColumns) all.resize(kMostColumns);
  return columns_argument(request, table, std::move(all));
}

void append_cell(JsonText& out, const TableColumn& column, int number) {
  const double value = column.values[static_cast<std::size_t>(number)];
  if (column.kind == TableColumn::Kind::Number || std::isnan(value)) {
    out.number(value);
  } else {
    out.value(column.labels[static_cast<std::size_t>(value)]);
  }
}

/// A text that a spreadsheet would take for a formula gets an apostrophe in front.
std::string harmless(std::string text) {
  constexpr std::string_view kBeginnings = "=+-@\t\r";
  if (!text.empty() && kBeginnings.find(text.front()) != std::string_view::npos) {
    text.insert(text.begin(), '\'');
  }
  return text;
}

std::string csv_cell(const TableColumn& column, int number) {
  const double value = column.values[static_cast<std::size_t>(number)];
  if (std::isnan(value)) return "";
  if (column.kind == TableColumn::Kind::Number) return format_number(value);
  const Value& label = column.labels[static_cast<std::size_t>(value)];
  return std::holds_alternative<std::string>(label) ? harmless(to_string(label)) : to_string(label);
}

Json metrics_json(const Metrics& metrics) {
  Json json = Json::object();
  for (const auto& [name, value] : metrics) json[name] = value;
  return json;
}

Json reports_json(const std::vector<Report>& reports) {
  Json list = Json::array();
  const std::size_t shown = std::min(reports.size(), kMostReports);
  for (std::size_t i = 0; i < shown; ++i) {
    // The first and the last are among them.
    const std::size_t place = shown < 2 ? i : i * (reports.size() - 1) / (shown - 1);
    list.push_back(
        {{"step", reports[place].step}, {"metrics", metrics_json(reports[place].metrics)}});
  }
  return list;
}

/// How trials hang together.
struct Relatives {
  std::vector<int> children;
  std::vector<int> attempts;
};

Relatives relatives_of(const TrialTable& table, int number) {
  int first = number;
  // Numbers fall from one to the next: other programs may have written what makes no sense.
  for (auto earlier = table.has(first) ? table.retry_of(first) : std::nullopt;
       earlier && *earlier >= 0 && *earlier < first && table.has(*earlier);
       earlier = table.retry_of(first)) {
    first = *earlier;
  }
  Relatives relatives;
  std::set<int> same_work = {first};
  for (int other = 0; other < table.size(); ++other) {
    if (!table.has(other)) continue;
    const auto repeats = table.retry_of(other);
    if (repeats && same_work.contains(*repeats)) same_work.insert(other);
    if (other != number && (repeats == number || table.parent(other) == number)) {
      relatives.children.push_back(other);
    }
  }
  same_work.insert(number);
  relatives.attempts.assign(same_work.begin(), same_work.end());
  return relatives;
}

/// The trial's own folder of the run, if there is one here. Its name comes from a number alone.
std::optional<std::filesystem::path> trial_folder(ApiContext& context, StudyId study, int number) {
  if (!context.options.run_folder) return std::nullopt;
  std::optional<std::filesystem::path> folder;
  context.studies.read(study, [&](const LiveStudies::Reading& reading) {
    folder = context.options.run_folder(reading.facts.spec);
  });
  if (folder) *folder /= std::filesystem::path("trials") / std::to_string(number);
  return folder;
}

/// The last bytes of a plain file; empty for anything else, such as a link to some other file.
std::string tail_of(const std::filesystem::path& file, std::int64_t limit) {
  const FileDescriptor open(::open(file.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  struct stat status {};
  if (open.number() < 0 || ::fstat(open.number(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return "";
  }
  const std::int64_t size = std::min<std::int64_t>(status.st_size, limit);
  std::string bytes(static_cast<std::size_t>(size), '\0');
  const ssize_t count = ::pread(open.number(), bytes.data(), bytes.size(), status.st_size - size);
  bytes.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
  return bytes;
}

/// Both streams, where both have something with a line that says which.
std::string output_of(const std::filesystem::path& folder, std::int64_t limit) {
  std::string output = tail_of(folder / "stdout.txt", limit);
  std::string errors = tail_of(folder / "stderr.txt", limit);
  if (errors.empty() || output.empty()) return plain_text(output + errors);
  const auto half = static_cast<std::size_t>(limit / 2);
  for (std::string* text : {&output, &errors}) {
    if (text->size() > half) text->erase(0, text->size() - half);
  }
  return plain_text(
      fmt::format("--- standard output ---\n{}\n--- standard error ---\n{}", output, errors));
}

Json optional_json(const std::optional<int>& number) { return number ? Json(*number) : Json(); }

}  // namespace

HttpResponse trial_rows_answer(ApiContext& context, StudyId study, const HttpRequest& request) {
  JsonText out;
  context.studies.read(study, [&](const LiveStudies::Reading& reading) {
    const TrialTable& table = reading.table;
    const auto columns = table_columns(request, table);
    const std::vector<int> all = wanted_trials(request, table);
    const int most = std::numeric_limits<int>::max();
    const auto offset = static_cast<std::size_t>(int_argument(request, "offset", 0, 0, most));
    const int limit = int_argument(request, "limit", kUsualRows, 1, kMostRows);
    const std::size_t first = std::min(offset, all.size());
    const std::size_t count = std::min(all.size() - first, static_cast<std::size_t>(limit));
    out.open('{').key("revision").whole(static_cast<std::int64_t>(reading.revision));
    out.key("total").whole(std::ssize(all));
    out.key("offset").whole(static_cast<std::int64_t>(offset));
    out.key("columns").open('[');
    for (const TableColumn* column : columns) out.text(column->name);
    out.close(']').key("rows").open('[');
    for (const int number : std::span(all).subspan(first, count)) {
      out.open('[');
      for (const TableColumn* column : columns) append_cell(out, *column, number);
      out.close(']');
    }
    out.close(']').close('}');
  });
  return {.body = out.take()};
}

HttpResponse trials_csv_answer(ApiContext& context, StudyId study, const HttpRequest& request) {
  HttpResponse response{.type = "text/csv; charset=utf-8"};
  context.studies.read(study, [&](const LiveStudies::Reading& reading) {
    const auto columns = table_columns(request, reading.table);
    std::vector<std::string> fields;
    for (const TableColumn* column : columns) fields.push_back(harmless(column->name));
    response.body = csv_line(fields);
    for (const int number : wanted_trials(request, reading.table)) {
      fields.clear();
      for (const TableColumn* column : columns) fields.push_back(csv_cell(*column, number));
      response.body += csv_line(fields);
    }
  });
  response.headers.emplace_back("Content-Disposition",
                                fmt::format("attachment; filename=\"trials-{}.csv\"", study));
  return response;
}

TrialRecord stored_trial(const ApiContext& context, StudyId study, int number) {
  auto trial = context.studies.trial(study, number);
  if (!trial) refuse(fmt::format("study {} has no trial {}", study, number), 404);
  return *std::move(trial);
}

HttpResponse trial_answer(ApiContext& context, StudyId study, int number) {
  const TrialRecord trial = stored_trial(context, study, number);
  Relatives relatives;
  context.studies.read(study, [&](const LiveStudies::Reading& reading) {
    relatives = relatives_of(reading.table, number);
  });
  const auto folder = trial_folder(context, study, number);
  const Storage& storage = context.studies.storage();
  const bool control = context.options.allow_control;
  // Waiting trials show what is decided already.
  Params params = trial.plan.fixed;
  for (const auto& [name, value] : trial.params) params[name] = value;
  Json values = Json::object();
  for (const auto& [name, value] : params) {
    const Json json = to_json(value);
    const bool has_none = json.is_number_float() && !std::isfinite(json.get<double>());
    values[name] = has_none ? Json(to_string(value)) : json;
  }
  const auto duration = trial.duration_s();
  return json_response({{"number", number},
                        {"state", state_label(trial.state)},
                        {"params", std::move(values)},
                        {"metrics", metrics_json(trial.metrics)},
                        {"reports", reports_json(trial.reports)},
                        {"reason", trial.reason},
                        {"failure", trial.failure == Failure::None ? "" : to_string(trial.failure)},
                        {"worker", trial.worker},
                        {"attempt", trial.plan.attempt},
                        {"retry_of", optional_json(trial.plan.retry_of)},
                        {"parent", optional_json(trial.plan.parent)},
                        {"children", relatives.children},
                        {"attempts", relatives.attempts},
                        {"started_ms", trial.started ? Json(in_ms(*trial.started)) : Json()},
                        {"ended_ms", trial.ended ? Json(in_ms(*trial.ended)) : Json()},
                        {"duration_s", duration ? Json(*duration) : Json()},
                        {"has_output", folder && !output_of(*folder, 1).empty()},
                        {"note_version", storage.note(study, number).version},
                        {"can_stop", control && why_not_stop(storage, study, trial).empty()},
                        {"can_retry", control && why_not_retry(trial).empty()}});
}

HttpResponse output_answer(ApiContext& context, StudyId study, int number) {
  stored_trial(context, study, number);
  const auto folder = trial_folder(context, study, number);
  std::string output = folder ? output_of(*folder, kMostOutputBytes) : "";
  if (output.empty()) {
    refuse(fmt::format("there is no output of trial {} here: its program printed nothing, or the "
                       "run folder is on another machine",
                       number),
           404);
  }
  return {.type = "text/plain; charset=utf-8", .body = std::move(output)};
}

}  // namespace hypertune

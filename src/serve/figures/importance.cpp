// The figure `importance`: how much parameters matter for a metric.
#include "report/importance.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "hypertune/error.h"
#include "report/finite_metric.h"
#include "serve/api_parts.h"
#include "serve/figures/parts.h"

namespace hypertune {
namespace {

/// Importances are computed from no more: forests on all trials would take minutes.
constexpr int kMostImportanceTrials = 2000;

/// What an importance is computed from, apart from the table, which may change meanwhile.
struct Asked {
  StudySpec spec;
  ImportanceOptions options;
  std::uint64_t revision = 0;
  std::size_t total = 0;     // that satisfy the filter
  std::size_t complete = 0;  // of these, that have the metric
  int pruned = 0;
  int failed = 0;
  int without_value = 0;
  std::vector<TrialRecord> trials = {};  // chosen of the complete ones
};

ImportanceMethod method_argument(const HttpRequest& request) {
  const std::string_view method = request.argument("method").value_or("fanova");
  if (method == "fanova") return ImportanceMethod::Fanova;
  if (method == "ped-anova") return ImportanceMethod::PedAnova;
  refuse(fmt::format("method is fanova or ped-anova, not \"{}\"", shorten(plain_text(method), 40)));
}

Asked asked_about(const LiveStudies::Reading& reading, const HttpRequest& request) {
  const TrialTable& table = reading.table;
  Asked asked{.spec = reading.facts.spec, .options = {.method = method_argument(request)}};
  asked.revision = reading.revision;
  asked.options.metric = metric_argument(request, table);
  const std::vector<int> all = filtered_by(request, table);
  asked.total = all.size();
  const TableColumn* values = metric_column(table, asked.options.metric);
  std::vector<int> measured;
  for (const int number : all) {
    const TrialState state = table.state(number);
    asked.pruned += state == TrialState::Pruned ? 1 : 0;
    asked.failed += state == TrialState::Failed ? 1 : 0;
    if (state != TrialState::Complete) continue;
    if (values != nullptr && values->has(number)) {
      measured.push_back(number);
    } else {
      ++asked.without_value;
    }
  }
  asked.complete = measured.size();
  asked.spec.space = table.space();
  for (const int number : chosen(measured, {}, kMostImportanceTrials)) {
    asked.trials.push_back(table.record(number));
  }
  return asked;
}

void append_row(JsonText& out, const ParameterImportance& parameter) {
  const auto& [n, share, low, high] = parameter.share;
  out.open('{').key("name").text(parameter.name);
  for (const auto& [key, value] : {std::pair("share", share), {"low", low}, {"high", high}}) {
    out.key(key);
    value ? out.number(*value) : out.null();
  }
  out.key("n").whole(n).close('}');
}

/// Takes up to a second: no lock is held.
std::string judged(const Asked& asked) {
  std::vector<std::string> notes;
  std::vector<ParameterImportance> parameters;
  const auto finite = std::ranges::count_if(asked.trials, [&](const TrialRecord& trial) {
    return finite_metric(trial.metrics, asked.options.metric).has_value();
  });
  if (finite < kFewestTrialsForImportance) {
    notes.push_back(fmt::format(
        "Importance needs at least {} complete trials with a finite {}; there {} {}.",
        kFewestTrialsForImportance, asked.options.metric, finite == 1 ? "is" : "are", finite));
  } else {
    Importance importance = judge_importance(asked.spec, asked.trials, asked.options);
    importance.pruned = asked.pruned;
    importance.failed = asked.failed;
    importance.without_value = asked.without_value;
    if (asked.trials.size() < asked.complete) {
      notes.push_back(fmt::format("Judged from {} of {} complete trials, evenly chosen.",
                                  asked.trials.size(), asked.complete));
    }
    for (std::string& note : importance_notes(importance)) notes.push_back(std::move(note));
    parameters = std::move(importance.parameters);
  }
  JsonText out;
  out.open('{').key("revision").whole(static_cast<std::int64_t>(asked.revision));
  out.key("total").whole(static_cast<std::int64_t>(asked.total));
  out.key("shown").whole(std::ssize(asked.trials));
  out.key("metric").text(asked.options.metric);
  out.key("method").text(to_string(asked.options.method));
  out.key("parameters").open('[');
  for (const ParameterImportance& parameter : parameters) append_row(out, parameter);
  out.close(']').key("notes").texts(notes).close('}');
  return out.take();
}

}  // namespace

HttpResponse importance_answer(ApiContext& context, StudyId study, const HttpRequest& request) {
  std::uint64_t revision = 0;
  context.studies.read(study, [&](const auto& reading) { revision = reading.revision; });
  const std::string key =
      dump_json({"importance", study, request.argument("metric").value_or(""),
                 request.argument("method").value_or(""), request.argument("filter").value_or("")});
  return {.body = context.remembered.get(key, revision, [&] {
    Asked asked;
    context.studies.read(study,
                         [&](const auto& reading) { asked = asked_about(reading, request); });
    return judged(asked);
  })};
}

}  // namespace hypertune

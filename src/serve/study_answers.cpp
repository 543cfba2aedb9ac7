// Answers about a study as a whole: what it is, what its claims come to.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <variant>

#include "base/text.h"
#include "hypertune/claim.h"
#include "hypertune/error.h"
#include "report/verdict_text.h"
#include "serve/api_parts.h"
#include "serve/figures.h"

namespace hypertune {
namespace {

constexpr std::size_t kMostFactBytes = 2000;

Json finite_or_null(std::optional<double> value) {
  return value && std::isfinite(*value) ? Json(*value) : Json();
}

Json value_json(const Value& value) {
  const auto* number = std::get_if<double>(&value);
  if (number != nullptr && !std::isfinite(*number)) return to_string(value);
  return to_json(value);
}

Json values_json(std::span<const Value> values) {
  Json list = Json::array();
  for (const Value& value : values) list.push_back(value_json(value));
  return list;
}

std::string_view role_name(Role role) {
  switch (role) {
    case Role::Sampled:
      return "sampled";
    case Role::Grid:
      return "grid";
    case Role::Constant:
      break;
  }
  return "constant";
}

Json parameter_json(const Parameter& parameter) {
  Json json = {{"name", parameter.name},
               {"role", role_name(parameter.role)},
               {"log", false},
               {"low", nullptr},
               {"high", nullptr},
               {"step", nullptr},
               {"choices", Json::array()}};
  json["when"] = parameter.when ? parameter.when->text() : "";
  if (const auto* real = std::get_if<FloatDomain>(&parameter.domain)) {
    json["kind"] = "float";
    json["log"] = real->log;
    json["low"] = real->low;
    json["high"] = real->high;
    if (real->step) json["step"] = *real->step;
  } else if (const auto* whole = std::get_if<IntDomain>(&parameter.domain)) {
    json["kind"] = "int";
    json["log"] = whole->log;
    json["low"] = whole->low;
    json["high"] = whole->high;
    json["step"] = whole->step;
  } else {
    json["kind"] = "categorical";
    json["choices"] = values_json(std::get<CategoricalDomain>(parameter.domain).choices);
  }
  return json;
}

Json column_json(const TableColumn& column) {
  int present = 0;
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double value : column.values) {
    if (std::isnan(value)) continue;
    ++present;
    if (std::isinf(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  const bool numbers = column.kind == TableColumn::Kind::Number;
  return {{"name", column.name},
          {"kind", numbers ? "number" : "category"},
          {"log", column.log},
          {"low", numbers ? finite_or_null(low) : Json()},
          {"high", numbers ? finite_or_null(high) : Json()},
          {"labels", values_json(column.labels)},
          {"present", present}};
}

/// What to look at first: the flagship's scatter, for any study.
Json first_view(const StudySpec& spec) {
  const auto along = scale(spec.space);
  const auto groups = grouping(spec.space);
  const bool measured = !spec.objectives.empty();
  return {{"x", along ? "params." + along->name : "number"},
          {"y", measured ? "metrics." + spec.objectives.front().metric : "duration_s"},
          {"color", groups ? "params." + groups->name : "state"}};
}

StudyOverview overview_of(ApiContext& context, StudyId study) {
  for (StudyOverview& overview : context.studies.overviews()) {
    if (overview.id == study) return std::move(overview);
  }
  refuse(fmt::format("there is no study {} any more", study), 404);
}

std::string_view verdict_name(Verdict verdict) { return to_string(verdict); }

Judgement judged(const StatedClaim& stated, const SearchSpace& space,
                 std::span<const TrialRecord> trials) {
  try {
    return judge(stated.claim, space, trials);
  } catch (const Error& e) {
    // A store that another version wrote: the other claims are judged all the same.
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return {.claim = stated.claim,
            .estimate = {},
            .low = -kInfinity,
            .high = kInfinity,
            .n = 0,
            .method = "",
            .note = e.what()};
  }
}

Json claim_json(const StatedClaim& stated, const Judgement& judgement) {
  const Expectation& expect = stated.claim.expect;
  return {{"text", stated.claim.text},
          {"estimand", describe_estimate(stated.claim)},
          {"expect", expect.text},
          {"expect_low", finite_or_null(expect.low)},
          {"expect_high", finite_or_null(expect.high)},
          {"estimate", finite_or_null(judgement.estimate)},
          {"low", finite_or_null(judgement.low)},
          {"high", finite_or_null(judgement.high)},
          {"n", judgement.n},
          {"method", judgement.method},
          {"note", judgement.note},
          {"verdict", verdict_name(judgement.verdict)},
          {"trials_begun", stated.trials_begun}};
}

/// What claims are judged from, apart from the table, which may change meanwhile.
struct ClaimsInput {
  std::uint64_t revision = 0;
  TrialCounts counts = {};
  SearchSpace space = {};
  std::vector<StatedClaim> claims = {};
  std::vector<TrialRecord> trials = {};
};

ClaimsInput claims_input(LiveStudies& studies, StudyId study) {
  constexpr std::array kFinal = {TrialState::Complete, TrialState::Pruned, TrialState::Failed};
  ClaimsInput input;
  studies.read(study, [&](const LiveStudies::Reading& reading) {
    input.revision = reading.revision;
    input.counts = reading.table.counts();
    if (!reading.facts.experiment || reading.facts.experiment->claims.empty()) return;
    input.space = reading.facts.spec.space;
    input.claims = reading.facts.experiment->claims;
    input.trials = reading.table.records(kFinal);
  });
  return input;
}

std::string claims_text(const ClaimsInput& input) {
  Json claims = Json::array();
  for (const StatedClaim& stated : input.claims) {
    claims.push_back(claim_json(stated, judged(stated, input.space, input.trials)));
  }
  const TrialCounts& counts = input.counts;
  return json_response({{"revision", input.revision},
                        {"complete", counts.complete},
                        {"open", counts.waiting + counts.running + counts.paused},
                        {"claims", std::move(claims)}})
      .body;
}

}  // namespace

HttpResponse session_answer(ApiContext& context) {
  Json json = {{"version", context.options.version},
               {"storage", context.options.storage},
               {"control", context.options.allow_control},
               {"csrf", context.options.csrf_token}};
  const std::string trouble = context.studies.trouble();
  if (!trouble.empty()) json["trouble"] = trouble;
  return json_response(json);
}

HttpResponse studies_answer(ApiContext& context) {
  Json studies = Json::array();
  for (const StudyOverview& overview : context.studies.overviews()) {
    studies.push_back(summary_json(overview));
  }
  return json_response({{"studies", std::move(studies)}});
}

HttpResponse study_answer(ApiContext& context, StudyId study) {
  Json json = {{"summary", summary_json(overview_of(context, study))},
               {"note_version", context.studies.storage().note(study).version}};
  context.studies.read(study, [&](const LiveStudies::Reading& reading) {
    const StudyFacts& facts = reading.facts;
    json["revision"] = reading.revision;
    json["loaded"] = reading.loaded;
    json["title"] = facts.experiment ? facts.experiment->title : "";
    json["hypothesis"] = facts.experiment ? facts.experiment->hypothesis : "";
    json["stopped"] = facts.stopped;
    json["parameters"] = Json::array();
    for (const Parameter& parameter : facts.spec.space.parameters()) {
      json["parameters"].push_back(parameter_json(parameter));
    }
    json["columns"] = Json::array();
    for (const TableColumn* column : reading.table.columns()) {
      json["columns"].push_back(column_json(*column));
    }
    json["report_metrics"] = reading.table.report_metrics();
    json["view"] = first_view(facts.spec);
    json["facts"] = Json::object();
    for (const auto& [name, fact] : facts.provenance.items()) {
      json["facts"][name] = shorten(fact_text(fact), kMostFactBytes);
    }
  });
  return json_response(json);
}

HttpResponse claims_answer(ApiContext& context, StudyId study) {
  std::uint64_t revision = 0;
  context.studies.read(study, [&](const auto& reading) { revision = reading.revision; });
  return {.body = context.remembered.get(fmt::format("claims/{}", study), revision, [&] {
    return claims_text(claims_input(context.studies, study));
  })};
}

HttpResponse figure_answer(ApiContext& context, StudyId study, std::string_view name,
                           const HttpRequest& request) {
  HttpResponse response;
  context.studies.read(study, [&](const LiveStudies::Reading& reading) {
    response.body = figure(name, reading, request);
  });
  return response;
}

}  // namespace hypertune

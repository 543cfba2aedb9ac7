// What was stated about a study, as it is stored with it.
#include "report/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::array<std::pair<Estimand, std::string_view>, 4> kEstimands = {{
    {Estimand::Mean, "mean"},
    {Estimand::Share, "share"},
    {Estimand::PairedDifference, "difference"},
    {Estimand::Onset, "onset"},
}};

Json to_json(const StatedClaim& stated) {
  const ClaimStatement& claim = stated.claim;
  const auto* estimand =
      std::ranges::find(kEstimands, claim.estimand, [](const auto& row) { return row.first; });
  Json json = {{"text", claim.text},          {"estimand", estimand->second},
               {"subject", claim.subject},    {"along", claim.along},
               {"expect", claim.expect.text}, {"trials_begun", stated.trials_begun}};
  if (claim.where) json["where"] = claim.where->text();
  return json;
}

StatedClaim claim_from(const Json& json) {
  StatedClaim stated;
  ClaimStatement& claim = stated.claim;
  claim.text = json.at("text").get<std::string>();
  const auto name = json.at("estimand").get<std::string>();
  const auto* estimand =
      std::ranges::find(kEstimands, name, [](const auto& row) { return row.second; });
  if (estimand == kEstimands.end()) throw Error(fmt::format("unknown estimand \"{}\"", name));
  claim.estimand = estimand->first;
  claim.subject = json.at("subject").get<std::string>();
  claim.along = json.at("along").get<std::string>();
  claim.expect = Expectation::parse(json.at("expect").get<std::string>());
  if (json.contains("where")) claim.where = Condition(json.at("where").get<std::string>());
  if (claim.estimand == Estimand::Share || claim.estimand == Estimand::Onset) {
    Condition checked(claim.subject);  // throws for a text that is no condition
  }
  stated.trials_begun = json.at("trials_begun").get<int>();
  return stated;
}

bool same_claim(const ClaimStatement& a, const ClaimStatement& b) {
  return a.text == b.text && a.estimand == b.estimand && a.subject == b.subject &&
         a.along == b.along && a.where == b.where && a.expect.text == b.expect.text;
}

}  // namespace

StatedExperiment parse_experiment(std::string_view text) {
  try {
    const Json json = parse_json(text);
    StatedExperiment experiment;
    experiment.title = json.at("title").get<std::string>();
    experiment.hypothesis = json.at("hypothesis").get<std::string>();
    experiment.study_file = json.at("study_file").get<std::string>();
    experiment.study_file_sha256 = json.at("study_file_sha256").get<std::string>();
    experiment.trials_begun = json.at("trials_begun").get<int>();
    for (const Json& claim : json.at("claims")) experiment.claims.push_back(claim_from(claim));
    for (const Json& change : json.at("changes")) {
      experiment.changes.push_back(
          {change.at("sha256").get<std::string>(), change.at("trials_begun").get<int>()});
    }
    return experiment;
  } catch (const nlohmann::json::exception& error) {
    throw Error(
        fmt::format("the study's attribute {} is damaged: {}", kExperimentKey, error.what()));
  } catch (const Error& error) {
    throw Error(
        fmt::format("the study's attribute {} is damaged: {}", kExperimentKey, error.what()));
  }
}

std::string to_json_text(const StatedExperiment& experiment) {
  Json claims = Json::array();
  for (const StatedClaim& claim : experiment.claims) claims.push_back(to_json(claim));
  Json changes = Json::array();
  for (const StudyFileChange& change : experiment.changes) {
    changes.push_back({{"sha256", change.sha256}, {"trials_begun", change.trials_begun}});
  }
  return dump_json({{"title", experiment.title},
                    {"hypothesis", experiment.hypothesis},
                    {"study_file", experiment.study_file},
                    {"study_file_sha256", experiment.study_file_sha256},
                    {"trials_begun", experiment.trials_begun},
                    {"claims", claims},
                    {"changes", changes}});
}

StatedExperiment restate(std::optional<StatedExperiment> before, const Experiment& now,
                         int trials_begun) {
  StatedExperiment stated;
  if (before) {
    stated = *std::move(before);
    const std::string& last =
        stated.changes.empty() ? stated.study_file_sha256 : stated.changes.back().sha256;
    if (last != now.study_file_sha256) {
      stated.changes.push_back({now.study_file_sha256, trials_begun});
    }
  } else {
    stated = {now.title, now.hypothesis, now.study_file, now.study_file_sha256, trials_begun, {},
              {}};
  }
  for (const ClaimStatement& claim : now.claims) {
    const bool known = std::ranges::any_of(
        stated.claims, [&](const StatedClaim& other) { return same_claim(other.claim, claim); });
    if (!known) stated.claims.push_back({claim, trials_begun});
  }
  return stated;
}

void state_experiment(Storage& storage, StudyId study, const Experiment& experiment) {
  const std::vector<TrialRecord> trials = storage.trials(study);
  const auto begun = std::ranges::count_if(
      trials, [](const TrialRecord& trial) { return trial.state != TrialState::Waiting; });
  const auto attributes = storage.attributes(study);
  const auto stored = attributes.find(kExperimentKey);
  std::optional<StatedExperiment> before;
  if (stored != attributes.end()) before = parse_experiment(stored->second);
  const std::string text =
      to_json_text(restate(std::move(before), experiment, static_cast<int>(begun)));
  if (stored == attributes.end() || stored->second != text) {
    storage.set_attribute(study, kExperimentKey, text);
  }
}

void record_provenance(Storage& storage, StudyId study, std::string_view json) {
  if (!parse_json(json).is_object()) throw Error("the provenance of a study is a JSON object");
  if (storage.attributes(study).contains(kProvenanceKey)) return;
  storage.set_attribute(study, kProvenanceKey, json);
}

}  // namespace hypertune

// [experiment]: texts and claims, whose names must be known and whose comparisons must be possible.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "config/sections.h"

namespace hypertune {
namespace {

constexpr std::size_t kMaxClaims = 100;

/// A claim while it is read.
struct ClaimDraft {
  const StudyFile& file;
  ClaimStatement claim;
};

std::string metric(const Entry& entry, const StudyFile&) {
  std::string name = entry.text();
  if (has_own_names(entry)) return name;
  const std::vector<std::string> metrics = known_metrics();
  if (std::ranges::find(metrics, name) == metrics.end()) {
    entry.fail(
        fmt::format("unknown metric \"{}\"{}", shorten(name, 60), suggestion(name, metrics)));
  }
  return name;
}

Condition condition(const Entry& entry, const StudyFile& file) {
  const std::string text = entry.text();
  Condition condition = entry.check([&] { return Condition(text); });
  if (has_own_names(entry)) return condition;
  std::vector<std::string> known = known_metrics();
  for (const Parameter& p : file.spec.space.parameters()) known.push_back(p.name);
  for (const std::string& name : condition.names()) {
    if (std::ranges::find(known, name) == known.end()) {
      entry.fail(fmt::format("the condition names \"{}\", which is no metric and no parameter{}",
                             shorten(name, 60), suggestion(name, known)));
    }
  }
  return condition;
}

std::string condition_text(const Entry& entry, const StudyFile& file) {
  return condition(entry, file).text();
}

const Parameter& parameter(const Entry& entry, const StudyFile& file) {
  const std::string name = entry.text();
  if (const Parameter* found = file.spec.space.find(name)) return *found;
  std::vector<std::string> known;
  for (const Parameter& p : file.spec.space.parameters()) known.push_back(p.name);
  entry.fail(fmt::format("the space has no parameter \"{}\"{}", shorten(name, 60),
                         suggestion(name, known)));
}

/// What a paired difference is taken between.
std::string paired_axis(const Entry& entry, const StudyFile& file) {
  const Parameter& axis = parameter(entry, file);
  const auto* values = std::get_if<CategoricalDomain>(&axis.domain);
  if (axis.role != Role::Grid || values->choices.size() != 2) {
    entry.fail(
        fmt::format("\"{}\" is not a grid axis of two values; a difference is taken between "
                    "these, as in {} = {{ grid = [true, false] }}",
                    axis.name, axis.name));
  }
  if (!file.tune.paired) {
    entry.fail(
        "a difference is taken between trials that share their sampled values and seed; "
        "add paired = true to [tune]");
  }
  return axis.name;
}

/// What an onset is looked for along.
std::string numeric_axis(const Entry& entry, const StudyFile& file) {
  const Parameter& axis = parameter(entry, file);
  const auto is_number = [](const Value& value) {
    return std::holds_alternative<double>(value) || std::holds_alternative<std::int64_t>(value);
  };
  const auto* values = std::get_if<CategoricalDomain>(&axis.domain);
  if (values != nullptr &&
      (values->choices.size() < 2 || !std::ranges::all_of(values->choices, is_number))) {
    entry.fail(
        fmt::format("\"{}\" is not a range of numbers, so nothing can set in along it; name "
                    "a float or int parameter",
                    axis.name));
  }
  return axis.name;
}

/// One way of writing an estimate: `key = subject`, and for some `axis_key = parameter`.
struct EstimateKind {
  std::string_view name;
  Estimand estimand;
  std::string (*subject)(const Entry&, const StudyFile&);
  std::string_view axis_key;
  std::string (*axis)(const Entry&, const StudyFile&);
};
constexpr std::array<EstimateKind, 4> kEstimates = {
    {{"mean", Estimand::Mean, metric, "", nullptr},
     {"share", Estimand::Share, condition_text, "", nullptr},
     {"difference", Estimand::PairedDifference, metric, "between", paired_axis},
     {"onset", Estimand::Onset, condition_text, "along", numeric_axis}}};

std::vector<std::string> estimate_keys() {
  std::vector<std::string> keys = names_of(kEstimates);
  keys.insert(keys.end(), {"between", "along", "where"});
  return keys;
}

void read_axis(const Entry& entry, const EstimateKind& kind, ClaimDraft& draft) {
  for (const EstimateKind& other : kEstimates) {
    if (other.axis_key.empty() || other.axis_key == kind.axis_key) continue;
    if (const auto stray = entry.find(other.axis_key)) {
      stray->fail_at_key(fmt::format("{} goes with {}, not with {}; drop it", other.axis_key,
                                     other.name, kind.name));
    }
  }
  if (kind.axis == nullptr) return;
  const auto axis = entry.find(kind.axis_key);
  if (!axis) {
    entry.fail(fmt::format("{} with {} needs {} = \"name of a parameter\"", entry.name(), kind.name,
                           kind.axis_key));
  }
  draft.claim.along = kind.axis(*axis, draft.file);
}

void read_estimate(const Entry& entry, ClaimDraft& draft) {
  entry.allow_only(estimate_keys());
  const EstimateKind* chosen = nullptr;
  for (const EstimateKind& kind : kEstimates) {
    const auto subject = entry.find(kind.name);
    if (!subject) continue;
    if (chosen != nullptr) {
      subject->fail_at_key(fmt::format("{} has both {} and {}; keep one, or write two claims",
                                       entry.name(), chosen->name, kind.name));
    }
    chosen = &kind;
    draft.claim.estimand = kind.estimand;
    draft.claim.subject = kind.subject(*subject, draft.file);
  }
  if (chosen == nullptr) {
    entry.fail(fmt::format("{} does not say what is estimated; add one of {}", entry.name(),
                           join(names_of(kEstimates), ", ")));
  }
  read_axis(entry, *chosen, draft);
  if (const auto where = entry.find("where")) draft.claim.where = condition(*where, draft.file);
}

void read_claim_text(const Entry& entry, ClaimDraft& draft) {
  draft.claim.text = entry.text();
  if (trim(draft.claim.text).empty()) entry.fail(entry.name() + " is empty; say what is claimed");
}

void read_expectation(const Entry& entry, ClaimDraft& draft) {
  const std::string text = entry.text();
  draft.claim.expect = entry.check([&] { return Expectation::parse(text); });
}

constexpr Key<ClaimDraft> kClaimKeys[] = {
    {"text", read_claim_text, "text = \"the claim in words\""},
    {"estimate", read_estimate, "estimate = { mean = \"val_accuracy\" }"},
    {"expect", read_expectation, "expect = \">= 0.8\""}};

void read_claims(const Entry& entry, StudyFile& file) {
  const std::vector<Entry> claims = entry.elements();
  if (claims.size() > kMaxClaims) {
    entry.fail(fmt::format("{} are too many claims to judge together; the limit is {}",
                           claims.size(), kMaxClaims));
  }
  for (const Entry& claim : claims) {
    ClaimDraft draft{file, {}};
    read_table(claim, kClaimKeys, draft);
    file.experiment.claims.push_back(std::move(draft.claim));
  }
}

constexpr Key<StudyFile> kExperimentKeys[] = {
    {"title", [](const Entry& entry, StudyFile& file) { file.experiment.title = entry.text(); }},
    {"hypothesis",
     [](const Entry& entry, StudyFile& file) { file.experiment.hypothesis = entry.text(); }},
    {"claims", read_claims}};

}  // namespace

std::vector<std::string> known_metrics() {
  const auto metrics = trainer_metrics();
  return {metrics.begin(), metrics.end()};
}

std::vector<std::string> experiment_keys() {
  std::vector<std::string> keys = names_of(kExperimentKeys);
  for (const std::string& key : names_of(kClaimKeys)) keys.push_back("claims." + key);
  for (const std::string& key : estimate_keys()) keys.push_back("claims.estimate." + key);
  return keys;
}

void read_experiment(const Entry& section, StudyFile& file) {
  read_table(section, kExperimentKeys, file);
}

}  // namespace hypertune

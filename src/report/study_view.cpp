// A study as reports see it: its records with what is stored about them, and derived groups.
#include "report/study_view.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <map>

#include "base/text.h"
#include "hypertune/error.h"
#include "report/plot.h"

namespace hypertune {
namespace {

Json provenance_from(const std::map<std::string, std::string, std::less<>>& attributes) {
  const auto stored = attributes.find(kProvenanceKey);
  if (stored == attributes.end()) return Json::object();
  try {
    Json json = parse_json(stored->second);
    return json.is_object() ? json : Json::object();
  } catch (const Error&) {
    return Json::object();  // the report then says less; it need not fail
  }
}

/// What `tune` stored last.
std::string stopped_from(const std::map<std::string, std::string, std::less<>>& attributes) {
  const auto stored = attributes.find("hypertune:stopped");
  if (stored == attributes.end()) return "";
  try {
    const Json json = parse_json(stored->second);
    return json.is_string() ? json.get<std::string>() : "";
  } catch (const Error&) {
    return "";
  }
}

SearchSpace space_of(std::span<const TrialRecord> trials) {
  SearchSpace space;
  for (const TrialRecord& trial : trials) {
    for (const auto& [name, domain] : trial.domains) {
      if (space.find(name) == nullptr) space.add(name, domain);
    }
  }
  return space;
}

const std::vector<Value>& choices_of(const Parameter& parameter) {
  return std::get<CategoricalDomain>(parameter.domain).choices;
}

Scale scale_of(const Parameter& parameter) {
  if (const auto* real = std::get_if<FloatDomain>(&parameter.domain)) {
    return {parameter.name, real->log, real->low, real->high};
  }
  const auto& whole = std::get<IntDomain>(parameter.domain);
  return {parameter.name, whole.log, static_cast<double>(whole.low),
          static_cast<double>(whole.high)};
}

}  // namespace

std::string StudyView::metric() const {
  return spec.objectives.empty() ? "" : spec.objectives.front().metric;
}

std::vector<const TrialRecord*> StudyView::complete() const {
  std::vector<const TrialRecord*> result;
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::Complete) result.push_back(&trial);
  }
  return result;
}

bool has_pauses(const StudyView& study) {
  constexpr std::chrono::microseconds kRounding{10};
  std::vector<const TrialRecord*> begun;
  for (const TrialRecord& trial : study.trials) {
    if (trial.started) begun.push_back(&trial);
  }
  std::ranges::stable_sort(begun, {}, [](const TrialRecord* trial) { return *trial->started; });
  std::map<std::string_view, TimePoint> busy_until;
  for (const TrialRecord* trial : begun) {
    const auto [known, is_first] = busy_until.try_emplace(trial->worker, *trial->started);
    if (!is_first && *trial->started + kRounding < known->second) return true;
    known->second = std::max(known->second, trial->ended.value_or(*trial->started));
  }
  return false;
}

StudyView view_study(const Storage& storage, StudyId study) {
  StudyView view = view_without_trials(storage, study);
  view.trials = storage.trials(study);
  if (view.spec.space.empty()) view.spec.space = space_of(view.trials);
  return view;
}

StudyView view_without_trials(const Storage& storage, StudyId study) {
  const auto attributes = storage.attributes(study);
  StudyView view;
  view.spec = storage.spec(study);
  view.provenance = provenance_from(attributes);
  if (const auto stored = attributes.find(kExperimentKey); stored != attributes.end()) {
    view.experiment = parse_experiment(stored->second);
  }
  view.confirmation = stored_confirmation(storage, study);
  view.stopped = stopped_from(attributes);
  return view;
}

std::vector<Arm> arms(const StudyView& study) {
  std::vector<Arm> result;
  for (Params& point : study.spec.space.grid_points()) result.push_back({std::move(point), {}});
  for (const TrialRecord* trial : study.complete()) {
    for (Arm& arm : result) {
      const bool member = std::ranges::all_of(arm.point, [&](const auto& entry) {
        const auto found = trial->params.find(entry.first);
        return found != trial->params.end() && same_value(found->second, entry.second);
      });
      if (!member) continue;
      arm.trials.push_back(trial);
      break;
    }
  }
  return result;
}

std::optional<std::size_t> Grouping::group_of(const TrialRecord& trial) const {
  const auto found = trial.params.find(name);
  if (found == trial.params.end()) return std::nullopt;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (same_value(values[i], found->second)) return i;
  }
  return std::nullopt;
}

std::optional<Grouping> grouping(const SearchSpace& space) {
  const auto is_grid = [](const Parameter& parameter) { return parameter.role == Role::Grid; };
  const auto fits = [](const Parameter& parameter) {
    if (!std::holds_alternative<CategoricalDomain>(parameter.domain)) return false;
    const std::size_t n = choices_of(parameter).size();
    return n >= 2 && n <= kPlotColors;
  };
  const auto& all = space.parameters();
  auto found = std::ranges::find_if(all, [&](const Parameter& parameter) {
    return is_grid(parameter) && choices_of(parameter).size() == 2;
  });
  if (found == all.end()) {
    found = std::ranges::find_if(all, [&](const Parameter& p) { return is_grid(p) && fits(p); });
  }
  if (found == all.end()) found = std::ranges::find_if(all, fits);
  if (found == all.end()) return std::nullopt;
  Grouping grouping{found->name, choices_of(*found), {}};
  for (const Value& value : grouping.values) {
    grouping.labels.push_back(readable(found->name, value));
  }
  return grouping;
}

std::optional<Scale> scale(const SearchSpace& space) {
  std::optional<Scale> first;
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.role != Role::Sampled ||
        std::holds_alternative<CategoricalDomain>(parameter.domain)) {
      continue;
    }
    const Scale candidate = scale_of(parameter);
    if (candidate.log) return candidate;
    if (!first) first = candidate;
  }
  if (first) return first;
  for (const Parameter& parameter : space.parameters()) {
    if (parameter.role != Role::Grid) continue;
    const bool numeric = std::ranges::all_of(choices_of(parameter), [](const Value& value) {
      return !std::holds_alternative<bool>(value) && as_number(value).has_value();
    });
    if (numeric) return Scale{.name = parameter.name, .log = false, .low = {}, .high = {}};
  }
  return std::nullopt;
}

bool is_paired(const StudyView& study) {
  std::map<std::uint64_t, const TrialRecord*> first_of_draw;
  for (const TrialRecord& trial : study.trials) {
    const auto [entry, is_new] = first_of_draw.emplace(trial.draw(), &trial);
    if (is_new) continue;
    for (const Parameter& parameter : study.spec.space.parameters()) {
      if (parameter.role != Role::Grid) continue;
      const auto a = entry->second->params.find(parameter.name);
      const auto b = trial.params.find(parameter.name);
      if (a != entry->second->params.end() && b != trial.params.end() &&
          !same_value(a->second, b->second)) {
        return true;
      }
    }
  }
  return false;
}

std::optional<double> chance(const StudyView& study) {
  const auto found = study.provenance.find("chance");
  if (found == study.provenance.end() || !found->is_number()) return std::nullopt;
  if (study.metric().find("accuracy") == std::string::npos) return std::nullopt;
  return found->get<double>();
}

std::string fact_text(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.is_number_float()) return format_number(json.get<double>());
  if (json.is_array()) {
    std::vector<std::string> parts;
    for (const Json& part : json) parts.push_back(fact_text(part));
    return join(parts, ", ");
  }
  if (json.is_object()) {
    std::vector<std::string> parts;
    for (const auto& [key, value] : json.items()) parts.push_back(key + " " + fact_text(value));
    return join(parts, ", ");
  }
  return json.is_null() ? "" : dump_json(json);
}

std::string readable(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kWords = {{
      {"val", "validation"},
      {"train", "training"},
      {"norm", "normalization"},
      {"lr", "learning rate"},
      {"acc", "accuracy"},
      {"num", "number of"},
  }};
  std::vector<std::string> words = split(name, '_');
  for (std::string& word : words) {
    const auto* known = std::ranges::find(kWords, word, [](const auto& row) { return row.first; });
    if (known != kWords.end()) word = known->second;
  }
  return join(words, " ");
}

std::string heading(std::string_view name) {
  std::string text = readable(name);
  if (!text.empty())
    text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text;
}

std::string readable(std::string_view name, const Value& value) {
  if (const auto* flag = std::get_if<bool>(&value)) {
    return (*flag ? "with " : "without ") + readable(name);
  }
  return readable(name) + " = " + to_string(value);
}

}  // namespace hypertune

// The best trial of a study in bf16, trained again in f32.
#include "report/confirmation.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr int kDigits = 4;

}  // namespace

void record_confirmation(Storage& storage, StudyId study, const Confirmation& confirmation) {
  const Json json = {{"trial", confirmation.trial},
                     {"precision", "f32"},
                     {"metrics", to_json(confirmation.metrics)}};
  storage.set_attribute(study, kConfirmationKey, dump_json(json));
}

std::optional<Confirmation> stored_confirmation(const Storage& storage, StudyId study) {
  const auto attributes = storage.attributes(study);
  const auto stored = attributes.find(kConfirmationKey);
  if (stored == attributes.end()) return std::nullopt;
  try {
    const Json json = parse_json(stored->second);
    if (!json.is_object() || !json.contains("trial") || !json.contains("metrics") ||
        !json["trial"].is_number_integer() || !json["metrics"].is_object()) {
      return std::nullopt;
    }
    return Confirmation{json["trial"].get<int>(), metrics_from_json(json["metrics"])};
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::string confirmation_text(const std::optional<Confirmation>& confirmation,
                              const TrialRecord& trial, const std::string& metric) {
  if (!confirmation || confirmation->trial != trial.number) return "";
  const auto again = confirmation->metrics.find(metric);
  const auto before = trial.metrics.find(metric);
  if (again == confirmation->metrics.end() || before == trial.metrics.end()) return "";
  return fmt::format("confirmed in f32: {} {} (bf16: {})", metric,
                     format_number(again->second, kDigits), format_number(before->second, kDigits));
}

}  // namespace hypertune

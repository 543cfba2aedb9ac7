// Which trial is to be confirmed in f32, and in which precisions a study trains.
#include "cli/confirmation.h"

#include <algorithm>

namespace hypertune {
namespace {

constexpr const char* kPrecision = "precision";

}  // namespace

std::vector<std::string> precisions(const StudyFile& file) {
  const Parameter* parameter = file.spec.space.find(kPrecision);
  if (parameter == nullptr) return {file.trainer.precision};
  std::vector<std::string> words;
  for (const Value& value : std::get<CategoricalDomain>(parameter->domain).choices) {
    words.push_back(to_string(value));
  }
  const bool has_default = std::ranges::find(words, file.trainer.precision) != words.end();
  if (parameter->when && !has_default) words.push_back(file.trainer.precision);
  return words;
}

const TrialRecord* trial_to_confirm(const StudyFile& file, std::span<const TrialRecord> trials,
                                    const std::optional<Confirmation>& done) {
  if (!file.trainer.rerun_best_in_f32) return nullptr;
  const TrialRecord* best = best_trial(file.spec.objectives.front(), trials);
  if (best == nullptr || (done && done->trial == best->number)) return nullptr;
  const auto chosen = best->params.find(kPrecision);
  const std::string precision =
      chosen == best->params.end() ? file.trainer.precision : to_string(chosen->second);
  return precision == "bf16" ? best : nullptr;
}

}  // namespace hypertune

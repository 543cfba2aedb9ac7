// The best trial of a study in bf16, trained again in f32.
#pragma once

#include <optional>
#include <string_view>

#include "hypertune/storage.h"

namespace hypertune {

/// Study attribute.
inline constexpr std::string_view kConfirmationKey = "hypertune:confirmation";

struct Confirmation {
  int trial = 0;  ///< number of the trial whose parameters and seed were used
  Metrics metrics;
  bool operator==(const Confirmation&) const = default;
};

/// Replaces what is stored.
void record_confirmation(Storage& storage, StudyId study, const Confirmation& confirmation);

/// Nothing when none is stored; a damaged one counts as none.
std::optional<Confirmation> stored_confirmation(const Storage& storage, StudyId study);

/// What a confirmation that is of this trial says of the metric, beside what the trial gave:
/// "confirmed in f32: val_accuracy 0.981 (bf16: 0.979)". Empty when there is none.
std::string confirmation_text(const std::optional<Confirmation>& confirmation,
                              const TrialRecord& trial, const std::string& metric);

}  // namespace hypertune

// Trials as rows of a table and as JSON.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "hypertune/storage.h"

namespace hypertune {

/// Objectives first, then the others that some trial has, by name.
std::vector<std::string> metric_names(const StudySpec& spec, std::span<const TrialRecord> trials);

/// The columns number, state, parameters (in the space's order, then others by name), metrics,
/// duration_s.
class TrialColumns {
 public:
  TrialColumns(const StudySpec& spec, std::span<const TrialRecord> trials);

  std::vector<std::string> names() const;
  /// Cells with numbers in full; empty where a trial has no value.
  std::vector<std::string> exact(const TrialRecord& trial) const;
  /// Cells with numbers rounded for people.
  std::vector<std::string> rounded(const TrialRecord& trial) const;

 private:
  std::vector<std::string> cells(const TrialRecord& trial, int digits) const;

  std::vector<std::string> params_;
  std::vector<std::string> metrics_;
};

/// number, state, params, metrics, reports [{step, metrics}], and where there is one: duration_s,
/// reason, retry_of.
Json trial_json(const TrialRecord& trial);

}  // namespace hypertune

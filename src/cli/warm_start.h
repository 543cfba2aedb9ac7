// What the sampler of a run learns from before its first trial, and what it says of itself.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "config/study_file.h"

namespace hypertune {

/// Trials of another study.
struct EarlierTrials {
  std::vector<TrialRecord> trials = {};
  std::string origin = {};  ///< `40 trials of study "x" in runs/x/study.db`
};

/// Those that [warm_start] asks for; none without that section. Throws ConfigError when there is no
/// such study, and when nothing can be learned from it.
EarlierTrials earlier_trials(const StudyFile& file);

/// What the sampler says of itself when these trials are stored; empty for most.
std::string sampler_text(const StudyFile& file, std::span<const TrialRecord> trials,
                         std::span<const TrialRecord> earlier);

}  // namespace hypertune

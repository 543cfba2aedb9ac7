// Where notes are kept: as optuna-dashboard does, in pieces among the attributes of the study.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/trial.h"

namespace hypertune {

/// The keys of the note of a trial, or of the study.
std::string note_version_key(std::optional<TrialId> trial);
std::string note_piece_key(std::optional<TrialId> trial, std::size_t piece);

/// The text as the values of its pieces, JSON each. Throws Error for one that is too long or is not
/// UTF-8.
std::vector<std::string> note_pieces(std::string_view text);

/// From the values. Throw Error when they are damaged.
int note_version(std::string_view json);
std::string note_piece(std::string_view json);

}  // namespace hypertune

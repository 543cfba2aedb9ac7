// The folders that a trial's program is given.
#pragma once

#include <filesystem>

#include "hypertune/trial.h"

namespace hypertune {

struct TrialFolders {
  std::filesystem::path trial;       ///< parameters, output
  std::filesystem::path checkpoint;  ///< what the program goes on from
};

/// Makes `trials/NUMBER` and `checkpoints/NUMBER` below `folder`, mode 0700. A checkpoint folder
/// that is not there yet begins as a copy of that of the trial that this one repeats, or else of
/// its parent. Throws Error that names the folder.
TrialFolders make_trial_folders(const std::filesystem::path& folder, const TrialRecord& trial);

}  // namespace hypertune

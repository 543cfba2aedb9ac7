// The plan of a study: which trials its grid and its number of samples ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "hypertune/scheduler.h"
#include "hypertune/storage.h"

namespace hypertune {

/// How many trials the grid and the number of samples ask for.
struct PlanSize {
  std::vector<Params> cells = {};  ///< grid points
  std::vector<int> samples = {};   ///< of each: fewer where nothing else is left to be sampled
  int trials = 0;
  int forbidden_cells = 0;  ///< grid points that the constraints leave out
  /// Where every cell gets fewer samples than were asked for: why, in words for the user.
  std::optional<std::string> exhausted = {};
};
PlanSize plan_size(const SearchSpace& space, int num_samples, bool paired);

/// These trials, sample by sample; see Study::plan.
std::vector<TrialPlan> grid_plan(const PlanSize& size, bool paired);

/// Throws StudyMismatch when some of these trials were planned with another draw: the study was
/// begun with the other setting of `paired`.
void require_same_draws(const std::string& study, std::span<const TrialPlan> plans,
                        std::span<const TrialRecord> trials);

/// The key of what takes this trial's place, see Ruling::successor.
std::string successor_key(int number);

/// The ruling, where values of its successor violate a constraint with these values as the parent
/// has them, and a reason that says so.
Ruling kept_allowed(const SearchSpace& space, std::span<const TrialRecord> trials, Ruling ruling);

/// What takes the place of the trial of this number.
TrialPlan successor_plan(int number, const Ruling::Successor& successor);

/// Whether trials may have been planned that take the place of others.
enum class Successors : std::uint8_t { None, Possible };

/// What does the work of a final trial again: its parameters are fixed, and it goes on from the
/// last checkpoint, if there is one.
TrialPlan repetition(const Storage& storage, StudyId study, const TrialRecord& trial,
                     std::string key, int attempt);

/// What repeats the failed trials that want it, see Study::plan_retries, apart from those whose
/// numbers are in `planned` and those that have a successor. It goes on from the last checkpoint.
/// Keys that are planned already are for the store to leave out.
std::vector<TrialPlan> retry_plan(const Storage& storage, StudyId study, int max_attempts,
                                  Successors successors, const std::set<int>& planned);

}  // namespace hypertune

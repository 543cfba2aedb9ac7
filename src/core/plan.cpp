// The plan of a study: grid points times samples, with idempotent keys.
#include "core/plan.h"

#include <fmt/format.h>

#include <map>

#include "hypertune/error.h"

namespace hypertune {

std::vector<TrialPlan> grid_plan(const SearchSpace& space, int num_samples, bool paired) {
  const std::vector<Params> cells = space.grid_points();
  std::vector<TrialPlan> plans;
  for (int sample = 0; sample < num_samples; ++sample) {
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      const auto row = static_cast<std::uint64_t>(sample);
      plans.push_back({.key = fmt::format("grid/{}/{}", sample, cell),
                       .fixed = cells[cell],
                       .draw = paired ? row : row * cells.size() + cell});
    }
  }
  return plans;
}

void require_same_draws(const std::string& study, std::span<const TrialPlan> plans,
                        std::span<const TrialRecord> trials) {
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> draws;
  for (const TrialPlan& plan : plans) draws[plan.key] = plan.draw;
  for (const TrialRecord& trial : trials) {
    const auto now = draws.find(trial.plan.key);
    if (now == draws.end() || now->second == trial.plan.draw) continue;
    throw StudyMismatch(
        fmt::format("study \"{}\" was begun with the other setting of paired; restore it, or give "
                    "the changed study another name or another folder (--out)",
                    study));
  }
}

}  // namespace hypertune

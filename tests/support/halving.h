// A scheduler that pauses, small enough to be counted by hand, and an objective that goes on.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/study.h"

namespace hypertune::testing_support {

/// Synchronous successive halving. Of `trials` trials, each pauses after step 1; when all have, the
/// better half goes on. Each of these pauses after step 2; when all have, the better half of them
/// runs to its end.
class Halving final : public Scheduler {
 public:
  explicit Halving(int trials) : trials_(trials) {}

  Ruling on_report(const TrialRecord& trial, const History&) const override {
    return {trial.reports.back().step <= kRungs ? Decision::Pause : Decision::Continue, "a rung"};
  }
  bool uses_history() const override { return false; }
  bool pauses() const override { return true; }

  std::optional<int> resume(const History& history) const override {
    for (std::int64_t rung = kRungs; rung >= 1; --rung) {
      std::vector<const TrialRecord*> there;
      for (const TrialRecord& trial : history.trials) {
        if (trial.state == TrialState::Failed || trial.reports.empty()) continue;
        if (trial.reports.back().step >= rung) there.push_back(&trial);
      }
      const auto all = static_cast<std::size_t>(trials_ >> (rung - 1));
      if (there.size() < all) continue;
      std::ranges::sort(there, {}, [&](const TrialRecord* trial) {
        const auto at = std::ranges::find_if(
            trial->reports, [&](const Report& report) { return report.step >= rung; });
        return at->metrics.at(history.objectives.front().metric);
      });
      there.resize(all / 2);
      for (const TrialRecord* trial : there) {
        const bool is_there = trial->reports.back().step == rung;
        if (is_there && trial->state == TrialState::Paused) return trial->number;
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr std::int64_t kRungs = 2;
  int trials_;
};

/// Minimizes (x - 2)^2.
inline StudySpec halving_spec() {
  StudySpec spec;
  spec.name = "halving";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.seed = 7;
  spec.space.add("x", FloatDomain{-10, 10});
  return spec;
}

/// Three steps, from the one after that of the checkpoint.
inline Outcome descend(Trial& trial) {
  const double x = trial.suggest_float("x", {-10, 10});
  const double loss = (x - 2) * (x - 2);
  for (int step = std::stoi(trial.checkpoint().value_or("0")) + 1; step <= 3; ++step) {
    const Decision decision = trial.report(step, {{"loss", loss + 1.0 / step}});
    if (trial.wants_checkpoint()) trial.save_checkpoint(std::to_string(step));
    if (decision != Decision::Continue) return Outcome::paused();
  }
  return Outcome::complete({{"loss", loss}});
}

}  // namespace hypertune::testing_support

// What schedulers watch of a trial: its reports of the study's first objective.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/history.h"

namespace hypertune {

/// One report of the watched metric. A smaller loss is better, whatever the objective's direction.
struct Observation {
  std::int64_t step = 0;
  double loss = 0;
};

/// Reads the watched metric of trials. Reports that lack it or have NaN for it do not exist for it.
/// Refers to the history's objectives.
class Watched {
 public:
  /// Requires at least one objective.
  explicit Watched(const History& history);

  /// Of the trial's very last report: what there is to decide about.
  std::optional<Observation> latest(const TrialRecord& trial) const;
  /// The one before the trial's last report.
  std::optional<Observation> previous(const TrialRecord& trial) const;
  std::optional<Observation> at(const TrialRecord& trial, std::int64_t step) const;
  /// The first at this step or after it.
  std::optional<Observation> first_from(const TrialRecord& trial, std::int64_t step) const;
  /// By increasing step.
  std::vector<Observation> all(const TrialRecord& trial) const;

  /// The value as it was reported.
  double value(double loss) const { return maximize_ ? -loss : loss; }
  /// "accuracy 0.31".
  std::string text(double loss) const;
  const std::string& metric() const { return objective_->metric; }

 private:
  std::optional<Observation> read(const Report& report) const;

  const Objective* objective_;
  bool maximize_;
};

/// The trial's last report, when it is the first since the last of the steps `warmup_steps`,
/// `warmup_steps + interval_steps`, ... at which schedulers decide; nothing otherwise.
std::optional<Observation> due(const Watched& watched, const TrialRecord& trial,
                               std::int64_t warmup_steps, std::int64_t interval_steps);

/// Throws ConfigError unless `warmup_steps` >= 0 and `interval_steps` >= 1.
void require_steps(std::int64_t warmup_steps, std::int64_t interval_steps);

}  // namespace hypertune

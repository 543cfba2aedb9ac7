// Schedulers stop or pause trials on the strength of their reports.
#pragma once

#include <memory>

#include "hypertune/history.h"

namespace hypertune {

/// A pure function of the history. Safe to call from several threads.
class Scheduler {
 public:
  virtual ~Scheduler() = default;

  /// Called once after each report; `trial.reports` ends with it.
  virtual Decision on_report(const TrialRecord& trial, const History& history) const = 0;

  /// Whether `on_report` reads the history at all; when not, the study does not fetch it.
  virtual bool uses_history() const { return true; }
};

/// Lets every trial run to its end.
std::unique_ptr<Scheduler> fifo_scheduler();

}  // namespace hypertune

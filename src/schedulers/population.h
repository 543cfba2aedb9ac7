// What PBT and PB2 share: when members are compared, who gives way, and whom they follow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hypertune/scheduler.h"
#include "schedulers/watched.h"

namespace hypertune {

/// Members are compared at the multiples of `interval`, where each counts with the value of its
/// first report at such a step or after it, before the next one. Safe to call from several threads.
class Population {
 public:
  /// In the words of PBT's options, those about exploration left out. Throws ConfigError.
  explicit Population(PbtOptions options);

  /// That a trial gives way after its last report.
  struct Exploit {
    const TrialRecord* parent = nullptr;  ///< refers to the history
    std::int64_t step = 0;                ///< at which they were compared
    std::vector<std::string> explored;    ///< parameters of the parent that are to be changed
    Rng rng;                              ///< for this decision alone
    std::string reason;
  };
  std::optional<Exploit> exploit(const TrialRecord& trial, const History& history) const;

  bool wants_checkpoint(const TrialRecord& trial) const;

  /// The trial's loss at a step of comparison, if it was compared there.
  std::optional<double> loss_at(const Watched& watched, const TrialRecord& trial,
                                std::int64_t step) const;

  std::int64_t interval() const { return options_.interval; }

  /// Trials that were or are compared with this one: those whose fixed parameters are the same,
  /// itself left out.
  std::vector<const TrialRecord*> rivals(const TrialRecord& trial, const History& history) const;

 private:
  /// The step of comparison that the trial's report at `now`, which comes after the one at
  /// `previous`, is the first to reach.
  std::optional<std::int64_t> due(const TrialRecord& trial, std::int64_t now,
                                  std::optional<std::int64_t> previous) const;
  std::vector<std::string> explored(const TrialRecord& parent, const Params& fixed) const;
  Params fixed(const TrialRecord& trial, const History& history) const;

  PbtOptions options_;
};

/// The reason and the parameters of `exploit` as a ruling.
Ruling replaced(Population::Exploit exploit, Params params);

}  // namespace hypertune

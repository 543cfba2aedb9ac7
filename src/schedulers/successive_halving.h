// Asynchronous successive halving in brackets: what ASHA and Hyperband share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "hypertune/scheduler.h"

namespace hypertune {

inline constexpr int kMostBrackets = 32;
inline constexpr int kLargestReductionFactor = 1000;

/// The options of ASHA, in its words. Throws ConfigError for what cannot be.
void require_halving(const AshaOptions& options);

/// The step of the next rung, or one that no trial reaches.
std::int64_t next_rung(std::int64_t rung, int reduction_factor);

/// How many brackets have their first rung at `max_resource` or before it. A bracket that starts at
/// `max_resource` itself stops nothing.
/// Requires min_resource <= max_resource.
int brackets_between(std::int64_t min_resource, std::int64_t max_resource, int reduction_factor);

/// Safe to call from several threads.
class SuccessiveHalving {
 public:
  /// Throws ConfigError as `require_halving`.
  explicit SuccessiveHalving(const AshaOptions& options);

  Ruling on_report(const TrialRecord& trial, const History& history) const;

  bool promotes() const { return options_.mode == AshaMode::Promote; }
  /// As Scheduler::resume, where trials are promoted.
  std::optional<int> resume(const History& history) const;

  /// The bracket of a trial: of its draw, so that retries and the trials of one paired sample share
  /// it. Any run of consecutive draws is divided nearly as the brackets' shares are.
  int bracket_of(const TrialRecord& trial) const;

 private:
  /// How a trial that is at a rung compares there.
  struct Standing {
    std::size_t values = 1;    ///< its own included
    std::size_t better = 0;    ///< of these
    std::size_t promoted = 0;  ///< how many of them may go on
  };
  Standing standing(const TrialRecord& trial, const History& history, std::int64_t rung) const;
  std::int64_t first_rung(const TrialRecord& trial) const;
  std::int64_t end() const;  ///< no rung lies at or after it

  AshaOptions options_;
  std::vector<double> shares_;  ///< of brackets 0 to each one, cumulative and relative to all
};

}  // namespace hypertune

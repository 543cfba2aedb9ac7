// What tpe read of trials, kept for the next question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "hypertune/trial.h"
#include "samplers/fingerprint.h"

namespace hypertune {

/// Rows of numbers that are functions of a trial and a key. Those of trials that have ended are
/// kept, so far as there is room; such a trial never changes, and is recognized by its id, its
/// number and when it ended. That changes how long an answer takes and nothing else. Thread-safe.
class TpeRows {
 public:
  /// Fills in the row; false when the trial has none.
  using Read = std::function<bool(const TrialRecord&, std::span<double>)>;
  /// What becomes of the rows that there are: the place of the trial, and its row.
  using Use = std::function<void(std::size_t, std::span<const double>)>;

  /// One trial after the other. `read` must be a pure function, the same for one key; its rows have
  /// `dims` numbers.
  void each(const Fingerprint& key, std::size_t dims, std::span<const TrialRecord* const> trials,
            const Read& read, const Use& use);

 private:
  struct Slot {
    TrialId id = 0;
    int number = -1;
    bool whole = false;  ///< whether there is a row
    TimePoint ended;
  };
  /// Of one key. A trial's slot follows from its number.
  struct Table {
    std::vector<Slot> slots;
    std::vector<double> rows;  ///< [slots, dims]
  };
  static constexpr std::size_t kMostSlots = std::size_t{1} << 14;
  static constexpr std::size_t kMostTables = 64;

  std::mutex mutex_;  // guards tables_
  std::map<std::uint64_t, Table> tables_;
};

}  // namespace hypertune

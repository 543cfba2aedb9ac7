// What tpe read of trials, kept for the next question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <shared_mutex>
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

  /// One trial after the other: `use(i, row)` with the row of `trial_at(i)`, for all i < count that
  /// have one. `read` must be a pure function, the same for one key; its rows have `dims` numbers.
  /// `use` must not ask this object.
  template <typename TrialAt, typename Use>
  void each(const Fingerprint& key, std::size_t dims, std::size_t count, const TrialAt& trial_at,
            const Read& read, const Use& use) {
    Fresh fresh{std::vector<double>(dims), {}};
    {
      const std::shared_lock lock(mutex_);
      const auto found = tables_.find(key.value());
      const Table* table = found != tables_.end() ? &found->second : nullptr;
      for (std::size_t i = 0; i < count; ++i) {
        const TrialRecord& trial = trial_at(i);
        constexpr std::size_t kAhead = 8;  // a record is several cache lines
        if (i + kAhead < count) {
          const TrialRecord& later = trial_at(i + kAhead);
          __builtin_prefetch(&later.id);
          __builtin_prefetch(&later.ended);
        }
        if (const Slot* slot = table != nullptr ? table->slot_of(trial) : nullptr) {
          if (slot->whole) use(i, table->row_of(*slot, dims));
          continue;
        }
        const bool whole = read(trial, std::span(fresh.rows).last(dims));
        if (whole) use(i, std::span<const double>(fresh.rows).last(dims));
        const bool ended = trial.ended && is_final(trial.state);
        if (ended && trial.number >= 0) fresh.add(trial, whole, dims);
      }
    }
    if (!fresh.slots.empty()) keep(key, fresh, dims);
  }

 private:
  struct Slot {
    TrialId id = 0;
    int number = -1;
    bool whole = false;  ///< whether there is a row
    TimePoint ended;
  };
  /// Of one key. A trial's slot follows from its number.
  struct Table {
    /// Null when it has none.
    const Slot* slot_of(const TrialRecord& trial) const {
      if (slots.empty() || trial.number < 0) return nullptr;
      const Slot& slot = slots[static_cast<std::size_t>(trial.number) & (slots.size() - 1)];
      const bool same = slot.number == trial.number && slot.id == trial.id && trial.ended &&
                        slot.ended == *trial.ended;
      return same ? &slot : nullptr;
    }
    std::span<const double> row_of(const Slot& slot, std::size_t dims) const {
      return {rows.data() + static_cast<std::size_t>(&slot - slots.data()) * dims, dims};
    }
    std::vector<Slot> slots;
    std::vector<double> rows;  ///< [slots, dims]
  };
  /// What was just read of trials that have ended, and room for one more.
  struct Fresh {
    void add(const TrialRecord& trial, bool whole, std::size_t dims) {
      slots.push_back({trial.id, trial.number, whole, *trial.ended});
      rows.resize(rows.size() + dims);
    }
    std::vector<double> rows;
    std::vector<Slot> slots;
  };
  static constexpr std::size_t kMostSlots = std::size_t{1} << 14;
  static constexpr std::size_t kMostTables = 64;

  void keep(const Fingerprint& key, const Fresh& fresh, std::size_t dims);

  std::shared_mutex mutex_;  // guards tables_; those who find all they want do not wait
  std::map<std::uint64_t, Table> tables_;
};

}  // namespace hypertune

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

/// A trial, with what tells it from others at hand: records lie far apart.
struct TpeTrial {
  const TrialRecord* record = nullptr;
  TrialId id = 0;
  int number = -1;
  bool lasting = false;  ///< it has ended, and never changes
  TimePoint ended;
};

/// Appends them.
void look_at(std::span<const TrialRecord> records, std::vector<TpeTrial>& trials);

/// Rows of numbers that are functions of a trial and a key. Those of trials that have ended are
/// kept, so far as there is room; such a trial never changes, and is recognized by its id, its
/// number and when it ended. That changes how long an answer takes and nothing else. Thread-safe.
class TpeRows {
 public:
  /// Fills in the row; false when the trial has none.
  using Read = std::function<bool(const TrialRecord&, std::span<double>)>;

  /// One trial after the other: `use(i, name, row)` with the row of `trial_at(i)` and a fingerprint
  /// of it, for all i < count that have one. `read` must be a pure function, the same for one key;
  /// its rows have `dims` numbers. `use` must not ask this object.
  template <typename TrialAt, typename Use>
  void each(const Fingerprint& key, std::size_t dims, std::size_t count, const TrialAt& trial_at,
            const Read& read, const Use& use) {
    Fresh fresh{std::vector<double>(dims), {}};
    {
      const std::shared_lock lock(mutex_);
      const auto found = tables_.find(key.value());
      const Table* table = found != tables_.end() ? &found->second : nullptr;
      for (std::size_t i = 0; i < count; ++i) {
        const TpeTrial& trial = trial_at(i);
        if (const Slot* slot = table != nullptr ? table->slot_of(trial) : nullptr) {
          if (slot->whole) use(i, slot->name, table->row_of(*slot, dims));
          continue;
        }
        const std::span row = std::span(fresh.rows).last(dims);
        const Slot slot = read_slot(trial, read, row);
        if (slot.whole) use(i, slot.name, std::span<const double>(row));
        if (trial.lasting) fresh.add(slot, dims);
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
    std::uint64_t name = 0;  ///< of the row
  };
  /// Of one key. A trial's slot follows from its number.
  struct Table {
    /// Null when it has none.
    const Slot* slot_of(const TpeTrial& trial) const {
      if (slots.empty() || !trial.lasting) return nullptr;
      const Slot& slot = slots[static_cast<std::size_t>(trial.number) & (slots.size() - 1)];
      const bool same =
          slot.number == trial.number && slot.id == trial.id && slot.ended == trial.ended;
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
    void add(const Slot& slot, std::size_t dims) {
      slots.push_back(slot);
      rows.resize(rows.size() + dims);
    }
    std::vector<double> rows;
    std::vector<Slot> slots;
  };
  static constexpr std::size_t kMostSlots = std::size_t{1} << 14;
  static constexpr std::size_t kMostTables = 64;

  static Slot read_slot(const TpeTrial& trial, const Read& read, std::span<double> row);
  void keep(const Fingerprint& key, const Fresh& fresh, std::size_t dims);

  std::shared_mutex mutex_;  // guards tables_; those who find all they want do not wait
  std::map<std::uint64_t, Table> tables_;
};

}  // namespace hypertune

// What tpe read of trials.
#include "samplers/tpe_rows.h"

#include <algorithm>
#include <bit>

namespace hypertune {

void TpeRows::each(const Fingerprint& key, std::size_t dims,
                   std::span<const TrialRecord* const> trials, const Read& read, const Use& use) {
  std::size_t most = 0;
  for (const TrialRecord* trial : trials) {
    most = std::max(most, static_cast<std::size_t>(std::max(trial->number, 0)) + 1);
  }
  std::vector<double> row(dims);
  const std::lock_guard lock(mutex_);
  if (tables_.size() == kMostTables && !tables_.contains(key.value())) tables_.clear();
  Table& table = tables_[key.value()];
  const std::size_t wanted = std::min(std::bit_ceil(most), kMostSlots);
  if (table.slots.size() < wanted) {
    // Slots that are as many as all trials stay where they are; others are read again.
    table.slots.resize(wanted);
    table.rows.resize(wanted * dims);
  }
  for (std::size_t i = 0; i < trials.size(); ++i) {
    const TrialRecord& trial = *trials[i];
    if (!is_final(trial.state) || !trial.ended || trial.number < 0) {
      if (read(trial, row)) use(i, row);
      continue;
    }
    const std::size_t at = static_cast<std::size_t>(trial.number) & (table.slots.size() - 1);
    Slot& slot = table.slots[at];
    const std::span<double> kept = std::span(table.rows).subspan(at * dims, dims);
    if (slot.number != trial.number || slot.id != trial.id || slot.ended != *trial.ended) {
      slot.number = -1;  // until it is read
      slot.whole = read(trial, kept);
      slot.id = trial.id;
      slot.ended = *trial.ended;
      slot.number = trial.number;
    }
    if (slot.whole) use(i, kept);
  }
}

}  // namespace hypertune

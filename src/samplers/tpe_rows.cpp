// What tpe read of trials.
#include "samplers/tpe_rows.h"

#include <algorithm>
#include <bit>
#include <mutex>

namespace hypertune {

void look_at(std::span<const TrialRecord> records, std::vector<TpeTrial>& trials) {
  trials.reserve(trials.size() + records.size());
  for (const TrialRecord& record : records) {
    constexpr std::ptrdiff_t kAhead = 8;  // a record is several cache lines
    if (records.data() + records.size() - &record > kAhead) {
      __builtin_prefetch(&(&record)[kAhead].id);
      __builtin_prefetch(&(&record)[kAhead].ended);
    }
    const bool lasting = record.ended && is_final(record.state) && record.number >= 0;
    trials.push_back(
        {&record, record.id, record.number, lasting, record.ended.value_or(TimePoint())});
  }
}

TpeRows::Slot TpeRows::read_slot(const TpeTrial& trial, const Read& read, std::span<double> row) {
  Slot slot{trial.id, trial.number, read(*trial.record, row), trial.ended, 0};
  Fingerprint name;
  for (const double number : row) name.add(number);
  slot.name = name.value();
  return slot;
}

void TpeRows::keep(const Fingerprint& key, const Fresh& fresh, std::size_t dims) {
  const auto last = std::ranges::max(fresh.slots, {}, &Slot::number).number;
  const std::size_t wanted =
      std::min(std::bit_ceil(static_cast<std::size_t>(last) + 1), kMostSlots);
  // Many readers could keep a writer waiting; what is not kept now is read again, and kept later.
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock) return;
  if (tables_.size() == kMostTables && !tables_.contains(key.value())) tables_.clear();
  Table& table = tables_[key.value()];
  if (table.slots.size() < wanted) {  // what is there stays where it is
    table.slots.resize(wanted);
    table.rows.resize(wanted * dims);
  }
  for (std::size_t i = 0; i < fresh.slots.size(); ++i) {
    const std::size_t at =
        static_cast<std::size_t>(fresh.slots[i].number) & (table.slots.size() - 1);
    table.slots[at] = fresh.slots[i];
    std::copy_n(fresh.rows.data() + i * dims, dims, table.rows.data() + at * dims);
  }
}

}  // namespace hypertune

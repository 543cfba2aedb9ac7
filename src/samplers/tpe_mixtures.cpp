// Mixtures of tpe, kept for the next question.
#include "samplers/tpe_mixtures.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace hypertune {
namespace {

constexpr std::size_t kMostChanges = 32;  // beyond, a new mixture costs less
constexpr std::size_t kMostInARow = 8;

/// Positions, increasing.
struct Changes {
  std::vector<std::size_t> erased;    ///< of those before
  std::vector<std::size_t> inserted;  ///< of those after
  std::size_t size() const { return erased.size() + inserted.size(); }
};

/// How many of those before are erased, and of those after inserted, until both go on alike;
/// nothing when they do not soon.
std::optional<std::pair<std::size_t, std::size_t>> until_alike(
    std::span<const std::uint64_t> before, std::span<const std::uint64_t> after) {
  for (std::size_t both = 0; both <= kMostInARow; ++both) {
    for (std::size_t erased = 0; erased <= both; ++erased) {
      const std::size_t inserted = both - erased;
      if (erased < before.size() && inserted < after.size() && before[erased] == after[inserted]) {
        return std::pair(erased, inserted);
      }
    }
  }
  return std::nullopt;
}

/// Nothing when there are too many.
std::optional<Changes> changes_between(std::span<const std::uint64_t> before,
                                       std::span<const std::uint64_t> after) {
  Changes changes;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < before.size() || j < after.size()) {
    if (i < before.size() && j < after.size() && before[i] == after[j]) {
      ++i;
      ++j;
      continue;
    }
    const auto [erased, inserted] = until_alike(before.subspan(i), after.subspan(j))
                                        .value_or(std::pair(before.size() - i, after.size() - j));
    if (changes.size() + erased + inserted > kMostChanges) return std::nullopt;
    for (const std::size_t end = i + erased; i < end; ++i) changes.erased.push_back(i);
    for (const std::size_t end = j + inserted; j < end; ++j) changes.inserted.push_back(j);
  }
  return changes;
}

}  // namespace

std::vector<double> TpeObserved::weights() const {
  return by_age ? parzen_weights(counts) : counts;
}

bool become(TpeMixture& kept, const TpeObserved& observed,
            const std::function<void(std::size_t, std::span<double>)>& read) {
  const bool same = kept.observed.names == observed.names;
  if (same && kept.observed.counts == observed.counts) return true;
  if (!kept.mixture.can_become(observed.names.size())) return false;
  const auto changes = changes_between(kept.observed.names, observed.names);
  if (!changes) return false;
  ParzenMixture& mixture = kept.mixture;
  for (auto k = changes->erased.rbegin(); k != changes->erased.rend(); ++k) mixture.erase(*k);
  std::vector<double> row(mixture.axes() + 1);
  for (const std::size_t k : changes->inserted) {
    read(k, row);
    mixture.insert(k, row);
  }
  mixture.weigh(observed.weights());
  kept.observed = observed;
  return true;
}

std::unique_ptr<TpeMixture> TpeMixtures::take(std::uint64_t key) {
  const std::scoped_lock lock(mutex_);
  for (std::size_t i = idle_.size(); i-- > 0;) {
    if (idle_[i]->key != key) continue;
    std::unique_ptr<TpeMixture> found = std::move(idle_[i]);
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    return found;
  }
  return nullptr;
}

void TpeMixtures::put(std::unique_ptr<TpeMixture> mixture) {
  std::unique_ptr<TpeMixture> dropped;  // once nobody waits
  const std::scoped_lock lock(mutex_);
  if (idle_.size() == kMost) {
    dropped = std::move(idle_.front());
    idle_.erase(idle_.begin());
  }
  idle_.push_back(std::move(mixture));
}

}  // namespace hypertune

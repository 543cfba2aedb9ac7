// Mixtures of tpe, kept for the next question.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "math/parzen.h"

namespace hypertune {

/// What a mixture is made of: of each observation the fingerprint of its prepared row, and for how
/// many trials it stands.
struct TpeObserved {
  std::vector<std::uint64_t> names;
  std::vector<double> counts;
  bool by_age = true;  ///< whether older observations weigh less
  std::vector<double> weights() const;
};

/// A mixture that somebody works with.
struct TpeMixture {
  std::uint64_t key = 0;
  TpeObserved observed;
  ParzenMixture mixture;
};

/// Makes it one of other observations, by exchanging those that are not the same; `read(i, row)`
/// fills in the prepared row of observation i. What comes out is what a new mixture would be, bit
/// for bit. False, and nothing has changed, when that is not possible or does not pay.
bool become(TpeMixture& kept, const TpeObserved& observed,
            const std::function<void(std::size_t, std::span<double>)>& read);

/// Mixtures that nobody works with, some for each key. Thread-safe.
class TpeMixtures {
 public:
  /// The one that was put last; null when there is none.
  std::unique_ptr<TpeMixture> take(std::uint64_t key);
  void put(std::unique_ptr<TpeMixture> mixture);

 private:
  static constexpr std::size_t kMost = 64;

  std::mutex mutex_;
  std::vector<std::unique_ptr<TpeMixture>> idle_;  ///< the longest first
};

}  // namespace hypertune

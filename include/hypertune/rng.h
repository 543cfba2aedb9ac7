// A counter-based random number generator: the same key gives the same numbers anywhere.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>

namespace hypertune {

/// Philox 4x32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// 2011). Its state is a key and a counter, so that independent streams are named, not seeded one
/// from another: what one stream yields never depends on how much another was used. A
/// UniformRandomBitGenerator. Not thread-safe: give each thread its own.
class Rng {
 public:
  using result_type = std::uint64_t;

  explicit Rng(std::uint64_t key = 0, std::uint64_t stream = 0);

  /// The generator of a trial: keyed by the study's seed and the trial's draw.
  static Rng for_trial(std::uint64_t study_seed, std::uint64_t draw);

  /// An independent generator, keyed by this one's key and stream and by `name`; it does not
  /// depend on how many numbers were taken from this one.
  Rng fork(std::string_view name) const;

  result_type operator()();
  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }

  /// Uniform in [0, 1), 53 bits.
  double uniform();

  /// Standard normal (Box and Muller).
  double normal();

  /// Uniform in [0, n) without bias. Requires n > 0.
  std::uint64_t below(std::uint64_t n);

 private:
  std::uint64_t key_;
  std::uint64_t stream_;
  std::uint64_t counter_ = 0;
  std::array<std::uint64_t, 2> block_{};
  bool half_used_ = false;
};

}  // namespace hypertune

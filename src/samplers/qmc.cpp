// Quasi-random search: points of a low-discrepancy sequence instead of independent ones. Bergstra
// and Bengio, "Random search for hyper-parameter optimization", JMLR 2012, section 4; Sobol points
// with the directions of Joe and Kuo 2008, scrambled after Owen 1995; Halton points scrambled after
// Owen 2017.
//
// Deviations from Optuna's sampler of this name:
// - A trial's point is numbered by its draw, not by a counter in the store: no two processes take
//   one point, and trials of one draw share it. (A counter read and written in two steps, as there,
//   can give one point to two workers.)
// - Scrambled unless told otherwise, by nested permutations instead of a linear matrix. Unscrambled
//   sequences begin with the corner of all lower bounds.
// - The first trial is a point like any other.
// - Categories and grid axes have a coordinate too. Optuna draws categories independently.
// - Every declared parameter has its coordinate whether it is active or not, so that conditional
//   parameters stay evenly spread.
// - Beyond the dimensions of the sequence, and for a parameter that is asked for alone (which has
// no
//   position), the coordinate is a padded one: even by itself, independent of the others. It is
//   randomized without `scramble` too, since equal coordinates would tie such parameters together.
#include <algorithm>
#include <cstdint>
#include <string>

#include "hypertune/sampler.h"
#include "math/halton.h"
#include "math/sobol.h"
#include "space/encoding.h"

namespace hypertune {
namespace {

class QmcSampler final : public Sampler {
 public:
  explicit QmcSampler(const QmcOptions& options) : options_(options) {}

  Params sample(const SearchSpace& space, const History& history, const Rng&) const override {
    const auto index = static_cast<std::uint32_t>(history.draw);
    const Rng keys = Rng(history.seed).fork("qmc");
    // Grid axes come last: in a planned trial they are decided already, in others they are not, and
    // the coordinates of sampled parameters are to be the same in both.
    const auto sampled = std::ranges::count(space.parameters(), Role::Sampled, &Parameter::role);
    const bool alone = space.parameters().size() == 1;
    int next_sampled = 0;
    int next_grid = static_cast<int>(sampled);
    Params params;
    for (const Parameter& parameter : space.parameters()) {
      double unit = 0;
      if (parameter.role != Role::Constant) {
        const int dimension = parameter.role == Role::Sampled ? next_sampled++ : next_grid++;
        unit = coordinate(index, alone ? kNoDimension : dimension, keys.fork(parameter.name)());
      }
      if (space.active(parameter, params)) params[parameter.name] = decode(parameter.domain, unit);
    }
    return params;
  }

  bool uses_history() const override { return false; }

 private:
  static constexpr int kNoDimension = std::max(kSobolDimensions, kHaltonDimensions);

  double coordinate(std::uint32_t index, int dimension, std::uint64_t key) const {
    if (options_.sequence == QmcSequence::Sobol && dimension < kSobolDimensions) {
      const std::uint32_t fraction = sobol(index, dimension);
      return options_.scramble ? owen_scrambled_unit(fraction, key) : fraction * 0x1.0p-32;
    }
    if (options_.sequence == QmcSequence::Halton && dimension < kHaltonDimensions) {
      return options_.scramble ? scrambled_halton(index, dimension, key) : halton(index, dimension);
    }
    return padded_coordinate(index, key);
  }

  QmcOptions options_;
};

}  // namespace

std::unique_ptr<Sampler> qmc_sampler(const QmcOptions& options) {
  return std::make_unique<QmcSampler>(options);
}

}  // namespace hypertune

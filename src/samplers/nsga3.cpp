// NSGA-III. Deb and Jain, "An evolutionary many-objective optimization algorithm using
// reference-point-based nondominated sorting approach, part I: solving problems with box
// constraints", IEEE Transactions on Evolutionary Computation 18(4), 2014.
//
// Deviations from Optuna: those of nsga2.cpp, but that parents are any of the survivors, as in the
// paper, where Optuna holds tournaments; the number of directions follows the population; where the
// plane of extreme points meets an axis behind the ideal point, the largest values scale instead.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hypertune/error.h"
#include "math/niching.h"
#include "samplers/genetic.h"

namespace hypertune {
namespace {

constexpr int kMaxDivisions = 100;

/// More directions than these serve no study; with many objectives they would fill the memory.
constexpr std::size_t kMaxDirections = 10'000;

class Nsga3Sampler final : public Sampler {
 public:
  explicit Nsga3Sampler(const Nsga3Options& options)
      : population_(static_cast<std::size_t>(options.population)),
        divisions_(options.divisions),
        breeding_(Breeding::from(options)),
        lineage_(population_, options.constraints) {
    breeding_.parents = ParentChoice::Any;
  }

  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    const std::size_t dims = std::max<std::size_t>(1, history.objectives.size());
    const int divisions = std::min(divisions_.value_or(most_divisions(dims, population_)),
                                   most_divisions(dims, kMaxDirections));
    const auto directions = niche_directions(dims, divisions);
    // Ties are broken alike whichever trial asks.
    const std::uint64_t key = Rng(history.seed).fork("nsga3")();
    const auto survive = [&](const PointsView& losses, std::span<const double> penalties,
                             std::size_t count, int generation) {
      Rng ties(key, static_cast<std::uint64_t>(generation));
      return fittest_by_niche(losses, penalties, count, {directions, dims}, ties);
    };
    return child(space, lineage_.past(history, survive), breeding_, rng);
  }

 private:
  std::size_t population_;
  std::optional<int> divisions_;
  Breeding breeding_;
  Lineage lineage_;
};

}  // namespace

std::unique_ptr<Sampler> nsga3_sampler(Nsga3Options options) {
  if (options.population < 2) {
    throw ConfigError(
        fmt::format("nsga3: population is {}; it must be at least 2", options.population));
  }
  const int divisions = options.divisions.value_or(1);
  if (divisions < 1 || divisions > kMaxDivisions) {
    throw ConfigError(
        fmt::format("nsga3: divisions is {}; it must lie in [1, {}]", divisions, kMaxDivisions));
  }
  Breeding::from(options).validate("nsga3");
  return std::make_unique<Nsga3Sampler>(options);
}

}  // namespace hypertune

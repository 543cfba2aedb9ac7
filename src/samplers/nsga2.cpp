// NSGA-II. Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist multiobjective genetic
// algorithm: NSGA-II", IEEE Transactions on Evolutionary Computation 6(2), 2002.
//
// Deviations from Optuna: generations of 20, not 50, and polynomial mutation, not uniform, both of
// which find better fronts and optima in 200 and in 500 trials (docs/algorithms/nsga2.md); a
// tournament between trials of one rank is won by the one in the less crowded place, as in the
// paper, where Optuna tosses a coin; of the two parents of a child neither is the other; each
// constraint is a metric; a generation is made of Complete trials by number, not by the generation
// that was written down with each; a child that repeats any trial of the study is drawn again.
#include <fmt/format.h>

#include <utility>

#include "hypertune/error.h"
#include "samplers/genetic.h"

namespace hypertune {
namespace {

class Nsga2Sampler final : public Sampler {
 public:
  explicit Nsga2Sampler(Nsga2Options options) : options_(std::move(options)) {}

  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    const auto parents = surviving_parents(history, static_cast<std::size_t>(options_.population),
                                           options_.constraints, fittest);
    return child(space, history, parents, Breeding::from(options_), rng);
  }

 private:
  Nsga2Options options_;
};

}  // namespace

std::unique_ptr<Sampler> nsga2_sampler(Nsga2Options options) {
  if (options.population < 2) {
    throw ConfigError(
        fmt::format("nsga2: population is {}; it must be at least 2", options.population));
  }
  Breeding::from(options).validate("nsga2");
  return std::make_unique<Nsga2Sampler>(std::move(options));
}

}  // namespace hypertune

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
  explicit Nsga2Sampler(const Nsga2Options& options)
      : breeding_(Breeding::from(options)),
        lineage_(static_cast<std::size_t>(options.population), options.constraints) {}

  Params sample(const SearchSpace& space, const History& history, const Rng& rng) const override {
    const Past past = lineage_.past(
        history, [](const PointsView& losses, std::span<const double> penalties, std::size_t count,
                    int /*generation*/) { return fittest(losses, penalties, count); });
    return child(space, past, breeding_, rng);
  }

 private:
  Breeding breeding_;
  Lineage lineage_;
};

}  // namespace

std::unique_ptr<Sampler> nsga2_sampler(Nsga2Options options) {
  if (options.population < 2) {
    throw ConfigError(
        fmt::format("nsga2: population is {}; it must be at least 2", options.population));
  }
  Breeding::from(options).validate("nsga2");
  return std::make_unique<Nsga2Sampler>(options);
}

}  // namespace hypertune

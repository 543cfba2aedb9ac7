// Random search. Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 2012.
//
// Deviations: none in distribution. Each parameter draws from a generator of its own, named after
// it, so that adding a parameter to a space leaves the values of the others as they were.
#include <algorithm>

#include "hypertune/sampler.h"
#include "space/encoding.h"

namespace hypertune {
namespace {

Value draw(const FloatDomain& d, Rng& rng) {
  if (!d.step) return decode(d, rng.uniform());
  const std::uint64_t k = rng.below(static_cast<std::uint64_t>(last_step(d)) + 1);
  return std::min(d.low + static_cast<double>(k) * *d.step, d.high);
}

Value draw(const IntDomain& d, Rng& rng) {
  if (d.log) return decode(d, rng.uniform());
  const std::uint64_t steps = last_step(d);
  // The full range of 64 bits has one value more than `below` can be asked for.
  const std::uint64_t k = steps == Rng::max() ? rng() : rng.below(steps + 1);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(d.low) +
                                   k * static_cast<std::uint64_t>(d.step));
}

Value draw(const CategoricalDomain& d, Rng& rng) { return d.choices[rng.below(d.choices.size())]; }

class RandomSampler final : public Sampler {
 public:
  Params sample(const SearchSpace& space, const History&, const Rng& rng) const override {
    Params params;
    params.reserve(space.parameters().size());
    for (const Parameter& parameter : space.parameters()) {
      if (!space.active(parameter, params)) continue;
      Rng own = rng.fork(parameter.name);
      params.insert_or_assign(
          parameter.name,
          std::visit([&](const auto& domain) { return draw(domain, own); }, parameter.domain));
    }
    return params;
  }

  bool uses_history() const override { return false; }
};

}  // namespace

std::unique_ptr<Sampler> random_sampler() { return std::make_unique<RandomSampler>(); }

}  // namespace hypertune

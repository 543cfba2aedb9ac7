// Random search. Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 2012.
//
// Deviations: none in distribution. Each parameter draws from a generator of its own, named after
// it, so that adding a parameter to a space leaves the values of the others as they were.
#include <algorithm>
#include <cmath>

#include "hypertune/sampler.h"

namespace hypertune {
namespace {

Value draw(const FloatDomain& d, Rng& rng) {
  if (d.step) {
    // The slack keeps an upper bound that rounding puts just below a whole number of steps.
    const auto steps = static_cast<std::uint64_t>(std::floor((d.high - d.low) / *d.step + 1e-9));
    const double value = d.low + static_cast<double>(rng.below(steps + 1)) * *d.step;
    return std::min(value, d.high);
  }
  const double u = rng.uniform();
  const double value = d.log ? std::exp(std::lerp(std::log(d.low), std::log(d.high), u))
                             : std::lerp(d.low, d.high, u);
  return std::clamp(value, d.low, d.high);
}

Value draw(const IntDomain& d, Rng& rng) {
  if (d.log) {
    // Each whole number owns the interval around it, half a unit to either side.
    const double low = std::log(static_cast<double>(d.low) - 0.5);
    const double high = std::log(static_cast<double>(d.high) + 0.5);
    const double value = std::round(std::exp(std::lerp(low, high, rng.uniform())));
    return std::clamp(static_cast<std::int64_t>(value), d.low, d.high);
  }
  const std::uint64_t span = static_cast<std::uint64_t>(d.high) - static_cast<std::uint64_t>(d.low);
  const std::uint64_t steps = span / static_cast<std::uint64_t>(d.step);
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
    for (const Parameter& parameter : space.parameters()) {
      if (!space.active(parameter, params)) continue;
      Rng own = rng.fork(parameter.name);
      params[parameter.name] =
          std::visit([&](const auto& domain) { return draw(domain, own); }, parameter.domain);
    }
    return params;
  }

  bool uses_history() const override { return false; }
};

}  // namespace

std::unique_ptr<Sampler> random_sampler() { return std::make_unique<RandomSampler>(); }

}  // namespace hypertune

// Perturbation of a parameter's value.
#include "schedulers/perturbation.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "space/encoding.h"

namespace hypertune {
namespace {

/// A whole number of steps, from 0 to `last`, near to `wanted` and other than `now` if it can be.
double other_step(double now, double wanted, double last, bool up) {
  const double at = std::round(now);
  double to = std::round(wanted);
  if (to == at) to += up ? 1 : -1;
  return std::clamp(to, 0.0, last);
}

Value moved(const FloatDomain& domain, const Value& value, double factor) {
  const double now = *as_number(value);
  const double wanted = now * factor;
  if (!domain.step) return std::clamp(wanted, domain.low, domain.high);
  const double to =
      other_step((now - domain.low) / *domain.step, (wanted - domain.low) / *domain.step,
                 last_step(domain), (factor > 1) == (now >= 0));
  return std::min(domain.low + to * *domain.step, domain.high);
}

Value moved(const IntDomain& domain, const Value& value, double factor) {
  const double now = *as_number(value);
  const auto low = static_cast<double>(domain.low);
  const auto step = static_cast<double>(domain.step);
  const std::uint64_t last = last_step(domain);
  const double to = other_step((now - low) / step, (now * factor - low) / step,
                               static_cast<double>(last), (factor > 1) == (now >= 0));
  const std::uint64_t steps =
      to >= static_cast<double>(last) ? last : static_cast<std::uint64_t>(to);
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(domain.low) +
                                   steps * static_cast<std::uint64_t>(domain.step));
}

Value moved(const CategoricalDomain& domain, const Value& value, double factor) {
  const auto at =
      std::ranges::find_if(domain.choices, [&](const Value& v) { return same_value(v, value); });
  if (factor > 1) return at + 1 == domain.choices.end() ? *at : *(at + 1);
  return at == domain.choices.begin() ? *at : *(at - 1);
}

}  // namespace

Value perturbed(const Domain& domain, const Value& value, Rng rng, const Perturbation& by) {
  if (rng.uniform() < by.resample_probability) return decode(domain, rng.uniform());
  const double factor = rng.below(2) == 0 ? by.factor_low : by.factor_high;
  return std::visit([&](const auto& d) { return moved(d, value, factor); }, domain);
}

}  // namespace hypertune

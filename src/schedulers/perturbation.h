// The small random change of a parameter's value with which population-based training explores.
#pragma once

#include "hypertune/domain.h"
#include "hypertune/rng.h"

namespace hypertune {

struct Perturbation {
  double resample_probability = 0.25;
  double factor_low = 0.8;
  double factor_high = 1.2;
};

/// With `resample_probability` a value drawn from the domain; else a number times one of the
/// factors, as near as the domain has it, and never unmoved but at the domain's ends; a choice
/// gives way to the one before or after it, if there is one. Requires that the domain contains
/// `value`.
Value perturbed(const Domain& domain, const Value& value, Rng rng, const Perturbation& by);

}  // namespace hypertune

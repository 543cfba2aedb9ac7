// The unit axis of a domain: what samplers that think in real numbers work on.
#pragma once

#include <cstdint>
#include <optional>

#include "hypertune/domain.h"

namespace hypertune {

/// The values of a domain with steps are low + k * step for k from 0 to this. Requires a step.
double last_step(const FloatDomain& domain);
/// The same for integers without `log`.
std::uint64_t last_step(const IntDomain& domain);

/// The value at `unit`, always one that the domain contains. Values in order of size (choices in
/// order of declaration) share the axis evenly: with `log`, evenly in the logarithm; steps,
/// integers and choices each own an interval, those of integers half a step to either side.
/// Numbers outside [0, 1] count as the nearer end. Requires that `unit` is not NaN.
Value decode(const Domain& domain, double unit);

/// A point in [0, 1] that decodes to `value`, inside what the value owns; empty when the domain
/// does not contain it. decode(encode(v)) is v itself for integers (fewer than 2^51 values), steps
/// and choices, and v up to rounding for real numbers.
std::optional<double> encode(const Domain& domain, const Value& value);

/// An interval of the unit axis.
struct UnitCell {
  double low = 0;
  double high = 1;
};

/// What the value at `unit` owns of the axis; a single point where the domain is continuous.
UnitCell unit_cell(const Domain& domain, double unit);

}  // namespace hypertune

// How fast this processor multiplies and adds at best.
#pragma once

#include <optional>

#include "nn/isa.h"

namespace hypertune {

/// Operations a second of one core, in 1e9, from a loop of some milliseconds over registers alone:
/// fused multiply-adds of f32, but for Amx tile products of bf16. Nothing for Portable and for
/// processors of other makes. Requires a supported instruction set.
std::optional<double> peak_gflops(Isa isa);

}  // namespace hypertune

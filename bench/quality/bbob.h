// The 24 noiseless functions of BBOB.
#pragma once

#include <vector>

#include "quality/bbob_instance.h"

namespace hypertune::bench {

/// How much larger the value at `x` is than the least: 0 at the optimum. Without adding `best` no
/// digits are lost.
double bbob_excess(const BbobInstance& instance, const std::vector<double>& x);

/// Whether the function stays the same when only `optimum` of an instance is moved.
bool bbob_optimum_is_free(int function);

}  // namespace hypertune::bench

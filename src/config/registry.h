// The one table of names of samplers and schedulers.
#pragma once

#include <span>

#include "config/algorithm.h"

namespace hypertune {

std::span<const Algorithm<Sampler>> samplers();
std::span<const Algorithm<Scheduler>> schedulers();

}  // namespace hypertune

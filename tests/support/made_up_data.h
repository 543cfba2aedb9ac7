// Small made-up data sets that a network can learn.
#pragma once

#include <cstdint>

#include "train/datasets.h"

namespace hypertune::testing_support {

/// Sequences of 12 steps and 2 channels in 3 classes, told apart by the frequency of a noisy wave;
/// four users take turns.
Dataset wave_data(std::int64_t samples, std::uint64_t seed = 1);

/// Images of 8 x 8 pixels in 2 classes: bright bars that lie or stand. No users.
Dataset bar_data(std::int64_t samples, std::uint64_t seed = 1);

}  // namespace hypertune::testing_support

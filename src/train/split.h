// Subsets of a data set, and its division into training and validation samples.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/datasets.h"

namespace hypertune {

/// A random subset of at most `selection.max_samples` samples (0: all), in the order of `data`.
Dataset subset(const Dataset& data, const Selection& selection);

/// Numbers of samples.
struct Split {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> validation;
  std::vector<std::string> held_out;  ///< users whose samples are the validation samples, if so
};

/// Divides by `options.split` and `options.validation_share`; the same for the same seed. By user,
/// the share of users is rounded up, and one at least is left on either side. Throws ConfigError
/// when the data set has no users, or too few samples or users.
Split split_dataset(const Dataset& data, const TrainerOptions& options, std::uint64_t seed);

}  // namespace hypertune

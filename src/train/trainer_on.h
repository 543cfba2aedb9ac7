// The trainer on data that are in memory already.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>

#include "train/datasets.h"

namespace hypertune {

/// When checkpoints are due; it decides about nothing else.
using TrainerClock = std::function<std::chrono::steady_clock::time_point()>;

/// As cnn_trainer; `data` takes the place of the data sets that `options` names.
std::unique_ptr<TrainerExecutor> cnn_trainer_on(
    ChosenDataset data, const TrainerOptions& options, std::uint64_t seed,
    TrainerClock clock = std::chrono::steady_clock::now);

}  // namespace hypertune

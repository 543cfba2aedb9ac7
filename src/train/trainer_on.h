// The trainer on data that are in memory already.
#pragma once

#include <cstdint>
#include <memory>

#include "train/datasets.h"

namespace hypertune {

/// As cnn_trainer; `data` takes the place of the data sets that `options` names.
std::unique_ptr<TrainerExecutor> cnn_trainer_on(ChosenDataset data, const TrainerOptions& options,
                                                std::uint64_t seed);

}  // namespace hypertune

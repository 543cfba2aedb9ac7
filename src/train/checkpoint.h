// Where a training stands, as bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "nn/schedule.h"

namespace hypertune {

/// What is known after an epoch. Losses that are not a number are +infinity.
struct EpochResult {
  double train_loss = 0;    ///< mean over the epoch's batches, as they were trained on
  double val_loss = 0;      ///< mean cross-entropy, in nats
  double val_accuracy = 0;  ///< a network with outputs that are not finite predicts class 0
  bool diverged = false;    ///< a loss, a weight or an output was not finite; training is of no
                            ///< more use
  bool operator==(const EpochResult&) const = default;
};

/// Everything that a training's next epoch depends on, but for the data. There is no state of a
/// random number generator: each epoch's generators are forks of the seed's, named by the epoch.
struct Checkpoint {
  Json identity;  ///< whose state this is: an object of facts in which both sides must agree
  std::int64_t epochs = 0;
  EpochResult last;
  double best_val_loss = 0;  ///< of early stopping, with the epochs since
  std::int64_t epochs_since_best = 0;
  ScheduleState schedule;
  std::int64_t optimizer_steps = 0;
  std::vector<float> parameters;
  std::vector<float> statistics;
  std::vector<float> first_moments;
  std::vector<float> second_moments;
};

/// The same on every instruction set. Ends in a checksum.
std::string encode(const Checkpoint& checkpoint);

/// Throws ConfigError that says what is wrong with the bytes: not a checkpoint, of another version,
/// truncated, or damaged.
Checkpoint decode(std::string_view bytes);

}  // namespace hypertune

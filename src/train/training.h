// Training of one network: epochs, metrics, divergence. Knows nothing of studies and trials.
#pragma once

#include <cstdint>
#include <vector>

#include "train/datasets.h"
#include "train/network.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/split.h"

namespace hypertune {

/// What is known after an epoch. Losses that are not a number are +infinity.
struct EpochResult {
  double train_loss = 0;    ///< mean over the epoch's batches, as they were trained on
  double val_loss = 0;      ///< mean cross-entropy, in nats
  double val_accuracy = 0;  ///< a network with outputs that are not finite predicts class 0
  bool diverged = false;    ///< a loss or an output was not finite; training is of no more use
};

/// One network on its way. The same arguments give the same results bit for bit. Runs on the
/// calling thread alone; `data` and `split` must outlive it. Not thread-safe.
class Training {
 public:
  /// `seed` draws initial weights, order of samples and dropout. Throws ConfigError.
  Training(const TrainerOptions& options, const Dataset& data, const Split& split,
           std::uint64_t seed);

  /// Trains on every training sample once, in random order, then evaluates. The last batch holds
  /// what is left, as with PyTorch's DataLoader. An epoch ends early when it diverges.
  EpochResult run_epoch();

  std::int64_t epochs_done() const { return epoch_; }
  Network& network() { return network_; }

 private:
  double train_epoch();
  EpochResult evaluate();
  void gather(std::span<const std::int64_t> chosen);

  TrainerOptions options_;
  const Dataset& data_;
  const Split& split_;
  std::uint64_t seed_;
  Network network_;
  Optimizer optimizer_;
  LearningRateSchedule schedule_;
  std::int64_t epoch_ = 0;
  std::vector<float> samples_;  ///< of the present batch
  std::vector<std::int64_t> labels_;
};

}  // namespace hypertune

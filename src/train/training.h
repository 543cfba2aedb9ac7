// Training of one network: epochs, metrics, divergence, checkpoints. Knows nothing of studies and
// trials.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/optimizer.h"
#include "nn/schedule.h"
#include "train/checkpoint.h"
#include "train/datasets.h"
#include "train/network.h"
#include "train/split.h"

namespace hypertune {

/// One network on its way. The same arguments give the same results bit for bit, given one
/// instruction set. Runs on the calling thread alone; `data` and `split` must outlive it. Not
/// thread-safe.
class Training {
 public:
  /// `seed` draws initial weights, order of samples and dropout. Throws ConfigError.
  Training(const TrainerOptions& options, const Dataset& data, const Split& split,
           std::uint64_t seed);

  /// Trains on every training sample once, in random order, then evaluates. The last batch holds
  /// what is left, as with PyTorch's DataLoader. An epoch ends early when it diverges.
  EpochResult run_epoch();

  std::int64_t epochs_done() const { return epoch_; }
  /// Of the last epoch.
  const EpochResult& last() const { return last_; }
  /// Whether all epochs are done, it diverged, or early stopping ends it.
  bool finished() const;

  /// Everything that the epochs that follow depend on, as bytes, to be kept in a file by
  /// `write_file`. A training with the same arguments goes on from them bit for bit as this one
  /// does; on another instruction set, up to rounding.
  std::string checkpoint() const;
  /// Goes on from there, whatever was done so far. Throws ConfigError, and leaves the training as
  /// it is, for bytes that are damaged and for those of another network, seed, data or options.
  void restore(std::string_view bytes);
  /// The same from another training, which may differ from this one in its seed and in all options
  /// but those of the network: weights, optimizer and number of epochs are that one's, the rest is
  /// this one's. Another rule of optimizer begins without memory.
  void inherit(std::string_view bytes);

  Network& network() { return *network_; }

 private:
  double train_epoch();
  EpochResult evaluate();
  bool has_finite_state() const;
  void gather(std::span<const std::int64_t> chosen);
  Json identity() const;
  void take(const Checkpoint& stored, bool with_optimizer);

  TrainerOptions options_;
  const Dataset& data_;
  const Split& split_;
  std::uint64_t seed_;
  std::unique_ptr<Network> network_;
  Optimizer optimizer_;
  LearningRateSchedule schedule_;
  std::int64_t epoch_ = 0;
  EpochResult last_;
  double best_val_loss_ = std::numeric_limits<double>::infinity();
  std::int64_t epochs_since_best_ = 0;
  std::vector<float> samples_;  ///< of the present batch
  std::vector<std::int64_t> labels_;
  std::vector<float> logits_;
};

}  // namespace hypertune

// The built-in trainer: convolutional networks on the built-in data sets.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/space.h"
#include "hypertune/tune.h"
#include "hypertune/value.h"

namespace hypertune {

/// Options of the trainer. Each, but for those that all trials share (see TrainerOption), may also
/// be a parameter of the space, under the same name; lists are then written as text: "32,64,128".
struct TrainerOptions {
  std::string model = "cnn";
  std::vector<std::string> dataset = {"gestures"};  ///< the first that can be had is used
  std::string split = "random";   ///< "random" or "by-user" (whole users are held out)
  double validation_share = 0.2;  ///< of the samples (or users) held out
  std::int64_t max_samples = 0;   ///< use a random subset of this size; 0: the data set's default

  std::vector<std::int64_t> channels = {32, 64, 128};  ///< one block each
  std::int64_t kernel = 3;  ///< odd; the input is padded to keep its size
  std::int64_t pool = 2;    ///< max-pooling factor after each block; 1: none
  bool batch_norm = true;
  double dropout = 0;               ///< before the classifier, probability in [0, 1)
  std::string activation = "relu";  ///< relu, leaky-relu, gelu, tanh
  std::string head = "mean";        ///< mean or max over positions, or flatten

  std::string optimizer = "adam";  ///< sgd, momentum, nesterov, adam, adamw, rmsprop
  double learning_rate = 1e-3;
  double momentum = 0.9;  ///< for the optimizers momentum and nesterov
  double weight_decay = 0;
  std::string schedule = "none";     ///< none, step, cosine, plateau, one-cycle
  std::int64_t schedule_epochs = 3;  ///< step: epochs between steps; plateau: epochs of patience
  double schedule_factor = 0.1;      ///< step, plateau: the rate is multiplied by this
  std::int64_t batch_size = 32;
  std::int64_t epochs = 10;
  std::int64_t patience = 0;  ///< early stopping: epochs without a better val_loss; 0: off

  std::string backend = "native";  ///< native; torch (LibTorch); auto: torch for cuda, else native
  std::string device = "cpu";      ///< cpu, or cuda, which needs LibTorch
  std::string precision = "f32";   ///< f32; bf16 (native alone): factors of products are rounded
  bool rerun_best_in_f32 = false;  ///< train the best trial's parameters again if it was in bf16

  /// A checkpoint is saved after an epoch when otherwise more than so many seconds of work could be
  /// lost after the next one; 0: only where the scheduler wants one.
  double checkpoint_s = 30;

  /// Throws ConfigError that names the option and its legal values.
  void set(std::string_view name, const Value& value);
  /// What `set` would be given for the present value. Throws ConfigError for an unknown name.
  Value get(std::string_view name) const;
  /// Throws ConfigError for options that exclude each other or are out of range.
  void validate() const;
};

/// One row of the table of options.
struct TrainerOption {
  std::string_view name;
  std::string_view help;
  bool per_trial;  ///< may be a parameter; false for what all trials share: the data, which are
                   ///< loaded once, and what computes
};
std::span<const TrainerOption> trainer_options();

/// Metrics that the trainer gives at the end: val_accuracy, val_loss, train_loss, epochs, diverged
/// and collapsed (0 or 1); after each epoch the first three. A loss that is not a number is given
/// as +infinity, so that a diverged trial is a bad result and not a failure.
std::span<const std::string_view> trainer_metrics();

/// Progress of a download: bytes so far, and in all (0: not known).
using DownloadProgress = std::function<void(std::int64_t, std::int64_t)>;

/// Trains one network for each trial, on the trial's thread alone. The parameters of the trial
/// override the options of the same name; parameters that are no option are ignored. A parameter
/// that is an option of the data is a ConfigError: they are loaded once for all trials.
class TrainerExecutor : public Executor {
 public:
  /// JSON object: data set, checksum, split sizes, classes, chance level, model with parameter
  /// counts, every other option, what computes. Options that `space` decides stand as it decides
  /// them. To be stored by `record_provenance`. Throws ConfigError when the network of a grid point
  /// cannot be built.
  virtual std::string provenance(const SearchSpace& space) const = 0;

  /// What a trial costs, from training one epoch on this thread.
  struct Probe {
    double epoch_s = 0;
    std::int64_t epochs = 0;  ///< of a trial that is not stopped early
  };
  /// Throws ConfigError and DataError as a trial with these parameters would.
  virtual Probe probe(const Params& params) const = 0;

  /// The final metrics of a trial with these parameters and this seed when it is trained in f32,
  /// whatever precision is asked for, and no scheduler stops it. Nothing when `stop` is requested
  /// on the way. Throws ConfigError as a trial would.
  virtual std::optional<Metrics> train_in_f32(const Params& params, std::uint64_t seed,
                                              std::stop_token stop) const = 0;
};

/// Loads the data set (from HYPERTUNE_DATA_PATH, the system's folder, the user's cache, or by
/// download) and splits it by `seed`. Throws DataError when none can be had, ConfigError for bad
/// options. Thread-safe.
std::unique_ptr<TrainerExecutor> cnn_trainer(const TrainerOptions& options, std::uint64_t seed,
                                             const DownloadProgress& progress = {});

}  // namespace hypertune

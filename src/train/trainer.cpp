// The executor that trains a network for each trial, and what it tells of how it does so.
#include "hypertune/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <mutex>

#include "base/json.h"
#include "base/text.h"
#include "hypertune/error.h"
#include "train/trainer_on.h"
#include "train/training.h"

namespace hypertune {
namespace {

constexpr std::size_t kMaxOtherDatasets = 4;

bool is_option(std::string_view name) {
  return std::ranges::any_of(trainer_options(),
                             [&](const TrainerOption& option) { return option.name == name; });
}

TrainerOptions merged(TrainerOptions options, const Params& params) {
  for (const auto& [name, value] : params)
    if (is_option(name)) options.set(name, value);
  options.validate();
  return options;
}

std::string list_text(const std::vector<std::int64_t>& numbers) {
  return fmt::format("{}", fmt::join(numbers, ", "));
}

/// The network in words; `norm` stands where batch normalization has its place.
std::string describe(const TrainerOptions& o, const Dataset& data, std::string_view norm) {
  const bool sequence = data.shape.height == 1;
  const std::string head = o.head == "flatten" ? "flatten"
                           : sequence          ? o.head + " over time"
                                               : o.head + " over positions";
  return fmt::format(
      "{} of Conv{}d(kernel {}) -> {}{}{} with {} channels; {}; {}linear to {} classes",
      count_of(static_cast<long long>(o.channels.size()), "block"), sequence ? 1 : 2, o.kernel,
      norm, o.activation, o.pool > 1 ? fmt::format(" -> MaxPool({})", o.pool) : "",
      list_text(o.channels), head, o.dropout > 0 ? fmt::format("dropout {}; ", o.dropout) : "",
      data.classes.size());
}

/// The networks of all arms, each description once; [BatchNorm] when some have it and some not.
std::string describe(const std::vector<TrainerOptions>& arms, const Dataset& data) {
  const auto with_norm = std::ranges::count(arms, true, &TrainerOptions::batch_norm);
  const std::string_view norm = with_norm == 0                  ? ""
                                : with_norm == std::ssize(arms) ? "BatchNorm -> "
                                                                : "[BatchNorm] -> ";
  std::vector<std::string> texts;
  for (const TrainerOptions& options : arms) {
    const std::string text = describe(options, data, norm);
    if (std::ranges::find(texts, text) == texts.end()) texts.push_back(text);
  }
  return join(texts, "; or ");
}

/// The options of the training itself, as a table; options that differ between arms are left out.
Json training_options(const TrainerOptions& o, std::span<const Params> arms) {
  Json table = {{"optimizer", o.optimizer},
                {"batch_size", o.batch_size},
                {"epochs", o.epochs},
                {"weight_decay", o.weight_decay},
                {"schedule", o.schedule}};
  if (o.optimizer == "momentum") table["momentum"] = o.momentum;
  if (o.patience > 0) table["patience"] = o.patience;
  for (const Params& arm : arms)
    for (const auto& [name, value] : arm) table.erase(name);
  return table;
}

Metrics final_metrics(const EpochResult& last, std::int64_t epochs, double chance) {
  const bool finite = std::isfinite(last.train_loss) && std::isfinite(last.val_loss);
  const bool collapsed = !finite || last.diverged || last.val_accuracy <= 2 * chance;
  return {{"val_accuracy", last.val_accuracy},     {"val_loss", last.val_loss},
          {"train_loss", last.train_loss},         {"epochs", static_cast<double>(epochs)},
          {"diverged", last.diverged ? 1.0 : 0.0}, {"collapsed", collapsed ? 1.0 : 0.0}};
}

/// Stops when the validation loss has not become better for `patience` epochs.
class EarlyStopping {
 public:
  explicit EarlyStopping(std::int64_t patience) : patience_(patience) {}

  bool should_stop(double val_loss) {
    if (val_loss < best_) {
      best_ = val_loss;
      since_best_ = 0;
    } else {
      ++since_best_;
    }
    return patience_ > 0 && since_best_ >= patience_;
  }

 private:
  std::int64_t patience_;
  std::int64_t since_best_ = 0;
  double best_ = std::numeric_limits<double>::infinity();
};

using Data = std::shared_ptr<const ChosenDataset>;

Data load(const TrainerOptions& options, std::uint64_t seed, const DownloadProgress& progress) {
  return std::make_shared<const ChosenDataset>(
      load_first_dataset(options.dataset, {options.max_samples, seed}, progress));
}

class CnnTrainer final : public TrainerExecutor {
 public:
  CnnTrainer(const TrainerOptions& options, std::uint64_t seed, Data base)
      : options_(options), seed_(seed), base_(std::move(base)) {
    split_dataset(base_->data, options_, seed_);  // says at once when that is impossible
  }

  Outcome run(Trial& trial, std::stop_token stop) override;
  std::string provenance(std::span<const Params> arms) const override;
  Probe probe(const Params& params) const override;

 private:
  Data data_for(const TrainerOptions& options) const;

  TrainerOptions options_;
  std::uint64_t seed_;
  Data base_;
  mutable std::mutex mutex_;  ///< guards others_
  /// Data sets that parameters of trials ask for.
  mutable std::map<std::pair<std::vector<std::string>, std::int64_t>, Data> others_;
};

Data CnnTrainer::data_for(const TrainerOptions& options) const {
  if (options.dataset == options_.dataset && options.max_samples == options_.max_samples)
    return base_;
  const std::scoped_lock lock(mutex_);
  const std::pair key(options.dataset, options.max_samples);
  if (const auto known = others_.find(key); known != others_.end()) return known->second;
  if (others_.size() >= kMaxOtherDatasets) others_.clear();
  return others_.emplace(key, load(options, seed_, {})).first->second;
}

Outcome CnnTrainer::run(Trial& trial, std::stop_token stop) {
  const TrainerOptions options = merged(options_, trial.params());
  const Data chosen = data_for(options);
  const Split split = split_dataset(chosen->data, options, seed_);
  Training training(options, chosen->data, split, trial.seed());
  EarlyStopping early_stopping(options.patience);
  for (;;) {
    const EpochResult result = training.run_epoch();
    const std::int64_t epoch = training.epochs_done();
    const Decision decision = trial.report(epoch, {{"train_loss", result.train_loss},
                                                   {"val_loss", result.val_loss},
                                                   {"val_accuracy", result.val_accuracy}});
    const bool at_end =
        epoch == options.epochs || result.diverged || early_stopping.should_stop(result.val_loss);
    const Metrics metrics =
        final_metrics(result, epoch, 1.0 / static_cast<double>(chosen->data.classes.size()));
    if (at_end) return Outcome::complete(metrics);
    const std::string when = fmt::format("after epoch {} of {}", epoch, options.epochs);
    if (stop.stop_requested() || trial.stop_cause() == StopCause::Interrupted)
      return Outcome::interrupted("interrupted " + when);
    if (decision != Decision::Continue)
      return Outcome::pruned("stopped by the scheduler " + when, metrics);
  }
}

TrainerExecutor::Probe CnnTrainer::probe(const Params& params) const {
  using SteadyClock = std::chrono::steady_clock;
  const TrainerOptions options = merged(options_, params);
  const Data chosen = data_for(options);
  const Split split = split_dataset(chosen->data, options, seed_);
  Training training(options, chosen->data, split, seed_);
  const auto begin = SteadyClock::now();
  training.run_epoch();
  return {std::chrono::duration<double>(SteadyClock::now() - begin).count(), options.epochs};
}

/// Keys: dataset (name), dataset_wanted (list of names, best first), fallback_reason (only when
/// the first could not be had), dataset_sha256, dataset_source, dataset_citation, dataset_note (how
/// samples were prepared), samples, train_samples, validation_samples, classes, chance (accuracy of
/// guessing), split, held_out_users (only for by-user), model (in words), parameters (number by
/// arm), trainer (options of the training by name), libraries (version by name).
std::string CnnTrainer::provenance(std::span<const Params> arms) const {
  const Dataset& data = base_->data;
  const Split split = split_dataset(data, options_, seed_);
  std::vector<TrainerOptions> networks;
  std::map<std::string, std::int64_t> parameters;
  const Params none;
  for (const Params& arm : arms.empty() ? std::span(&none, 1) : arms) {
    const TrainerOptions& options = networks.emplace_back(merged(options_, arm));
    const Network network(options, data.shape, static_cast<int>(data.classes.size()), Rng());
    parameters[to_string(arm)] = network.parameter_count();
  }
  Json json = {{"dataset", data.name},
               {"dataset_wanted", options_.dataset},
               {"dataset_sha256", data.sha256},
               {"dataset_source", data.source},
               {"dataset_citation", data.citation},
               {"dataset_note", data.note},
               {"samples", data.size()},
               {"train_samples", split.train.size()},
               {"validation_samples", split.validation.size()},
               {"classes", data.classes.size()},
               {"chance", 1.0 / static_cast<double>(data.classes.size())},
               {"split", options_.split},
               {"model", describe(networks, data)},
               {"parameters", parameters},
               {"trainer", training_options(options_, arms)},
               {"libraries", {{"LibTorch", libtorch_version()}}}};
  if (!base_->fallback_reason.empty()) json["fallback_reason"] = base_->fallback_reason;
  if (!split.held_out.empty()) json["held_out_users"] = split.held_out;
  return dump_json(json);
}

}  // namespace

std::unique_ptr<TrainerExecutor> cnn_trainer(const TrainerOptions& options, std::uint64_t seed,
                                             const DownloadProgress& progress) {
  options.validate();
  return std::make_unique<CnnTrainer>(options, seed, load(options, seed, progress));
}

std::unique_ptr<TrainerExecutor> cnn_trainer_on(ChosenDataset data, const TrainerOptions& options,
                                                std::uint64_t seed) {
  options.validate();
  return std::make_unique<CnnTrainer>(options, seed,
                                      std::make_shared<const ChosenDataset>(std::move(data)));
}

}  // namespace hypertune

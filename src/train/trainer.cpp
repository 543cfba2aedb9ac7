// The executor that trains a network for each trial, and what it tells of how it does so.
#include "hypertune/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>

#include "base/json.h"
#include "hypertune/error.h"
#include "train/network_facts.h"
#include "train/trainer_on.h"
#include "train/training.h"

namespace hypertune {
namespace {

double chance_of(const Dataset& data) { return 1.0 / static_cast<double>(data.classes.size()); }

Metrics final_metrics(const Training& training, double chance) {
  const EpochResult& last = training.last();
  const auto epochs = static_cast<double>(training.epochs_done());
  const bool finite = std::isfinite(last.train_loss) && std::isfinite(last.val_loss);
  const bool collapsed = !finite || last.diverged || last.val_accuracy <= 2 * chance;
  return {{"val_accuracy", last.val_accuracy},     {"val_loss", last.val_loss},
          {"train_loss", last.train_loss},         {"epochs", epochs},
          {"diverged", last.diverged ? 1.0 : 0.0}, {"collapsed", collapsed ? 1.0 : 0.0}};
}

/// Runs `action`. A ConfigError of it is told why the data are not those that were wanted first,
/// which it may have suited.
template <typename Action>
auto with_reason(const ChosenDataset& chosen, Action action) {
  try {
    return action();
  } catch (const ConfigError& error) {
    if (chosen.fallback_reason.empty()) throw;
    throw ConfigError(fmt::format("{} (the data set is {}, because {})", error.what(),
                                  chosen.data.name, chosen.fallback_reason));
  }
}

class CnnTrainer final : public TrainerExecutor {
 public:
  CnnTrainer(const TrainerOptions& options, std::uint64_t seed, ChosenDataset chosen)
      : options_(options),
        seed_(seed),
        chosen_(std::move(chosen)),
        split_(with_reason(chosen_, [&] { return split_dataset(data(), options_, seed_); })) {}

  Outcome run(Trial& trial, std::stop_token stop) override;
  std::string provenance(const SearchSpace& space) const override;
  Probe probe(const Params& params) const override;
  std::optional<Metrics> train_in_f32(const Params& params, std::uint64_t seed,
                                      std::stop_token stop) const override;

 private:
  const Dataset& data() const { return chosen_.data; }

  TrainerOptions options_;
  std::uint64_t seed_;
  ChosenDataset chosen_;
  Split split_;
};

Outcome CnnTrainer::run(Trial& trial, std::stop_token stop) {
  const TrainerOptions options = with_params(options_, trial.params());
  Training training(options, data(), split_, trial.seed());
  if (const auto checkpoint = trial.checkpoint()) {
    const bool own = !trial.record().reports.empty();
    own ? training.restore(*checkpoint) : training.inherit(*checkpoint);
    if (training.finished()) return Outcome::complete(final_metrics(training, chance_of(data())));
  }
  for (;;) {
    const EpochResult result = training.run_epoch();
    const std::int64_t epoch = training.epochs_done();
    const Decision decision = trial.report(epoch, {{"train_loss", result.train_loss},
                                                   {"val_loss", result.val_loss},
                                                   {"val_accuracy", result.val_accuracy}});
    const Metrics metrics = final_metrics(training, chance_of(data()));
    if (training.finished()) return Outcome::complete(metrics);
    if (trial.wants_checkpoint()) trial.save_checkpoint(training.checkpoint());
    if (decision == Decision::Pause) return Outcome::paused();
    const std::string when = fmt::format("after epoch {} of {}", epoch, options.epochs);
    if (stop.stop_requested() || trial.stop_cause() == StopCause::Interrupted)
      return Outcome::interrupted("interrupted " + when);
    if (decision != Decision::Continue)
      return Outcome::pruned("stopped by the scheduler " + when, metrics);
  }
}

TrainerExecutor::Probe CnnTrainer::probe(const Params& params) const {
  using SteadyClock = std::chrono::steady_clock;
  const TrainerOptions options = with_params(options_, params);
  Training training(options, data(), split_, seed_);
  const auto begin = SteadyClock::now();
  training.run_epoch();
  return {std::chrono::duration<double>(SteadyClock::now() - begin).count(), options.epochs};
}

std::optional<Metrics> CnnTrainer::train_in_f32(const Params& params, std::uint64_t seed,
                                                std::stop_token stop) const {
  TrainerOptions options = with_params(options_, params);
  options.precision = "f32";
  Training training(options, data(), split_, seed);
  while (!training.finished()) {
    if (stop.stop_requested()) return std::nullopt;
    training.run_epoch();
  }
  return final_metrics(training, chance_of(data()));
}

/// Keys: dataset (name), dataset_wanted (list of names, best first), fallback_reason (only when
/// the first could not be had), dataset_sha256, dataset_source, dataset_citation, dataset_note (how
/// samples were prepared), samples, train_samples, validation_samples, classes, chance (accuracy of
/// guessing), split, held_out_users (only for by-user), engine (as backend_facts), and those of
/// `network_facts`.
std::string CnnTrainer::provenance(const SearchSpace& space) const {
  Json json = with_reason(chosen_, [&] { return network_facts(options_, space, data()); });
  json.update({{"dataset", data().name},
               {"dataset_wanted", options_.dataset},
               {"dataset_sha256", data().sha256},
               {"dataset_source", data().source},
               {"dataset_citation", data().citation},
               {"dataset_note", data().note},
               {"samples", data().size()},
               {"train_samples", split_.train.size()},
               {"validation_samples", split_.validation.size()},
               {"classes", data().classes.size()},
               {"chance", chance_of(data())},
               {"split", options_.split},
               {"engine", backend_facts(options_)}});
  if (!chosen_.fallback_reason.empty()) json["fallback_reason"] = chosen_.fallback_reason;
  if (!split_.held_out.empty()) json["held_out_users"] = split_.held_out;
  return dump_json(json);
}

}  // namespace

std::unique_ptr<TrainerExecutor> cnn_trainer(const TrainerOptions& options, std::uint64_t seed,
                                             const DownloadProgress& progress) {
  options.validate();
  return std::make_unique<CnnTrainer>(
      options, seed, load_first_dataset(options.dataset, {options.max_samples, seed}, progress));
}

std::unique_ptr<TrainerExecutor> cnn_trainer_on(ChosenDataset data, const TrainerOptions& options,
                                                std::uint64_t seed) {
  options.validate();
  return std::make_unique<CnnTrainer>(options, seed, std::move(data));
}

}  // namespace hypertune

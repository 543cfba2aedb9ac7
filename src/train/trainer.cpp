// The executor that trains a network for each trial, and what it tells of how it does so.
#include "hypertune/trainer.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "base/json.h"
#include "hypertune/error.h"
#include "train/network_facts.h"
#include "train/trainer_on.h"
#include "train/trial_training.h"

namespace hypertune {
namespace {

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
  CnnTrainer(const TrainerOptions& options, std::uint64_t seed, ChosenDataset chosen,
             TrainerClock clock)
      : options_(options),
        seed_(seed),
        clock_(std::move(clock)),
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
  TrainerClock clock_;
  ChosenDataset chosen_;
  Split split_;
};

Outcome CnnTrainer::run(Trial& trial, std::stop_token stop) {
  OwnTrial link(trial, std::move(stop));
  return train_trial(start_of(trial), link, options_, data(), split_, clock_);
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
  return final_metrics(training, data());
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
      options, seed, load_first_dataset(options.dataset, {options.max_samples, seed}, progress),
      std::chrono::steady_clock::now);
}

std::unique_ptr<TrainerExecutor> cnn_trainer_on(ChosenDataset data, const TrainerOptions& options,
                                                std::uint64_t seed, TrainerClock clock) {
  options.validate();
  return std::make_unique<CnnTrainer>(options, seed, std::move(data), std::move(clock));
}

}  // namespace hypertune

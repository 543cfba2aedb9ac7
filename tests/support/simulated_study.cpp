// A made-up study in the likeness of the flagship.
#include "support/simulated_study.h"

#include <algorithm>
#include <cmath>

#include "hypertune/rng.h"

namespace hypertune::testing_support {
namespace {

constexpr double kChance = 0.05;
constexpr int kDraws = 10;
constexpr int kEpochs = 5;

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

/// Accuracy after an epoch; a collapsed network stays at chance.
double accuracy(bool batch_norm, double log_rate, int epoch, Rng& rng) {
  const double progress = 1 - std::exp(-1.2 * epoch);
  if (!batch_norm && log_rate > -2) return kChance;
  const double loss_at_low_rates = 0.03 * std::max(0.0, -3 - log_rate);
  const double top = (batch_norm ? 0.972 : 0.965) - loss_at_low_rates;
  return rounded(std::clamp(top * progress + 0.006 * rng.normal(), 0.0, 1.0));
}

}  // namespace

StudySpec simulated_spec() {
  StudySpec spec;
  spec.name = "simulated";
  spec.objectives = {{"val_accuracy", Direction::Maximize}};
  spec.space.grid("batch_norm", {true, false});
  spec.space.add("learning_rate", FloatDomain{.low = 1e-4, .high = 1e-1, .log = true});
  spec.seed = 42;
  return spec;
}

std::vector<TrialRecord> simulated_trials() {
  const StudySpec spec = simulated_spec();
  TimePoint now = ManualClock().now();
  std::vector<TrialRecord> trials;
  for (int draw = 0; draw < kDraws; ++draw) {
    const double log_rate = -4 + 3 * (draw + 0.5) / kDraws;
    for (const bool batch_norm : {true, false}) {
      TrialRecord trial;
      trial.number = static_cast<int>(trials.size());
      trial.state = TrialState::Complete;
      trial.plan.draw = draw;
      trial.plan.fixed = {{"batch_norm", batch_norm}};
      trial.params = {{"batch_norm", batch_norm}, {"learning_rate", std::pow(10, log_rate)}};
      for (const Parameter& parameter : spec.space.parameters()) {
        trial.domains.set(parameter.name, parameter.domain);
      }
      Rng rng(7, static_cast<std::uint64_t>(trial.number));
      for (int epoch = 1; epoch <= kEpochs; ++epoch) {
        trial.reports.push_back(
            {epoch, {{"val_accuracy", accuracy(batch_norm, log_rate, epoch, rng)}}});
      }
      const double last = trial.reports.back().metrics.at("val_accuracy");
      trial.metrics = {{"val_accuracy", last}, {"collapsed", last <= 2 * kChance ? 1.0 : 0.0}};
      trial.started = now;
      now += std::chrono::milliseconds(2500);
      trial.ended = now;
      trials.push_back(std::move(trial));
    }
  }
  return trials;
}

std::string simulated_provenance() {
  return R"({"dataset": "fashion-mnist", "dataset_wanted": ["gestures", "fashion-mnist"],
    "fallback_reason": "no network", "dataset_sha256": "0123abcd", "samples": 5000, "classes": 20,
    "train_samples": 4000, "validation_samples": 1000, "split": "random", "chance": 0.05,
    "model": "three blocks of Conv1d, ReLU, MaxPool", "parameters": {"batch_norm=true": 34132,
    "batch_norm=false": 33684}, "trainer": {"epochs": 5, "optimizer": "adam", "batch_size": 32},
    "libraries": {"LibTorch": "1.13.1"}, "workers": 2, "command": "hypertune run simulated.toml",
    "hardware": {"cpu": "a processor", "cores": 2, "memory_gib": 8}})";
}

Experiment simulated_experiment() {
  Experiment experiment;
  experiment.title = "Batch normalization and the learning rate";
  experiment.hypothesis = "Batch normalization keeps a network trainable\nat high learning rates.";
  experiment.study_file = "simulated.toml";
  experiment.study_file_sha256 = "aa11";
  experiment.claims = {{.text = "With batch normalization accuracy stays high above 0.01",
                        .estimand = Estimand::Mean,
                        .subject = "val_accuracy",
                        .along = "",
                        .where = Condition("batch_norm and learning_rate > 0.01"),
                        .expect = Expectation::parse(">= 0.8")},
                       {.text = "Without it most trials collapse above 0.01",
                        .estimand = Estimand::Share,
                        .subject = "collapsed",
                        .along = "",
                        .where = Condition("not batch_norm and learning_rate > 0.01"),
                        .expect = Expectation::parse("> 0.5")},
                       {.text = "Without it trials begin to collapse above 0.003",
                        .estimand = Estimand::Onset,
                        .subject = "collapsed",
                        .along = "learning_rate",
                        .where = Condition("not batch_norm"),
                        .expect = Expectation::parse("> 0.003")},
                       {.text = "Below 0.003 the two differ by less than 0.1",
                        .estimand = Estimand::PairedDifference,
                        .subject = "val_accuracy",
                        .along = "batch_norm",
                        .where = Condition("learning_rate < 0.003"),
                        .expect = Expectation::parse("in [-0.1, 0.1]")}};
  return experiment;
}

StudyId store_study(Storage& storage, ManualClock& clock, const StudySpec& spec,
                    const std::vector<TrialRecord>& trials) {
  const StudyId study = storage.open_study(spec);
  std::vector<TrialPlan> plans;
  for (const TrialRecord& trial : trials) plans.push_back(trial.plan);
  storage.enqueue(study, plans);
  for (const TrialRecord& trial : trials) {
    const auto claimed = storage.claim(study, {.worker = "test"});
    const Claim at{claimed.value().id, claimed->lease};
    std::vector<Storage::ParamValue> params;
    for (const auto& [name, value] : trial.params) {
      if (!claimed->params.contains(name)) params.push_back({name, trial.domains.at(name), value});
    }
    storage.set_params(at, params);
    for (const Report& report : trial.reports) storage.add_report(at, report);
    if (trial.started && trial.ended) {
      clock.advance(
          std::chrono::duration_cast<std::chrono::milliseconds>(*trial.ended - *trial.started));
    }
    storage.finish(at, {trial.state, trial.metrics, trial.reason, trial.failure});
  }
  return study;
}

}  // namespace hypertune::testing_support

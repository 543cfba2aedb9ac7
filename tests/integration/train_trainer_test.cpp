// The executor: studies of networks, with what they report, how they end and what is recorded.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "base/json.h"
#include "hypertune/error.h"
#include "hypertune/study.h"
#include "hypertune/tune.h"
#include "nn/isa.h"
#include "support/made_up_data.h"
#include "train/trainer_on.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing_support::bar_data;
using testing_support::wave_data;

const TrainerOptions kSmall{
    .channels = {8, 16}, .learning_rate = 0.01, .batch_size = 16, .epochs = 3};

std::unique_ptr<TrainerExecutor> wave_trainer(const TrainerOptions& options = kSmall) {
  return cnn_trainer_on({wave_data(200), ""}, options, 1);
}

StudySpec spec_of(SearchSpace space) {
  return {"test", {{"val_accuracy", Direction::Maximize}}, std::move(space), 1};
}

/// Runs one trial with these parameters fixed.
TrialRecord run_one(TrainerExecutor& trainer, const Params& params,
                    std::unique_ptr<Scheduler> scheduler = fifo_scheduler(),
                    std::stop_token stop = {}) {
  SearchSpace space;
  for (const auto& [name, value] : params) space.constant(name, value);
  Study study(spec_of(std::move(space)), memory_storage(), random_sampler(), std::move(scheduler));
  Trial trial = study.ask();
  study.tell(trial, trainer.run(trial, stop));
  return study.trials().front();
}

class StopAt : public Scheduler {
 public:
  explicit StopAt(std::int64_t step) : step_(step) {}
  Ruling on_report(const TrialRecord& trial, const History&) const override {
    if (trial.reports.back().step < step_) return {};
    return {Decision::Stop, fmt::format("step {} is enough", step_)};
  }
  bool uses_history() const override { return false; }

 private:
  std::int64_t step_;
};

TEST(Trainer, ReportsEveryEpochAndEndsWithItsMetrics) {
  const TrialRecord trial = run_one(*wave_trainer(), {{"batch_norm", true}});
  EXPECT_EQ(trial.state, TrialState::Complete);
  ASSERT_EQ(trial.reports.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(trial.reports[i].step, static_cast<std::int64_t>(i) + 1);
    EXPECT_THAT(trial.reports[i].metrics,
                ElementsAre(Key("train_loss"), Key("val_accuracy"), Key("val_loss")));
  }
  EXPECT_EQ(trial.metrics.size(), trainer_metrics().size());
  for (const std::string_view name : trainer_metrics()) EXPECT_TRUE(trial.metrics.contains(name));
  EXPECT_EQ(trial.metrics.at("epochs"), 3);
  EXPECT_EQ(trial.metrics.at("diverged"), 0);
  EXPECT_EQ(trial.metrics.at("collapsed"), 0);
  EXPECT_EQ(trial.metrics.at("val_accuracy"), trial.reports.back().metrics.at("val_accuracy"));
}

TEST(Trainer, AParameterTakesThePlaceOfTheOptionOfItsName) {
  const auto trainer = wave_trainer();
  const auto epochs = [&](const Params& params) {
    return run_one(*trainer, params).reports.size();
  };
  EXPECT_EQ(epochs({{"epochs", std::int64_t{2}}}), 2U);
  EXPECT_EQ(epochs({{"shoe_size", std::int64_t{46}}}), 3U);
  EXPECT_EQ(
      run_one(*trainer, {{"channels", std::string("4")}, {"head", std::string("flatten")}}).state,
      TrialState::Complete);
}

TEST(Trainer, ABadParameterIsAConfigurationError) {
  EXPECT_THROW(run_one(*wave_trainer(), {{"kernel", std::int64_t{2}}}), ConfigError);
  EXPECT_THROW(run_one(*wave_trainer(), {{"channels", std::string("4,4,4,4")}}), ConfigError);
}

TEST(Trainer, AnOptionOfTheDataCannotBeAParameter) {
  const auto trainer = wave_trainer();
  EXPECT_THROW(run_one(*trainer, {{"split", std::string("by-user")}}), ConfigError);
  SearchSpace space;
  space.add("max_samples", IntDomain{.low = 10, .high = 20});
  EXPECT_THROW(trainer->provenance(space), ConfigError);
}

TEST(Trainer, ADivergedTrialIsCompleteAndCollapsed) {
  const TrialRecord trial = run_one(*wave_trainer(), {{"batch_norm", false},
                                                      {"optimizer", std::string("sgd")},
                                                      {"epochs", std::int64_t{50}},
                                                      {"learning_rate", 1e6}});
  EXPECT_EQ(trial.state, TrialState::Complete);
  EXPECT_EQ(trial.metrics.at("diverged"), 1);
  EXPECT_EQ(trial.metrics.at("collapsed"), 1);
  EXPECT_LT(trial.metrics.at("epochs"), 50);
  EXPECT_EQ(trial.metrics.at("val_loss"), std::numeric_limits<double>::infinity());
}

TEST(Trainer, ATrialThatLearnedNothingIsCollapsedButNotDiverged) {
  const TrialRecord trial =
      run_one(*wave_trainer(), {{"learning_rate", 1e-12}, {"batch_norm", false}});
  EXPECT_EQ(trial.metrics.at("diverged"), 0);
  EXPECT_EQ(trial.metrics.at("collapsed"), 1);
}

TEST(Trainer, TheSchedulersStopPrunesTheTrial) {
  const TrialRecord trial = run_one(*wave_trainer(), {}, std::make_unique<StopAt>(2));
  EXPECT_EQ(trial.state, TrialState::Pruned);
  EXPECT_EQ(trial.reports.size(), 2U);
  EXPECT_THAT(trial.reason, HasSubstr("epoch 2 of 3"));
}

/// Pauses a trial after each of these epochs and resumes it at once; wants checkpoints of others.
class PauseAt : public Scheduler {
 public:
  explicit PauseAt(std::set<std::int64_t> steps, std::int64_t checkpoint_step = -1)
      : steps_(std::move(steps)), checkpoint_step_(checkpoint_step) {}
  Ruling on_report(const TrialRecord& trial, const History&) const override {
    return {steps_.contains(trial.reports.back().step) ? Decision::Pause : Decision::Continue, ""};
  }
  bool uses_history() const override { return false; }
  bool pauses() const override { return true; }
  std::optional<int> resume(const History& history) const override {
    for (const TrialRecord& trial : history.trials) {
      if (trial.state == TrialState::Paused) return trial.number;
    }
    return std::nullopt;
  }
  bool wants_checkpoint(const TrialRecord& trial) const override {
    return trial.reports.back().step == checkpoint_step_;
  }

 private:
  std::set<std::int64_t> steps_;
  std::int64_t checkpoint_step_;
};

TEST(Trainer, ATrialThatPausesEndsBitForBitAsOneThatDoesNot) {
  const auto run = [](std::unique_ptr<Scheduler> scheduler) {
    SearchSpace space;
    space.grid("batch_norm", {true, false});
    space.constant("dropout", 0.3).constant("schedule", std::string("plateau"));
    Study study(spec_of(std::move(space)), memory_storage(), random_sampler(),
                std::move(scheduler));
    int pauses = 0;
    TuneOptions options{.num_samples = 2, .workers = 2};
    options.on_event = [&](const Event& event) { pauses += event.kind == Event::Kind::Paused; };
    EXPECT_EQ(tune(study, *wave_trainer(), options).complete, 4);
    std::vector<std::pair<Metrics, std::vector<Metrics>>> results;
    for (const TrialRecord& trial : study.trials()) {
      auto& [metrics, reports] = results.emplace_back(trial.metrics, std::vector<Metrics>());
      for (const Report& report : trial.reports) reports.push_back(report.metrics);
    }
    return std::pair(pauses, results);
  };
  const auto [no_pauses, unpaused] = run(fifo_scheduler());
  const auto [pauses, paused] = run(std::make_unique<PauseAt>(std::set<std::int64_t>{1, 2}));
  EXPECT_EQ(no_pauses, 0);
  EXPECT_EQ(pauses, 8);
  EXPECT_EQ(paused, unpaused);
}

TEST(Trainer, AChildGoesOnWithItsParentsWeightsAndEpochs) {
  const auto trainer = wave_trainer();
  SearchSpace space;
  space.add("learning_rate", FloatDomain{.low = 1e-4, .high = 1e-1, .log = true});
  space.add("kernel", IntDomain{.low = 1, .high = 7, .step = 2});
  Study study(spec_of(std::move(space)), memory_storage(), random_sampler(),
              std::make_unique<PauseAt>(std::set<std::int64_t>{}, 2));
  const Params params = {{"learning_rate", 0.01}, {"kernel", std::int64_t{3}}};
  const Params slower = {{"learning_rate", 0.001}, {"kernel", std::int64_t{3}}};
  const Params other_network = {{"learning_rate", 0.01}, {"kernel", std::int64_t{5}}};
  study.enqueue_plans(
      {{.fixed = params}, {.fixed = slower, .parent = 0}, {.fixed = other_network, .parent = 0}});
  const TuneSummary summary = tune(study, *trainer, {.num_samples = 1});
  const std::vector<TrialRecord> trials = study.trials();
  EXPECT_EQ(summary.complete, 3);  // among them the plan's own trial
  ASSERT_EQ(trials[0].reports.size(), 3U);
  ASSERT_EQ(trials[1].reports.size(), 1U);
  EXPECT_EQ(trials[1].reports.front().step, 3);
  EXPECT_EQ(trials[1].metrics.at("epochs"), 3);
  EXPECT_NE(trials[1].metrics, trials[0].metrics);
  EXPECT_EQ(trials[2].state, TrialState::Failed);
  EXPECT_THAT(trials[2].reason, AllOf(HasSubstr("kernel is 3"), HasSubstr("here it is 5")));
}

TEST(Trainer, AStopAfterTheLastEpochChangesNothing) {
  EXPECT_EQ(run_one(*wave_trainer(), {}, std::make_unique<StopAt>(3)).state, TrialState::Complete);
}

TEST(Trainer, AnInterruptedTrialEndsAfterItsEpoch) {
  std::stop_source source;
  source.request_stop();
  const TrialRecord trial = run_one(*wave_trainer(), {}, fifo_scheduler(), source.get_token());
  EXPECT_EQ(trial.state, TrialState::Failed);
  EXPECT_EQ(trial.failure, Failure::Interrupted);
  EXPECT_EQ(trial.reports.size(), 1U);
  EXPECT_THAT(trial.reason, HasSubstr("interrupted after epoch 1 of 3"));
}

TEST(Trainer, EarlyStoppingEndsATrialThatNoLongerGetsBetter) {
  const TrialRecord trial = run_one(
      *wave_trainer(),
      {{"patience", std::int64_t{2}}, {"epochs", std::int64_t{200}}, {"learning_rate", 0.1}});
  EXPECT_EQ(trial.state, TrialState::Complete);
  ASSERT_LT(trial.reports.size(), 200U);
  const std::size_t n = trial.reports.size();
  double best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i + 2 < n; ++i)
    best = std::min(best, trial.reports[i].metrics.at("val_loss"));
  EXPECT_GE(trial.reports[n - 1].metrics.at("val_loss"), best);
  EXPECT_GE(trial.reports[n - 2].metrics.at("val_loss"), best);
}

TEST(Trainer, AStudyHasTheSameResultsWithOneAndTwoWorkers) {
  const auto run = [](int workers) {
    SearchSpace space;
    space.grid("batch_norm", {true, false});
    space.add("learning_rate", FloatDomain{.low = 1e-4, .high = 1e-1, .log = true});
    Study study(spec_of(std::move(space)), memory_storage());
    const auto trainer = wave_trainer();
    TuneOptions options;
    options.num_samples = 3;
    options.paired = true;
    options.workers = workers;
    EXPECT_EQ(tune(study, *trainer, options).complete, 6);
    std::vector<std::pair<Params, Metrics>> results;
    for (const TrialRecord& trial : study.trials())
      results.emplace_back(trial.params, trial.metrics);
    return results;
  };
  EXPECT_EQ(run(1), run(2));
}

TEST(Trainer, ProvenanceSaysWhatWasTrainedOnWhat) {
  TrainerOptions options = kSmall;
  options.split = "by-user";
  options.dataset = {"gestures", "fashion-mnist"};
  const auto trainer = cnn_trainer_on({wave_data(200), "the cable was cut"}, options, 1);
  SearchSpace space;
  space.grid("batch_norm", {true, false});
  const Json json = parse_json(trainer->provenance(space));
  EXPECT_EQ(json["dataset"], "waves");
  EXPECT_EQ(json["dataset_wanted"], Json({"gestures", "fashion-mnist"}));
  EXPECT_EQ(json["fallback_reason"], "the cable was cut");
  EXPECT_EQ(json["samples"], 200);
  EXPECT_EQ(json["train_samples"], 150);
  EXPECT_EQ(json["validation_samples"], 50);
  EXPECT_EQ(json["classes"], 3);
  EXPECT_DOUBLE_EQ(json["chance"].get<double>(), 1.0 / 3);
  EXPECT_EQ(json["split"], "by-user");
  EXPECT_EQ(json["held_out_users"].size(), 1U);
  // 2 -> 8 -> 16 channels of kernel 3, 3 classes; bias 8 + 16, or scale and shift 16 + 32.
  EXPECT_EQ(json["parameters"]["batch_norm=true"], 48 + 16 + 384 + 32 + 48 + 3);
  EXPECT_EQ(json["parameters"]["batch_norm=false"], 48 + 8 + 384 + 16 + 48 + 3);
  EXPECT_THAT(json["model"].get<std::string>(), HasSubstr("[BatchNorm]"));
  EXPECT_EQ(json["trainer"]["optimizer"], "adam");
  EXPECT_EQ(json["engine"]["backend"], "native");
  EXPECT_EQ(json["engine"]["instructions"], isa_name(chosen_isa()));
}

TEST(Trainer, ProvenanceHasOneNumberOfParametersWhenAllNetworksHaveAsMany) {
  const auto trainer = cnn_trainer_on({bar_data(20), ""}, kSmall, 1);
  SearchSpace space;
  const Json json = parse_json(trainer->provenance(space));
  // 1 -> 8 -> 16 channels of 3 x 3, 2 classes.
  EXPECT_EQ(json["parameters"], 72 + 16 + 1152 + 32 + 32 + 2);
  EXPECT_FALSE(json.contains("fallback_reason"));
  EXPECT_FALSE(json.contains("held_out_users"));
  space.grid("weight_decay", {0.0, 0.1}).add("pool", IntDomain{.low = 1, .high = 2});
  EXPECT_EQ(parse_json(trainer->provenance(space))["parameters"], json["parameters"]);
}

TEST(Trainer, ProvenanceListsEveryOptionThatIsNoParameter) {
  TrainerOptions options = kSmall;
  options.schedule = "step";
  const auto trainer = wave_trainer(options);
  SearchSpace space;
  space.add("learning_rate", FloatDomain{.low = 1e-3, .high = 1e-1, .log = true});
  space.grid("kernel", {std::int64_t{3}, std::int64_t{5}});
  const Json json = parse_json(trainer->provenance(space))["trainer"];
  for (const TrainerOption& option : trainer_options()) {
    const std::set<std::string_view> elsewhere = {"model",         "dataset", "split",
                                                  "learning_rate", "kernel",  "rerun_best_in_f32",
                                                  "checkpoint_s"};
    EXPECT_EQ(json.contains(option.name), !elsewhere.contains(option.name)) << option.name;
  }
  EXPECT_EQ(json["schedule_factor"], 0.1);
  EXPECT_EQ(json["channels"], "8,16");
  EXPECT_EQ(json["backend"], "native");
  EXPECT_EQ(json["precision"], "f32");
}

TEST(Trainer, ProvenanceTellsTheConstantsOfTheSpaceInPlaceOfTheOptions) {
  SearchSpace space;
  space.constant("epochs", std::int64_t{7}).constant("channels", std::string("4"));
  space.constant("optimizer", std::string("sgd"));
  space.grid("batch_norm", {true, false});
  const Json json = parse_json(wave_trainer()->provenance(space));
  EXPECT_EQ(json["trainer"]["epochs"], 7);
  EXPECT_EQ(json["trainer"]["optimizer"], "sgd");
  EXPECT_EQ(json["trainer"]["channels"], "4");
  EXPECT_THAT(json["model"].get<std::string>(), HasSubstr("1 block of"));
  EXPECT_EQ(json["parameters"]["batch_norm=false"], 24 + 4 + 12 + 3);
}

TEST(Trainer, ProvenanceSaysWhatIsSampledAboutTheNetwork) {
  SearchSpace space;
  space.add("channels", CategoricalDomain{{std::string("4"), std::string("8,16,32")}});
  space.add("dropout", FloatDomain{.low = 0, .high = 0.5});
  space.add("pool",
            IntDomain{.low = 1, .high = 64});  // the base network would be too deep for some
  space.add("optimizer", CategoricalDomain{{std::string("sgd"), std::string("momentum")}});
  space.add("momentum", FloatDomain{.low = 0.5, .high = 0.9}, Condition("optimizer == 'momentum'"));
  space.constant("epochs", std::int64_t{9}, Condition("dropout > 0.2"));
  const Json json = parse_json(wave_trainer()->provenance(space));
  EXPECT_EQ(json["parameters"], "depends on channels");
  EXPECT_THAT(json["model"].get<std::string>(),
              AllOf(HasSubstr("sampled channels"), HasSubstr("dropout sampled"),
                    HasSubstr("MaxPool(sampled)"), HasSubstr("kernel 3")));
  EXPECT_FALSE(json["trainer"].contains("dropout"));
  EXPECT_EQ(json["trainer"]["momentum"], "sampled where optimizer == 'momentum', else 0.9");
  EXPECT_EQ(json["trainer"]["epochs"], "9 where dropout > 0.2, else 3");
}

TEST(Trainer, ProvenanceKeepsTheTableOfParametersShort) {
  SearchSpace space;
  std::vector<Value> rates;
  for (int i = 1; i <= 200; ++i) rates.emplace_back(1e-3 * i);
  space.grid("learning_rate", rates).grid("batch_norm", {true, false});
  EXPECT_EQ(parse_json(wave_trainer()->provenance(space))["parameters"].size(), 2U);

  SearchSpace wide;
  std::vector<Value> channels;
  for (std::int64_t i = 1; i <= 1000; ++i) channels.emplace_back(fmt::format("{},2048,2048", i));
  wide.grid("channels", channels);  // 29 million parameters each
  const Json json = parse_json(wave_trainer()->provenance(wide));
  EXPECT_EQ(json["parameters"].size(), 100U);
  EXPECT_EQ(json["parameters_left_out"], 900);
  EXPECT_THAT(json["model"].get<std::string>(), HasSubstr("one of 992 others"));
}

TEST(Trainer, ProvenanceTellsArmsApartThatDifferByAConditionAlone) {
  SearchSpace space;
  space.grid("optimizer", {std::string("sgd"), std::string("adam")});
  space.constant("kernel", std::int64_t{5}, Condition("optimizer == 'adam'"));
  const Json json = parse_json(wave_trainer()->provenance(space))["parameters"];
  EXPECT_EQ(json["optimizer=sgd"], 48 + 16 + 384 + 32 + 48 + 3);
  EXPECT_EQ(json["optimizer=adam"], 80 + 16 + 640 + 32 + 48 + 3);
}

TEST(Trainer, AGridPointWhoseNetworkCannotBeBuiltIsRefused) {
  SearchSpace space;
  space.grid("pool", {std::int64_t{2}, std::int64_t{13}});
  EXPECT_THROW(wave_trainer()->provenance(space), ConfigError);
}

TEST(Trainer, AnErrorOnTheDataThatStandInSaysWhyTheyDo) {
  TrainerOptions options = kSmall;
  options.dataset = {"gestures", "fashion-mnist"};
  const auto fault_of = [](const auto& action) -> std::string {
    try {
      action();
    } catch (const ConfigError& error) {
      return error.what();
    }
    return "";
  };
  const auto trainer = cnn_trainer_on({bar_data(20), "the cable was cut"}, options, 1);
  SearchSpace space;
  space.grid("pool", {std::int64_t{2}, std::int64_t{8}});
  EXPECT_THAT(fault_of([&] { trainer->provenance(space); }), HasSubstr("the cable was cut"));
  options.split = "by-user";  // which bars do not have
  EXPECT_THAT(fault_of([&] {
                cnn_trainer_on({bar_data(20), "the cable was cut"}, options, 1);
              }),
              HasSubstr("the cable was cut"));
}

TEST(Trainer, TrainsInF32WhateverThePrecisionOfTheTrial) {
  const Params params = {{"learning_rate", 0.003}, {"precision", std::string("bf16")}};
  const auto trainer = wave_trainer();
  SearchSpace space;
  for (const auto& [name, value] : params) space.constant(name, value);
  Study study(spec_of(space));
  Trial trial = study.ask();
  study.tell(trial, trainer->run(trial, {}));
  const TrialRecord record = study.trials().front();
  const Metrics plain =
      run_one(*trainer, {{"learning_rate", 0.003}, {"precision", std::string("f32")}}).metrics;
  const auto again = trainer->train_in_f32(record.params, record.seed(1), {});
  EXPECT_EQ(again, plain);
  EXPECT_NE(again, record.metrics);
  EXPECT_NE(trainer->train_in_f32(record.params, record.seed(1) + 1, {}), plain);
}

TEST(Trainer, TrainingInF32EndsWithNothingWhenItIsStopped) {
  std::stop_source source;
  source.request_stop();
  EXPECT_EQ(wave_trainer()->train_in_f32({}, 1, source.get_token()), std::nullopt);
  EXPECT_THROW(wave_trainer()->train_in_f32({{"pool", std::int64_t{13}}}, 1, {}), ConfigError);
}

TEST(Trainer, AProbeTimesAnEpoch) {
  const auto trainer = wave_trainer();
  const auto probe = trainer->probe({{"epochs", std::int64_t{7}}});
  EXPECT_GT(probe.epoch_s, 0);
  EXPECT_EQ(probe.epochs, 7);
  EXPECT_THROW(trainer->probe({{"pool", std::int64_t{13}}}), ConfigError);
}

TEST(Trainer, BadOptionsAreRefusedBeforeAnythingRuns) {
  TrainerOptions options = kSmall;
  options.kernel = 4;
  EXPECT_THROW(wave_trainer(options), ConfigError);
  EXPECT_THROW(cnn_trainer(options, 1), ConfigError);
  options = kSmall;
  options.split = "by-user";
  EXPECT_THROW(cnn_trainer_on({bar_data(20), ""}, options, 1), ConfigError);
}

}  // namespace
}  // namespace hypertune

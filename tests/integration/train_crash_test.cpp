// Trials of the built-in trainer that break off: they go on from checkpoints that the trainer saved
// on its own, and end bit for bit as if nothing had happened.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "hypertune/tune.h"
#include "support/child_process.h"
#include "support/made_up_data.h"
#include "support/temporary_folder.h"
#include "train/checkpoint.h"
#include "train/trainer_on.h"

namespace hypertune {
namespace {

using namespace testing_support;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::int64_t kEpochs = 8;
/// Less than any epoch takes: a checkpoint after each.
constexpr double kAlways = 1e-9;

TrainerOptions options(std::string optimizer, std::string schedule, std::int64_t patience = 0) {
  return {.channels = {4, 12},
          .batch_norm = true,
          .dropout = 0.3,
          .optimizer = std::move(optimizer),
          .learning_rate = 0.02,
          .weight_decay = 0.001,
          .schedule = std::move(schedule),
          .schedule_epochs = 2,
          .batch_size = 16,
          .epochs = kEpochs,
          .patience = patience,
          .checkpoint_s = kAlways};
}

StudySpec spec() {
  StudySpec spec;
  spec.name = "crashes";
  spec.objectives = {{"val_loss", Direction::Minimize}};
  spec.seed = 3;
  spec.space.constant("batch_norm", true);
  return spec;
}

std::unique_ptr<TrainerExecutor> trainer(const TrainerOptions& options, bool images = false) {
  return cnn_trainer_on({images ? bar_data(80) : wave_data(120), ""}, options, 1);
}

/// Runs a study of one trial, and has `at_report` called after each report.
TrialRecord run(const std::shared_ptr<Storage>& store, TrainerExecutor& executor,
                std::function<void(std::int64_t)> at_report = {}, std::stop_token stop = {},
                std::unique_ptr<Scheduler> scheduler = fifo_scheduler()) {
  Study study(spec(), store, random_sampler(), std::move(scheduler));
  TuneOptions tune_options;
  tune_options.on_event = [&](const Event& event) {
    if (event.kind != Event::Kind::Reported || !at_report) return;
    at_report(event.record.reports.back().step);
  };
  tune(study, executor, tune_options, std::move(stop));
  return study.trials().back();
}

void expect_same_result(const TrialRecord& trial, const TrialRecord& undisturbed) {
  EXPECT_EQ(trial.state, TrialState::Complete);
  EXPECT_EQ(trial.metrics, undisturbed.metrics);
  ASSERT_EQ(trial.reports.size(), undisturbed.reports.size());
  for (std::size_t i = 0; i < trial.reports.size(); ++i) {
    EXPECT_EQ(trial.reports[i].step, undisturbed.reports[i].step);
    EXPECT_EQ(trial.reports[i].metrics, undisturbed.reports[i].metrics) << i;
  }
}

TEST(TrainerCrash, AKilledTrialEndsBitForBitAsIfNothingHadHappened) {
  const std::vector<std::pair<TrainerOptions, bool>> all = {
      {options("adamw", "cosine"), false},
      {options("momentum", "plateau", 4), false},
      {options("nesterov", "one-cycle"), true},
      {options("rmsprop", "step"), true}};
  for (const auto& [with, images] : all) {
    const auto executor = trainer(with, images);
    const TrialRecord undisturbed = run(memory_storage(), *executor);
    const auto last = undisturbed.reports.back().step;
    for (std::int64_t killed_at = 1; killed_at <= last; ++killed_at) {
      SCOPED_TRACE(with.optimizer + " killed at " + std::to_string(killed_at));
      const TemporaryFolder folder;
      ChildProcess worker([&, &executor = executor] {
        run(sqlite_storage(folder / "study.db"), *executor, [&](std::int64_t step) {
          if (step == killed_at) ::raise(SIGKILL);
        });
        return std::string("not reached");
      });
      ASSERT_EQ(worker.answer(), "signal 9");
      std::vector<std::int64_t> reported;
      const auto store = sqlite_storage(folder / "study.db");
      const TrialRecord trial = run(store, *executor, [&](auto step) { reported.push_back(step); });
      EXPECT_EQ(trial.plan.retry_of, 0);
      EXPECT_EQ(reported.front(), std::max<std::int64_t>(killed_at - 1, 1));
      expect_same_result(trial, undisturbed);
      for (const int number : {0, 1}) EXPECT_FALSE(store->checkpoint(1, number)) << number;
    }
  }
}

TEST(TrainerCrash, AnInterruptedTrialLosesNoEpoch) {
  const auto executor = trainer(options("adam", "cosine"));
  const TrialRecord undisturbed = run(memory_storage(), *executor);
  for (std::int64_t stopped_at = 1; stopped_at <= kEpochs; ++stopped_at) {
    const auto store = memory_storage();
    TrainerOptions seldom = options("adam", "cosine");
    seldom.checkpoint_s = 1e6;
    const auto quiet = trainer(seldom);
    std::stop_source source;
    run(
        store, *quiet,
        [&](std::int64_t step) {
          if (step == stopped_at) source.request_stop();
        },
        source.get_token());
    std::vector<std::int64_t> reported;
    const TrialRecord trial = run(store, *quiet, [&](auto step) { reported.push_back(step); });
    expect_same_result(trial, undisturbed);
    // The last epoch of the first run is reported once more, and not trained once more.
    if (stopped_at == kEpochs) {
      EXPECT_TRUE(reported.empty());
    } else {
      EXPECT_EQ(reported.front(), stopped_at);
    }
  }
}

/// Epochs after which a checkpoint was saved, when each takes `epoch_s` by the clock.
std::vector<std::int64_t> checkpoints_saved(double checkpoint_s, int epoch_s,
                                            std::unique_ptr<Scheduler> scheduler) {
  TrainerOptions with = options("adam", "none");
  with.checkpoint_s = checkpoint_s;
  steady_clock::time_point now;
  const auto executor = cnn_trainer_on({wave_data(120), ""}, with, 1, [&] { return now; });
  const auto store = memory_storage();
  std::vector<std::int64_t> saved = {0};
  run(
      store, *executor,
      [&](std::int64_t) {
        now += seconds(epoch_s);
        const auto bytes = store->checkpoint(1, 0);
        const std::int64_t epochs = bytes ? decode(*bytes).epochs : 0;
        if (epochs != saved.back()) saved.push_back(epochs);
      },
      {}, std::move(scheduler));
  saved.erase(saved.begin());
  return saved;
}

/// Has others go on from trials, after their fifth step.
class HandsOn final : public Scheduler {
 public:
  Ruling on_report(const TrialRecord&, const History&) const override { return {}; }
  bool replaces() const override { return true; }
  bool wants_checkpoint(const TrialRecord& trial) const override {
    return trial.reports.back().step == 5;
  }
};

TEST(TrainerCrash, CheckpointsAreAsFarApartAsTheOptionAllows) {
  using testing::ElementsAre;
  using testing::IsEmpty;
  EXPECT_THAT(checkpoints_saved(30, 10, fifo_scheduler()), ElementsAre(3, 6));
  EXPECT_THAT(checkpoints_saved(25, 10, fifo_scheduler()), ElementsAre(2, 4, 6));
  EXPECT_THAT(checkpoints_saved(5, 10, fifo_scheduler()), ElementsAre(1, 2, 3, 4, 5, 6, 7));
  EXPECT_THAT(checkpoints_saved(1000, 10, fifo_scheduler()), IsEmpty());
  EXPECT_THAT(checkpoints_saved(0, 10, fifo_scheduler()), IsEmpty());
  // Where others go on from a trial, only from where the scheduler wants them to.
  EXPECT_THAT(checkpoints_saved(5, 10, std::make_unique<HandsOn>()), ElementsAre(5));
}

}  // namespace
}  // namespace hypertune

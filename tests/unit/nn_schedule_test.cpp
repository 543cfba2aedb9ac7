// Learning-rate schedules of the engine against values that PyTorch 1.13 gave for the same settings
// (StepLR, CosineAnnealingLR, ReduceLROnPlateau, OneCycleLR with cycle_momentum=False; base rate
// 0.1).
#include <gtest/gtest.h>

#include <limits>

#include "nn/schedule.h"

namespace hypertune {
namespace {

void expect_rates(LearningRateSchedule& schedule, const std::vector<double>& by_epoch) {
  for (std::size_t epoch = 0; epoch < by_epoch.size(); ++epoch) {
    for (const std::int64_t batch : {0, 3})
      EXPECT_NEAR(schedule.rate(static_cast<std::int64_t>(epoch), batch), by_epoch[epoch], 1e-12);
    schedule.end_epoch(1);
  }
}

TEST(LearningRateSchedule, NoneNeverChanges) {
  LearningRateSchedule schedule({.learning_rate = 0.1, .epochs = 3}, 4);
  expect_rates(schedule, {0.1, 0.1, 0.1});
}

TEST(LearningRateSchedule, StepMultipliesAfterEachPeriod) {
  LearningRateSchedule schedule(
      {.kind = ScheduleKind::Step, .learning_rate = 0.1, .period = 2, .factor = 0.5, .epochs = 6},
      4);
  expect_rates(schedule, {0.1, 0.1, 0.05, 0.05, 0.025, 0.025});
}

TEST(LearningRateSchedule, CosineFallsToZeroOverAllEpochs) {
  LearningRateSchedule schedule({.kind = ScheduleKind::Cosine, .learning_rate = 0.1, .epochs = 5},
                                4);
  expect_rates(schedule, {0.1, 0.09045084971874738, 0.06545084971874737, 0.03454915028125263,
                          0.009549150281252633});
}

TEST(LearningRateSchedule, PlateauMultipliesWhenTheLossStaysAsItWas) {
  LearningRateSchedule schedule(
      {.kind = ScheduleKind::Plateau, .learning_rate = 0.1, .period = 1, .factor = 0.5}, 4);
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> losses = {1, 0.5, 0.6, 0.5, 0.49999, 0.4, 0.45, 0.41, infinity, 0.39};
  const std::vector<double> rates = {0.1,  0.1,  0.1,   0.1,   0.05, 0.05,
                                     0.05, 0.05, 0.025, 0.025, 0.025};
  for (std::size_t epoch = 0; epoch < losses.size(); ++epoch) {
    EXPECT_NEAR(schedule.rate(static_cast<std::int64_t>(epoch), 0), rates[epoch], 1e-12);
    schedule.end_epoch(losses[epoch]);
  }
  EXPECT_NEAR(schedule.rate(10, 0), rates.back(), 1e-12);
}

TEST(LearningRateSchedule, OneCycleRisesAndFallsWithEachBatch) {
  const LearningRateSchedule schedule(
      {.kind = ScheduleKind::OneCycle, .learning_rate = 0.1, .epochs = 4}, 5);
  const std::vector<double> rates = {0.0040000000000000036,
                                     0.013167184270002533,
                                     0.037167184270002526,
                                     0.06683281572999747,
                                     0.09083281572999748,
                                     0.1,
                                     0.09874640062350874,
                                     0.09504846320134738,
                                     0.089091617757105,
                                     0.0811745653949763,
                                     0.07169430017913009,
                                     0.06112620219362893,
                                     0.0500002,
                                     0.03887419780637107,
                                     0.028306099820869922,
                                     0.0188258346050237,
                                     0.010908782242895003,
                                     0.004951936798652629,
                                     0.0012539993764912555,
                                     4e-07};
  for (std::int64_t step = 0; step < 20; ++step)
    EXPECT_NEAR(schedule.rate(step / 5, step % 5), rates[static_cast<std::size_t>(step)], 1e-12);
}

TEST(LearningRateSchedule, OneCycleManagesWithTwoBatchesInAll) {
  const LearningRateSchedule schedule(
      {.kind = ScheduleKind::OneCycle, .learning_rate = 0.1, .epochs = 1}, 2);
  EXPECT_NEAR(schedule.rate(0, 0), 0.0811745653949763, 1e-12);
  EXPECT_NEAR(schedule.rate(0, 1), 4e-07, 1e-12);
}

TEST(LearningRateSchedule, RestoredPlateausGoOnAsTheyWere) {
  const ScheduleOptions options{.kind = ScheduleKind::Plateau, .period = 2, .factor = 0.5};
  LearningRateSchedule schedule(options, 4);
  for (const double loss : {1.0, 2.0, 2.0, 2.0, 2.0, 2.0}) schedule.end_epoch(loss);
  LearningRateSchedule restored(options, 4);
  restored.restore(schedule.state());
  for (const double loss : {0.99999, 0.5, 0.6}) {
    schedule.end_epoch(loss);
    restored.end_epoch(loss);
    EXPECT_EQ(restored.rate(0, 0), schedule.rate(0, 0));
    EXPECT_EQ(restored.state().best_loss, schedule.state().best_loss);
    EXPECT_EQ(restored.state().bad_epochs, schedule.state().bad_epochs);
  }
  EXPECT_EQ(schedule.rate(0, 0), 0.25e-3);
}

}  // namespace
}  // namespace hypertune

// Schedulers on crossing, noisy learning curves in virtual time: what they save, find and kill.
//
// Every number is a mean over ten fixed seeds. Curves are drawn at random and cross; how much
// better than fifo a scheduler is depends on them, so that bounds lie well away from what these
// seeds give (in parentheses). Bounds on what was trained follow from the papers' arithmetic.
#include <gtest/gtest.h>

#include <algorithm>

#include "hypertune/scheduler.h"
#include "support/simulated_training.h"

namespace hypertune {
namespace {

using namespace testing_support;

constexpr int kSeeds = 10;
constexpr int kTrials = 500;  // of a study that runs to its end

std::unique_ptr<Scheduler> asha() {
  return asha_scheduler({.max_resource = kTrainingSteps, .reduction_factor = 3});
}
std::unique_ptr<Scheduler> hyperband() {
  return hyperband_scheduler({.max_resource = kTrainingSteps});
}
std::unique_ptr<Scheduler> median() { return median_scheduler({.warmup_steps = 3}); }

/// A study of kTrials trials.
struct Whole {
  double reports_per_trial = 0;
  double killed = 0;  ///< share of the best five
  double ended_s = 0;
};

Whole run_whole(const Scheduler& scheduler, int workers) {
  Whole mean;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const SimulationResult result =
        simulate(scheduler, {.seed = seed, .workers = workers, .trials = kTrials});
    mean.reports_per_trial += static_cast<double>(result.reports) / kTrials / kSeeds;
    mean.killed += share_killed(result, seed, 5) / kSeeds;
    mean.ended_s += result.ended_s / kSeeds;
  }
  return mean;
}

/// How much worse than the best of the first 1,000 configurations the chosen one is when the time
/// is up.
double regret(const Scheduler& scheduler, int workers, double duration_s) {
  double mean = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    double least = 2;
    for (int i = 0; i < 1000; ++i) least = std::min(least, learning_curve(seed, i).final_loss());
    const SimulationResult result =
        simulate(scheduler, {.seed = seed, .workers = workers, .duration_s = duration_s});
    mean += (result.chosen_loss - least) / kSeeds;
  }
  return mean;
}

/// About 90, 15 and 5 trainings one after the other.
constexpr struct {
  int workers;
  double duration_s;
} kSettings[] = {{1, 2500}, {8, 400}, {64, 120}};

TEST(SimulatedTraining, TrainsEveryTrialToItsEndWithoutAScheduler) {
  const Whole whole = run_whole(*fifo_scheduler(), 8);
  EXPECT_DOUBLE_EQ(whole.reports_per_trial, static_cast<double>(kTrainingSteps));
  EXPECT_EQ(whole.killed, 0);
}

TEST(SimulatedTraining, RunsTheSameWayAgain) {
  const Simulation simulation{.seed = 3, .workers = 16, .trials = 300};
  const SimulationResult a = simulate(*asha(), simulation);
  const SimulationResult b = simulate(*asha(), simulation);
  EXPECT_EQ(a.ended_s, b.ended_s);
  EXPECT_EQ(a.chosen_loss, b.chosen_loss);
  for (std::size_t i = 0; i < a.trials.size(); ++i) {
    EXPECT_EQ(a.trials[i].reason, b.trials[i].reason) << i;
  }
}

TEST(SimulatedAsha, SpendsTheSameOnEveryRungWithAnyNumberOfWorkers) {
  // Rungs at 1, 3 and 9 of 27 steps and a third that goes on at each: 1 + 2/3 + 6/9 + 18/27 = 3
  // steps of a trial (3.1, 3.0, 3.1). Early trials are compared with few, so that it is not exact.
  for (const int workers : {1, 8, 64}) {
    EXPECT_NEAR(run_whole(*asha(), workers).reports_per_trial, 3.0, 0.3) << workers;
  }
}

TEST(SimulatedAsha, IsAsManyTimesFasterAsThereAreWorkers) {
  // Eight workers, less what they wait for the last trial (7.6 times as fast).
  EXPECT_GT(run_whole(*asha(), 1).ended_s / run_whole(*asha(), 8).ended_s, 7);
}

TEST(SimulatedAsha, FindsBetterConfigurationsThanFifoInTheSameTime) {
  // The regret is 0.3 of fifo's.
  for (const auto& [workers, duration_s] : kSettings) {
    EXPECT_LT(regret(*asha(), workers, duration_s),
              0.6 * regret(*fifo_scheduler(), workers, duration_s))
        << workers << " workers";
  }
}

TEST(SimulatedAsha, IsAsGoodAsFifoInAThirdOfTheTime) {
  // A regret of 0.016 against 0.035.
  EXPECT_LT(regret(*asha(), 8, 400.0 / 3), regret(*fifo_scheduler(), 8, 400));
}

TEST(SimulatedHyperband, SpendsWhatItsBracketsSpend) {
  // Brackets of 27, 12, 6 and 4 of 49 trials, of which one trial costs 3, 7, 15 and 27 steps: 7.4
  // (7.5 to 7.6).
  for (const int workers : {1, 8, 64}) {
    EXPECT_NEAR(run_whole(*hyperband(), workers).reports_per_trial, 363.0 / 49, 0.4) << workers;
  }
}

TEST(SimulatedHyperband, FindsBetterConfigurationsThanFifoInTheSameTime) {
  // The regret is 0.3 to 0.6 of fifo's.
  for (const auto& [workers, duration_s] : kSettings) {
    EXPECT_LT(regret(*hyperband(), workers, duration_s),
              0.85 * regret(*fifo_scheduler(), workers, duration_s))
        << workers << " workers";
  }
}

TEST(SimulatedMedian, FindsBetterConfigurationsThanFifoInTheSameTime) {
  // The regret is 0.2 to 0.3 of fifo's.
  for (const auto& [workers, duration_s] : kSettings) {
    EXPECT_LT(regret(*median(), workers, duration_s),
              0.6 * regret(*fifo_scheduler(), workers, duration_s))
        << workers << " workers";
  }
}

TEST(SimulatedSchedulers, SeldomKillTheBestTrials) {
  // Of the best five of 500, in ten studies, with curves that cross: what these seeds give, and two
  // standard errors of a share of 50 trials.
  for (const int workers : {1, 8, 64}) {
    EXPECT_LT(run_whole(*asha(), workers).killed, 0.36 + 0.14) << workers;
    EXPECT_LT(run_whole(*hyperband(), workers).killed, 0.20 + 0.11) << workers;
    EXPECT_LT(run_whole(*median(), workers).killed, 0.08 + 0.08) << workers;
  }
}

TEST(SimulatedSchedulers, KillFewerOfTheBestWhereTheyDecideLater) {
  const auto late =
      asha_scheduler({.min_resource = 9, .max_resource = kTrainingSteps, .reduction_factor = 3});
  EXPECT_LT(run_whole(*late, 8).killed, 0.5 * run_whole(*asha(), 8).killed);  // 0 and 0.34
}

}  // namespace
}  // namespace hypertune

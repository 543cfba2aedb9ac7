// Schedulers on crossing, noisy learning curves in virtual time: what they save, find and kill.
//
// Every number is a mean over ten fixed seeds. Curves are drawn at random and cross; how much
// better than fifo a scheduler is depends on them, so that bounds lie well away from what these
// seeds give (in parentheses). Bounds on what was trained follow from the papers' arithmetic.
// Schedulers that change parameters on the way train a task whose best rate moves.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>

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
std::unique_ptr<Scheduler> promoting_asha() {
  return asha_scheduler(
      {.max_resource = kTrainingSteps, .reduction_factor = 3, .mode = AshaMode::Promote});
}
std::unique_ptr<Scheduler> synchronous_hyperband() {
  return hyperband_scheduler({.max_resource = kTrainingSteps, .mode = HyperbandMode::Synchronous});
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

TEST(SimulatedPromotion, SpendsLittleMoreThanWhatStops) {
  // At least the 3 steps of a trial that ASHA spends, and more, since the best of a rung change
  // while it fills (3.4).
  for (const int workers : {1, 8, 64}) {
    EXPECT_NEAR(run_whole(*promoting_asha(), workers).reports_per_trial, 3.3, 0.3) << workers;
  }
}

TEST(SimulatedPromotion, FindsBetterConfigurationsThanFifoInTheSameTime) {
  // The regret is 0.3 to 0.4 of fifo's.
  for (const auto& [workers, duration_s] : kSettings) {
    EXPECT_LT(regret(*promoting_asha(), workers, duration_s),
              0.6 * regret(*fifo_scheduler(), workers, duration_s))
        << workers << " workers";
  }
}

TEST(SimulatedPromotion, PromotesAThirdOfThousandsOfTrialsAtEachRung) {
  const SimulationResult result =
      simulate(*promoting_asha(), {.seed = 4, .workers = 64, .trials = 3000});
  std::array<double, 4> reached{};
  for (const TrialRecord& trial : result.trials) {
    constexpr std::array<std::size_t, 4> kRungs = {1, 3, 9, 27};
    for (std::size_t i = 0; i < 4; ++i) {
      if (trial.reports.size() >= kRungs[i]) ++reached[i];
    }
  }
  EXPECT_EQ(reached[0], 3000);
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_GE(reached[i], std::floor(reached[i - 1] / 3));
    EXPECT_LE(reached[i], 1.4 * reached[i - 1] / 3);  // 1.03, 1.05 and 1.1
  }
  EXPECT_GT(result.resumed, 20);
}

TEST(SimulatedSynchronousHyperband, SpendsExactlyWhatThePaperSays) {
  // A turn of 27, 9, 6 and 4 trials trains 81, 63, 90 and 108 steps.
  for (const int workers : {1, 8, 64}) {
    const SimulationResult result =
        simulate(*synchronous_hyperband(), {.seed = 2, .workers = workers, .trials = 40 * 46});
    EXPECT_EQ(result.reports, 40 * (81 + 63 + 90 + 108)) << workers;
    EXPECT_EQ(std::ranges::count(result.trials, TrialState::Complete, &TrialRecord::state),
              40 * (1 + 1 + 2 + 4));
  }
}

TEST(SimulatedSynchronousHyperband, FindsBetterConfigurationsThanFifoInTheSameTime) {
  // The regret is 0.4 to 0.6 of fifo's.
  for (const auto& [workers, duration_s] : kSettings) {
    EXPECT_LT(regret(*synchronous_hyperband(), workers, duration_s),
              0.85 * regret(*fifo_scheduler(), workers, duration_s))
        << workers << " workers";
  }
}

/// How far the chosen one came when the whole population is trained, over twenty seeds.
double distance_with_moving_rate(const Scheduler& scheduler, int members, int workers) {
  constexpr int kRuns = 20;
  double mean = 0;
  for (std::uint64_t seed = 0; seed < kRuns; ++seed) {
    const auto task = moving_rate(seed);
    mean -= simulate(scheduler,
                     {.seed = seed, .workers = workers, .trials = members, .task = task.get()})
                .chosen_loss /
            kRuns;
  }
  return mean;
}

TEST(SimulatedPopulations, ComeFurtherThanTheBestFixedRate) {
  const auto pbt = pbt_scheduler({.max_resource = kTrainingSteps});
  const auto pb2 = pb2_scheduler({.max_resource = kTrainingSteps});
  const double fixed = distance_with_moving_rate(*fifo_scheduler(), 8, 8);
  EXPECT_GT(distance_with_moving_rate(*pbt, 8, 8), 1.2 * fixed);  // 1.4
  EXPECT_GT(distance_with_moving_rate(*pb2, 8, 8), 1.3 * fixed);  // 1.5
  // 64 members on as many workers (2.1 against 1.2).
  EXPECT_GT(distance_with_moving_rate(*pbt, 64, 64),
            1.4 * distance_with_moving_rate(*fifo_scheduler(), 64, 64));
}

TEST(SimulatedPopulations, AreNoWorseThanFixedRatesWithFewWorkers) {
  // 1.25 against 1.20 with four workers, and 1.2 against 1.2 with one.
  const auto pbt = pbt_scheduler({.max_resource = kTrainingSteps});
  for (const int workers : {1, 4}) {
    EXPECT_GT(distance_with_moving_rate(*pbt, 16, workers),
              0.97 * distance_with_moving_rate(*fifo_scheduler(), 16, workers));
  }
}

TEST(SimulatedPopulations, TrainEveryMemberToItsEndInOneTrialOrAnother) {
  const auto task = moving_rate(3);
  const auto pbt = pbt_scheduler({.max_resource = kTrainingSteps});
  const SimulationResult result =
      simulate(*pbt, {.seed = 3, .workers = 16, .trials = 16, .task = task.get()});
  int ended = 0;
  for (const TrialRecord& trial : result.trials) {
    ASSERT_TRUE(is_final(trial.state));
    if (trial.state == TrialState::Complete) ++ended;
    if (!trial.plan.parent) continue;
    // It goes on where its parent was when it was last compared, or later.
    const TrialRecord& parent = result.trials[static_cast<std::size_t>(*trial.plan.parent)];
    EXPECT_LT(parent.number, trial.number);
    EXPECT_EQ(trial.reports.front().step % 2, 1);
    EXPECT_LE(trial.reports.front().step, parent.reports.back().step + 1);
  }
  EXPECT_EQ(ended, 16);
  EXPECT_GT(result.trials.size(), 30U);
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
    EXPECT_LT(run_whole(*promoting_asha(), workers).killed, 0.32 + 0.13) << workers;
    EXPECT_LT(run_whole(*hyperband(), workers).killed, 0.20 + 0.11) << workers;
    EXPECT_LT(run_whole(*synchronous_hyperband(), workers).killed, 0.30 + 0.13) << workers;
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

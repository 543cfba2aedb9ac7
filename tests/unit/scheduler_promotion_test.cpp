// ASHA that promotes and Hyperband that waits: against plain readings of their papers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "hypertune/error.h"
#include "hypertune/rng.h"
#include "hypertune/scheduler.h"
#include "schedulers/successive_halving.h"
#include "schedulers/synchronous_hyperband.h"
#include "support/reported_trial.h"
#include "support/simulated_training.h"

namespace hypertune {
namespace {

using namespace testing_support;
using testing::ElementsAre;
using testing::HasSubstr;

const std::vector<Objective> kLoss = {{"loss", Direction::Minimize}};

Ruling decide(const Scheduler& scheduler, const TrialRecord& trial,
              const std::vector<TrialRecord>& others) {
  return scheduler.on_report(trial, {kLoss, others, 7, trial.number, trial.draw()});
}

/// The trial to go on, where trial `next` would begin instead; -1: none waits.
std::optional<int> resumed(const Scheduler& scheduler, const std::vector<TrialRecord>& trials,
                           int next) {
  return scheduler.resume({kLoss, trials, 7, next});
}

TrialRecord running(int number, const std::vector<double>& losses) {
  return reported_trial(number, losses, TrialState::Running);
}
TrialRecord paused(int number, const std::vector<double>& losses) {
  return reported_trial(number, losses, TrialState::Paused);
}

// --- ASHA ---

/// Algorithm 2 of the paper, read as plainly as can be: rungs hold what was reported, and remember
/// who was promoted.
class PlainAsha {
 public:
  PlainAsha(int factor, int rungs) : factor_(factor), values_(static_cast<std::size_t>(rungs)) {}

  void add(int rung, double loss, int trial) { at(rung).emplace_back(loss, trial); }
  bool promotable(int rung, int trial) const {
    auto values = values_[static_cast<std::size_t>(rung)];
    std::ranges::sort(values);
    values.resize(values.size() / static_cast<std::size_t>(factor_));
    return std::ranges::any_of(values, [&](const auto& v) { return v.second == trial; });
  }
  void promote(int rung, int trial) { promoted_.insert({rung, trial}); }
  std::optional<int> next() const {
    for (int rung = static_cast<int>(values_.size()) - 1; rung >= 0; --rung) {
      auto values = values_[static_cast<std::size_t>(rung)];
      std::ranges::sort(values);
      for (const auto& [loss, trial] : values) {
        if (promotable(rung, trial) && !promoted_.contains({rung, trial})) return trial;
      }
    }
    return std::nullopt;
  }

 private:
  std::vector<std::pair<double, int>>& at(int rung) {
    return values_[static_cast<std::size_t>(rung)];
  }
  int factor_;
  std::vector<std::vector<std::pair<double, int>>> values_;  // by rung: loss and trial
  std::set<std::pair<int, int>> promoted_;
};

TEST(PromotingAsha, DecidesAsThePaperReadPlainly) {
  // Rungs at 1, 3 and 9; losses of two digits, so that many are equal.
  const auto scheduler = asha_scheduler({.reduction_factor = 3, .mode = AshaMode::Promote});
  const std::map<std::size_t, int> rung_at = {{1, 0}, {3, 1}, {9, 2}};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Rng rng(seed);
    PlainAsha plain(3, 3);
    std::vector<TrialRecord> trials;
    std::vector<std::size_t> at_work;
    int promotions = 0;
    for (int event = 0; event < 600; ++event) {
      if (at_work.size() < 4) {
        const auto next = resumed(*scheduler, trials, static_cast<int>(trials.size()));
        ASSERT_EQ(next, plain.next()) << "seed " << seed << ", event " << event;
        if (next) {
          TrialRecord& trial = trials[static_cast<std::size_t>(*next)];
          plain.promote(rung_at.at(trial.reports.size()), *next);
          trial.state = TrialState::Running;
          at_work.push_back(static_cast<std::size_t>(*next));
          ++promotions;
        } else {
          at_work.push_back(trials.size());
          trials.push_back(running(static_cast<int>(trials.size()), {}));
        }
        continue;
      }
      const std::size_t chosen = rng.below(4);
      TrialRecord& trial = trials[at_work[chosen]];
      report_loss(trial, std::round(100 * rng.uniform()) / 100);
      const Ruling ruling = decide(*scheduler, trial, trials);
      const auto rung = rung_at.find(trial.reports.size());
      bool goes_on = trial.reports.size() < 12;
      if (rung != rung_at.end()) {
        const double loss = trial.reports.back().metrics.at("loss");
        plain.add(rung->second, loss, trial.number);
        goes_on = plain.promotable(rung->second, trial.number);
        if (goes_on) plain.promote(rung->second, trial.number);
        ASSERT_EQ(ruling.decision, goes_on ? Decision::Continue : Decision::Pause) << ruling.reason;
        trial.state = goes_on ? TrialState::Running : TrialState::Paused;
      } else {
        ASSERT_EQ(ruling.decision, Decision::Continue);
        if (!goes_on) trial.state = TrialState::Complete;
      }
      if (!goes_on) at_work.erase(at_work.begin() + static_cast<std::ptrdiff_t>(chosen));
    }
    EXPECT_GT(promotions, 5) << "seed " << seed;
  }
}

TEST(PromotingAsha, PausesTheFirstOnesAndSaysTheRank) {
  const auto scheduler =
      asha_scheduler({.max_resource = 9, .reduction_factor = 3, .mode = AshaMode::Promote});
  EXPECT_TRUE(scheduler->pauses());
  const Ruling ruling = decide(*scheduler, running(0, {1}), {});
  EXPECT_EQ(ruling.decision, Decision::Pause);
  EXPECT_EQ(ruling.reason,
            "loss 1 at step 1 is number 1 of the 1 trial at rung 1, of which 0 went on");
  EXPECT_EQ(decide(*scheduler, running(2, {1}), {paused(0, {2}), paused(1, {3})}).decision,
            Decision::Continue);
}

TEST(PromotingAsha, LooksAtTheTopRungFirstAndPromotesNobodyTwice) {
  const auto scheduler = asha_scheduler({.reduction_factor = 2, .mode = AshaMode::Promote});
  std::vector<TrialRecord> trials = {paused(0, {4, 3}), paused(1, {3, 4}), paused(2, {1}),
                                     paused(3, {5}),    paused(4, {6}),    paused(5, {7})};
  EXPECT_EQ(resumed(*scheduler, trials, 6), 0);
  trials[0].state = TrialState::Running;
  EXPECT_EQ(resumed(*scheduler, trials, 6), 2);
  trials[2].state = TrialState::Running;
  EXPECT_EQ(resumed(*scheduler, trials, 6), std::nullopt);
  trials[0].state = TrialState::Failed;  // counts nowhere any more
  EXPECT_EQ(resumed(*scheduler, trials, 6), std::nullopt);
  trials.push_back(paused(6, {2}));
  EXPECT_EQ(resumed(*scheduler, trials, 7), 6);
}

TEST(PromotingAsha, PromotesWithinEachBracket) {
  const AshaOptions options{.reduction_factor = 2, .brackets = 2, .mode = AshaMode::Promote};
  const SuccessiveHalving halving(options);
  std::vector<TrialRecord> trials;
  std::map<int, int> first;
  for (int number = 0; number < 12; ++number) {
    trials.push_back(paused(number, {1.0 + number, 1.0 + number}));
    if (halving.bracket_of(trials.back()) == 0) trials.back().reports.pop_back();
    first.try_emplace(halving.bracket_of(trials.back()), number);
  }
  // The rung of bracket 1 is at step 2, above that of bracket 0.
  const auto scheduler = asha_scheduler(options);
  EXPECT_EQ(resumed(*scheduler, trials, 12), first.at(1));
  for (TrialRecord& trial : trials) {
    if (halving.bracket_of(trial) == 1) trial.state = TrialState::Running;
  }
  EXPECT_EQ(resumed(*scheduler, trials, 12), first.at(0));
}

// --- Hyperband ---

TEST(SynchronousHyperband, HasTheBracketsOfThePapersTable) {
  // Li et al. 2018, table 1: R = 81 and eta = 3.
  std::vector<std::tuple<std::int64_t, std::int64_t, int>> brackets;
  for (const auto& [trials, first_rung, rungs] : hyperband_brackets({.max_resource = 81})) {
    brackets.emplace_back(trials, first_rung, rungs);
  }
  EXPECT_THAT(brackets, ElementsAre(std::tuple(81, 1, 4), std::tuple(27, 3, 3), std::tuple(9, 9, 2),
                                    std::tuple(6, 27, 1), std::tuple(5, 81, 0)));
}

TEST(SynchronousHyperband, TrainsAsManyTrialsToEachRungAsThePapersTableSays) {
  // R = 27: the table's columns one bracket shorter, with 4 brackets: 27, 9 (of floor(4 / 3) = 1
  // times 9), 6 and 4 trials.
  const auto scheduler =
      hyperband_scheduler({.max_resource = 27, .mode = HyperbandMode::Synchronous});
  constexpr int kTurn = 27 + 9 + 6 + 4;
  const std::vector<std::map<int, int>> expected = {
      {{1, 18}, {3, 6}, {9, 2}, {27, 1}}, {{3, 6}, {9, 2}, {27, 1}}, {{9, 4}, {27, 2}}, {{27, 4}}};
  for (const int workers : {1, 8, 64}) {
    const SimulationResult result =
        simulate(*scheduler, {.seed = 5, .workers = workers, .trials = 3 * kTurn});
    for (int turn = 0; turn < 3; ++turn) {
      std::vector<std::map<int, int>> ends(4);
      for (int i = 0; i < kTurn; ++i) {
        const TrialRecord& trial = result.trials[static_cast<std::size_t>(turn * kTurn + i)];
        const std::size_t bracket = i < 27 ? 0 : i < 36 ? 1 : i < 42 ? 2 : 3;
        ++ends[bracket][static_cast<int>(trial.reports.size())];
      }
      EXPECT_EQ(ends, expected) << workers << " workers, turn " << turn;
    }
  }
}

TEST(SynchronousHyperband, LetsTheBestOfEachRungGoOn) {
  const auto scheduler =
      hyperband_scheduler({.max_resource = 27, .mode = HyperbandMode::Synchronous});
  const SimulationResult result = simulate(*scheduler, {.seed = 1, .workers = 5, .trials = 27});
  for (const std::size_t rung : {1, 3, 9}) {
    std::vector<double> ended;
    std::vector<double> went_on;
    for (const TrialRecord& trial : result.trials) {
      if (trial.reports.size() < rung) continue;
      auto& group = trial.reports.size() == rung ? ended : went_on;
      group.push_back(trial.reports[rung - 1].metrics.at("loss"));
    }
    EXPECT_EQ(ended.size(), 2 * went_on.size());
    EXPECT_LT(std::ranges::max(went_on), std::ranges::min(ended)) << "rung " << rung;
  }
}

/// Nine trials of a bracket with rungs at 1 and 3; one more turn of brackets is 9 + 3 + 3 trials.
class BracketOfNine : public testing::Test {
 protected:
  BracketOfNine() {
    for (int i = 0; i < 9; ++i) trials_.push_back(paused(i, {1.0 + i}));
  }
  std::unique_ptr<Scheduler> scheduler_ =
      hyperband_scheduler({.max_resource = 9, .mode = HyperbandMode::Synchronous});
  std::vector<TrialRecord> trials_;
};

TEST_F(BracketOfNine, WaitsAtEveryRungAndSaysSo) {
  EXPECT_EQ(decide(*scheduler_, running(3, {0.5}), trials_).reason,
            "loss 0.5 at step 1 waits at rung 1 for the others of its bracket of 9 trials");
  EXPECT_EQ(decide(*scheduler_, running(3, {0.5, 0.4}), trials_).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler_, running(3, {3, 2, 1}), trials_).decision, Decision::Pause);
  EXPECT_EQ(decide(*scheduler_, running(9, {3, 2}), trials_).decision, Decision::Continue);
  EXPECT_EQ(decide(*scheduler_, running(9, {3, 2, 1}), trials_).decision, Decision::Pause);
  EXPECT_EQ(decide(*scheduler_, running(12, {3, 2, 1}), trials_).decision, Decision::Continue);
}

TEST_F(BracketOfNine, JudgesARungOnlyWhenNobodyIsOnTheWayToIt) {
  trials_[8].state = TrialState::Running;
  trials_[8].reports.clear();
  EXPECT_EQ(resumed(*scheduler_, trials_, 9), std::nullopt);
  trials_[8].state = TrialState::Failed;
  EXPECT_EQ(resumed(*scheduler_, trials_, 9), 0);
  trials_[0].state = TrialState::Running;
  EXPECT_EQ(resumed(*scheduler_, trials_, 9), 1);
  trials_[1].state = TrialState::Running;
  EXPECT_EQ(resumed(*scheduler_, trials_, 9), 2);
  trials_[2].state = TrialState::Running;
  EXPECT_EQ(resumed(*scheduler_, trials_, 9), std::nullopt);
}

TEST_F(BracketOfNine, FillsThePlaceOfATrialThatFailedAfterItsRung) {
  for (const std::size_t i : {0U, 1U, 2U}) trials_[i].state = TrialState::Running;
  trials_[1].state = TrialState::Failed;
  EXPECT_EQ(resumed(*scheduler_, trials_, 9), 3);
}

TEST_F(BracketOfNine, IsNotJudgedBeforeItIsFullUnlessNothingWaits) {
  trials_.resize(7);
  EXPECT_EQ(resumed(*scheduler_, trials_, 7), std::nullopt);
  EXPECT_EQ(resumed(*scheduler_, trials_, -1), 0);
  trials_[0].state = TrialState::Running;
  EXPECT_EQ(resumed(*scheduler_, trials_, -1), 1);  // floor(7 / 3) = 2 of seven
  trials_[1].state = TrialState::Running;
  EXPECT_EQ(resumed(*scheduler_, trials_, -1), std::nullopt);
  trials_.resize(1);
  trials_[0].state = TrialState::Paused;  // one at least goes on
  EXPECT_EQ(resumed(*scheduler_, trials_, -1), 0);
}

TEST(PausingSchedulers, RefuseGraceTrials) {
  EXPECT_THROW(asha_scheduler({.grace_trials = 2, .mode = AshaMode::Promote}), ConfigError);
  EXPECT_THROW(hyperband_scheduler(
                   {.max_resource = 9, .grace_trials = 2, .mode = HyperbandMode::Synchronous}),
               ConfigError);
}

TEST(PausingSchedulers, GoOnPausingInsideOfPatience) {
  auto inner = hyperband_scheduler({.max_resource = 9, .mode = HyperbandMode::Synchronous});
  const auto scheduler = patience_scheduler({.patience = 0}, std::move(inner));
  EXPECT_TRUE(scheduler->pauses());
  const std::vector<TrialRecord> trials = {paused(0, {1})};
  EXPECT_EQ(resumed(*scheduler, trials, -1), 0);
  EXPECT_EQ(decide(*scheduler, running(0, {1, 2, 3}), {}).decision, Decision::Pause);
  EXPECT_EQ(decide(*scheduler, running(0, {3, 2, 1}), {}).decision, Decision::Continue);
}

}  // namespace
}  // namespace hypertune

// What every scheduler promises. A new scheduler adds one line at the end.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <ostream>

#include "hypertune/rng.h"
#include "hypertune/scheduler.h"
#include "space/encoding.h"
#include "support/reported_trial.h"

namespace hypertune {
namespace {

using namespace testing_support;

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kSteps = 12;

struct Row {
  const char* name;
  std::unique_ptr<Scheduler> (*make)();
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

const std::vector<Objective> kLoss = {{"loss", Direction::Minimize}};

/// A study of trials in every state, and one more that runs.
struct Situation {
  std::vector<TrialRecord> others;
  TrialRecord trial;

  History history(std::span<const Objective> objectives = kLoss) const {
    return {objectives, others, 7, trial.number, trial.draw()};
  }
};

/// A step of a curve that falls or rises, with noise. All lie between -5 and 20.
double loss_at(Rng& rng, double slope, int step) {
  return 3 + slope * step + 2 * rng.uniform() - 1;
}

/// The trial that is decided about comes last, or among those that came before it.
Situation situation(std::uint64_t seed) {
  Rng rng(seed);
  Situation made;
  const int count = static_cast<int>(rng.below(30)) + 1;
  const int own = static_cast<int>(rng.below(static_cast<std::uint64_t>(count)));
  constexpr TrialState kStates[] = {TrialState::Complete, TrialState::Complete, TrialState::Pruned,
                                    TrialState::Running,  TrialState::Waiting,  TrialState::Failed,
                                    TrialState::Paused,   TrialState::Paused};
  for (int number = 0; number < count; ++number) {
    const TrialState state = number == own ? TrialState::Running : kStates[rng.below(8)];
    std::vector<double> losses;
    const int steps = state == TrialState::Waiting    ? 0
                      : state == TrialState::Complete ? kSteps
                                                      : static_cast<int>(rng.below(kSteps)) + 1;
    const double slope = rng.uniform() - 0.5;
    for (int step = 1; step <= steps; ++step) losses.push_back(loss_at(rng, slope, step));
    TrialRecord trial = reported_trial(number, losses, state);
    trial.domains = {{"rate", FloatDomain{1e-3, 1, true}}, {"units", IntDomain{1, 9}}};
    for (const auto& [name, domain] : trial.domains)
      trial.params[name] = decode(domain, rng.uniform());
    if (number == own) made.trial = trial;
    if (number != own || rng.below(2) == 0) made.others.push_back(trial);
  }
  return made;
}

class SchedulerContract : public testing::TestWithParam<Row> {
 protected:
  Ruling ask(const Situation& made) const {
    return scheduler_->on_report(made.trial, made.history());
  }

  std::unique_ptr<Scheduler> scheduler_ = GetParam().make();
};

void expect_same(const Ruling& a, const Ruling& b, std::uint64_t seed) {
  EXPECT_EQ(a.decision, b.decision) << "situation " << seed;
  EXPECT_EQ(a.reason, b.reason) << "situation " << seed;
  ASSERT_EQ(a.successor.has_value(), b.successor.has_value()) << "situation " << seed;
  if (!a.successor) return;
  EXPECT_EQ(a.successor->parent, b.successor->parent) << "situation " << seed;
  EXPECT_EQ(a.successor->params, b.successor->params) << "situation " << seed;
}

constexpr std::uint64_t kSituations = 300;

TEST_P(SchedulerContract, GivesAReasonUnlessTheTrialGoesOn) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    const Ruling ruling = ask(situation(seed));
    EXPECT_EQ(ruling.reason.empty(), ruling.decision == Decision::Continue) << ruling.reason;
  }
}

TEST_P(SchedulerContract, StopsOrPausesSomeTrialsUnlessItIsFifo) {
  int stopped = 0;
  int paused = 0;
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    const Decision decision = ask(situation(seed)).decision;
    if (decision == Decision::Stop) ++stopped;
    if (decision == Decision::Pause) ++paused;
  }
  EXPECT_EQ(stopped + paused > 0, GetParam().name != std::string("fifo"));
  EXPECT_EQ(paused > 0, scheduler_->pauses());
}

TEST_P(SchedulerContract, LetsPausedTrialsGoOnAndNoOthers) {
  int resumed = 0;
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    const Situation made = situation(seed);
    History history = made.history();
    history.number = -1;
    const auto number = scheduler_->resume(history);
    EXPECT_EQ(GetParam().make()->resume(history), number);
    if (!number) continue;
    ++resumed;
    const auto trial = std::ranges::find(made.others, *number, &TrialRecord::number);
    ASSERT_NE(trial, made.others.end());
    EXPECT_EQ(trial->state, TrialState::Paused);
  }
  EXPECT_EQ(resumed > 0, scheduler_->pauses());
}

TEST_P(SchedulerContract, ChoosesWhoGoesOnByTheFirstObjectiveAlone) {
  const std::vector<Objective> two = {{"loss", Direction::Minimize},
                                      {"speed", Direction::Maximize}};
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    const auto number = scheduler_->resume(made.history());
    for (TrialRecord& other : made.others) {
      for (Report& report : other.reports) report.metrics["speed"] = 7.0 * other.number;
    }
    EXPECT_EQ(scheduler_->resume(made.history(two)), number) << "situation " << seed;
  }
}

TEST_P(SchedulerContract, PutsOnlyWholeTrialsInThePlaceOfStoppedOnes) {
  int successors = 0;
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    const Situation made = situation(seed);
    const Ruling ruling = ask(made);
    if (!ruling.successor) continue;
    ++successors;
    EXPECT_EQ(ruling.decision, Decision::Stop);
    const auto parent =
        std::ranges::find(made.others, ruling.successor->parent, &TrialRecord::number);
    ASSERT_NE(parent, made.others.end());
    EXPECT_NE(parent->number, made.trial.number);
    EXPECT_NE(parent->state, TrialState::Failed);
    ASSERT_EQ(ruling.successor->params.size(), parent->domains.size());
    for (const auto& [name, value] : ruling.successor->params) {
      EXPECT_TRUE(contains(parent->domains.at(name), value)) << name << " = " << to_string(value);
    }
  }
  EXPECT_EQ(successors > 0, scheduler_->replaces());
}

TEST_P(SchedulerContract, WantsCheckpointsOfWhateverMayBeFollowed) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    const Situation made = situation(seed);
    const auto successor = ask(made).successor;
    if (!successor) continue;
    TrialRecord parent = *std::ranges::find(made.others, successor->parent, &TrialRecord::number);
    bool wanted = false;
    for (; !parent.reports.empty(); parent.reports.pop_back()) {
      wanted = wanted || scheduler_->wants_checkpoint(parent);
    }
    EXPECT_TRUE(wanted) << "situation " << seed;
  }
}

TEST_P(SchedulerContract, AnswersTheSameWhateverItWasAskedBefore) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    const Situation made = situation(seed);
    const Ruling first = ask(made);
    ask(situation(seed + 1));
    expect_same(ask(made), first, seed);
    expect_same(GetParam().make()->on_report(made.trial, made.history()), first, seed);
  }
}

TEST_P(SchedulerContract, DoesNotCompareATrialWithItself) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    const auto is_own = [&](const TrialRecord& t) { return t.number == made.trial.number; };
    std::erase_if(made.others, is_own);
    const Ruling without = ask(made);
    TrialRecord before = made.trial;
    before.reports.pop_back();
    for (const TrialRecord& own : {before, made.trial}) {
      auto at = made.others.begin();
      while (at != made.others.end() && at->number < own.number) ++at;
      at = made.others.insert(at, own);
      expect_same(ask(made), without, seed);
      made.others.erase(at);
    }
  }
}

TEST_P(SchedulerContract, TakesTheMirroredMetricTheSameWay) {
  const std::vector<Objective> mirrored = {{"loss", Direction::Maximize}};
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    const Decision decision = ask(made).decision;
    const auto mirror = [](TrialRecord& trial) {
      for (Report& report : trial.reports) report.metrics["loss"] *= -1;
      if (!trial.metrics.empty()) trial.metrics["loss"] *= -1;
    };
    mirror(made.trial);
    for (TrialRecord& other : made.others) mirror(other);
    EXPECT_EQ(scheduler_->on_report(made.trial, made.history(mirrored)).decision, decision) << seed;
  }
}

TEST_P(SchedulerContract, LooksAtTheFirstObjectiveAlone) {
  const std::vector<Objective> two = {{"loss", Direction::Minimize},
                                      {"speed", Direction::Maximize}};
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    const Ruling one = ask(made);
    Rng rng(seed);
    const auto widen = [&](TrialRecord& trial) {
      for (Report& report : trial.reports) report.metrics["speed"] = rng.uniform();
      if (!trial.metrics.empty()) trial.metrics["speed"] = rng.uniform();
    };
    widen(made.trial);
    for (TrialRecord& other : made.others) widen(other);
    expect_same(scheduler_->on_report(made.trial, made.history(two)), one, seed);
  }
}

TEST_P(SchedulerContract, LetsATrialGoOnWhenTheReportLacksTheMetricOrHasNaN) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    made.trial.reports.back().metrics = {{"speed", 1}};
    EXPECT_EQ(ask(made).decision, Decision::Continue);
    made.trial.reports.back().metrics = {{"loss", kNaN}};
    EXPECT_EQ(ask(made).decision, Decision::Continue);
  }
}

TEST_P(SchedulerContract, TreatsEarlierReportsWithoutTheMetricAsIfTheyWereNotThere) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation sparse = situation(seed);
    Situation gaps = sparse;
    for (std::size_t i = 0; i + 1 < gaps.trial.reports.size(); i += 2) {
      gaps.trial.reports[i].metrics = {{i % 4 == 0 ? "speed" : "loss", kNaN}};
    }
    std::vector<Report> kept;
    for (std::size_t i = 0; i < sparse.trial.reports.size(); ++i) {
      const bool last = i + 1 == sparse.trial.reports.size();
      if (last || i % 2 == 1) kept.push_back(sparse.trial.reports[i]);
    }
    sparse.trial.reports = kept;
    expect_same(ask(gaps), ask(sparse), seed);
  }
}

TEST_P(SchedulerContract, LetsTheBestTrialRunWhileItImproves) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    made.trial.reports.clear();
    for (int step = 1; step <= kSteps; ++step) {
      report_loss(made.trial, -5 - 0.1 * step);
      ASSERT_NE(ask(made).decision, Decision::Stop) << "situation " << seed;
    }
  }
}

TEST_P(SchedulerContract, LetsAnImprovingTrialRunThatIsAlone) {
  Situation made{{}, reported_trial(0, {}, TrialState::Running)};
  for (int step = 1; step <= kSteps; ++step) {
    report_loss(made.trial, 6 - step);
    EXPECT_NE(ask(made).decision, Decision::Stop) << "step " << step;
  }
}

TEST_P(SchedulerContract, BearsInfiniteValues) {
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    Rng rng(seed);
    const auto spoil = [&](TrialRecord& trial) {
      for (Report& report : trial.reports) {
        if (rng.below(3) == 0) report.metrics["loss"] = rng.below(4) == 0 ? -kInf : kInf;
      }
    };
    spoil(made.trial);
    for (TrialRecord& other : made.others) spoil(other);
    const Ruling ruling = ask(made);
    EXPECT_EQ(ruling.reason.empty(), ruling.decision == Decision::Continue);
  }
}

TEST_P(SchedulerContract, ReadsNoHistoryWhenItSaysSo) {
  if (scheduler_->uses_history()) return;
  for (std::uint64_t seed = 0; seed < kSituations; ++seed) {
    Situation made = situation(seed);
    const Ruling with = ask(made);
    made.others.clear();
    expect_same(ask(made), with, seed);
  }
}

std::unique_ptr<Scheduler> median() { return median_scheduler(); }
std::unique_ptr<Scheduler> percentile() {
  return percentile_scheduler({.percentile = 40, .startup_trials = 2, .interval_steps = 2});
}
std::unique_ptr<Scheduler> threshold() { return threshold_scheduler({.lower = -7, .upper = 7}); }
std::unique_ptr<Scheduler> patience() { return patience_scheduler({.patience = 2}); }
std::unique_ptr<Scheduler> patient_median() {
  return patience_scheduler({.patience = 1}, median_scheduler());
}
std::unique_ptr<Scheduler> asha() { return asha_scheduler({.reduction_factor = 2}); }
std::unique_ptr<Scheduler> asha_brackets() {
  return asha_scheduler({.max_resource = 12, .reduction_factor = 2, .brackets = 3});
}
std::unique_ptr<Scheduler> hyperband() { return hyperband_scheduler({.max_resource = 12}); }
std::unique_ptr<Scheduler> promoting_asha() {
  return asha_scheduler({.reduction_factor = 2, .mode = AshaMode::Promote});
}
std::unique_ptr<Scheduler> synchronous_hyperband() {
  return hyperband_scheduler({.max_resource = 12, .mode = HyperbandMode::Synchronous});
}
std::unique_ptr<Scheduler> patient_promotion() {
  return patience_scheduler({.patience = 1}, promoting_asha());
}
std::unique_ptr<Scheduler> pbt() { return pbt_scheduler({.max_resource = 13}); }
std::unique_ptr<Scheduler> pb2() { return pb2_scheduler({.interval = 3, .quantile = 0.4}); }
std::unique_ptr<Scheduler> wilcoxon() { return wilcoxon_scheduler(); }

constexpr Row kRows[] = {{"fifo", fifo_scheduler},
                         {"median", median},
                         {"percentile", percentile},
                         {"threshold", threshold},
                         {"patience", patience},
                         {"patient_median", patient_median},
                         {"asha", asha},
                         {"asha_brackets", asha_brackets},
                         {"promoting_asha", promoting_asha},
                         {"patient_promotion", patient_promotion},
                         {"hyperband", hyperband},
                         {"synchronous_hyperband", synchronous_hyperband},
                         {"pbt", pbt},
                         {"pb2", pb2},
                         {"wilcoxon", wilcoxon}};

INSTANTIATE_TEST_SUITE_P(All, SchedulerContract, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace hypertune

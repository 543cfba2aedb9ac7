// The sampler auto hands over from one method to the next at the same trials, and to the same
// effect, however many workers run a study with a lag.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "hypertune/tune.h"
#include "support/record_text.h"

namespace hypertune {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr int kLag = 7;
constexpr int kTrials = 225;

/// Of a study that is decided by qmc, by tpe (gp is not for so many workers) and from trial 200 on
/// by cmaes.
AutoOptions three_stages() { return {.budget = 400, .workers = 32}; }

StudySpec study_spec() {
  StudySpec spec;
  spec.name = "handover";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.seed = 20261123;
  spec.space.add("x", FloatDomain{-5, 5}).add("rate", FloatDomain{1e-4, 1e-1, true});
  return spec;
}

/// Takes a while that differs from run to run.
Outcome objective(const Trial& trial, int run) {
  Rng delay = Rng::for_trial(static_cast<std::uint64_t>(run), trial.record().draw());
  for (auto turns = delay.below(10); turns > 0; --turns) std::this_thread::yield();
  const double x = *as_number(trial.params().at("x"));
  const double rate = std::log10(*as_number(trial.params().at("rate")));
  return Outcome::complete({{"loss", (x - 1) * (x - 1) + (rate + 2) * (rate + 2)}});
}

/// Records without what tells when and by whom a trial was run.
std::vector<std::string> records_of_run(int workers) {
  Study study(study_spec(), memory_storage(), auto_sampler(three_stages()));
  const auto executor = function_executor([&](Trial& trial) { return objective(trial, workers); });
  tune(study, *executor, {.num_samples = kTrials, .workers = workers, .lag = kLag});
  std::vector<TrialRecord> trials = study.trials();
  for (TrialRecord& trial : trials) {
    trial.worker.clear();
    trial.started.reset();
    trial.ended.reset();
  }
  return testing_support::record_texts(trials);
}

TEST(Handover, GivesTheSameRecordsForAnyNumberOfWorkers) {
  const StudySpec spec = study_spec();
  const History before{.objectives = spec.objectives, .trials = {}, .number = 0};
  const std::string plan = auto_sampler(three_stages())->explain(spec.space, before);
  ASSERT_THAT(plan, HasSubstr("to 199, then cmaes from trial 200 on"));
  ASSERT_THAT(plan, AllOf(HasSubstr("qmc for trials 0 to"), HasSubstr("then tpe for trials")));
  const auto alone = records_of_run(1);
  ASSERT_EQ(alone.size(), static_cast<std::size_t>(kTrials));
  for (const int workers : {2, 4}) ASSERT_EQ(records_of_run(workers), alone) << workers;
}

}  // namespace
}  // namespace hypertune

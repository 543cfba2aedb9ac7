// With a lag, a study gives the same records however many workers ran it: for every sampler and
// scheduler that study files can name.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "config/registry.h"
#include "hypertune/tune.h"
#include "support/record_text.h"

namespace hypertune {
namespace {

constexpr int kLag = 7;
constexpr int kSteps = 9;

StudySpec study_spec() {
  StudySpec spec;
  spec.name = "reproducible";
  spec.objectives = {{"loss", Direction::Minimize}};
  spec.seed = 20261123;
  spec.space.add("x", FloatDomain{-5, 5})
      .add("rate", FloatDomain{1e-4, 1e-1, true})
      .add("layers", IntDomain{1, 6})
      .add("kind", CategoricalDomain{{std::string("a"), std::string("b"), std::string("c")}})
      .add("momentum", FloatDomain{0, 1}, Condition("kind == 'a'"));
  return spec;
}

/// Curves that fall, cross each other and are noisy; some trials fail. Between the reports the
/// thread gives way to others for a while that differs from run to run.
Outcome objective(Trial& trial, int run) {
  Rng delay = Rng::for_trial(static_cast<std::uint64_t>(run), trial.record().draw());
  Rng noise(trial.seed());
  const Params& params = trial.params();
  const double x = *as_number(params.at("x"));
  const double rate = std::log10(*as_number(params.at("rate")));
  const double end = (x - 1) * (x - 1) + (rate + 2) * (rate + 2) + *as_number(params.at("layers"));
  if (noise.uniform() < 0.05) return Outcome::failed("bad luck");
  double loss = 0;
  for (int step = 1; step <= kSteps; ++step) {
    for (auto turns = delay.below(200); turns > 0; --turns) std::this_thread::yield();
    loss = end + 5.0 / step * (1 - rate / 4) + 0.3 * noise.normal();
    if (trial.report(step, {{"loss", loss}}) == Decision::Stop) return Outcome::pruned();
  }
  return Outcome::complete({{"loss", loss}});
}

/// Records without what tells when and by whom a trial was run.
std::vector<std::string> records_of_run(const Choice<Sampler>& sampler,
                                        const Choice<Scheduler>& scheduler, int workers) {
  Study study(study_spec(), memory_storage(), sampler.make(), scheduler.make());
  const auto executor = function_executor([&](Trial& trial) { return objective(trial, workers); });
  tune(study, *executor, {.num_samples = 120, .workers = workers, .lag = kLag});
  std::vector<TrialRecord> trials = study.trials();
  for (TrialRecord& trial : trials) {
    trial.worker.clear();
    trial.started.reset();
    trial.ended.reset();
  }
  return testing_support::record_texts(trials);
}

/// Options without which an algorithm is refused, or with which it has more to do in few trials.
const std::map<std::string_view, std::string> kOptions = {{"nsga2", "population = 10\n"},
                                                          {"threshold", "upper = 40\n"},
                                                          {"asha", "max_resource = 9\n"},
                                                          {"hyperband", "max_resource = 9\n"},
                                                          {"bohb", "max_resource = 9\n"}};

template <typename T>
Choice<T> choose(const Algorithm<T>& row, const std::string& section) {
  const auto options = kOptions.find(row.name);
  const TomlDocument document(fmt::format("[{}]\nname = \"{}\"\n{}", section, row.name,
                                          options == kOptions.end() ? "" : options->second),
                              "study.toml", {});
  return row.read(*document.root().find(section), StudyFile());
}

void expect_same_for_any_number_of_workers(const Choice<Sampler>& sampler,
                                           const Choice<Scheduler>& scheduler) {
  const auto alone = records_of_run(sampler, scheduler, 1);
  ASSERT_EQ(alone.size(), 120U);
  for (const int workers : {2, 4, 8}) {
    ASSERT_EQ(records_of_run(sampler, scheduler, workers), alone) << workers << " workers";
  }
}

const Algorithm<Scheduler>& scheduler_named(std::string_view name) {
  return *std::ranges::find(schedulers(), name, &Algorithm<Scheduler>::name);
}

TEST(Reproducible, EverySamplerGivesTheSameRecordsForAnyNumberOfWorkers) {
  for (const auto& row : samplers()) {
    SCOPED_TRACE(row.name);
    expect_same_for_any_number_of_workers(choose(row, "sampler"),
                                          choose(scheduler_named("median"), "scheduler"));
  }
}

TEST(Reproducible, EverySchedulerGivesTheSameRecordsForAnyNumberOfWorkers) {
  const auto random = choose(samplers().front(), "sampler");
  for (const auto& row : schedulers()) {
    SCOPED_TRACE(row.name);
    const auto choice = choose(row, "scheduler");
    if (choice.make()->replaces()) continue;  // these do not go with a lag
    expect_same_for_any_number_of_workers(random, choice);
  }
}

TEST(Reproducible, LagZeroIsTheAnswerOfOneWorkerThatKnowsAllBefore) {
  const auto sampler =
      choose(*std::ranges::find(samplers(), "tpe", &Algorithm<Sampler>::name), "sampler");
  Study sequential(study_spec(), memory_storage(), sampler.make());
  Study lagging(study_spec(), memory_storage(), sampler.make());
  const auto executor = function_executor([](Trial& trial) { return objective(trial, 0); });
  // All that is known to one worker is all that ended before.
  tune(sequential, *executor, {.num_samples = 40});
  tune(lagging, *executor, {.num_samples = 40, .lag = 0});
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(sequential.trials()[static_cast<std::size_t>(i)].params,
              lagging.trials()[static_cast<std::size_t>(i)].params);
  }
}

TEST(Constraints, AreViolatedByNoSamplerAndNoFinitePointComesTwice) {
  for (const bool finite : {true, false}) {
    StudySpec spec = study_spec();
    spec.space = SearchSpace();
    spec.space.add("x", IntDomain{-5, 6})
        .add("layers", IntDomain{1, 4})
        .add("kind", CategoricalDomain{{std::string("a"), std::string("b")}})
        .constraint(Condition("x * layers <= 4 and (kind == 'a' or x > 0)"));
    if (!finite) spec.space.add("rate", FloatDomain{0, 1}).constraint(Condition("rate < 0.3"));
    for (const auto& row : samplers()) {
      SCOPED_TRACE(row.name);
      Study study(spec, memory_storage(), choose(row, "sampler").make());
      const auto executor = function_executor([&](Trial& trial) {
        return Outcome::complete({{"loss", -*as_number(trial.params().at("x"))}});
      });
      ASSERT_EQ(tune(study, *executor, {.num_samples = 30, .workers = 2}).complete, 30);
      std::set<Params> points;
      for (const TrialRecord& trial : study.trials()) {
        EXPECT_TRUE(spec.space.allows(trial.params)) << to_string(trial.params);
        points.insert(trial.params);
      }
      EXPECT_TRUE(!finite || points.size() == 30) << points.size();
    }
  }
}

/// Ninety-six points, of which constraints leave half; a sampler that learns; and more trials than
/// points, so that the end is decided as well.
TEST(Reproducible, AFiniteSpaceIsTriedInTheSameOrderForAnyNumberOfWorkers) {
  const auto records = [](int workers) {
    StudySpec spec = study_spec();
    spec.space = SearchSpace();
    spec.space.add("x", IntDomain{-5, 6})
        .add("layers", IntDomain{1, 4})
        .add("kind", CategoricalDomain{{std::string("a"), std::string("b")}})
        .constraint(Condition("(x + layers) % 2 == 0"));
    Study study(spec, memory_storage(), tpe_sampler());
    const auto executor = function_executor([&](Trial& trial) {
      const double x = *as_number(trial.params().at("x"));
      Rng delay = Rng::for_trial(static_cast<std::uint64_t>(workers), trial.record().draw());
      for (auto turns = delay.below(200); turns > 0; --turns) std::this_thread::yield();
      return Outcome::complete({{"loss", x * x + *as_number(trial.params().at("layers"))}});
    });
    const TuneSummary summary =
        tune(study, *executor, {.num_samples = 60, .workers = workers, .lag = kLag});
    EXPECT_EQ(summary.stopped, "the space of 48 points is exhausted");
    std::vector<Params> params;
    for (const TrialRecord& trial : study.trials()) params.push_back(trial.params);
    return params;
  };
  const auto alone = records(1);
  EXPECT_EQ(std::set<Params>(alone.begin(), alone.end()).size(), 48U);
  for (const int workers : {2, 4, 8}) ASSERT_EQ(records(workers), alone) << workers << " workers";
}

}  // namespace
}  // namespace hypertune

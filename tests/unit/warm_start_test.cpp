// Learning from earlier studies: which trials count, and that the study keeps to them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/earlier.h"
#include "hypertune/error.h"
#include "hypertune/study.h"
#include "support/sampled_study.h"

namespace hypertune {
namespace {

using ::testing::ElementsAre;
using testing_support::finished_trial;

StudySpec spec() {
  StudySpec spec;
  spec.name = "new";
  spec.objectives = {{"loss"}};
  spec.space.constant("epochs", std::int64_t{5})
      .add("x", FloatDomain{0, 1})
      .add("layers", IntDomain{1, 4});
  return spec;
}

TrialRecord earlier_trial(double x, double loss, std::int64_t layers = 2) {
  const SearchSpace space =
      SearchSpace().add("x", FloatDomain{-9, 9}).add("layers", IntDomain{0, 9});
  return finished_trial(space, 0, {{"x", x}, {"layers", layers}}, {{"loss", loss}});
}

TEST(Learnable, AreCompleteTrialsWithEveryObjectiveAndAParameterOfTheSpace) {
  std::vector<TrialRecord> trials(5, earlier_trial(0.5, 1));
  trials[1].state = TrialState::Pruned;
  trials[2].metrics = {{"accuracy", 1}};
  trials[3].metrics["loss"] = NAN;
  trials[4].params = {{"epochs", std::int64_t{5}}, {"other", 1.0}};
  const auto kept = learnable(spec(), trials);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].params, trials[0].params);
  EXPECT_EQ(kept[0].domains.at("x"), Domain(FloatDomain{0, 1}));
}

TEST(Learnable, LoseTheValuesThatTheSpaceDoesNotHave) {
  const std::vector<TrialRecord> trials = {earlier_trial(5, 1), earlier_trial(0.5, 1, 7),
                                           earlier_trial(5, 1, 7)};
  const auto kept = learnable(spec(), trials);
  ASSERT_EQ(kept.size(), 2U);
  EXPECT_EQ(kept[0].params, (Params{{"layers", std::int64_t{2}}}));
  EXPECT_EQ(kept[1].params, (Params{{"x", 0.5}}));
}

TEST(BestAndLatest, KeepTheOrderAndHalfOfEach) {
  std::vector<TrialRecord> trials;
  for (const double loss : {1.0, 9.0, 2.0, 8.0, 7.0, 3.0}) trials.push_back(earlier_trial(0, loss));
  std::vector<double> kept;
  for (const auto& trial : best_and_latest(spec().objectives, trials, 4)) {
    kept.push_back(trial.metrics.at("loss"));
  }
  EXPECT_THAT(kept, ElementsAre(1, 2, 7, 3));
  EXPECT_EQ(best_and_latest(spec().objectives, trials, 6).size(), 6U);
}

/// Answers with the loss of the last earlier trial as x, and 0 without any.
class Echo final : public Sampler {
 public:
  Params sample(const SearchSpace& space, const History& history, const Rng&) const override {
    const bool none = history.earlier.empty();
    const double x = none ? 0 : history.earlier.back().metrics.at("loss");
    Params params;
    for (const Parameter& p : space.parameters()) {
      if (p.name == "x") params["x"] = x;
      if (p.name == "layers") params["layers"] = std::int64_t{1};
      if (p.name == "epochs") params["epochs"] = std::int64_t{5};
    }
    return params;
  }
};

double asked(Study& study) {
  Trial trial = study.ask();
  study.tell(trial, Outcome::complete({{"loss", 1}}));
  return std::get<double>(trial.params().at("x"));
}

TEST(LearnFrom, GivesTheSamplerWhatTheStudyStores) {
  const auto storage = memory_storage();
  {
    Study study(spec(), storage, std::make_unique<Echo>());
    EXPECT_EQ(study.learn_from({earlier_trial(0.1, 0.75), earlier_trial(7, 0.25, 8)}), 1);
    EXPECT_EQ(asked(study), 0.75);
  }
  Study again(spec(), storage, std::make_unique<Echo>());
  EXPECT_EQ(asked(again), 0.75);
  EXPECT_EQ(again.learn_from({earlier_trial(0.1, 0.5)}), 1);  // too late to change it
  EXPECT_EQ(asked(again), 0.75);
}

TEST(LearnFrom, IsRefusedWhenTrialsHaveBegunWithout) {
  Study study(spec(), memory_storage(), std::make_unique<Echo>());
  EXPECT_EQ(asked(study), 0);
  EXPECT_THROW(study.learn_from({earlier_trial(0.1, 0.5)}), StudyMismatch);
  EXPECT_EQ(asked(study), 0);
}

TEST(EarlierJson, ReadsBackWhatItWrote) {
  std::vector<TrialRecord> trials = {earlier_trial(1, 0.5), earlier_trial(0.25, INFINITY, 3)};
  trials[0].params["kind"] = std::string("a");
  trials[0].domains.set("kind", CategoricalDomain{{std::string("a"), true, 1.5}});
  const auto back = earlier_from_json(earlier_to_json(trials));
  ASSERT_EQ(back.size(), 2U);
  for (const std::size_t i : {0U, 1U}) {
    EXPECT_EQ(back[i].params, trials[i].params);
    EXPECT_EQ(back[i].domains, trials[i].domains);
    EXPECT_EQ(back[i].metrics, trials[i].metrics);
    EXPECT_EQ(back[i].state, TrialState::Complete);
  }
  EXPECT_THROW(earlier_from_json("[{}]"), Error);
}

}  // namespace
}  // namespace hypertune

// Claims: what expectations mean, which trials count, and how often verdicts err.
#include "hypertune/claim.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "hypertune/error.h"
#include "hypertune/rng.h"
#include "report/verdict_text.h"
#include "support/simulated_study.h"

namespace hypertune {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing_support::simulated_experiment;
using testing_support::simulated_spec;
using testing_support::simulated_trials;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

TEST(Expectation, ReadsInequalitiesAndRanges) {
  EXPECT_TRUE(Expectation::parse(">= 0.8").contains(0.8));
  EXPECT_FALSE(Expectation::parse("> 0.8").contains(0.8));
  EXPECT_TRUE(Expectation::parse("<1e-3").contains(-5));
  EXPECT_FALSE(Expectation::parse("<= 0").contains(0.001));
  const Expectation range = Expectation::parse("  in [-0.05, 0.05) ");
  EXPECT_TRUE(range.contains(-0.05));
  EXPECT_FALSE(range.contains(0.05));
  EXPECT_EQ(range.text, "in [-0.05, 0.05)");
}

TEST(Expectation, RejectsWhatIsNoRangeOfNumbers) {
  for (const char* text : {"", "0.8", "= 1", "== 1", "> ", "> high", ">= nan", "< inf", "> 1 2",
                           "in 0, 1", "in [1]", "in [0, 1, 2]", "in [1, 0]", "in [1, 1]", "in ["}) {
    EXPECT_THROW(Expectation::parse(text), ConfigError) << text;
  }
}

SearchSpace two_arms() {
  SearchSpace space;
  space.grid("arm", {std::string("a"), std::string("b")});
  space.add("rate", FloatDomain{.low = 1e-4, .high = 1, .log = true});
  return space;
}

TrialRecord trial(int number, Metrics metrics, Params params = {}) {
  TrialRecord record;
  record.number = number;
  record.state = TrialState::Complete;
  record.metrics = std::move(metrics);
  record.params = std::move(params);
  return record;
}

ClaimStatement mean_claim(const char* expect) {
  return {"", Estimand::Mean, "score", "", {}, Expectation::parse(expect)};
}

ClaimStatement share_claim(const char* condition, const char* expect) {
  return {"", Estimand::Share, condition, "", {}, Expectation::parse(expect)};
}

std::vector<TrialRecord> scored(const std::vector<double>& scores) {
  std::vector<TrialRecord> trials;
  for (const double score : scores) {
    trials.push_back(trial(static_cast<int>(trials.size()), {{"score", score}}));
  }
  return trials;
}

TEST(Judge, SupportsRefutesOrLeavesOpenByTheWholeInterval) {
  const auto trials = scored({0.90, 0.91, 0.92, 0.93, 0.94});
  const auto verdict = [&](const char* expect) {
    return judge(mean_claim(expect), {}, trials).verdict;
  };
  EXPECT_EQ(verdict(">= 0.8"), Verdict::Supported);
  EXPECT_EQ(verdict("in [0.8, 1]"), Verdict::Supported);
  EXPECT_EQ(verdict("< 0.8"), Verdict::Refuted);
  EXPECT_EQ(verdict("in [0.95, 1]"), Verdict::Refuted);
  EXPECT_EQ(verdict("> 0.92"), Verdict::Inconclusive);
  EXPECT_EQ(verdict("in [0.915, 0.925]"), Verdict::Inconclusive);
}

TEST(Judge, JudgesTheFourKindsOfClaims) {
  const Experiment experiment = simulated_experiment();
  const auto trials = simulated_trials();
  std::vector<Judgement> all;
  for (const ClaimStatement& claim : experiment.claims) {
    all.push_back(judge(claim, simulated_spec().space, trials));
  }
  EXPECT_EQ(all[0].verdict, Verdict::Supported);
  EXPECT_EQ(all[0].n, 3);
  EXPECT_EQ(all[1].verdict, Verdict::Inconclusive) << "three of three do not show a majority";
  EXPECT_EQ(all[1].estimate, 1);
  EXPECT_EQ(all[2].verdict, Verdict::Supported);
  EXPECT_NEAR(all[2].estimate.value(), std::sqrt(0.00891251 * 0.01778279), 1e-6);
  EXPECT_EQ(all[3].verdict, Verdict::Supported);
  EXPECT_EQ(all[3].n, 5);
}

TEST(Judge, IsInconclusiveWithoutTrialsOrWithOne) {
  EXPECT_THAT(judge(mean_claim("> 0"), {}, {}).note, HasSubstr("no trial counts"));
  const Judgement one = judge(mean_claim("> 0"), {}, scored({0.5}));
  EXPECT_EQ(one.verdict, Verdict::Inconclusive);
  EXPECT_EQ(one.estimate, 0.5);
  EXPECT_EQ(one.low, -kInfinity);
  for (const Estimand estimand : {Estimand::Share, Estimand::PairedDifference, Estimand::Onset}) {
    ClaimStatement claim = mean_claim("> 0");
    claim.estimand = estimand;
    claim.along = estimand == Estimand::Share ? "" : "arm";
    EXPECT_EQ(judge(claim, two_arms(), {}).verdict, Verdict::Inconclusive);
  }
}

TEST(Judge, DoesNotTakeEqualValuesForCertainty) {
  const Judgement judgement = judge(mean_claim(">= 0.8"), {}, scored({0.97, 0.97, 0.97}));
  EXPECT_EQ(judgement.verdict, Verdict::Inconclusive);
  EXPECT_THAT(judgement.note, HasSubstr("all values are equal"));
}

TEST(Judge, TreatsAMeanOfZerosAndOnesAsAShare) {
  const Judgement judgement = judge(mean_claim("> 0.5"), {}, scored({1, 1, 1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(judgement.verdict, Verdict::Supported);
  EXPECT_EQ(judgement.high, 1);
  EXPECT_GT(judgement.low, 0.6);
}

TEST(Judge, SaysOfAMeanOfZerosAndOnesThatDrawsAreShared) {
  auto trials = scored({1, 1, 0, 1, 1, 1});
  EXPECT_EQ(judge(mean_claim("> 0.5"), {}, trials).note, "");
  for (TrialRecord& trial : trials) trial.plan.draw = trial.number / 2;
  EXPECT_THAT(judge(mean_claim("> 0.5"), {}, trials).note,
              HasSubstr("they share 3 draws and are not independent"));
}

TEST(Judge, DoesNotTakeAFewPerfectScoresForAFlag) {
  auto trials = scored({1, 1, 1, 1, 1, 1, 0.4});
  trials.back().params["arm"] = std::string("b");
  ClaimStatement claim = mean_claim("> 0.5");
  claim.where = Condition("score == 1");
  const Judgement judgement = judge(claim, {}, trials);
  EXPECT_THAT(judgement.method, HasSubstr("Student's t"));
  EXPECT_EQ(judgement.verdict, Verdict::Inconclusive);
}

TEST(Judge, WarnsOfTIntervalsFromFewValues) {
  const char* warning = "few values: the interval supposes that they are not strongly skewed";
  const std::vector<double> scores = {.90, .91, .92, .93, .94, .95, .96, .97, .98, .99};
  EXPECT_EQ(judge(mean_claim("> 0"), {}, scored(scores)).note, "");
  const std::vector<double> nine(scores.begin(), scores.end() - 1);
  EXPECT_EQ(judge(mean_claim("> 0"), {}, scored(nine)).note, warning);
  EXPECT_THAT(judge(mean_claim("> 0"), {}, scored({0.9})).note, Not(HasSubstr(warning)));
  EXPECT_EQ(judge(share_claim("score > 0", "> 0"), {}, scored(nine)).note, "");
}

TEST(Judge, CountsCompleteTrialsAloneAndSaysWhatIsMissing) {
  auto trials = scored({0.90, 0.91, 0.92, 0.1, 0.1, 0.1, 0.1});
  trials[3].state = TrialState::Failed;
  trials[4].state = TrialState::Pruned;
  trials[5].state = TrialState::Running;
  trials[6].state = TrialState::Failed;  // repeated by trial 0
  trials[0].plan.retry_of = 6;
  const Judgement judgement = judge(mean_claim("> 0.5"), {}, trials);
  EXPECT_EQ(judgement.n, 3);
  EXPECT_EQ(judgement.verdict, Verdict::Supported);
  EXPECT_THAT(judgement.note, HasSubstr("1 failed trial left out"));
  EXPECT_THAT(judgement.note, HasSubstr("1 pruned trial left out"));
}

TEST(Judge, StaysOpenWhenATrialHasNoFiniteValue) {
  for (const double missing : {kNan, kInfinity}) {
    const Judgement judgement = judge(mean_claim("> 0.5"), {}, scored({0.9, 0.91, 0.92, missing}));
    EXPECT_EQ(judgement.n, 3);
    EXPECT_EQ(judgement.verdict, Verdict::Inconclusive);
    EXPECT_THAT(judgement.note, HasSubstr("1 trial without a finite value of score"));
  }
  ClaimStatement chosen = mean_claim("> 0.5");
  chosen.where = Condition("score < 100");
  EXPECT_EQ(judge(chosen, {}, scored({0.9, 0.91, 0.92, kNan})).verdict, Verdict::Supported);
}

TEST(Judge, DoesNotCountATrialWithoutTheMetricAsOneForWhichAConditionFails) {
  auto trials = scored({1, 1, 1, 1, 1, 1});
  const Judgement judgement = judge(share_claim("collapsed", "< 0.5"), {}, trials);
  EXPECT_EQ(judgement.n, 0);
  EXPECT_EQ(judgement.verdict, Verdict::Inconclusive);
}

TEST(Judge, PairsTrialsOfOneDrawThatAgreeInEveryOtherAxis) {
  SearchSpace space = two_arms();
  space.grid("width", {std::int64_t{1}, std::int64_t{2}});
  std::vector<TrialRecord> trials;
  for (int draw = 0; draw < 4; ++draw) {
    for (const char* arm : {"a", "b"}) {
      for (const std::int64_t width : {1, 2}) {
        const double score = (*arm == 'a' ? 1.0 : 0.0) + 10.0 * draw + 100.0 * width + 0.01 * draw;
        trials.push_back(trial(static_cast<int>(trials.size()), {{"score", score}},
                               {{"arm", std::string(arm)}, {"width", width}}));
        trials.back().plan.draw = draw;
        if (*arm == 'b') trials.back().metrics["score"] += 0.02 * draw;
      }
    }
  }
  trials.pop_back();  // its partner stays alone
  ClaimStatement claim = mean_claim("in [0.9, 1.1]");
  claim.estimand = Estimand::PairedDifference;
  claim.along = "arm";
  const Judgement judgement = judge(claim, space, trials);
  EXPECT_EQ(judgement.n, 7);
  EXPECT_NEAR(judgement.estimate.value(), 0.97, 1e-9) << "each of four draws weighs the same";
  EXPECT_EQ(judgement.verdict, Verdict::Supported);
  EXPECT_THAT(judgement.note, HasSubstr("4 draws"));
  EXPECT_THAT(judgement.note, HasSubstr("1 trial without a partner"));
  EXPECT_THAT(judgement.method, HasSubstr("a minus b"));
}

TEST(Judge, SaysWhyADifferenceHasNoPairs) {
  const std::vector<TrialRecord> trials = {
      trial(0, {{"score", 1}}, {{"arm", std::string("a")}}),
      trial(1, {{"score", 2}}, {{"arm", std::string("b")}}),
  };
  ClaimStatement claim = mean_claim("> 0");
  claim.estimand = Estimand::PairedDifference;
  claim.along = "arm";
  EXPECT_THAT(judge(claim, two_arms(), trials).note, HasSubstr("paired = true"));
  claim.along = "rate";
  EXPECT_THAT(judge(claim, two_arms(), trials).note, HasSubstr("not a grid axis with two values"));
}

TEST(Judge, GivesAnOnsetInTheUnitOfItsParameter) {
  std::vector<TrialRecord> trials;
  for (const double rate : {1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1}) {
    trials.push_back(trial(static_cast<int>(trials.size()), {{"score", rate > 0.005 ? 0.0 : 1.0}},
                           {{"rate", rate}}));
  }
  trials.push_back(trial(8, {{"score", 1}}));  // has no rate
  ClaimStatement claim = share_claim("score < 0.5", "> 0.0002");
  claim.estimand = Estimand::Onset;
  claim.along = "rate";
  const Judgement judgement = judge(claim, two_arms(), trials);
  EXPECT_EQ(judgement.n, 8);
  EXPECT_NEAR(judgement.estimate.value(), std::sqrt(3e-5), 1e-6);
  EXPECT_GT(judgement.low, 1e-4);
  EXPECT_LT(judgement.high, 3e-1);
  EXPECT_EQ(judgement.verdict, Verdict::Supported);
  EXPECT_THAT(judgement.method, HasSubstr("log10 rate"));
  EXPECT_THAT(judgement.note, HasSubstr("1 trial without a number for rate"));
}

TEST(Judge, LeavesTheUpperEndOpenWhenNothingCollapsed) {
  std::vector<TrialRecord> trials;
  for (const double rate : {1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1}) {
    trials.push_back(trial(static_cast<int>(trials.size()), {{"score", 1.0}}, {{"rate", rate}}));
  }
  ClaimStatement claim = share_claim("score < 0.5", "in [0.001, 100]");
  claim.estimand = Estimand::Onset;
  claim.along = "rate";
  const Judgement judgement = judge(claim, two_arms(), trials);
  EXPECT_FALSE(judgement.estimate);
  EXPECT_EQ(judgement.high, kInfinity);
  EXPECT_EQ(judgement.verdict, Verdict::Inconclusive) << "an open end satisfies no upper bound";
  EXPECT_THAT(judgement.note, HasSubstr("held in no trial"));
}

TEST(Judge, SupportsAFalseClaimAsSeldomAsItsIntervalErrs) {
  // At the boundary of the claim: the true mean is 0.8 and "> 0.8" just false. 4000 studies: the
  // standard error of an error rate of 2.5 % is 0.25 points; the bounds are four of them away.
  constexpr int kStudies = 4000;
  for (const int n : {5, 10, 20}) {
    Rng rng(11, static_cast<std::uint64_t>(n));
    int supported = 0;
    int refuted = 0;
    for (int study = 0; study < kStudies; ++study) {
      std::vector<double> scores;
      for (int i = 0; i < n; ++i) scores.push_back(0.8 + 0.05 * rng.normal());
      const Verdict verdict = judge(mean_claim("> 0.8"), {}, scored(scores)).verdict;
      supported += verdict == Verdict::Supported ? 1 : 0;
      refuted += verdict == Verdict::Refuted ? 1 : 0;
    }
    EXPECT_NEAR(static_cast<double>(supported) / kStudies, 0.025, 0.01) << n;
    EXPECT_NEAR(static_cast<double>(refuted) / kStudies, 0.025, 0.01) << n;
  }
}

TEST(Judge, SupportsAFalseShareOrDifferenceInAtMostFivePercent) {
  // 2000 studies: four standard errors of a rate of 5 % are 2 points.
  constexpr int kStudies = 2000;
  Rng rng(13);
  ClaimStatement difference = mean_claim("> 0");
  difference.estimand = Estimand::PairedDifference;
  difference.along = "arm";
  int share_supported = 0;
  int difference_supported = 0;
  for (int study = 0; study < kStudies; ++study) {
    std::vector<TrialRecord> trials;
    for (int draw = 0; draw < 10; ++draw) {
      const double shared = rng.normal();
      for (const char* arm : {"a", "b"}) {
        trials.push_back(trial(
            static_cast<int>(trials.size()),
            {{"score", shared + 0.3 * rng.normal()}, {"bad", rng.uniform() < 0.3 ? 1.0 : 0.0}},
            {{"arm", std::string(arm)}}));
        trials.back().plan.draw = draw;
      }
    }
    const auto supports = [&](const ClaimStatement& claim) {
      return judge(claim, two_arms(), trials).verdict == Verdict::Supported ? 1 : 0;
    };
    share_supported += supports(share_claim("bad", "> 0.3"));
    difference_supported += supports(difference);
  }
  EXPECT_LT(static_cast<double>(share_supported) / kStudies, 0.05 + 0.02);
  EXPECT_GT(share_supported, 0) << "the test has no power";
  EXPECT_NEAR(static_cast<double>(difference_supported) / kStudies, 0.025, 0.014);
}

TEST(VerdictTable, FitsAHundredColumnsAndKeepsControlCharactersFromTheTerminal) {
  Judgement judgement = judge(mean_claim("> 0.5"), {}, scored({0.9, 0.91, 0.92}));
  judgement.claim.text = std::string(300, 'x') + " \x1b[31mred " + std::string(120, 'y');
  judgement.note = "a note";
  const std::vector<Judgement> judgements = {judgement, judgement};
  const std::string table = verdict_table(judgements);
  EXPECT_THAT(table, HasSubstr("supported"));
  EXPECT_THAT(table, HasSubstr("(a note)"));
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
  for (std::size_t begin = 0; begin < table.size();) {
    const std::size_t end = table.find('\n', begin);
    EXPECT_LE(end - begin, 100U);
    begin = end + 1;
  }
  EXPECT_EQ(verdict_table({}), "");
}

}  // namespace
}  // namespace hypertune

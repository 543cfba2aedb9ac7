// With what a study may go on, and which trial is to be confirmed in f32.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/confirmation.h"
#include "cli/provenance.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

std::string mismatch(const Json& stored, const Json& now) {
  try {
    require_same_trainer(stored, now, "s");
  } catch (const StudyMismatch& error) {
    return error.what();
  }
  return "";
}

const Json kNative = {
    {"trainer", {{"backend", "native"}, {"device", "cpu"}, {"precision", "f32"}}}};

TEST(SameTrainer, AnotherBackendDeviceOrPrecisionIsRefused) {
  EXPECT_EQ(mismatch(kNative, kNative), "");
  for (const auto& [name, value] : {std::pair("backend", "torch"), std::pair("device", "cuda"),
                                    std::pair("precision", "bf16")}) {
    Json changed = kNative;
    changed["trainer"][name] = value;
    EXPECT_THAT(mismatch(kNative, changed), AllOf(HasSubstr(name), HasSubstr(value)));
  }
}

TEST(SameTrainer, OtherInstructionsAreNoOtherTrainer) {
  Json before = kNative;
  Json now = kNative;
  before["engine"] = {{"instructions", "avx2"}};
  now["engine"] = {{"instructions", "avx512"}};
  EXPECT_EQ(mismatch(before, now), "");
}

TEST(SameTrainer, AStudyFromBeforeThereWereBackendsGoesOnWithLibTorchAlone) {
  const Json before = {{"trainer", {{"epochs", 3}}}};
  Json now = kNative;
  now["trainer"]["epochs"] = 3;
  EXPECT_THAT(mismatch(before, now), HasSubstr("trainer backend = torch, now it is native"));
  now["trainer"]["backend"] = "torch";
  EXPECT_EQ(mismatch(before, now), "");
}

TEST(RecordRun, KeepsWhatLaterRunsComputedWith) {
  const auto storage = memory_storage();
  const StudyId study =
      storage->open_study({"s", {{"val_accuracy", Direction::Maximize}}, SearchSpace(), 1});
  Json now = kNative;
  now["engine"] = {{"instructions", "avx2"}};
  record_run(*storage, study, now, {{"workers", 1}});
  now["engine"] = {{"instructions", "avx512"}};
  const Json stored = record_run(*storage, study, now, {{"workers", 2}});
  EXPECT_EQ(stored["engine"]["instructions"], "avx2");
  ASSERT_EQ(stored["resumed"].size(), 1U);
  EXPECT_EQ(stored["resumed"][0]["engine"]["instructions"], "avx512");
}

TrialRecord trial(int number, double accuracy, const Params& params = {}) {
  TrialRecord record;
  record.number = number;
  record.state = TrialState::Complete;
  record.params = params;
  record.metrics = {{"val_accuracy", accuracy}};
  return record;
}

StudyFile study_file(const std::string& precision) {
  StudyFile file;
  file.spec.objectives = {{"val_accuracy", Direction::Maximize}};
  file.trainer.precision = precision;
  file.trainer.rerun_best_in_f32 = true;
  return file;
}

TEST(TrialToConfirm, IsTheBestOneThatWasTrainedInBf16) {
  const std::vector<TrialRecord> trials = {trial(0, 0.5), trial(1, 0.9), trial(2, 0.7)};
  StudyFile file = study_file("bf16");
  EXPECT_EQ(trial_to_confirm(file, trials, std::nullopt), &trials[1]);
  EXPECT_EQ(trial_to_confirm(file, trials, Confirmation{0, {}}), &trials[1]);
  EXPECT_EQ(trial_to_confirm(file, trials, Confirmation{1, {}}), nullptr);
  EXPECT_EQ(trial_to_confirm(file, {}, std::nullopt), nullptr);
  EXPECT_EQ(trial_to_confirm(study_file("f32"), trials, std::nullopt), nullptr);
  file.trainer.rerun_best_in_f32 = false;
  EXPECT_EQ(trial_to_confirm(file, trials, std::nullopt), nullptr);
}

TEST(TrialToConfirm, HasThePrecisionOfItsParameters) {
  const Params bf16 = {{"precision", std::string("bf16")}};
  const Params f32 = {{"precision", std::string("f32")}};
  const std::vector<TrialRecord> won = {trial(0, 0.5, f32), trial(1, 0.9, bf16)};
  EXPECT_EQ(trial_to_confirm(study_file("f32"), won, std::nullopt), &won[1]);
  const std::vector<TrialRecord> lost = {trial(0, 0.5, bf16), trial(1, 0.9, f32)};
  EXPECT_EQ(trial_to_confirm(study_file("bf16"), lost, std::nullopt), nullptr);
}

TEST(Precisions, AreThoseOfTheOptionOrOfTheParameter) {
  StudyFile file = study_file("bf16");
  EXPECT_THAT(precisions(file), ElementsAre("bf16"));
  file = study_file("f32");
  file.spec.space.grid("batch_norm", {true, false});
  file.spec.space.constant("precision", std::string("bf16"), Condition("batch_norm"));
  EXPECT_THAT(precisions(file), ElementsAre("bf16", "f32"));
  file = study_file("f32");
  file.spec.space.grid("precision", {std::string("f32"), std::string("bf16")});
  EXPECT_THAT(precisions(file), ElementsAre("f32", "bf16"));
}

}  // namespace
}  // namespace hypertune

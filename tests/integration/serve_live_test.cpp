// Studies that change while they are looked at.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "hypertune/error.h"
#include "serve/http.h"
#include "serve/live_studies.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace hypertune {
namespace {

using namespace testing_support;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

StudySpec spec(const std::string& name = "s") {
  StudySpec spec;
  spec.name = name;
  spec.objectives = {{"accuracy", Direction::Maximize}};
  spec.space.add("lr", FloatDomain{1e-4, 1e-1, true});
  return spec;
}

/// A store with a study that others write to by a connection of their own.
class LiveStudiesTest : public testing::Test {
 protected:
  TrialRecord claim() { return store_->claim(study_, {"worker", seconds(60)}).value(); }
  static Claim at(const TrialRecord& trial) { return {trial.id, trial.lease}; }
  void plan(int count) { store_->enqueue(study_, std::vector<TrialPlan>(std::size_t(count))); }
  void decide(const TrialRecord& trial) {
    const Storage::ParamValue lr{"lr", FloatDomain{1e-4, 1e-1, true}, 0.01};
    store_->set_params(at(trial), std::span(&lr, 1));
  }
  void end(const TrialRecord& trial, double accuracy) {
    store_->finish(at(trial), Outcome::complete({{"accuracy", accuracy}}));
  }
  TrialCounts counts() {
    TrialCounts counts;
    live().read(study_, [&](const auto& reading) { counts = reading.table.counts(); });
    return counts;
  }
  LiveStudies& live() {
    if (!live_) live_.emplace(open(), LiveOptions{.pace = milliseconds(20)});
    return *live_;
  }
  std::shared_ptr<Storage> open() { return sqlite_storage(file_); }

  /// The texts of the trial events after `last_`, until one contains `text`.
  std::vector<std::string> texts_until(const std::string& text) {
    std::vector<std::string> texts;
    eventually([&] {
      for (const LiveEvent& event : live().events().after(last_, study_, 100, seconds(1), {})) {
        last_ = event.id;
        if (event.kind != "trial") continue;
        texts.push_back(event.data.at("text"));
        if (texts.back().find(text) != std::string::npos) return true;
      }
      return false;
    });
    return texts;
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_ / "study.db";
  std::shared_ptr<Storage> store_ = sqlite_storage(file_);
  StudyId study_ = store_->open_study(spec());
  std::optional<LiveStudies> live_;
  std::uint64_t last_ = 0;
};

TEST_F(LiveStudiesTest, ReadAStudyThatIsThereWhole) {
  plan(3);
  const TrialRecord trial = claim();
  decide(trial);
  end(trial, 0.9);
  live().read(study_, [&](const auto&) {});
  live().await_loaded(study_, seconds(60));
  live().read(study_, [&](const LiveStudies::Reading& reading) {
    EXPECT_EQ(reading.loaded, 1);
    EXPECT_EQ(reading.table.counts().waiting, 2);
    EXPECT_EQ(reading.table.best(), 0);
    EXPECT_TRUE(reading.facts.ours);
    EXPECT_EQ(reading.facts.spec.name, "s");
  });
}

TEST_F(LiveStudiesTest, TellWhatHappensToATrialStepByStep) {
  live().read(study_, [](const auto&) {});
  live().await_loaded(study_, seconds(60));
  plan(1);
  EXPECT_THAT(texts_until("planned"), ElementsAre("trial 0 was planned"));
  const TrialRecord trial = claim();
  decide(trial);
  EXPECT_THAT(texts_until("started"), ElementsAre("trial 0 started: lr=0.01"));
  store_->add_report(at(trial), {4, {{"accuracy", 0.93}, {"loss", 2}}});
  EXPECT_THAT(texts_until("reported"), ElementsAre("trial 0 reported accuracy 0.93 at step 4"));
  store_->pause(at(trial));
  EXPECT_THAT(texts_until("paused"), ElementsAre("trial 0 paused"));
  const TrialRecord again = store_->resume(at(trial), {"other", seconds(60)}).value();
  EXPECT_THAT(texts_until("goes on"), ElementsAre("trial 0 goes on"));
  end(again, 0.95);
  EXPECT_THAT(texts_until("ended"),
              ElementsAre(HasSubstr("trial 0 ended: Complete, accuracy 0.95 in ")));
}

TEST_F(LiveStudiesTest, NoticeATrialFarBehindTheNextOnesThatWait) {
  plan(500);
  live().read(study_, [](const auto&) {});
  live().await_loaded(study_, seconds(60));
  std::vector<TrialRecord> all;
  for (int i = 0; i < 450; ++i) all.push_back(claim());
  EXPECT_TRUE(eventually([&] { return counts().running == 450; }));
  for (int i = 0; i < 449; ++i) store_->release(at(all[std::size_t(i)]));
  EXPECT_TRUE(eventually([&] { return counts().waiting == 499; }));
  end(all.back(), 0.5);
  EXPECT_TRUE(eventually([&] { return counts().complete == 1; }));
}

TEST_F(LiveStudiesTest, PublishTheSummaryOfAStudyThatChanged) {
  live().read(study_, [](const auto&) {});
  live().await_loaded(study_, seconds(60));
  plan(1);
  end(claim(), 0.7);
  Json summary;
  EXPECT_TRUE(eventually([&] {
    for (const LiveEvent& event : live().events().after(last_, study_, 100, seconds(1), {})) {
      last_ = event.id;
      if (event.kind == "study") summary = event.data.at("summary");
    }
    return !summary.is_null() && summary.at("state") == "done";
  }));
  EXPECT_EQ(summary.at("best").at("value"), 0.7);
  EXPECT_EQ(summary.at("counts").at("complete"), 1);
}

TEST_F(LiveStudiesTest, ListStudiesThatAreNotInMemoryAndTellOfNewOnes) {
  plan(2);
  end(claim(), 0.6);
  auto overviews = live().overviews();
  ASSERT_EQ(overviews.size(), 1U);
  EXPECT_EQ(overviews.front().counts.complete, 1);
  EXPECT_EQ(overviews.front().best->number, 0);
  EXPECT_TRUE(overviews.front().changed);
  store_->open_study(spec("another"));
  EXPECT_TRUE(eventually([&] {
    for (const LiveEvent& event : live().events().after(last_, {}, 100, seconds(1), {})) {
      last_ = event.id;
      if (event.kind == "studies" && event.data.at("studies").size() == 2) return true;
    }
    return false;
  }));
  EXPECT_EQ(live().overviews().size(), 2U);
}

TEST_F(LiveStudiesTest, RefuseAStudyThatIsNotThere) {
  EXPECT_FALSE(live().has(99));
  EXPECT_FALSE(live().trial(99, 0));
  try {
    live().read(99, [](const auto&) {});
    FAIL() << "a study that is not there was read";
  } catch (const HttpError& e) {
    EXPECT_EQ(e.status, 404);
    EXPECT_THAT(e.message, HasSubstr("99"));
  }
}

TEST_F(LiveStudiesTest, SayWhyTheStoreCannotBeReadAndGoOnWhenItCan) {
  plan(1);
  EXPECT_EQ(counts().waiting, 1);
  EXPECT_EQ(live().trouble(), "");
  const auto aside = folder_ / "aside.db";
  std::filesystem::rename(file_, aside);
  EXPECT_TRUE(eventually([&] {
    EXPECT_EQ(counts().waiting, 1);  // what was read stays
    return live().trouble().find("moved") != std::string::npos;
  }));
  std::filesystem::rename(aside, file_);
  EXPECT_TRUE(eventually([&] {
    counts();
    return live().trouble().empty();
  }));
  plan(1);
  EXPECT_TRUE(eventually([&] { return counts().waiting == 2; }));
}

TEST_F(LiveStudiesTest, ForgetAStudyThatNobodyAsksFor) {
  live_.emplace(open(), LiveOptions{.pace = milliseconds(20), .kept = seconds(0)});
  plan(1);
  EXPECT_EQ(counts().waiting, 1);
  plan(1);
  EXPECT_TRUE(eventually([&] { return counts().waiting == 2; }));
}

}  // namespace
}  // namespace hypertune

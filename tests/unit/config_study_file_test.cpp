// Study files without fault: what they say is what the structs hold; overrides; checksums.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/files.h"
#include "base/sha256.h"
#include "config/study_file.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

using testing::ElementsAre;

const std::filesystem::path kFlagship =
    std::filesystem::path(HYPERTUNE_SOURCE_DIR) / "experiments/batchnorm_vs_learning_rate.toml";

const std::string kStudy =
    "[study]\n"
    "name = \"s\"\n"
    "objectives = [{ metric = \"val_accuracy\", direction = \"maximize\" }]\n";

StudyFile parse(const std::string& more, const Overrides& overrides = {}) {
  return parse_study_file(kStudy + more, "study.toml", overrides);
}

std::vector<std::string> names(const SearchSpace& space) {
  std::vector<std::string> names;
  for (const Parameter& parameter : space.parameters()) names.push_back(parameter.name);
  return names;
}

TEST(StudyFile, OfTheFlagshipHoldsItsPlan) {
  const StudyFile file = load_study_file(kFlagship);
  EXPECT_EQ(file.spec.name, "batchnorm-vs-learning-rate");
  EXPECT_EQ(file.spec.seed, 11U);
  EXPECT_THAT(file.spec.objectives, ElementsAre(Objective{"val_accuracy", Direction::Maximize}));

  SearchSpace space;
  space.grid("batch_norm", {true, false});
  space.add("learning_rate", FloatDomain{.low = 1e-4, .high = 1e-1, .log = true});
  EXPECT_EQ(file.spec.space, space);

  EXPECT_EQ(to_string(file.sampler), "random");
  EXPECT_EQ(to_string(file.scheduler), "fifo");
  EXPECT_EQ(file.tune.num_samples, 10);
  EXPECT_TRUE(file.tune.paired);
  EXPECT_EQ(file.tune.workers, 2);
  EXPECT_THAT(file.trainer.dataset, ElementsAre("gestures", "fashion-mnist"));
  EXPECT_THAT(file.trainer.channels, ElementsAre(32, 64, 128));
  EXPECT_EQ(file.trainer.validation_share, 0.2);
  EXPECT_EQ(file.trainer.epochs, 10);
}

TEST(StudyFile, OfTheFlagshipHoldsItsClaims) {
  const Experiment experiment = load_study_file(kFlagship).experiment;
  EXPECT_EQ(experiment.title, "Batch normalization and the learning rate");
  EXPECT_TRUE(experiment.hypothesis.starts_with("Batch normalization keeps"));
  EXPECT_EQ(experiment.study_file, "batchnorm_vs_learning_rate.toml");
  EXPECT_EQ(experiment.study_file_sha256, sha256(read_file(kFlagship)));

  ASSERT_EQ(experiment.claims.size(), 5U);
  const ClaimStatement& mean = experiment.claims[0];
  EXPECT_EQ(mean.estimand, Estimand::Mean);
  EXPECT_EQ(mean.subject, "val_accuracy");
  EXPECT_EQ(mean.along, "");
  EXPECT_EQ(mean.where, Condition("batch_norm and learning_rate > 0.01"));
  EXPECT_EQ(mean.expect.low, 0.8);
  EXPECT_EQ(experiment.claims[1].estimand, Estimand::Share);
  EXPECT_EQ(experiment.claims[1].subject, "collapsed");
  EXPECT_EQ(experiment.claims[2].estimand, Estimand::Onset);
  EXPECT_EQ(experiment.claims[2].along, "learning_rate");
  EXPECT_EQ(experiment.claims[3].estimand, Estimand::PairedDifference);
  EXPECT_EQ(experiment.claims[3].subject, "val_accuracy");
  EXPECT_EQ(experiment.claims[3].along, "batch_norm");
  EXPECT_EQ(experiment.claims[3].expect.high, 0.1);
}

TEST(StudyFile, OfTheSmallestKindHasTheDefaultsOfTheStructs) {
  const StudyFile file = parse("");
  EXPECT_TRUE(file.spec.space.empty());
  EXPECT_EQ(to_string(file.sampler), "random");
  EXPECT_EQ(to_string(file.scheduler), "fifo");
  EXPECT_EQ(file.tune.num_samples, TuneOptions().num_samples);
  EXPECT_EQ(file.tune.lease, TuneOptions().lease);
  EXPECT_EQ(file.trainer.epochs, TrainerOptions().epochs);
  EXPECT_EQ(file.experiment.title, "s");
  EXPECT_TRUE(file.experiment.claims.empty());
}

TEST(StudyFile, UsesEveryCoreWhenItAsksForNoWorkers) {
  EXPECT_GE(parse("[tune]\nworkers = 0\n").tune.workers, 1);
}

TEST(StudyFile, UsesNoMoreCoresThanItsLagAllows) {
  EXPECT_EQ(parse("[tune]\nworkers = 0\nlag = 0\n").tune.workers, 1);
}

TEST(StudyFile, ReadsEveryKeyOfTune) {
  const TuneOptions tune = parse(
                               "[tune]\nnum_samples = 3\npaired = true\nworkers = 4\n"
                               "max_attempts = 5\nlease_s = 6\nlag = 3\n")
                               .tune;
  EXPECT_EQ(tune.lag, 3);
  EXPECT_EQ(tune.num_samples, 3);
  EXPECT_TRUE(tune.paired);
  EXPECT_EQ(tune.workers, 4);
  EXPECT_EQ(tune.max_attempts, 5);
  EXPECT_EQ(tune.lease, std::chrono::seconds(6));
}

TEST(Space, KeepsTheOrderOfTheFile) {
  EXPECT_THAT(names(parse("[space]\npool = 2\nkernel = 3\nepochs = 4\ndropout = 0.5\n").spec.space),
              ElementsAre("pool", "kernel", "epochs", "dropout"));
  EXPECT_THAT(names(parse_study_file("space = { pool = 2, kernel = 3, epochs = 4 }\n" + kStudy,
                                     "study.toml")
                        .spec.space),
              ElementsAre("pool", "kernel", "epochs"));
}

TEST(Space, ReadsEveryWayOfWritingAParameter) {
  const SearchSpace space = parse(R"([space]
    optimizer     = { choice = ["sgd", "momentum"] }
    learning_rate = { float = [1e-4, 1], log = true }
    dropout       = { float = [0, 0.5], step = 0.1 }
    batch_size    = { int = [8, 64], step = 8 }
    patience      = { int = [100, 1000], log = true }
    pool          = { grid = [1, 2] }
    epochs        = 7
    momentum      = { float = [0, 0.9], when = "optimizer == 'momentum'" }
  )")
                                .spec.space;
  SearchSpace expected;
  expected.add("optimizer", CategoricalDomain{{std::string("sgd"), std::string("momentum")}})
      .add("learning_rate", FloatDomain{.low = 1e-4, .high = 1, .log = true})
      .add("dropout", FloatDomain{.low = 0, .high = 0.5, .step = 0.1})
      .add("batch_size", IntDomain{.low = 8, .high = 64, .step = 8})
      .add("patience", IntDomain{.low = 100, .high = 1000, .log = true})
      .grid("pool", {std::int64_t{1}, std::int64_t{2}})
      .constant("epochs", std::int64_t{7})
      .add("momentum", FloatDomain{.low = 0, .high = 0.9}, Condition("optimizer == 'momentum'"));
  EXPECT_EQ(space, expected);
}

TEST(Space, HoldsListsAsText) {
  const SearchSpace space =
      parse("[space]\nchannels = { choice = [[32, 64], \"8,16\", 4] }\n").spec.space;
  EXPECT_EQ(
      space.parameters().front().domain,
      Domain(CategoricalDomain{{std::string("32,64"), std::string("8,16"), std::int64_t{4}}}));
}

TEST(Trainer, TakesListsAsListsOrText) {
  EXPECT_THAT(parse("[trainer]\nchannels = [8, 16]\n").trainer.channels, ElementsAre(8, 16));
  EXPECT_THAT(parse("[trainer]\nchannels = \"8,16\"\n").trainer.channels, ElementsAre(8, 16));
  EXPECT_THAT(parse("[trainer]\ndataset = \"gestures\"\n").trainer.dataset,
              ElementsAre("gestures"));
}

TEST(Overrides, ReplaceValuesOfAnyType) {
  const StudyFile file =
      parse("[tune]\nworkers = 1\n",
            {"tune.workers=3", "tune.paired = true", "study.name=other", "study.seed=7",
             "trainer.optimizer=sgd", "trainer.dropout=0.25", "trainer.channels=[8,16]",
             "experiment.title=a = b", "tune.workers=4"});
  EXPECT_EQ(file.tune.workers, 4);  // the last one counts
  EXPECT_TRUE(file.tune.paired);
  EXPECT_EQ(file.spec.name, "other");
  EXPECT_EQ(file.spec.seed, 7U);
  EXPECT_EQ(file.trainer.optimizer, "sgd");
  EXPECT_EQ(file.trainer.dropout, 0.25);
  EXPECT_THAT(file.trainer.channels, ElementsAre(8, 16));
  EXPECT_EQ(file.experiment.title, "a = b");
}

TEST(Overrides, ReplaceAParameterOfTheSpaceWhereItStands) {
  const std::string text = "[space]\npool = 2\nkernel = { grid = [3, 5] }\nepochs = 4\n";
  const SearchSpace space =
      parse(text, {"space.kernel={int=[3,9],step=2}", "space.pool=3"}).spec.space;
  SearchSpace expected;
  expected.constant("pool", std::int64_t{3})
      .add("kernel", IntDomain{.low = 3, .high = 9, .step = 2})
      .constant("epochs", std::int64_t{4});
  EXPECT_EQ(space, expected);
}

TEST(Overrides, ReplaceAPartOfAParameter) {
  const SearchSpace space = parse("[space]\nlearning_rate = { float = [1e-4, 1e-1], log = true }\n",
                                  {"space.learning_rate.log=false"})
                                .spec.space;
  EXPECT_FALSE(std::get<FloatDomain>(space.parameters().front().domain).log);
}

TEST(Overrides, AddParametersAfterThoseOfTheFileInTheirOwnOrder) {
  EXPECT_THAT(
      names(parse("[space]\npool = 2\n", {"space.kernel=3", "space.epochs=1", "space.dropout=0.5"})
                .spec.space),
      ElementsAre("pool", "kernel", "epochs", "dropout"));
}

TEST(Overrides, ChangeTheChecksum) {
  const std::string plain = parse("").experiment.study_file_sha256;
  EXPECT_EQ(plain, sha256(kStudy));
  EXPECT_EQ(parse("", {"tune.workers=2"}).experiment.study_file_sha256,
            sha256(kStudy + "\n--set tune.workers=2"));
}

}  // namespace
}  // namespace hypertune

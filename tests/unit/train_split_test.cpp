// Subsets of data sets, and their division into training and validation samples.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "hypertune/error.h"
#include "support/made_up_data.h"
#include "train/split.h"

namespace hypertune {
namespace {

using testing::HasSubstr;
using testing_support::bar_data;
using testing_support::wave_data;

std::set<std::int64_t> as_set(const std::vector<std::int64_t>& numbers) {
  return {numbers.begin(), numbers.end()};
}

std::string fault_of_split(const Dataset& data, const TrainerOptions& options) {
  try {
    split_dataset(data, options, 1);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

TEST(RandomSubset, HoldsDifferentNumbersInRandomOrder) {
  const auto all = random_subset(100, 100, 1, "test");
  EXPECT_EQ(as_set(all).size(), 100U);
  EXPECT_FALSE(std::ranges::is_sorted(all));
  EXPECT_EQ(all, random_subset(100, 100, 1, "test"));
  EXPECT_NE(all, random_subset(100, 100, 2, "test"));
  EXPECT_NE(all, random_subset(100, 100, 1, "other"));
  EXPECT_EQ(as_set(random_subset(100, 30, 1, "test")).size(), 30U);
  EXPECT_TRUE(random_subset(0, 0, 1, "test").empty());
}

TEST(Split, AtRandomPutsEverySampleOnOneSide) {
  const Dataset data = wave_data(101);
  const Split split = split_dataset(data, {}, 1);
  EXPECT_EQ(split.validation.size(), 20U);
  EXPECT_EQ(split.train.size(), 81U);
  std::set<std::int64_t> all = as_set(split.train);
  all.merge(as_set(split.validation));
  EXPECT_EQ(all.size(), 101U);
  EXPECT_TRUE(split.held_out.empty());
}

TEST(Split, IsTheSameForTheSameSeedAndAnotherForAnother) {
  const Dataset data = wave_data(100);
  EXPECT_EQ(split_dataset(data, {}, 5).validation, split_dataset(data, {}, 5).validation);
  EXPECT_NE(split_dataset(data, {}, 5).validation, split_dataset(data, {}, 6).validation);
}

TEST(Split, ByUserHoldsOutWholeUsers) {
  const Dataset data = wave_data(101);
  const Split split = split_dataset(data, {.split = "by-user", .validation_share = 0.3}, 1);
  EXPECT_EQ(split.held_out.size(), 2U);  // 0.3 of 4 users, rounded up
  std::set<int> train;
  std::set<int> validation;
  for (const auto i : split.train) train.insert(data.user_of[static_cast<std::size_t>(i)]);
  for (const auto i : split.validation)
    validation.insert(data.user_of[static_cast<std::size_t>(i)]);
  EXPECT_EQ(train.size(), 2U);
  EXPECT_EQ(validation.size(), 2U);
  for (const int user : validation) EXPECT_FALSE(train.contains(user));
  EXPECT_EQ(split.train.size() + split.validation.size(), 101U);
}

TEST(Split, ByUserLeavesAUserOnEitherSide) {
  const Dataset data = wave_data(40);
  const auto held_out = [&](double share) {
    const TrainerOptions options{.split = "by-user", .validation_share = share};
    return split_dataset(data, options, 1).held_out.size();
  };
  EXPECT_EQ(held_out(0.01), 1U);
  EXPECT_EQ(held_out(0.25), 1U);
  EXPECT_EQ(held_out(0.99), 3U);
}

TEST(Split, ByUserIsRefusedForDataWithoutUsers) {
  EXPECT_THAT(fault_of_split(bar_data(10), {.split = "by-user"}), HasSubstr("bars has no users"));
  Dataset one_user = wave_data(10);
  one_user.users = {"U01"};
  one_user.user_of.assign(10, 0);
  EXPECT_THAT(fault_of_split(one_user, {.split = "by-user"}), HasSubstr("two users"));
}

TEST(Split, TooFewSamplesAreRefused) {
  EXPECT_THAT(fault_of_split(wave_data(1), {}), HasSubstr("fewer than 2"));
  const Split split = split_dataset(wave_data(2), {.validation_share = 0.01}, 1);
  EXPECT_EQ(split.train.size(), 1U);
  EXPECT_EQ(split.validation.size(), 1U);
}

TEST(Subset, KeepsSamplesWithTheirLabelsAndUsers) {
  const Dataset data = wave_data(50);
  const Dataset part = subset(data, {.max_samples = 20, .seed = 3});
  ASSERT_EQ(part.size(), 20);
  EXPECT_EQ(part.user_of.size(), 20U);
  EXPECT_EQ(part.values.size(), static_cast<std::size_t>(20 * data.shape.size()));
  int found = 0;
  for (std::int64_t i = 0; i < part.size(); ++i)
    for (std::int64_t j = 0; j < data.size(); ++j)
      if (std::equal(part.sample(i), part.sample(i) + data.shape.size(), data.sample(j))) {
        ++found;
        EXPECT_EQ(part.labels[static_cast<std::size_t>(i)],
                  data.labels[static_cast<std::size_t>(j)]);
        EXPECT_EQ(part.user_of[static_cast<std::size_t>(i)],
                  data.user_of[static_cast<std::size_t>(j)]);
      }
  EXPECT_EQ(found, 20);
  EXPECT_EQ(subset(data, {.max_samples = 1000}).size(), 50);
}

}  // namespace
}  // namespace hypertune

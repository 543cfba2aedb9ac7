// Forests learn, and fANOVA's shares are the exact integrals over their trees.
#include "math/fanova.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace hypertune {
namespace {

/// Rows of random numbers in [0, 1] and random categories.
Observations random_rows(const std::vector<std::size_t>& categories, std::size_t n, Rng rng) {
  Observations table;
  for (const std::size_t count : categories) {
    auto& column = table.columns.emplace_back();
    column.categories = count;
    for (std::size_t i = 0; i < n; ++i) {
      column.entries.push_back(count == 0 ? rng.uniform() : static_cast<double>(rng.below(count)));
    }
  }
  table.targets.resize(n);
  return table;
}

double at(const Observations& table, std::size_t column, std::size_t row) {
  return table.columns[column].entries[row];
}

TEST(Forest, OfOneTreeThatSawEveryRowAnswersWithItsTargets) {
  Observations table = random_rows({0, 3}, 1, Rng(1));
  table.targets = {7};
  const Forest forest = grow_forest(table, Rng(2), {.trees = 3});
  ASSERT_EQ(forest.trees.size(), 3U);
  EXPECT_EQ(forest.trees[0].size(), 1U);
  EXPECT_EQ(forest.trees[0][0].value, 7);
  EXPECT_FALSE(forest.explained) << "no row was left to be predicted";
}

TEST(Forest, ExplainsAFunctionAndNoNoise) {
  Observations table = random_rows({0, 0, 4}, 400, Rng(3));
  Rng noise(4);
  for (std::size_t row = 0; row < 400; ++row) {
    table.targets[row] = 3 * at(table, 0, row) + (at(table, 2, row) == 2 ? 2 : 0);
  }
  EXPECT_GT(grow_forest(table, Rng(5)).explained.value(), 0.95);
  for (double& target : table.targets) target = noise.normal();
  EXPECT_LT(grow_forest(table, Rng(5)).explained.value(), 0.1);
}

TEST(Forest, IsTheSameForTheSameArgumentsAndAnotherForAnotherGenerator) {
  Observations table = random_rows({0, 3}, 60, Rng(6));
  for (std::size_t row = 0; row < 60; ++row) table.targets[row] = std::sin(9 * at(table, 0, row));
  const auto first = grow_forest(table, Rng(7)).explained;
  EXPECT_EQ(first, grow_forest(table, Rng(7)).explained);
  EXPECT_NE(first, grow_forest(table, Rng(8)).explained);
}

TEST(Forest, SplitsNoDeeperThanItMay) {
  Observations table = random_rows({0}, 50, Rng(9));
  for (std::size_t row = 0; row < 50; ++row) table.targets[row] = static_cast<double>(row);
  for (const RegressionTree& tree : grow_forest(table, Rng(1), {.trees = 5, .depth = 1}).trees) {
    EXPECT_EQ(tree.size(), 3U);
  }
}

TEST(Fanova, GivesWhatIsIntegratedByHand) {
  // 1 where x <= 1/4; otherwise 4 for the last of three categories and 0 for the others.
  const RegressionTree tree = {{.column = 0, .threshold = 0.25, .left = 1, .right = 2, .value = 1},
                               {.value = 1},
                               {.column = 1, .threshold = 2, .left = 3, .right = 4, .value = 1},
                               {.value = 4},
                               {.value = 0}};
  const Forest forest{.trees = {tree}};
  const std::array<std::size_t, 2> categories = {0, 3};
  // Means over the category: 1 and 4/3; over x: 1/4, 1/4 and 13/4; over all: 5/4.
  const double whole = 0.25 + 0.75 * 16 / 3 - 25.0 / 16;
  const double of_x = 0.25 / 16 + 0.75 / 144;
  const double of_category = 2;
  const VarianceParts parts =
      variance_parts(forest, categories, std::vector<ColumnPair>{{0, 1}, {1, 0}});
  ASSERT_EQ(parts.columns.size(), 2U);
  EXPECT_NEAR(parts.columns[0].mean, of_x / whole, 1e-12);
  EXPECT_NEAR(parts.columns[1].mean, of_category / whole, 1e-12);
  ASSERT_EQ(parts.pairs.size(), 2U);
  for (const VarianceShare& share : parts.pairs) {
    EXPECT_NEAR(share.mean, (whole - of_x - of_category) / whole, 1e-12);
  }
}

/// The prediction of a tree at a point.
double prediction(const RegressionTree& tree, const std::vector<std::size_t>& categories,
                  const std::array<double, 3>& point) {
  const TreeNode* node = tree.data();
  while (node->column) {
    const double entry = point[*node->column];
    const bool left =
        categories[*node->column] == 0 ? entry <= node->threshold : entry == node->threshold;
    node = &tree[left ? node->left : node->right];
  }
  return node->value;
}

TEST(Fanova, AgreesWithAveragesOverAGridThatResolvesEverySplit) {
  // Numbers are multiples of 1/8, so that splits lie at multiples of 1/16 and a point in the middle
  // of each sixteenth stands for all of it.
  constexpr std::size_t kParts = 16;
  const std::vector<std::size_t> categories = {0, 5, 0};
  Observations table = random_rows(categories, 120, Rng(10));
  for (const std::size_t column : {0U, 2U}) {
    for (double& entry : table.columns[column].entries) entry = std::round(8 * entry) / 8;
  }
  Rng noise(11);
  for (std::size_t row = 0; row < 120; ++row) {
    table.targets[row] = at(table, 0, row) * (at(table, 1, row) + noise.normal());
  }
  const Forest forest = grow_forest(table, Rng(12), {.trees = 1});
  const auto middle = [](std::size_t part) { return (static_cast<double>(part) + 0.5) / kParts; };
  std::vector<double> by_first(kParts), by_second(5), by_third(kParts), by_both(kParts * 5);
  double mean = 0;
  double squares = 0;
  const double points = kParts * 5 * kParts;
  for (std::size_t i = 0; i < kParts; ++i) {
    for (std::size_t j = 0; j < 5; ++j) {
      for (std::size_t k = 0; k < kParts; ++k) {
        const double value =
            prediction(forest.trees[0], categories, {middle(i), static_cast<double>(j), middle(k)});
        by_first[i] += value * kParts / points;
        by_second[j] += value * 5 / points;
        by_third[k] += value * kParts / points;
        by_both[i * 5 + j] += value * kParts * 5 / points;
        mean += value / points;
        squares += value * value / points;
      }
    }
  }
  const auto variance = [&](const std::vector<double>& means) {
    double sum = 0;
    for (const double one : means) sum += std::pow(one - mean, 2);
    return sum / static_cast<double>(means.size());
  };
  const double whole = squares - mean * mean;
  const VarianceParts parts = variance_parts(forest, categories, std::vector<ColumnPair>{{0, 1}});
  EXPECT_NEAR(parts.columns[0].mean, variance(by_first) / whole, 1e-9);
  EXPECT_NEAR(parts.columns[1].mean, variance(by_second) / whole, 1e-9);
  EXPECT_NEAR(parts.columns[2].mean, variance(by_third) / whole, 1e-9);
  EXPECT_NEAR(parts.pairs[0].mean,
              (variance(by_both) - variance(by_first) - variance(by_second)) / whole, 1e-9);
}

TEST(Fanova, SharesOfAnAdditiveFunctionAreThoseOfItsTerms) {
  // Variances of the terms: 9/12, 4/12 and, of a fair category, 1/4.
  const std::vector<std::size_t> categories = {0, 0, 2, 0};
  Observations table = random_rows(categories, 1500, Rng(13));
  for (std::size_t row = 0; row < 1500; ++row) {
    table.targets[row] = 3 * at(table, 0, row) - 2 * at(table, 1, row) + at(table, 2, row);
  }
  const auto shares = variance_parts(grow_forest(table, Rng(14)), categories).columns;
  const double whole = 9.0 / 12 + 4.0 / 12 + 1.0 / 4;
  // Leaves are as wide as rows are sparse: at 1500 rows in three dimensions that blurs a few
  // hundredths.
  EXPECT_NEAR(shares[0].mean, 9.0 / 12 / whole, 0.03);
  EXPECT_NEAR(shares[1].mean, 4.0 / 12 / whole, 0.03);
  EXPECT_NEAR(shares[2].mean, 1.0 / 4 / whole, 0.03);
  EXPECT_LT(shares[3].mean, 0.005);
  for (const VarianceShare& share : shares) {
    EXPECT_LT(share.low, share.mean);
    EXPECT_GT(share.high, share.mean);
  }
}

TEST(Fanova, ThatTwoColumnsDoSomethingOnlyTogetherIsSeenInTheirInteraction) {
  const std::vector<std::size_t> categories = {0, 2, 0};
  Observations table = random_rows(categories, 1000, Rng(15));
  for (std::size_t row = 0; row < 1000; ++row) {
    table.targets[row] = (at(table, 0, row) < 0.5) == (at(table, 1, row) == 0) ? 1 : -1;
  }
  const VarianceParts parts = variance_parts(grow_forest(table, Rng(16)), categories,
                                             std::vector<ColumnPair>{{0, 1}, {0, 2}});
  // No first split of a tree helps, so that it is one by chance, and blurs what lies below.
  for (const VarianceShare& share : parts.columns) EXPECT_LT(share.mean, 0.05);
  EXPECT_GT(parts.pairs[0].mean, 0.8);
  EXPECT_LT(parts.pairs[1].mean, 0.05);
}

TEST(Fanova, WithoutVarianceNothingMatters) {
  Observations table = random_rows({0, 2}, 20, Rng(17));
  const VarianceParts parts =
      variance_parts(grow_forest(table, Rng(18)), std::array<std::size_t, 2>{0, 2});
  for (const VarianceShare& share : parts.columns) EXPECT_EQ(share.mean, 0);
}

}  // namespace
}  // namespace hypertune

// Random forests for regression: averages of trees, each grown on a sample of the observations.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "hypertune/rng.h"

namespace hypertune {

/// A table to learn from: one target for each row.
struct Observations {
  struct Column {
    /// 0: numbers. Otherwise how many categories there are; the entries are their indices.
    std::size_t categories = 0;
    std::vector<double> entries = {};
  };
  std::vector<Column> columns;
  std::vector<double> targets;
};

/// A node of a tree; nodes come before their children, the root first.
struct TreeNode {
  /// Which column is asked; nothing for a leaf.
  std::optional<std::size_t> column = {};
  /// Rows whose number is at most this, or whose category is this, go left.
  double threshold = 0;
  std::size_t left = 0;
  std::size_t right = 0;
  double value = 0;  ///< mean target of the rows that come here
};
using RegressionTree = std::vector<TreeNode>;

struct ForestOptions {
  int trees = 64;
  int depth = 64;  ///< splits from the root to a leaf, at most
};

struct Forest {
  std::vector<RegressionTree> trees;
  /// Which part of the targets' variance the forest predicts, each row by the trees that were grown
  /// without it; negative when the mean predicts better. Nothing when the targets are all equal, or
  /// when every tree saw every row.
  std::optional<double> explained = {};
};

/// Grows each tree on as many rows as there are, drawn with replacement, until its leaves are pure.
/// The result depends on the arguments alone. Requires a row, finite entries and finite targets.
Forest grow_forest(const Observations& observations, const Rng& rng,
                   const ForestOptions& options = {});

}  // namespace hypertune

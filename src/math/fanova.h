// Functional analysis of variance of a forest: which part of the variance each column causes.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "math/forest.h"

namespace hypertune {

/// A share of the variance: the mean over the trees, and between what nine tenths of them lie.
struct VarianceShare {
  double mean = 0;
  double low = 0;
  double high = 0;
};

using ColumnPair = std::pair<std::size_t, std::size_t>;

/// Parts of a variance. With the parts that are not listed they add up to 1.
struct VarianceParts {
  /// Of each column: what is left when the prediction is averaged over all other columns.
  std::vector<VarianceShare> columns;
  /// Of each pair: what its columns cause together and neither causes alone.
  std::vector<VarianceShare> pairs;
};

/// Takes the variance of the forest's prediction apart. `categories` says of each column how its
/// values are spread: 0 means evenly over [0, 1], as the forest's numbers must be, otherwise so
/// many categories, each as likely. All parts are 0 where no tree has variance.
VarianceParts variance_parts(const Forest& forest, std::span<const std::size_t> categories,
                             std::span<const ColumnPair> pairs = {});

}  // namespace hypertune

// fANOVA: Hutter, Hoos and Leyton-Brown, "An efficient approach for assessing hyperparameter
// importance", ICML 2014. A leaf predicts the same everywhere in a box, so that averages over the
// space are sums over leaves: exact, without samples.
//
// Deviation from Optuna's FanovaImportanceEvaluator: there a category is a column of zeros and ones
// for each choice, and averages include points at which several choices hold or none; here each
// choice has its share of the space.
#include "math/fanova.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/assert.h"

namespace hypertune {
namespace {

/// Cells of a column from `begin` to before `end`.
struct Run {
  std::size_t begin;
  std::size_t end;
};

/// What a box covers of a column.
struct Side {
  std::vector<Run> runs;
  double width = 1;
};

/// The cells of a column: a category each, or what lies between the thresholds of a tree.
struct Cells {
  std::vector<double> thresholds;
  std::vector<double> widths;
};

Cells cells_of(const RegressionTree& tree, std::size_t column, std::size_t categories) {
  if (categories > 0) {
    return {{}, std::vector<double>(categories, 1 / static_cast<double>(categories))};
  }
  Cells cells;
  for (const TreeNode& node : tree) {
    if (node.column == column) cells.thresholds.push_back(node.threshold);
  }
  std::ranges::sort(cells.thresholds);
  const auto repeated = std::ranges::unique(cells.thresholds);
  cells.thresholds.erase(repeated.begin(), repeated.end());
  double last = 0;
  for (const double threshold : cells.thresholds) {
    cells.widths.push_back(threshold - last);
    last = threshold;
  }
  cells.widths.push_back(1 - last);
  return cells;
}

/// The runs without one cell of theirs.
std::vector<Run> without(const std::vector<Run>& runs, std::size_t cell) {
  std::vector<Run> rest;
  for (const Run& run : runs) {
    if (cell < run.begin || cell >= run.end) {
      rest.push_back(run);
      continue;
    }
    if (run.begin < cell) rest.push_back({run.begin, cell});
    if (cell + 1 < run.end) rest.push_back({cell + 1, run.end});
  }
  return rest;
}

/// Goes through the leaves of a tree with the boxes that they predict for.
class Leaves {
 public:
  Leaves(const RegressionTree& tree, std::span<const std::size_t> categories)
      : tree_(tree), categories_(categories) {
    for (std::size_t column = 0; column < categories.size(); ++column) {
      cells_.push_back(cells_of(tree, column, categories[column]));
      box_.push_back({{{0, cells_.back().widths.size()}}});
    }
  }

  const std::vector<double>& widths(std::size_t column) const { return cells_[column].widths; }

  /// Calls `visit(value, volume, box)` for each leaf. Values are relative to the root's, so that
  /// their squares lose no digits.
  template <typename Visit>
  void for_each(const Visit& visit) {
    go(0, 1, visit);
  }

 private:
  template <typename Visit>
  void go(std::size_t index, double volume, const Visit& visit) {
    const TreeNode& node = tree_[index];
    if (!node.column) {
      visit(node.value - tree_.front().value, volume, std::span<const Side>(box_));
      return;
    }
    Side& side = box_[*node.column];
    const Side whole = side;
    const auto enter = [&](std::size_t child, std::vector<Run> runs, double width) {
      if (width <= 0) return;  // nothing lies there
      side = {std::move(runs), width};
      go(child, volume / whole.width * width, visit);
    };
    if (categories_[*node.column] > 0) {
      const auto category = static_cast<std::size_t>(node.threshold);
      const double width = 1 / static_cast<double>(categories_[*node.column]);
      enter(node.left, {{category, category + 1}}, width);
      enter(node.right, without(whole.runs, category), whole.width - width);
    } else {
      const Cells& cells = cells_[*node.column];
      const auto cut = std::ranges::lower_bound(cells.thresholds, node.threshold);
      const auto middle = static_cast<std::size_t>(cut - cells.thresholds.begin()) + 1;
      const auto [begin, end] = whole.runs.front();
      const double low = begin == 0 ? 0 : cells.thresholds[begin - 1];
      const double high = end == cells.widths.size() ? 1 : cells.thresholds[end - 1];
      enter(node.left, {{begin, middle}}, node.threshold - low);
      enter(node.right, {{middle, end}}, high - node.threshold);
    }
    side = whole;
  }

  const RegressionTree& tree_;
  std::span<const std::size_t> categories_;
  std::vector<Cells> cells_;
  std::vector<Side> box_;
};

/// Mean and variance of something that is spread over the space.
struct Moments {
  double mean = 0;
  double mean_square = 0;
  void add(double value, double weight) {
    mean += weight * value;
    mean_square += weight * value * value;
  }
  double variance() const { return std::max(0.0, mean_square - mean * mean); }
};

/// The variance of a tree's prediction, whole and averaged over all columns but one.
struct Variances {
  double whole = 0;
  std::vector<double> of_column;
};

/// Steps of a function of cells: what begins at a cell is added there and taken away at its end.
double variance_of_steps(const std::vector<double>& steps, const std::vector<double>& widths) {
  Moments moments;
  double value = 0;
  for (std::size_t cell = 0; cell < widths.size(); ++cell) {
    value += steps[cell];
    moments.add(value, widths[cell]);
  }
  return moments.variance();
}

Variances variances(Leaves& leaves, std::size_t columns) {
  std::vector<std::vector<double>> steps;
  for (std::size_t column = 0; column < columns; ++column) {
    steps.emplace_back(leaves.widths(column).size() + 1);
  }
  Moments whole;
  leaves.for_each([&](double value, double volume, std::span<const Side> box) {
    whole.add(value, volume);
    for (std::size_t column = 0; column < columns; ++column) {
      const double part = value * volume / box[column].width;
      for (const Run& run : box[column].runs) {
        steps[column][run.begin] += part;
        steps[column][run.end] -= part;
      }
    }
  });
  Variances result{.whole = whole.variance(), .of_column = {}};
  for (std::size_t column = 0; column < columns; ++column) {
    result.of_column.push_back(variance_of_steps(steps[column], leaves.widths(column)));
  }
  return result;
}

/// The variance of the prediction when it is averaged over all columns but two: goes through the
/// cells of the first, and keeps the steps along the second.
double joint_variance(Leaves& leaves, std::size_t first, std::size_t second) {
  struct Step {
    std::size_t cell;
    double by;
  };
  const std::vector<double>& rows = leaves.widths(first);
  const std::vector<double>& cells = leaves.widths(second);
  std::vector<std::vector<Step>> changes(rows.size() + 1);
  leaves.for_each([&](double value, double volume, std::span<const Side> box) {
    const double part = value * volume / box[first].width / box[second].width;
    for (const Run& row : box[first].runs) {
      for (const Run& run : box[second].runs) {
        changes[row.begin].push_back({run.begin, part});
        changes[row.begin].push_back({run.end, -part});
        changes[row.end].push_back({run.begin, -part});
        changes[row.end].push_back({run.end, part});
      }
    }
  });
  Moments moments;
  std::vector<double> steps(cells.size() + 1);
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (const Step& step : changes[row]) steps[step.cell] += step.by;
    double value = 0;
    for (std::size_t cell = 0; cell < cells.size(); ++cell) {
      value += steps[cell];
      moments.add(value, rows[row] * cells[cell]);
    }
  }
  return moments.variance();
}

VarianceShare summary(std::vector<double> shares) {
  if (shares.empty()) return {};
  std::ranges::sort(shares);
  const auto quantile = [&](double q) {
    const double at = q * static_cast<double>(shares.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const auto above = std::min(below + 1, shares.size() - 1);
    return std::lerp(shares[below], shares[above], at - std::floor(at));
  };
  double sum = 0;
  for (const double share : shares) sum += share;
  return {sum / static_cast<double>(shares.size()), quantile(0.05), quantile(0.95)};
}

}  // namespace

VarianceParts variance_parts(const Forest& forest, std::span<const std::size_t> categories,
                             std::span<const ColumnPair> pairs) {
  std::vector<std::vector<double>> of_columns(categories.size());
  std::vector<std::vector<double>> of_pairs(pairs.size());
  for (const RegressionTree& tree : forest.trees) {
    Leaves leaves(tree, categories);
    const Variances alone = variances(leaves, categories.size());
    if (alone.whole == 0) continue;
    for (std::size_t column = 0; column < categories.size(); ++column) {
      of_columns[column].push_back(alone.of_column[column] / alone.whole);
    }
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      const auto [first, second] = pairs[i];
      HT_ASSERT(first != second);
      const double together =
          joint_variance(leaves, first, second) - alone.of_column[first] - alone.of_column[second];
      of_pairs[i].push_back(std::max(0.0, together) / alone.whole);
    }
  }
  VarianceParts parts;
  for (auto& shares : of_columns) parts.columns.push_back(summary(std::move(shares)));
  for (auto& shares : of_pairs) parts.pairs.push_back(summary(std::move(shares)));
  return parts;
}

}  // namespace hypertune

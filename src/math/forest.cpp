// Random forests: Breiman, "Random forests", Machine Learning 45, 2001. Trees: Breiman, Friedman,
// Olshen and Stone, "Classification and regression trees", 1984.
//
// The rules are those of scikit-learn's RandomForestRegressor with its defaults: every column may
// be split at every node, the split that reduces the squared error most is taken, and columns that
// do equally well take turns by chance.
//
// Deviations: numbers are not rounded to 32 bits. A category is split from all others, as if each
// had a column of its own that is 0 or 1; but a parameter with many categories does not win ties
// more often than one with few.
#include "math/forest.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "base/assert.h"

namespace hypertune {
namespace {

/// How often a row was drawn, and the sum of its targets: of a row or of many.
struct Weighed {
  double count = 0;
  double sum = 0;
  void add(const Weighed& other) {
    count += other.count;
    sum += other.sum;
  }
  Weighed without(const Weighed& other) const { return {count - other.count, sum - other.sum}; }
  /// What these rows add to the quality of a split.
  double quality() const { return sum * sum / count; }
};

struct Split {
  double quality = -1;  ///< larger is better; negative: there is none
  std::size_t column = 0;
  double threshold = 0;
};

std::size_t draw_below(Rng& rng, std::size_t n) { return static_cast<std::size_t>(rng.below(n)); }

class TreeGrower {
 public:
  /// `ascending`: for each column of numbers, all rows in the order of their numbers. Targets are
  /// given relative to `center`, so that sums lose no digits.
  TreeGrower(const Observations& observations, std::span<const std::vector<std::size_t>> ascending,
             std::span<const double> targets, double center, Rng rng, int depth)
      : columns_(observations.columns),
        targets_(targets),
        center_(center),
        rng_(rng),
        depth_(depth),
        drawn_(targets.size()),
        goes_left_(targets.size()),
        turns_(columns_.size()) {
    for (std::size_t i = 0; i < targets.size(); ++i) ++drawn_[draw_below(rng_, targets.size())];
    const auto keep_drawn = [&](std::size_t row) { return drawn_[row] > 0; };
    for (const auto& order : ascending) {
      auto& kept = orders_.emplace_back();
      std::ranges::copy_if(order, std::back_inserter(kept), keep_drawn);
    }
    std::iota(turns_.begin(), turns_.end(), std::size_t{0});
    // The last order, in which rows stand as they came, is that of columns of categories.
    auto& rows = orders_.emplace_back();
    for (std::size_t row = 0; row < targets.size(); ++row) {
      if (drawn_[row] > 0) rows.push_back(row);
    }
    grow(0, rows.size(), 0);
  }

  RegressionTree& tree() { return tree_; }
  bool saw(std::size_t row) const { return drawn_[row] > 0; }

 private:
  std::span<const std::size_t> rows(std::size_t column, std::size_t begin, std::size_t end) const {
    const auto& order = orders_[columns_[column].categories == 0 ? column : columns_.size()];
    return std::span(order).subspan(begin, end - begin);
  }

  Weighed weighed(std::size_t row) const {
    return {static_cast<double>(drawn_[row]), static_cast<double>(drawn_[row]) * targets_[row]};
  }

  /// Adds the node of the rows in [begin, end) of each order, and all below it. Returns its index.
  std::size_t grow(std::size_t begin, std::size_t end, int depth) {
    Weighed all;
    const auto members = std::span(orders_.back()).subspan(begin, end - begin);
    for (const std::size_t row : members) all.add(weighed(row));
    const bool pure = std::ranges::all_of(
        members, [&](std::size_t row) { return targets_[row] == targets_[members.front()]; });
    const std::size_t node = tree_.size();
    tree_.push_back({.value = center_ + all.sum / all.count});
    if (pure || depth == depth_) return node;
    const Split split = best_split(begin, end, all);
    if (split.quality < 0) return node;
    const std::size_t middle = divide(split, begin, end);
    tree_[node].column = split.column;
    tree_[node].threshold = split.threshold;
    const std::size_t left = grow(begin, middle, depth + 1);
    const std::size_t right = grow(middle, end, depth + 1);
    tree_[node].left = left;
    tree_[node].right = right;
    return node;
  }

  /// The first of the best in a random order of the columns.
  Split best_split(std::size_t begin, std::size_t end, const Weighed& all) {
    Split best;
    for (std::size_t i = 0; i < turns_.size(); ++i) {
      std::swap(turns_[i], turns_[i + draw_below(rng_, turns_.size() - i)]);
      const std::size_t column = turns_[i];
      if (columns_[column].categories == 0) {
        split_numbers(column, rows(column, begin, end), all, best);
      } else {
        split_categories(column, rows(column, begin, end), all, best);
      }
    }
    return best;
  }

  void split_numbers(std::size_t column, std::span<const std::size_t> ascending, const Weighed& all,
                     Split& best) const {
    const std::vector<double>& numbers = columns_[column].entries;
    Weighed left;
    for (std::size_t i = 0; i + 1 < ascending.size(); ++i) {
      left.add(weighed(ascending[i]));
      const double here = numbers[ascending[i]];
      const double next = numbers[ascending[i + 1]];
      if (here == next) continue;
      const double quality = left.quality() + all.without(left).quality();
      if (quality <= best.quality) continue;
      const double middle = std::midpoint(here, next);
      best = {quality, column, middle < next ? middle : here};
    }
  }

  void split_categories(std::size_t column, std::span<const std::size_t> members,
                        const Weighed& all, Split& best) {
    const std::size_t n = columns_[column].categories;
    by_category_.assign(n, {});
    for (const std::size_t row : members) {
      by_category_[static_cast<std::size_t>(columns_[column].entries[row])].add(weighed(row));
    }
    const std::size_t first = draw_below(rng_, n);
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t category = (first + i) % n;
      const Weighed& left = by_category_[category];
      if (left.count == 0 || left.count == all.count) continue;
      const double quality = left.quality() + all.without(left).quality();
      if (quality > best.quality) best = {quality, column, static_cast<double>(category)};
    }
  }

  /// Moves the rows that go left to the front of each order. Returns where the others begin.
  std::size_t divide(const Split& split, std::size_t begin, std::size_t end) {
    const Observations::Column& column = columns_[split.column];
    for (const std::size_t row : std::span(orders_.back()).subspan(begin, end - begin)) {
      const double entry = column.entries[row];
      goes_left_[row] =
          column.categories == 0 ? entry <= split.threshold : entry == split.threshold;
    }
    std::size_t middle = begin;
    for (auto& order : orders_) {
      if (order.empty()) continue;  // of a column of categories
      middle = begin;
      others_.clear();
      for (std::size_t i = begin; i < end; ++i) {
        if (goes_left_[order[i]] != 0) {
          order[middle++] = order[i];
        } else {
          others_.push_back(order[i]);
        }
      }
      std::ranges::copy(others_, order.begin() + static_cast<std::ptrdiff_t>(middle));
    }
    return middle;
  }

  std::span<const Observations::Column> columns_;
  std::span<const double> targets_;
  double center_;
  Rng rng_;
  int depth_;
  std::vector<int> drawn_;                        // how often each row is in the sample
  std::vector<std::vector<std::size_t>> orders_;  // of the rows of the sample
  std::vector<char> goes_left_;                   // by row
  std::vector<std::size_t> others_;
  std::vector<std::size_t> turns_;  // the columns, as they take turns
  std::vector<Weighed> by_category_;
  RegressionTree tree_;
};

double predict(const RegressionTree& tree, std::span<const Observations::Column> columns,
               std::size_t row) {
  std::size_t node = 0;
  while (tree[node].column) {
    const Observations::Column& column = columns[*tree[node].column];
    const double entry = column.entries[row];
    const bool left =
        column.categories == 0 ? entry <= tree[node].threshold : entry == tree[node].threshold;
    node = left ? tree[node].left : tree[node].right;
  }
  return tree[node].value;
}

/// The rows that some tree did not see, and what those trees say of them.
struct Unseen {
  std::vector<double> sums;
  std::vector<int> counts;

  std::optional<double> explained(std::span<const double> targets) const {
    double mean = 0;
    int rows = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (counts[i] == 0) continue;
      mean += targets[i];
      ++rows;
    }
    mean /= std::max(1, rows);
    double squares = 0;
    double errors = 0;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (counts[i] == 0) continue;
      squares += std::pow(targets[i] - mean, 2);
      errors += std::pow(targets[i] - sums[i] / counts[i], 2);
    }
    if (squares == 0) return std::nullopt;
    return 1 - errors / squares;
  }
};

}  // namespace

Forest grow_forest(const Observations& observations, const Rng& rng, const ForestOptions& options) {
  const std::size_t n = observations.targets.size();
  HT_ASSERT(n > 0);
  std::vector<std::vector<std::size_t>> ascending;
  for (const auto& column : observations.columns) {
    auto& order = ascending.emplace_back();
    if (column.categories > 0) continue;
    order.resize(n);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t row) { return column.entries[row]; });
  }
  double center = 0;
  for (const double target : observations.targets) center += target / static_cast<double>(n);
  std::vector<double> targets;
  for (const double target : observations.targets) targets.push_back(target - center);

  Forest forest;
  Unseen unseen{std::vector<double>(n), std::vector<int>(n)};
  for (int i = 0; i < options.trees; ++i) {
    TreeGrower grower(observations, ascending, targets, center, rng.fork(fmt::format("tree {}", i)),
                      options.depth);
    for (std::size_t row = 0; row < n; ++row) {
      if (grower.saw(row)) continue;
      unseen.sums[row] += predict(grower.tree(), observations.columns, row);
      ++unseen.counts[row];
    }
    forest.trees.push_back(std::move(grower.tree()));
  }
  forest.explained = unseen.explained(observations.targets);
  return forest;
}

}  // namespace hypertune

// Which parameters matter for a metric.
//
// fANOVA: Hutter, Hoos and Leyton-Brown, ICML 2014. Deviations from Optuna's
// FanovaImportanceEvaluator: parameters are spread as their domain says (with `log`, evenly in the
// logarithm; each whole number alike), not evenly between the bounds; a parameter that only some
// trials have is judged among those, not left out; shares are of the whole variance, not of what
// single parameters cause; infinite values are clipped, not left out.
//
// PED-ANOVA: Watanabe, Bansal and Hutter, IJCAI 2023, with the rule for conditional parameters that
// Optuna 5.0 has. Deviations from Optuna's PedAnovaImportanceEvaluator: infinite values count;
// where bounds of a parameter differ among trials, those of all are joined; where nothing matters
// all shares are 0, not equal.
#include "report/importance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

#include "base/text.h"
#include "core/loss.h"
#include "hypertune/error.h"
#include "math/fanova.h"
#include "math/ped_anova.h"
#include "report/importance_table.h"
#include "space/encoding.h"

namespace hypertune {
namespace {

/// Of all trials, the share that PED-ANOVA calls good.
constexpr double kGoodShare = 0.1;
/// Cells of its grid for real numbers, at most; Optuna's number.
constexpr int kGridCells = 50;
/// A forest that explains less of trials it has not seen says little about what matters.
constexpr double kLittleExplained = 0.3;

/// The trials that are judged.
struct Judged {
  std::vector<const TrialRecord*> trials;
  std::vector<double> losses;  // finite
  std::vector<ParameterColumn> columns;
};

Objective objective_of(const StudySpec& spec, const std::string& metric) {
  for (const Objective& objective : spec.objectives) {
    if (objective.metric == metric) return objective;
  }
  return {metric, Direction::Minimize};
}

void check_metric(const std::string& metric, std::span<const TrialRecord> trials) {
  std::set<std::string> known;
  for (const TrialRecord& trial : trials) {
    if (trial.state != TrialState::Complete) continue;
    for (const auto& [name, value] : trial.metrics) known.insert(name);
  }
  if (known.empty() || known.contains(metric)) return;
  const std::vector<std::string> names(known.begin(), known.end());
  throw ConfigError(
      fmt::format("importance for {}: no complete trial has this metric{}; there are {}", metric,
                  did_you_mean(metric, names), join(names, ", ")));
}

/// Puts infinite losses at the ends of the finite ones. Returns how many there were.
int clip(std::vector<double>& losses) {
  double smallest = std::numeric_limits<double>::infinity();
  double largest = -smallest;
  for (const double loss : losses) {
    if (!std::isfinite(loss)) continue;
    smallest = std::min(smallest, loss);
    largest = std::max(largest, loss);
  }
  int clipped = 0;
  for (double& loss : losses) {
    if (std::isfinite(loss)) continue;
    loss = loss > 0 ? largest : smallest;
    ++clipped;
  }
  return clipped;
}

Judged choose_trials(const StudySpec& spec, std::span<const TrialRecord> trials,
                     Importance& importance) {
  Judged judged;
  const Objective objective = objective_of(spec, importance.metric);
  for (const TrialRecord& trial : trials) {
    if (trial.state == TrialState::Pruned) ++importance.pruned;
    if (trial.state == TrialState::Failed) ++importance.failed;
    if (trial.state != TrialState::Complete) continue;
    const auto value = loss(objective, trial.metrics);
    if (!value) {
      ++importance.without_value;
      continue;
    }
    judged.trials.push_back(&trial);
    judged.losses.push_back(*value);
  }
  const auto finite =
      std::ranges::count_if(judged.losses, [](double x) { return std::isfinite(x); });
  if (finite < kFewestTrialsForImportance) {
    throw Error(fmt::format(
        "study \"{}\" has {} with a finite {}: importance needs at least {}; run more trials",
        spec.name, count_of(finite, "complete trial"), importance.metric,
        kFewestTrialsForImportance));
  }
  importance.clipped = clip(judged.losses);
  importance.trials = static_cast<int>(judged.trials.size());
  judged.columns = parameter_columns(spec.space, judged.trials);
  return judged;
}

std::size_t index_of(const CategoricalDomain& domain, const Value& value) {
  const auto found = std::ranges::find_if(
      domain.choices, [&](const Value& choice) { return same_value(choice, value); });
  return static_cast<std::size_t>(found - domain.choices.begin());
}

/// A forest on the trials that have certain parameters, with every parameter that all of these
/// have.
struct Regression {
  std::vector<std::size_t> members;     // of Judged::columns
  std::vector<std::size_t> categories;  // of each member; 0: numbers
  Forest forest;
};

Regression regress(const Judged& judged, const std::vector<bool>& rows, const Rng& rng) {
  Regression regression;
  Observations table;
  for (std::size_t c = 0; c < judged.columns.size(); ++c) {
    const ParameterColumn& column = judged.columns[c];
    const std::vector<bool> present = column.present();
    bool everywhere = true;
    for (std::size_t i = 0; i < rows.size(); ++i) everywhere &= !rows[i] || present[i];
    if (!everywhere || column.single()) continue;
    Observations::Column entries;
    const auto* choices = std::get_if<CategoricalDomain>(&column.domain);
    if (choices != nullptr) entries.categories = choices->choices.size();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (!rows[i]) continue;
      const Value& value = *column.values[i];
      entries.entries.push_back(choices != nullptr ? static_cast<double>(index_of(*choices, value))
                                                   : encode(column.domain, value).value());
    }
    if (std::ranges::adjacent_find(entries.entries, std::ranges::not_equal_to()) ==
        entries.entries.end()) {
      continue;  // such as the parameter of a condition where it holds
    }
    regression.members.push_back(c);
    regression.categories.push_back(entries.categories);
    table.columns.push_back(std::move(entries));
  }
  double largest = 0;  // to scale by: shares stay the same, and squares are finite
  for (const double loss : judged.losses) largest = std::max(largest, std::abs(loss));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i]) table.targets.push_back(largest > 0 ? judged.losses[i] / largest : 0);
  }
  regression.forest = grow_forest(table, rng);
  return regression;
}

ImportanceShare share_of(const VarianceShare& share, std::size_t n) {
  return {static_cast<int>(n), share.mean, share.low, share.high};
}

/// The pairs of a parameter that exactly these trials have with any other that all of them have.
std::vector<ColumnPair> pairs_of(const Judged& judged, const Regression& regression,
                                 const std::vector<bool>& rows) {
  const auto is_own = [&](std::size_t member) {
    return judged.columns[regression.members[member]].present() == rows;
  };
  std::vector<ColumnPair> pairs;
  for (std::size_t i = 0; i < regression.members.size(); ++i) {
    for (std::size_t j = i + 1; j < regression.members.size(); ++j) {
      if (is_own(i) || is_own(j)) pairs.emplace_back(i, j);
    }
  }
  return pairs;
}

void judge_by_fanova(const Judged& judged, const Rng& rng, bool interactions,
                     Importance& importance) {
  std::map<std::vector<bool>, std::vector<std::size_t>> by_presence;
  for (std::size_t c = 0; c < judged.columns.size(); ++c) {
    by_presence[judged.columns[c].present()].push_back(c);
  }
  for (const auto& [rows, columns] : by_presence) {
    const auto n = static_cast<std::size_t>(std::ranges::count(rows, true));
    std::map<std::size_t, ImportanceShare> shares;
    if (n >= kFewestTrialsForImportance) {
      const Regression regression =
          regress(judged, rows, rng.fork(judged.columns[columns.front()].name));
      const auto name_of = [&](std::size_t member) {
        return judged.columns[regression.members[member]].name;
      };
      std::vector<ColumnPair> pairs;
      if (interactions) pairs = pairs_of(judged, regression, rows);
      const VarianceParts parts = variance_parts(regression.forest, regression.categories, pairs);
      for (std::size_t i = 0; i < parts.columns.size(); ++i) {
        shares[regression.members[i]] = share_of(parts.columns[i], n);
      }
      for (std::size_t i = 0; i < pairs.size(); ++i) {
        importance.interactions.push_back(
            {name_of(pairs[i].first), name_of(pairs[i].second), share_of(parts.pairs[i], n)});
      }
      if (n == rows.size()) importance.explained = regression.forest.explained;
    }
    for (const std::size_t c : columns) {
      ImportanceShare share{static_cast<int>(n), std::nullopt};
      if (shares.contains(c)) {
        share = shares.at(c);
      } else if (judged.columns[c].single() || n >= kFewestTrialsForImportance) {
        share.share = 0;  // it has one value
      }
      importance.parameters.push_back({judged.columns[c].name, share});
    }
  }
}

/// The cells of a column's grid: how many, and which one holds a value. Numbers lie between the
/// bounds, or their logarithms; one that lies on the border of two cells is in the lower one.
struct Grid {
  std::size_t cells = 0;
  bool categories = false;
  bool log = false;
  double low = 0;
  double step = 1;
  double unit = 1;  ///< of low and step; below 1 where the bounds are further apart than numbers go

  explicit Grid(const Domain& domain) {
    if (const auto* choices = std::get_if<CategoricalDomain>(&domain)) {
      cells = choices->choices.size();
      categories = true;
      return;
    }
    double high = 0;
    double values = kGridCells;
    if (const auto* real = std::get_if<FloatDomain>(&domain)) {
      low = real->low;
      high = real->high;
      log = real->log;
      if (real->step) values = std::round((high - low) / *real->step) + 1;
    } else {
      const auto& whole = std::get<IntDomain>(domain);
      low = static_cast<double>(whole.low);
      high = static_cast<double>(whole.high);
      log = whole.log;
      values = log ? std::ceil(std::log2(high - low + 1)) + 1
                   : std::round((high - low) / static_cast<double>(whole.step)) + 1;
    }
    if (log) {
      low = std::log(low);
      high = std::log(high);
    }
    cells = static_cast<std::size_t>(std::min<double>(values, kGridCells));
    if (!std::isfinite(high - low)) unit = 0.5;
    low *= unit;
    step = (unit * high - low) / static_cast<double>(cells - 1);
  }

  std::size_t cell_of(const Domain& domain, const Value& value) const {
    if (categories) return index_of(std::get<CategoricalDomain>(domain), value);
    const double number = log ? std::log(*as_number(value)) : *as_number(value);
    const double cell = std::ceil((unit * number - low) / step - 0.5);
    return static_cast<std::size_t>(std::clamp(cell, 0.0, static_cast<double>(cells - 1)));
  }
};

/// Optuna 5.0's importance of a parameter, up to a factor that is the same for all.
double ped_anova(const ParameterColumn& column, const std::vector<bool>& good) {
  const Grid grid(column.domain);
  std::vector<std::size_t> all_counts(grid.cells);
  std::vector<std::size_t> good_counts(grid.cells);
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (!column.values[i]) continue;
    const std::size_t cell = grid.cell_of(column.domain, *column.values[i]);
    ++all_counts[cell];
    if (good[i]) ++good_counts[cell];
  }
  const auto total = [](const auto& counts) {
    return static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
  };
  if (total(good_counts) == 0) return 0;
  const double of_good = total(good_counts) / static_cast<double>(std::ranges::count(good, true));
  const double of_all = total(all_counts) / static_cast<double>(good.size());
  const auto smoothed = grid.categories ? smoothed_categories : smoothed_cells;
  return of_good * of_good / of_all *
         pearson_divergence(smoothed(good_counts), smoothed(all_counts));
}

/// The trials up to the quantile, and all that are as good as the last of them.
std::vector<bool> good_trials(const std::vector<double>& losses) {
  std::vector<double> sorted = losses;
  std::ranges::sort(sorted);
  const auto count =
      static_cast<std::size_t>(std::ceil(kGoodShare * static_cast<double>(losses.size())));
  std::vector<bool> good;
  for (const double loss : losses) good.push_back(loss <= sorted[count - 1]);
  return good;
}

void judge_by_ped_anova(const Judged& judged, Importance& importance) {
  const std::vector<bool> good = good_trials(judged.losses);
  double sum = 0;
  for (const ParameterColumn& column : judged.columns) {
    ImportanceShare share{static_cast<int>(std::ranges::count(column.present(), true)), {}};
    if (column.single()) {
      share.share = 0;
    } else if (share.n >= kFewestTrialsForImportance) {
      share.share = ped_anova(column, good);
      sum += *share.share;
    }
    importance.parameters.push_back({column.name, share});
  }
  for (ParameterImportance& parameter : importance.parameters) {
    if (parameter.share.share && sum > 0) *parameter.share.share /= sum;
  }
}

}  // namespace

Importance judge_importance(const StudySpec& spec, std::span<const TrialRecord> trials,
                            const ImportanceOptions& options) {
  Importance importance{.method = options.method, .metric = options.metric};
  if (importance.metric.empty()) {
    if (spec.objectives.empty()) {
      throw ConfigError(fmt::format("study \"{}\" has no objective: name a metric", spec.name));
    }
    importance.metric = spec.objectives.front().metric;
  }
  check_metric(importance.metric, trials);
  importance.is_objective = std::ranges::find(spec.objectives, importance.metric,
                                              &Objective::metric) != spec.objectives.end();
  const Judged judged = choose_trials(spec, trials, importance);
  if (options.method == ImportanceMethod::Fanova) {
    judge_by_fanova(judged, Rng(spec.seed).fork("importance"), options.interactions, importance);
  } else {
    judge_by_ped_anova(judged, importance);
  }
  const auto more_important = [](const auto& a, const auto& b) {
    return a.share.share.value_or(-1) > b.share.share.value_or(-1);
  };
  std::ranges::stable_sort(importance.parameters, more_important);
  std::ranges::stable_sort(importance.interactions, more_important);
  return importance;
}

std::string to_string(ImportanceMethod method) {
  return method == ImportanceMethod::Fanova ? "fANOVA" : "PED-ANOVA";
}

std::vector<std::string> importance_notes(const Importance& importance) {
  std::vector<std::string> notes;
  if (importance.method == ImportanceMethod::Fanova) {
    notes.emplace_back(
        "A share is the part of the variance that the parameter causes on its own; what is missing "
        "to 1 is due to parameters together. The interval holds nine tenths of the trees' "
        "answers.");
    if (importance.explained) {
      notes.push_back(fmt::format(
          "The forest predicts {} % of the variance of trials it has not seen.{}",
          std::lround(100 * std::max(0.0, *importance.explained)),
          *importance.explained < kLittleExplained ? " That is little: do not rely on the shares."
                                                   : ""));
    }
  } else {
    notes.emplace_back(
        "A share says how much the best tenth of the trials differs from all in the parameter; the "
        "shares add up to 1.");
    if (!importance.is_objective) {
      notes.push_back(fmt::format("{} is no objective: the lowest values count as the best.",
                                  importance.metric));
    }
  }
  const bool partly = std::ranges::any_of(importance.parameters, [&](const auto& parameter) {
    return parameter.share.n < importance.trials;
  });
  if (partly) {
    notes.push_back(fmt::format(
        "A parameter that only some trials have is judged among these{}.",
        importance.method == ImportanceMethod::Fanova ? ", as a part of their variance" : ""));
  }
  std::vector<std::string> left_out;
  if (importance.pruned > 0) left_out.push_back(fmt::format("{} pruned", importance.pruned));
  if (importance.failed > 0) left_out.push_back(fmt::format("{} failed", importance.failed));
  if (importance.without_value > 0) {
    left_out.push_back(
        fmt::format("{} complete without {}", importance.without_value, importance.metric));
  }
  if (!left_out.empty()) notes.push_back("Trials left out: " + join(left_out, ", ") + ".");
  if (importance.clipped > 0) {
    notes.push_back(fmt::format("{} with an infinite {} {} as the nearest finite one.",
                                count_of(importance.clipped, "trial"), importance.metric,
                                importance.clipped == 1 ? "counts" : "count"));
  }
  return notes;
}

}  // namespace hypertune

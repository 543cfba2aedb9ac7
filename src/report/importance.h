// Which parameters matter for a metric, by fANOVA or PED-ANOVA.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypertune/storage.h"

namespace hypertune {

enum class ImportanceMethod : std::uint8_t {
  Fanova,    ///< the part of the variance that a parameter causes
  PedAnova,  ///< how much the best tenth of the trials differs in a parameter from all
};

struct ImportanceOptions {
  ImportanceMethod method = ImportanceMethod::Fanova;
  std::string metric = {};    ///< of the final results; empty: the first objective's
  bool interactions = false;  ///< of pairs too; fANOVA alone
};

/// Fewer trials than this show nothing of importance.
inline constexpr int kFewestTrialsForImportance = 10;

/// How much something matters, among the trials that have it.
struct ImportanceShare {
  int n = 0;                    ///< trials that have it
  std::optional<double> share;  ///< nothing when they are too few
  /// Between what nine tenths of the trees lie; nothing without trees.
  std::optional<double> low = {};
  std::optional<double> high = {};
};

struct ParameterImportance {
  std::string name;
  ImportanceShare share;
};

struct InteractionImportance {
  std::string first;
  std::string second;
  ImportanceShare share;
};

struct Importance {
  ImportanceMethod method;
  std::string metric;
  int trials = 0;         ///< Complete ones with a value of the metric: these were judged
  int without_value = 0;  ///< Complete ones that are left out: no value, or NaN
  int pruned = 0;         ///< left out too
  int failed = 0;         ///< likewise
  int clipped = 0;        ///< infinite values that count as the worst or best finite one
  bool is_objective = true;
  /// Of the forest of all these trials; see Forest::explained.
  std::optional<double> explained = {};
  std::vector<ParameterImportance> parameters = {};      ///< the most important first
  std::vector<InteractionImportance> interactions = {};  ///< likewise
};

/// Judges every parameter that is not constant: grid axes as well, and parameters that only some
/// trials have among those. Depends on the arguments alone. Throws ConfigError for a metric that no
/// Complete trial has, and Error when there are too few trials.
Importance judge_importance(const StudySpec& spec, std::span<const TrialRecord> trials,
                            const ImportanceOptions& options = {});

/// `fANOVA`, `PED-ANOVA`.
std::string to_string(ImportanceMethod method);

/// What a reader must know besides the numbers, a sentence each.
std::vector<std::string> importance_notes(const Importance& importance);

}  // namespace hypertune

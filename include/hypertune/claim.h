// Claims: inequalities about a study, stated before it runs and judged from its data.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hypertune/condition.h"
#include "hypertune/space.h"
#include "hypertune/trial.h"

namespace hypertune {

/// What a claim estimates.
enum class Estimand : std::uint8_t {
  Mean,              ///< of a metric over trials
  Share,             ///< of trials for which a condition holds
  PairedDifference,  ///< mean difference of a metric between the two values of a grid axis
  Onset,             ///< the value of a parameter at which a condition becomes more likely than not
};

/// A range of numbers, ends included or not: `>= 0.8`, `< 1`, `in [-0.05, 0.05]`.
struct Expectation {
  std::string text = {};
  double low = -std::numeric_limits<double>::infinity();  ///< -inf when unbounded
  double high = std::numeric_limits<double>::infinity();  ///< +inf when unbounded
  bool low_included = true;
  bool high_included = true;
  /// Throws ConfigError.
  static Expectation parse(std::string_view text);
  bool contains(double value) const;
};

/// An inequality about an estimable quantity of a study's Complete trials.
struct ClaimStatement {
  std::string text = {};  ///< the claim in words
  Estimand estimand = Estimand::Mean;
  std::string subject = {};  ///< metric (Mean, PairedDifference) or condition (Share, Onset)
  std::string along = {};    ///< parameter: the paired axis, or the onset's scale; else empty
  std::optional<Condition> where = {};  ///< which trials count; parameters and metrics may be named
  Expectation expect = {};
};

enum class Verdict : std::uint8_t { Supported, Refuted, Inconclusive };
std::string_view to_string(Verdict verdict);

/// A claim with what the data say about it.
struct Judgement {
  ClaimStatement claim;
  std::optional<double> estimate;
  double low;  ///< 95 % interval; infinite ends where the data give no bound
  double high;
  int n = 0;  ///< trials, or pairs for PairedDifference
  std::string method;
  std::string note;  ///< what a reader should know: too few trials, trials left out, ...
  Verdict verdict = Verdict::Inconclusive;
};

/// Supported when the whole 95 % interval satisfies the inequality, Refuted when none of it does.
/// Only Complete trials count. A PairedDifference is the first minus the second value of the grid
/// axis in `space`, between trials of one draw that agree in every other grid axis.
///
/// Data that cannot tell give Inconclusive and a note: fewer than two values, values that are all
/// equal (they show nothing of the spread), or a trial that counts but lacks a finite value (what
/// is left may mislead). Throws ConfigError for a Share or Onset whose subject is no condition.
Judgement judge(const ClaimStatement& claim, const SearchSpace& space,
                std::span<const TrialRecord> trials);

}  // namespace hypertune

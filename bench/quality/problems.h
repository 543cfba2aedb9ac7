// Problems to compare samplers on, and attempts to solve them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hypertune/history.h"
#include "hypertune/rng.h"
#include "hypertune/space.h"

namespace hypertune::bench {

/// What is to be searched. All objectives are to be made small; they are named f0, f1, ...
struct Problem {
  std::string family;  ///< bbob, mixed, categorical, conditional, noisy or several
  SearchSpace space;
  int objectives = 1;
  /// Without noise.
  std::function<std::vector<double>(const Params&)> values;
  /// Standard deviation of the normal noise on what a sampler is told.
  double noise = 0;
  /// The least value of one objective; of several, the hypervolume of the whole front.
  double best = 0;
  /// What hypervolumes are measured to; empty with one objective.
  std::vector<double> reference = {};
};

/// Names of all problems; with `quick` the BBOB functions in one dimension each instead of three.
std::vector<std::string> problem_names(bool quick);

/// Instances differ in where the optimum lies, as far as the problem has any freedom there. Throws
/// Error for a name that is not among `problem_names`.
Problem make_problem(std::string_view name, int instance);

std::vector<Objective> objectives_of(const Problem& problem);

/// One search on one problem: answers trials, and remembers how good they were.
class Attempt {
 public:
  /// `seed` draws the noise: of the trial's number, whatever the sampler.
  Attempt(Problem problem, std::uint64_t seed);

  const Problem& problem() const { return problem_; }

  /// What the next trial measures. Throws Error when a parameter is missing.
  std::vector<double> evaluate(const Params& params);

  /// How far the answer so far is from the best: the true value of the trial that measured best,
  /// less the least value; of several objectives, the hypervolume that is missing.
  double regret() const;

 private:
  Problem problem_;
  Rng noise_;
  double best_measured_;
  double true_value_;
  std::vector<double> points_;  ///< of several objectives, row after row
};

}  // namespace hypertune::bench

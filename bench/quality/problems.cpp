// The list of problems, and how an attempt is scored.
#include "quality/problems.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "hypertune/error.h"
#include "math/hypervolume.h"
#include "quality/problem_families.h"

namespace hypertune::bench {
namespace {

struct NamedProblem {
  std::string name;
  bool quick = true;
  std::function<Problem(int instance)> make;
};

std::vector<NamedProblem> all_problems() {
  constexpr int kDims[] = {2, 5, 10};
  std::vector<NamedProblem> all;
  for (int f = 1; f <= 24; ++f) {
    for (int k = 0; k < 3; ++k) {
      const int dims = kDims[k];
      all.push_back({fmt::format("bbob-f{}-d{}", f, dims), f % 3 == k,
                     [=](int instance) { return bbob_problem(f, dims, instance); }});
    }
  }
  const auto add = [&](std::string name, std::function<Problem(int)> make) {
    all.push_back({std::move(name), true, std::move(make)});
  };
  for (const auto& [f, dims] : {std::pair{1, 5}, {3, 5}, {8, 10}, {10, 5}, {15, 10}}) {
    add(fmt::format("mixed-f{}-d{}", f, dims),
        [f = f, dims = dims](int instance) { return mixed_problem(f, dims, instance); });
  }
  add("onemax-d10", [](int instance) { return one_max_problem(10, 4, instance); });
  add("chain-d8", [](int instance) { return chain_problem(8, 5, instance); });
  add("contamination-d12", [](int instance) { return contamination_problem(12, instance); });
  add("branin-or-hartmann-d9", branin_or_hartmann_problem);
  add("three-branches-d13", [](int instance) { return three_branches_problem(4, instance); });
  add("layers-d9", layers_problem);
  for (const auto& [f, dims] : {std::pair{1, 5}, {14, 5}, {21, 2}}) {
    add(fmt::format("noisy-f{}-d{}", f, dims),
        [f = f, dims = dims](int instance) { return noisy_problem(f, dims, instance); });
  }
  for (const int f : {1, 2, 3}) {
    add(fmt::format("zdt{}-d6", f), [f](int) { return zdt_problem(f, 6); });
  }
  add("dtlz2-d6", [](int instance) { return dtlz2_problem(6, instance); });
  return all;
}

}  // namespace

std::vector<std::string> problem_names(bool quick) {
  std::vector<std::string> names;
  for (const NamedProblem& problem : all_problems()) {
    if (problem.quick || !quick) names.push_back(problem.name);
  }
  return names;
}

Problem make_problem(std::string_view name, int instance) {
  const auto all = all_problems();
  const auto match = std::ranges::find(all, name, &NamedProblem::name);
  if (match == all.end()) {
    throw Error(fmt::format("there is no problem \"{}\"; bench_quality --list prints all", name));
  }
  return match->make(instance);
}

std::vector<Objective> objectives_of(const Problem& problem) {
  std::vector<Objective> objectives;
  for (int i = 0; i < problem.objectives; ++i) {
    objectives.push_back({fmt::format("f{}", i), Direction::Minimize});
  }
  return objectives;
}

Attempt::Attempt(Problem problem, std::uint64_t seed)
    : problem_(std::move(problem)),
      noise_(Rng(seed).fork("noise")),
      best_measured_(std::numeric_limits<double>::infinity()),
      true_value_(std::numeric_limits<double>::infinity()) {}

std::vector<double> Attempt::evaluate(const Params& params) {
  std::vector<double> values = problem_.values(params);
  const double truth = values.front();
  if (problem_.noise > 0) values.front() += problem_.noise * noise_.normal();
  if (values.front() < best_measured_) {
    best_measured_ = values.front();
    true_value_ = truth;
  }
  if (problem_.objectives > 1) points_.insert(points_.end(), values.begin(), values.end());
  return values;
}

double Attempt::regret() const {
  if (problem_.objectives == 1) return true_value_ - problem_.best;
  const auto dims = static_cast<std::size_t>(problem_.objectives);
  return problem_.best - hypervolume({points_, dims}, problem_.reference);
}

}  // namespace hypertune::bench

// Problems of numbers: BBOB as it is, with levels, with noise, and of several objectives.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/assert.h"
#include "hypertune/error.h"
#include "quality/bbob.h"
#include "quality/problem_families.h"

namespace hypertune::bench {
namespace {

std::vector<double> coordinates(const Params& params, int dims) {
  std::vector<double> x;
  for (int i = 0; i < dims; ++i) x.push_back(number(params, fmt::format("x{}", i)));
  return x;
}

SearchSpace box(int dims, double low, double high) {
  SearchSpace space;
  for (int i = 0; i < dims; ++i) space.add(fmt::format("x{}", i), FloatDomain{low, high});
  return space;
}

constexpr double kHalfWidth = 4;  // of the mixed problems

/// The levels of a coordinate; 0 for any value.
int levels_of(int axis, int dims) {
  constexpr int kLevels[] = {2, 4, 8, 16, 0};
  return kLevels[5 * axis / dims];
}

double at_level(double level, int levels) { return kHalfWidth * (2 * level / (levels - 1) - 1); }

double nearest_level(double x, int levels) {
  return std::clamp(std::round((x / kHalfWidth + 1) / 2 * (levels - 1)), 0.0, levels - 1.0);
}

/// The hypervolume below the front of ZDT3, whose first objective ends before 1. The integral of
/// the staircase's least second objective so far.
double zdt3_hypervolume(const std::vector<double>& reference) {
  constexpr int kSteps = 1'000'000;
  double volume = 0;
  double least = reference[1];
  for (int i = 0; i < kSteps; ++i) {
    const double f = (i + 0.5) / kSteps;
    least = std::min(least, 1 - std::sqrt(f) - f * std::sin(10 * std::numbers::pi * f));
    volume += (reference[1] - least) / kSteps;
  }
  return volume + (reference[0] - 1) * (reference[1] - least);
}

}  // namespace

double number(const Params& params, std::string_view name) {
  const auto value = params.find(name);
  const auto known = value == params.end() ? std::nullopt : as_number(value->second);
  if (!known) throw Error(fmt::format("the parameter \"{}\" has no number", name));
  return *known;
}

Problem bbob_problem(int function, int dims, int instance) {
  const BbobInstance made = bbob_instance(function, dims, instance);
  Problem problem{"bbob", box(dims, -5, 5), 1, {}};
  problem.best = made.best;
  problem.values = [made, dims](const Params& params) {
    return std::vector{made.best + bbob_excess(made, coordinates(params, dims))};
  };
  return problem;
}

Problem mixed_problem(int function, int dims, int instance) {
  HT_ASSERT(bbob_optimum_is_free(function));
  BbobInstance made = bbob_instance(function, dims, instance);
  Problem problem{"mixed", {}, 1, {}};
  for (int i = 0; i < dims; ++i) {
    const std::string name = fmt::format("x{}", i);
    const int levels = levels_of(i, dims);
    if (levels == 0) {
      problem.space.add(name, FloatDomain{-kHalfWidth, kHalfWidth});
      continue;
    }
    problem.space.add(name, IntDomain{0, levels - 1});
    double& optimum = made.optimum[static_cast<std::size_t>(i)];
    optimum = at_level(nearest_level(optimum, levels), levels);
  }
  problem.best = made.best;
  problem.values = [made, dims](const Params& params) {
    std::vector<double> x = coordinates(params, dims);
    for (int i = 0; i < dims; ++i) {
      const int levels = levels_of(i, dims);
      double& each = x[static_cast<std::size_t>(i)];
      if (levels > 0) each = at_level(each, levels);
    }
    return std::vector{made.best + bbob_excess(made, x)};
  };
  return problem;
}

Problem noisy_problem(int function, int dims, int instance) {
  constexpr int kPoints = 200;
  constexpr double kShare = 0.02;
  Problem problem = bbob_problem(function, dims, instance);
  problem.family = "noisy";
  const BbobInstance made = bbob_instance(function, dims, instance);
  Rng rng(static_cast<std::uint64_t>(instance));
  double sum = 0;
  for (int k = 0; k < kPoints; ++k) {
    std::vector<double> x(static_cast<std::size_t>(dims));
    for (double& each : x) each = 10 * rng.uniform() - 5;
    sum += bbob_excess(made, x);
  }
  problem.noise = kShare * sum / kPoints;
  return problem;
}

Problem zdt_problem(int function, int dims) {
  HT_ASSERT(function >= 1 && function <= 3 && dims >= 2);
  Problem problem{"several", box(dims, 0, 1), 2, {}};
  // Beyond what random points reach.
  problem.reference = {1.1, 11};
  const auto [width, height] = std::pair{problem.reference[0], problem.reference[1]};
  if (function == 3) {
    problem.best = zdt3_hypervolume(problem.reference);
  } else {
    // The integral of 1 - sqrt(f) is 1/3, that of 1 - f^2 is 2/3.
    problem.best = width * height - function / 3.0;
  }
  problem.values = [function, dims](const Params& params) {
    const std::vector<double> x = coordinates(params, dims);
    const double f = x.front();
    const double g = 1 + 9 * std::accumulate(x.begin() + 1, x.end(), 0.0) / (dims - 1);
    const double ratio = f / g;
    double h = 1 - (function == 2 ? ratio * ratio : std::sqrt(ratio));
    if (function == 3) h -= ratio * std::sin(10 * std::numbers::pi * f);
    return std::vector{f, g * h};
  };
  return problem;
}

Problem dtlz2_problem(int dims, int instance) {
  HT_ASSERT(dims >= 3);
  Problem problem{"several", box(dims, 0, 1), 3, {}};
  problem.reference = {2.5, 2.5, 2.5};
  problem.best = std::pow(2.5, 3) - std::numbers::pi / 6;
  Rng rng(static_cast<std::uint64_t>(instance));
  std::vector<double> front;
  for (int i = 2; i < dims; ++i) front.push_back(0.2 + 0.6 * rng.uniform());
  problem.values = [dims, front](const Params& params) {
    const std::vector<double> x = coordinates(params, dims);
    double radius = 1;
    for (std::size_t i = 2; i < x.size(); ++i) radius += std::pow(x[i] - front[i - 2], 2);
    const double a = x[0] * std::numbers::pi / 2;
    const double b = x[1] * std::numbers::pi / 2;
    return std::vector{radius * std::cos(a) * std::cos(b), radius * std::cos(a) * std::sin(b),
                       radius * std::sin(a)};
  };
  return problem;
}

}  // namespace hypertune::bench

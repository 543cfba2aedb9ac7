// The families of problems, one function each; names say what they are.
#pragma once

#include "quality/problems.h"

namespace hypertune::bench {

/// The value of a parameter as a number.
double number(const Params& params, std::string_view name);

/// BBOB in [-5, 5].
Problem bbob_problem(int function, int dims, int instance);

/// BBOB in [-4, 4], where fifths of the coordinates have 2, 4, 8, 16 levels and any value; the
/// optimum lies on levels. After bbob-mixint (Tusar, Brockhoff and Hansen, "Mixed-integer benchmark
/// problems for single- and bi-objective optimization", 2019), which places its levels differently.
Problem mixed_problem(int function, int dims, int instance);

/// BBOB with normal noise on each measurement, a fiftieth of the mean excess of random points.
Problem noisy_problem(int function, int dims, int instance);

/// A weighted count of wrong categories, where two neighbors that are not both right or both wrong
/// cost something too.
Problem one_max_problem(int dims, int choices, int instance);

/// A random cost of each category and of each pair of neighbors.
Problem chain_problem(int dims, int choices, int instance);

/// Whether to prevent contamination at each stage of a food chain. Hu, Hu, Xu, Wang and Cao,
/// "Contamination control in food supply chain", 2010, with the numbers of Oh et al.,
/// "Combinatorial Bayesian optimization using the graph Cartesian product", 2019.
Problem contamination_problem(int stages, int instance);

/// Either Branin's function of two parameters or Hartmann's of six, one of them better by instance.
Problem branin_or_hartmann_problem(int instance);

/// One of three BBOB functions, each with parameters of its own.
Problem three_branches_problem(int dims, int instance);

/// One to four layers, each with a width and a rate; all layers count.
Problem layers_problem(int instance);

/// ZDT1 to ZDT3. Zitzler, Deb and Thiele, "Comparison of multiobjective evolutionary algorithms:
/// empirical results", 2000.
Problem zdt_problem(int function, int dims);

/// DTLZ2 with three objectives; where its front lies depends on the instance. Deb, Thiele, Laumanns
/// and Zitzler, "Scalable test problems for evolutionary multiobjective optimization", 2005.
Problem dtlz2_problem(int dims, int instance);

}  // namespace hypertune::bench

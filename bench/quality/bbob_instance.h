// Instances of the BBOB functions: where the optimum lies, how the axes are turned, where peaks
// are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hypertune::bench {

/// A square matrix that multiplies rows: x M.
struct RowMatrix {
  std::size_t size = 0;
  std::vector<double> values = {};  ///< row after row
  std::vector<double> times(const std::vector<double>& row) const;
};

/// A peak of Gallagher's functions, in turned coordinates.
struct Peak {
  double height = 0;
  std::vector<double> center;
  std::vector<double> steepness;  ///< along each axis
};

/// One of the published instances, bit by bit as far as the functions of the C library agree.
struct BbobInstance {
  int function = 0;             ///< 1 to 24
  std::vector<double> optimum;  ///< where the least value is
  double best = 0;              ///< the least value
  RowMatrix rotation;           ///< R of the definitions, or the only one
  RowMatrix transformation;     ///< Q with its scales, or with scales and R
  std::vector<Peak> peaks;
};

/// How far along the axes `i` is: 0 for the first, 1 for the last of `count`.
double share_of_axes(std::size_t i, std::size_t count);

/// Requires function 1 to 24 and dims >= 2. Hansen, Finck, Ros and Auger, "Real-parameter black-box
/// optimization benchmarking 2009: noiseless functions definitions", RR-6829.
BbobInstance bbob_instance(int function, int dims, int instance);

}  // namespace hypertune::bench

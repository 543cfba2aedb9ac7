// Eigenvalues and eigenvectors of real symmetric matrices.
#pragma once

#include <span>
#include <vector>

namespace hypertune {

/// A = V diag(values) V^T.
struct SymmetricEigen {
  std::vector<double> values;   ///< [n], in no particular order
  std::vector<double> vectors;  ///< [n, n], row i is the unit eigenvector of values[i]
};

/// Of the symmetric `matrix` [n, n]; its lower triangle is not looked at. The cyclic method of
/// Jacobi, which is accurate for small eigenvalues too. Requires finite entries.
SymmetricEigen symmetric_eigen(std::span<const double> matrix, int n);

}  // namespace hypertune

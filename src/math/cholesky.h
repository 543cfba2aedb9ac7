// Cholesky factors of positive definite matrices, and what is solved with them.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace hypertune {

// Matrices are row after row. Of a factor U, upper triangular with U^T U = A, only the upper
// triangle is looked at. Sums are taken in one order whatever the instruction set, so that results
// are the same on every processor.

/// Replaces the upper triangle of `a` [n, n] by that of U. False, with `a` spoiled, when the matrix
/// is not positive definite.
bool cholesky(std::span<double> a, std::size_t n);

/// Replaces `b` [n, m] by X with U^T X = B.
void solve_lower(std::span<const double> u, std::size_t n, std::span<double> b, std::size_t m);

/// Replaces `b` [n] by x with U x = b.
void solve_upper(std::span<const double> u, std::size_t n, std::span<double> b);

/// The inverse of A [n, n], of which only the lower triangle has a meaning.
std::vector<double> inverse(std::span<const double> u, std::size_t n);

}  // namespace hypertune

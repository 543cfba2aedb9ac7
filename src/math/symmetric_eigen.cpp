// Jacobi's eigenvalue method; the order and the formulas of Golub and Van Loan, "Matrix
// computations", section 8.5.
#include "math/symmetric_eigen.h"

#include <cmath>
#include <cstddef>
#include <limits>

#include "base/assert.h"

namespace hypertune {
namespace {

/// Convergence is quadratic; matrices that occur need less than ten.
constexpr int kMaxSweeps = 60;

/// Rows p and q of a matrix with rows of length n become their images under a rotation.
void rotate_rows(double* a, std::size_t n, std::size_t p, std::size_t q, double c, double s) {
  double* x = a + p * n;
  double* y = a + q * n;
  for (std::size_t k = 0; k < n; ++k) {
    const double u = x[k];
    const double v = y[k];
    x[k] = c * u - s * v;
    y[k] = s * u + c * v;
  }
}

void rotate_columns(double* a, std::size_t n, std::size_t p, std::size_t q, double c, double s) {
  for (std::size_t k = 0; k < n; ++k) {
    const double u = a[k * n + p];
    const double v = a[k * n + q];
    a[k * n + p] = c * u - s * v;
    a[k * n + q] = s * u + c * v;
  }
}

/// One rotation for each entry above the diagonal that still matters. Returns whether there was
/// one.
bool sweep(std::vector<double>& a, std::vector<double>& vectors, std::size_t n) {
  constexpr double kNegligible = std::numeric_limits<double>::epsilon() / 4;
  bool rotated = false;
  for (std::size_t p = 0; p + 1 < n; ++p) {
    for (std::size_t q = p + 1; q < n; ++q) {
      const double off = a[p * n + q];
      const double scale = std::sqrt(std::abs(a[p * n + p])) * std::sqrt(std::abs(a[q * n + q]));
      if (off == 0 || std::abs(off) <= kNegligible * scale) continue;
      const double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
      const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
      const double c = 1 / std::sqrt(t * t + 1);
      rotate_rows(a.data(), n, p, q, c, t * c);
      rotate_columns(a.data(), n, p, q, c, t * c);
      rotate_rows(vectors.data(), n, p, q, c, t * c);
      rotated = true;
    }
  }
  return rotated;
}

}  // namespace

SymmetricEigen symmetric_eigen(std::span<const double> matrix, int n) {
  const auto size = static_cast<std::size_t>(n);
  HT_ASSERT(n >= 0 && matrix.size() == size * size);
  std::vector<double> a(matrix.begin(), matrix.end());
  SymmetricEigen result{std::vector<double>(size), std::vector<double>(size * size)};
  for (std::size_t i = 0; i < size; ++i) {
    result.vectors[i * size + i] = 1;
    for (std::size_t j = 0; j < i; ++j) a[i * size + j] = a[j * size + i];
  }
  for (int k = 0; k < kMaxSweeps && sweep(a, result.vectors, size); ++k) {
  }
  for (std::size_t i = 0; i < size; ++i) result.values[i] = a[i * size + i];
  return result;
}

}  // namespace hypertune

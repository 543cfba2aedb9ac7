// Cholesky factors. All loops over many numbers subtract multiples of up to eight rows from
// another one: the eight stay in the first cache while all rows that need them are changed.
#include "math/cholesky.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "math/vector_clones.h"

namespace hypertune {
namespace {

constexpr std::size_t kBlock = 8;
using Factors = std::array<double, kBlock>;

/// target[j] -= sum over k of factors[k] * rows[k * stride + j], for j < count and k < height.
[[gnu::always_inline]] inline void subtract_rows(double* __restrict target,
                                                 const double* __restrict rows, std::size_t stride,
                                                 const Factors& factors, std::size_t height,
                                                 std::size_t count) {
  if (height == kBlock) {
    const double* r4 = rows + 4 * stride;
    for (std::size_t j = 0; j < count; ++j) {
      const double first = (factors[0] * rows[j] + factors[1] * rows[stride + j]) +
                           (factors[2] * rows[2 * stride + j] + factors[3] * rows[3 * stride + j]);
      const double second = (factors[4] * r4[j] + factors[5] * r4[stride + j]) +
                            (factors[6] * r4[2 * stride + j] + factors[7] * r4[3 * stride + j]);
      target[j] -= first + second;
    }
    return;
  }
  for (std::size_t k = 0; k < height; ++k) {
    for (std::size_t j = 0; j < count; ++j) target[j] -= factors[k] * rows[k * stride + j];
  }
}

[[gnu::always_inline]] inline void subtract_row(double* __restrict target,
                                                const double* __restrict row, double factor,
                                                std::size_t count) {
  for (std::size_t j = 0; j < count; ++j) target[j] -= factor * row[j];
}

/// u[row + k, column] for k < height.
Factors column_part(const double* u, std::size_t n, std::size_t row, std::size_t column,
                    std::size_t height) {
  Factors factors{};
  for (std::size_t k = 0; k < height; ++k) factors[k] = u[(row + k) * n + column];
  return factors;
}

HT_VECTOR_CLONES
bool factorize(double* a, std::size_t n) {
  for (std::size_t b = 0; b < n; b += kBlock) {
    const std::size_t height = std::min(kBlock, n - b);
    const std::size_t end = b + height;
    for (std::size_t k = b; k < end; ++k) {
      double* row = a + k * n;
      for (std::size_t p = b; p < k; ++p) {
        subtract_row(row + k, a + p * n + k, a[p * n + k], n - k);
      }
      if (!(row[k] > 0) || !std::isfinite(row[k])) return false;
      const double scale = 1 / std::sqrt(row[k]);
      for (std::size_t j = k; j < n; ++j) row[j] *= scale;
    }
    for (std::size_t i = end; i < n; ++i) {
      subtract_rows(a + i * n + i, a + b * n + i, n, column_part(a, n, b, i, height), height,
                    n - i);
    }
  }
  return true;
}

/// Rows of X that are zero from their number on, as those of the unit matrix, stay so: with
/// `triangular` the loops leave that part out.
HT_VECTOR_CLONES
void eliminate(const double* u, std::size_t n, double* x, std::size_t m, bool triangular) {
  for (std::size_t b = 0; b < n; b += kBlock) {
    const std::size_t height = std::min(kBlock, n - b);
    const std::size_t end = b + height;
    const std::size_t width = triangular ? end : m;
    for (std::size_t k = b; k < end; ++k) {
      double* row = x + k * m;
      for (std::size_t p = b; p < k; ++p) subtract_row(row, x + p * m, u[p * n + k], width);
      const double scale = 1 / u[k * n + k];
      for (std::size_t j = 0; j < width; ++j) row[j] *= scale;
    }
    for (std::size_t i = end; i < n; ++i) {
      subtract_rows(x + i * m, x + b * m, m, column_part(u, n, b, i, height), height, width);
    }
  }
}

/// The same for one right-hand side.
HT_VECTOR_CLONES
void eliminate_vector(const double* u, std::size_t n, double* x) {
  for (std::size_t i = 0; i < n; ++i) {
    x[i] /= u[i * n + i];
    subtract_row(x + i + 1, u + i * n + i + 1, x[i], n - i - 1);
  }
}

/// The lower triangle of W^T W, for W lower triangular.
HT_VECTOR_CLONES
void multiply_transposed(const double* w, std::size_t n, double* product) {
  for (std::size_t b = 0; b < n; b += kBlock) {
    const std::size_t height = std::min(kBlock, n - b);
    for (std::size_t i = 0; i < b + height; ++i) {
      Factors factors = column_part(w, n, b, i, height);
      for (double& factor : factors) factor = -factor;
      subtract_rows(product + i * n, w + b * n, n, factors, height, i + 1);
    }
  }
}

/// A sum in eight parts, which compilers can add at once.
HT_VECTOR_CLONES
double dot(const double* a, const double* b, std::size_t count) {
  Factors sums{};
  std::size_t j = 0;
  for (; j + kBlock <= count; j += kBlock) {
    for (std::size_t k = 0; k < kBlock; ++k) sums[k] += a[j + k] * b[j + k];
  }
  for (; j < count; ++j) sums[0] += a[j] * b[j];
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

}  // namespace

bool cholesky(std::span<double> a, std::size_t n) { return factorize(a.data(), n); }

void solve_lower(std::span<const double> u, std::size_t n, std::span<double> b, std::size_t m) {
  if (m == 1) {
    eliminate_vector(u.data(), n, b.data());
  } else {
    eliminate(u.data(), n, b.data(), m, false);
  }
}

void solve_upper(std::span<const double> u, std::size_t n, std::span<double> b) {
  for (std::size_t i = n; i-- > 0;) {
    const double* row = u.data() + i * n;
    b[i] = (b[i] - dot(row + i + 1, b.data() + i + 1, n - i - 1)) / row[i];
  }
}

std::vector<double> inverse(std::span<const double> u, std::size_t n) {
  std::vector<double> w(n * n);
  for (std::size_t i = 0; i < n; ++i) w[i * n + i] = 1;
  eliminate(u.data(), n, w.data(), n, true);
  std::vector<double> product(n * n);
  multiply_transposed(w.data(), n, product.data());
  return product;
}

}  // namespace hypertune

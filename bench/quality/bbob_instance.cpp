// How instances of the BBOB functions are drawn: a generator of Park and Miller behind a table of
// Bays and Durham, normal numbers by Box and Muller, and rotations by orthogonalizing them. The
// streams are those of COCO's own instances, so that values may be compared with published ones;
// tests/interop/bbob_values.py has a peer.
#include "quality/bbob_instance.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/assert.h"

namespace hypertune::bench {
namespace {

/// Of the stream of the second rotation.
constexpr std::int64_t kOtherStream = 1'000'000;

std::int64_t next_seed(std::int64_t seed) {
  constexpr std::int64_t kModulus = 2'147'483'647;
  return 16'807 * seed % kModulus;
}

std::vector<double> uniforms(std::size_t count, std::int64_t stream) {
  std::int64_t seed = std::max<std::int64_t>(1, std::abs(stream));
  std::array<std::int64_t, 32> table{};
  for (int i = 39; i >= 0; --i) {
    seed = next_seed(seed);
    if (i < 32) table[static_cast<std::size_t>(i)] = seed;
  }
  std::int64_t last = table[0];
  std::vector<double> numbers(count);
  for (double& number : numbers) {
    seed = next_seed(seed);
    const auto place = static_cast<std::size_t>(last / 67'108'865);
    last = table[place];
    table[place] = seed;
    number = static_cast<double>(last) / 2.147483647e9;
    if (number == 0) number = 1e-99;
  }
  return numbers;
}

std::vector<double> normals(std::size_t count, std::int64_t stream) {
  const std::vector<double> u = uniforms(2 * count, stream);
  std::vector<double> numbers(count);
  for (std::size_t i = 0; i < count; ++i) {
    numbers[i] = std::sqrt(-2 * std::log(u[i])) * std::cos(2 * std::numbers::pi * u[count + i]);
    if (numbers[i] == 0) numbers[i] = 1e-99;
  }
  return numbers;
}

/// Rounded to four digits, never 0.
std::vector<double> any_point(std::size_t dims, std::int64_t stream) {
  std::vector<double> point = uniforms(dims, stream);
  for (double& x : point) {
    x = 8 * std::floor(1e4 * x) / 1e4 - 4;
    if (x == 0) x = -1e-5;
  }
  return point;
}

RowMatrix any_rotation(std::size_t dims, std::int64_t stream) {
  RowMatrix matrix{dims, normals(dims * dims, stream)};
  const auto row = [&](std::size_t i) {
    return matrix.values.begin() + static_cast<std::ptrdiff_t>(i * dims);
  };
  for (std::size_t i = 0; i < dims; ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const double along = std::inner_product(row(i), row(i + 1), row(j), 0.0);
      for (std::size_t k = 0; k < dims; ++k)
        row(i)[static_cast<std::ptrdiff_t>(k)] -= along * row(j)[static_cast<std::ptrdiff_t>(k)];
    }
    const double norm = std::sqrt(std::inner_product(row(i), row(i + 1), row(i), 0.0));
    std::transform(row(i), row(i + 1), row(i), [norm](double x) { return x / norm; });
  }
  return matrix;
}

/// matrix * diagonal, the diagonal growing from 1 to `last`.
RowMatrix scaled(RowMatrix matrix, double last) {
  const std::size_t n = matrix.size;
  for (std::size_t k = 0; k < matrix.values.size(); ++k) {
    matrix.values[k] *= std::pow(last, share_of_axes(k % n, n));
  }
  return matrix;
}

RowMatrix product(const RowMatrix& a, const RowMatrix& b) {
  RowMatrix result{a.size, {}};
  for (std::size_t i = 0; i < a.size; ++i) {
    const auto begin = a.values.begin() + static_cast<std::ptrdiff_t>(i * a.size);
    const auto row = b.times({begin, begin + static_cast<std::ptrdiff_t>(a.size)});
    result.values.insert(result.values.end(), row.begin(), row.end());
  }
  return result;
}

double sign(double x) { return x > 0 ? 1 : -1; }

/// The indices in the order of the numbers.
std::vector<std::size_t> permutation(std::size_t count, std::int64_t stream) {
  const std::vector<double> keys = uniforms(count, stream);
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return keys[i]; });
  return order;
}

/// The peaks of f21 and f22; the first is the highest.
std::vector<Peak> gallagher_peaks(int function, std::size_t dims, std::int64_t stream,
                                  const RowMatrix& rotation) {
  const bool many = function == 21;
  const std::size_t count = many ? 101 : 21;
  const auto places = uniforms(dims * count, stream);
  const auto order = permutation(count - 1, stream);
  std::vector<Peak> peaks;
  for (std::size_t i = 0; i < count; ++i) {
    double condition = many ? std::sqrt(1000.0) : 1000.0;
    double height = 10;
    if (i > 0) {
      condition = std::pow(1000.0, share_of_axes(order[i - 1], count - 1));
      height = 1.1 + 8 * share_of_axes(i - 1, count - 1);
    }
    std::vector<double> place(dims);
    for (std::size_t j = 0; j < dims; ++j) {
      // The highest peak keeps off the bounds.
      place[j] = (many ? 1 : 0.98) * (10 * places[i * dims + j] - 5) * (i == 0 ? 0.8 : 1);
    }
    Peak peak{height, rotation.times(place), {}};
    for (const std::size_t axis : permutation(dims, stream + 1000 * static_cast<std::int64_t>(i))) {
      peak.steepness.push_back(std::pow(condition, share_of_axes(axis, dims) - 0.5));
    }
    peaks.push_back(std::move(peak));
  }
  return peaks;
}

/// The last scale of the axes that Q is multiplied by; 0 where there is no such matrix.
double last_scale(int function) {
  switch (function) {
    case 6:
    case 7:
    case 13:
    case 15:
    case 17:
      return std::sqrt(10.0);
    case 16:
      return 0.1;
    case 18:
      return std::sqrt(1000.0);
    case 23:
    case 24:
      return 10;
    default:
      return 0;
  }
}

/// Which of the streams a function takes: some share one.
std::int64_t first_stream(int function) {
  if (function == 4) return 3;
  if (function == 18) return 17;
  return function;
}

std::vector<double> transposed_times(const RowMatrix& matrix, const std::vector<double>& row) {
  std::vector<double> result(matrix.size);
  for (std::size_t i = 0; i < matrix.size; ++i) {
    for (std::size_t j = 0; j < matrix.size; ++j) {
      result[i] += matrix.values[i * matrix.size + j] * row[j];
    }
  }
  return result;
}

}  // namespace

std::vector<double> RowMatrix::times(const std::vector<double>& row) const {
  HT_ASSERT(row.size() == size);
  std::vector<double> result(size);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j < size; ++j) result[j] += row[i] * values[i * size + j];
  }
  return result;
}

double share_of_axes(std::size_t i, std::size_t count) {
  return count > 1 ? static_cast<double>(i) / static_cast<double>(count - 1) : 0;
}

BbobInstance bbob_instance(int function, int dims, int instance) {
  HT_ASSERT(function >= 1 && function <= 24 && dims >= 2);
  const auto n = static_cast<std::size_t>(dims);
  const std::int64_t stream = first_stream(function) + 10'000 * static_cast<std::int64_t>(instance);
  BbobInstance made;
  made.function = function;
  const double quotient = normals(1, stream)[0] / normals(1, stream + 1)[0];
  made.best = std::clamp(std::nearbyint(100 * 100 * quotient) / 100, -1000.0, 1000.0);
  made.optimum = any_point(n, function == 12 ? stream + kOtherStream : stream);
  made.rotation = any_rotation(n, stream + kOtherStream);
  const RowMatrix other = any_rotation(n, stream);
  if (const double last = last_scale(function); last > 0) {
    made.transformation = scaled(other, last);
    const bool turned_back = function != 7 && function != 17 && function != 18;
    if (turned_back) made.transformation = product(made.transformation, made.rotation);
  }

  if (function == 4) {
    for (std::size_t i = 0; i < n; i += 2) made.optimum[i] = std::abs(made.optimum[i]);
  } else if (function == 5) {
    for (double& x : made.optimum) x = 5 * sign(x);
  } else if (function == 8) {
    for (double& x : made.optimum) x *= 0.75;
  } else if (function == 9 || function == 19) {
    const double scale = std::max(1.0, std::sqrt(dims) / 8);
    made.rotation = other;
    made.optimum = transposed_times(other, std::vector<double>(n, 0.5 / scale));
  } else if (function == 20) {
    const auto u = uniforms(n, stream);
    for (std::size_t i = 0; i < n; ++i) made.optimum[i] = sign(u[i] - 0.5) * 4.2096874633 / 2;
  } else if (function == 21 || function == 22) {
    made.rotation = other;
    made.peaks = gallagher_peaks(function, n, stream, other);
    made.optimum = transposed_times(other, made.peaks.front().center);
  } else if (function == 24) {
    const auto g = normals(n, stream);
    for (std::size_t i = 0; i < n; ++i) made.optimum[i] = sign(g[i]) * 2.5 / 2;
  }
  return made;
}

}  // namespace hypertune::bench

// Means and squared deviations of channels. Included after a simd_*.h.
#pragma once

#include <cstdint>

namespace hypertune {
namespace {

/// Rows that are read twice, from the first cache level the second time.
constexpr std::int64_t kMomentRows = 64;
/// Vectors that are summed independently, so that additions need not wait for each other.
constexpr int kMomentSums = 4;

template <int kCount>
inline Vec sum_of(const Vec (&terms)[kCount], int first, int step) {
  Vec sum = terms[first];
  for (int i = first + step; i < kCount; i += step) sum = sum + terms[i];
  return sum;
}

/// Of kVectors vectors of channels: sums of term(y, vector) over the rows, in `sums`.
template <int kVectors, typename Term>
inline void sum_rows(const float* y, std::int64_t rows, std::int64_t channels, Vec* sums,
                     Term term) {
  constexpr int kRows = kMomentSums / kVectors;
  Vec parts[kMomentSums];
  for (Vec& part : parts) part = Vec::zero();
  std::int64_t row = 0;
  for (; row + kRows <= rows; row += kRows)
    for (int i = 0; i < kMomentSums; ++i)
      parts[i] = term(parts[i],
                      Vec::load(y + (row + i / kVectors) * channels + i % kVectors * Vec::kWidth),
                      i % kVectors);
  for (; row < rows; ++row)
    for (int i = 0; i < kVectors; ++i)
      parts[i] = term(parts[i], Vec::load(y + row * channels + i * Vec::kWidth), i);
  for (int i = 0; i < kVectors; ++i) sums[i] = sum_of(parts, i, kVectors);
}

/// Relative to the first row, lest a mean far from zero cost the digits that the deviations need.
/// Chunks of rows, each in two passes, merged: Chan, Golub and LeVeque, "Updating formulae and a
/// pairwise algorithm for computing sample variances", 1979.
template <int kVectors>
void moments_of(const float* y, std::int64_t rows, std::int64_t channels, float* mean,
                float* squares) {
  Vec means[kVectors];
  Vec deviations[kVectors];
  Vec origin[kVectors];
  for (int i = 0; i < kVectors; ++i) {
    means[i] = deviations[i] = Vec::zero();
    origin[i] = Vec::load(y + i * Vec::kWidth);
  }
  for (std::int64_t done = 0; done < rows; done += kMomentRows) {
    const std::int64_t count = rows - done < kMomentRows ? rows - done : kMomentRows;
    const float* chunk = y + done * channels;
    const auto total = static_cast<float>(done + count);
    const Vec share = Vec::all(static_cast<float>(count) / total);
    const Vec weight = Vec::all(static_cast<float>(done) * static_cast<float>(count) / total);
    const Vec inverse = Vec::all(1.0F / static_cast<float>(count));
    Vec chunk_means[kVectors];
    sum_rows<kVectors>(chunk, count, channels, chunk_means,
                       [&](Vec sum, Vec x, int i) { return sum + (x - origin[i]); });
    Vec centers[kVectors];
    for (int i = 0; i < kVectors; ++i) {
      chunk_means[i] = chunk_means[i] * inverse;
      centers[i] = origin[i] + chunk_means[i];
    }
    Vec chunk_squares[kVectors];
    sum_rows<kVectors>(chunk, count, channels, chunk_squares, [&](Vec sum, Vec x, int i) {
      const Vec deviation = x - centers[i];
      return fma(deviation, deviation, sum);
    });
    for (int i = 0; i < kVectors; ++i) {
      const Vec difference = chunk_means[i] - means[i];
      means[i] = fma(difference, share, means[i]);
      deviations[i] = deviations[i] + fma(difference * difference, weight, chunk_squares[i]);
    }
  }
  for (int i = 0; i < kVectors; ++i) {
    (origin[i] + means[i]).store(mean + i * Vec::kWidth);
    deviations[i].store(squares + i * Vec::kWidth);
  }
}

inline void moments(const float* y, std::int64_t rows, std::int64_t channels, float* mean,
                    float* squares) {
  std::int64_t c = 0;
  for (; c + 4 * Vec::kWidth <= channels; c += 4 * Vec::kWidth)
    moments_of<4>(y + c, rows, channels, mean + c, squares + c);
  for (; c + 2 * Vec::kWidth <= channels; c += 2 * Vec::kWidth)
    moments_of<2>(y + c, rows, channels, mean + c, squares + c);
  for (; c < channels; c += Vec::kWidth)
    moments_of<1>(y + c, rows, channels, mean + c, squares + c);
}

}  // namespace
}  // namespace hypertune

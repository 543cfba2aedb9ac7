// Copies of matrices: transposed, and rounded to bf16.
#pragma once

#include <cstdint>
#include <cstring>

#include "nn/kernels.h"

namespace hypertune {
namespace {

typedef float Quad __attribute__((vector_size(16)));
constexpr std::int64_t kQuad = 4;

inline Quad load_quad(const float* p) {
  Quad a;
  std::memcpy(&a, p, sizeof a);
  return a;
}

inline void store_quad(Quad a, float* p) { std::memcpy(p, &a, sizeof a); }

inline void transpose_quads(const float* src, std::int64_t src_row, float* dst,
                            std::int64_t dst_row) {
  const Quad a = load_quad(src);
  const Quad b = load_quad(src + src_row);
  const Quad c = load_quad(src + 2 * src_row);
  const Quad d = load_quad(src + 3 * src_row);
  const Quad ac_low = __builtin_shufflevector(a, c, 0, 4, 1, 5);
  const Quad ac_high = __builtin_shufflevector(a, c, 2, 6, 3, 7);
  const Quad bd_low = __builtin_shufflevector(b, d, 0, 4, 1, 5);
  const Quad bd_high = __builtin_shufflevector(b, d, 2, 6, 3, 7);
  store_quad(__builtin_shufflevector(ac_low, bd_low, 0, 4, 1, 5), dst);
  store_quad(__builtin_shufflevector(ac_low, bd_low, 2, 6, 3, 7), dst + dst_row);
  store_quad(__builtin_shufflevector(ac_high, bd_high, 0, 4, 1, 5), dst + 2 * dst_row);
  store_quad(__builtin_shufflevector(ac_high, bd_high, 2, 6, 3, 7), dst + 3 * dst_row);
}

void transpose(const float* src, std::int64_t src_row, std::int64_t rows, std::int64_t columns,
               float* dst, std::int64_t dst_row) {
  const std::int64_t whole_rows = rows - rows % kQuad;
  const std::int64_t whole_columns = columns - columns % kQuad;
  for (std::int64_t column = 0; column < whole_columns; column += kQuad) {
    for (std::int64_t row = 0; row < whole_rows; row += kQuad) {
      transpose_quads(src + row * src_row + column, src_row, dst + column * dst_row + row, dst_row);
    }
  }
  for (std::int64_t column = 0; column < columns; ++column) {
    const std::int64_t first = column < whole_columns ? whole_rows : 0;
    for (std::int64_t row = first; row < rows; ++row) {
      dst[column * dst_row + row] = src[row * src_row + column];
    }
  }
}

inline Vec rounded_to_bf16(Vec a) {
  const Bits bits = bits_of(a);
  const Bits kept = all_bits(0xFFFF0000U);
  const Bits odd = shift_right_16(bits) & all_bits(1);
  const Vec rounded = from_bits((bits + all_bits(0x7FFF) + odd) & kept);
  // A NaN whose upper bits are all zero must not become an infinity.
  const Vec quiet = from_bits((bits | all_bits(0x00400000)) & kept);
  return select(is_nan(a), quiet, rounded);
}

void round_to_bf16(const float* src, float* dst, std::int64_t size) {
  std::int64_t i = 0;
  for (; i + Vec::kWidth <= size; i += Vec::kWidth) {
    rounded_to_bf16(Vec::load(src + i)).store(dst + i);
  }
  if (i < size) {
    const std::size_t rest = static_cast<std::size_t>(size - i) * sizeof(float);
    float lanes[Vec::kWidth] = {};
    std::memcpy(lanes, src + i, rest);
    rounded_to_bf16(Vec::load(lanes)).store(lanes);
    std::memcpy(dst + i, lanes, rest);
  }
}

}  // namespace
}  // namespace hypertune

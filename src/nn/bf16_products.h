// Products of bf16 numbers on tiles: a small table of functions beside that of nn/kernels.h.
//
// A tile is a register of kTileRows rows of 64 bytes. One holds 16 x 16 sums (f32), 16 rows x 32
// steps of the depth of a left factor, or of a right factor 16 pairs of steps x 16 columns x 2.
#pragma once

#include <cstdint>

namespace hypertune {

/// A number in bf16: the upper half of a float's bits.
using Bf16Number = std::uint16_t;

constexpr std::int64_t kTileRows = 16;   ///< and columns
constexpr std::int64_t kTileDepth = 32;  ///< depths are multiples of it, filled up with zeros
constexpr std::int64_t kTilePairs = kTileRows * 2;  ///< numbers of one pair of steps in a block

/// A right factor, [depth][columns], rounded and laid out for tiles: blocks of 16 columns
/// [columns / 16][depth / 2][16][2], `block` numbers apart.
struct PairedFactor {
  Bf16Number* pairs = nullptr;
  std::int64_t block = 0;
};

/// C[to[r]][n] = bias[n] + sum over t < taps, k < depth of A[r * a_row + t * a_tap + k] *
/// B[t][k][n] for r < rows, n < columns; a row with to[r] < 0 is left out. A is read for whole
/// tiles of rows. Because the depth is filled up, a number of A that is not finite may reach rows
/// of C that it is a few places behind.
struct TileProduct {
  std::int64_t rows = 0, taps = 1, depth = 0, columns = 0;
  const Bf16Number* a = nullptr;
  std::int64_t a_row = 0, a_tap = 0;
  PairedFactor b;  ///< [taps * depth][columns]
  float* c = nullptr;
  std::int64_t c_row = 0;
  const float* bias = nullptr;  ///< [columns], or null for none
  const std::int64_t* to = nullptr;
};

/// C[r][n] += sum over k < depth of A[r * a_row + k] * B[k][n], for rows in multiples of kTileRows.
struct ReducingTileProduct {
  std::int64_t rows = 0, depth = 0, columns = 0;
  const Bf16Number* a = nullptr;
  std::int64_t a_row = 0;
  PairedFactor b;
  float* c = nullptr;
  std::int64_t c_row = 0;
};

struct TileProducts {
  /// dst[i] = src[i] rounded to nearest, ties to even; NaN stays NaN; denormal numbers may become
  /// 0, for products take them as 0 anyway.
  void (*round)(const float* src, std::int64_t size, Bf16Number* dst);
  /// Rounds [rows][columns], rows `src_row` floats apart, columns a multiple of kTileRows, followed
  /// by rows of zeros up to `depth`, an even number.
  void (*round_pairs)(const float* src, std::int64_t src_row, std::int64_t rows, std::int64_t depth,
                      std::int64_t columns, const PairedFactor& dst);
  void (*product)(const TileProduct&);
  void (*reducing_product)(const ReducingTileProduct&);
};

/// By the instructions AMX-TILE, AMX-BF16 and AVX512-BF16; in builds for x86-64 only. Products need
/// a thread that prepare_compute_thread has prepared for Isa::Amx.
const TileProducts& amx_products();

}  // namespace hypertune

// Products of bf16 numbers as 2 x 2 tiles of sums, for any implementation of tiles. A `Tiles` has
// static functions over the registers 0 to 7:
//   begin()                  before anything else in a product
//   zero<T>()                T = 0
//   load<T>(from, stride)    T = 16 rows of 64 bytes, `stride` bytes apart
//   store<T>(to, stride)     the reverse
//   multiply<C, A, B>()      adds to each sum of C the products of a row of A with a column of B
#pragma once

#include <cstdint>

#include "nn/bf16_products.h"

namespace hypertune {
namespace {

constexpr std::int64_t kSumBytes = sizeof(float);
constexpr std::int64_t kFactorBytes = sizeof(Bf16Number);
constexpr std::int64_t kPairBytes = kTilePairs * kFactorBytes;

// Registers: sums of tile row m and tile column n, rows of the left factor, columns of the right.
template <int m, int n>
constexpr int kSums = 2 * m + n;
template <int m>
constexpr int kLeft = 4 + m;
template <int n>
constexpr int kRight = 6 + n;

/// Adds the products over `depth` to M x N tiles of sums.
template <typename Tiles, int M, int N>
void add_products(const Bf16Number* a, std::int64_t a_row, const PairedFactor& b,
                  std::int64_t depth) {
  const Bf16Number* pairs = b.pairs;
  for (std::int64_t k = 0; k < depth; k += kTileDepth) {
    Tiles::template load<kLeft<0>>(a, a_row * kFactorBytes);
    Tiles::template load<kRight<0>>(pairs, kPairBytes);
    Tiles::template multiply<kSums<0, 0>, kLeft<0>, kRight<0>>();
    if constexpr (N == 2) {
      Tiles::template load<kRight<1>>(pairs + b.block, kPairBytes);
      Tiles::template multiply<kSums<0, 1>, kLeft<0>, kRight<1>>();
    }
    if constexpr (M == 2) {
      Tiles::template load<kLeft<1>>(a + kTileRows * a_row, a_row * kFactorBytes);
      Tiles::template multiply<kSums<1, 0>, kLeft<1>, kRight<0>>();
      if constexpr (N == 2) Tiles::template multiply<kSums<1, 1>, kLeft<1>, kRight<1>>();
    }
    a += kTileDepth;
    pairs += kTileDepth / 2 * kTilePairs;
  }
}

/// Calls `visit.template operator()<m, n>()` for each of M x N tiles.
template <int M, int N, typename Visit>
void for_each_tile(const Visit& visit) {
  visit.template operator()<0, 0>();
  if constexpr (N == 2) visit.template operator()<0, 1>();
  if constexpr (M == 2) visit.template operator()<1, 0>();
  if constexpr (M == 2 && N == 2) visit.template operator()<1, 1>();
}

/// Calls `block.template operator()<M, N>(row, column)` for blocks of 2 x 2 tiles that cover rows x
/// columns, and of fewer at the ends. All rows of a column come before the next column, so that its
/// right factor stays in the first cache level.
template <typename Block>
void for_each_block(std::int64_t rows, std::int64_t columns, const Block& block) {
  const auto for_each_row = [&]<int N>(std::int64_t column) {
    std::int64_t row = 0;
    for (; row + kTileRows < rows; row += 2 * kTileRows) {
      block.template operator()<2, N>(row, column);
    }
    if (row < rows) block.template operator()<1, N>(row, column);
  };
  std::int64_t column = 0;
  for (; column + kTileRows < columns; column += 2 * kTileRows) {
    for_each_row.template operator()<2>(column);
  }
  if (column < columns) for_each_row.template operator()<1>(column);
}

inline PairedFactor from_column(const PairedFactor& b, std::int64_t column) {
  return {b.pairs + column / kTileRows * b.block, b.block};
}

/// Writes the rows of one tile that are wanted. Without gaps at once, otherwise by a detour.
template <typename Tiles, int T>
void store_rows(const TileProduct& p, std::int64_t row, std::int64_t column) {
  const std::int64_t* const to = p.to + row;
  const std::int64_t rows = p.rows - row < kTileRows ? p.rows - row : kTileRows;
  float* const c = p.c + column;
  // Places rise from row to row, but for those left out.
  if (rows == kTileRows && to[0] >= 0 && to[kTileRows - 1] == to[0] + kTileRows - 1) {
    Tiles::template store<T>(c + to[0] * p.c_row, p.c_row * kSumBytes);
    return;
  }
  alignas(64) float sums[kTileRows * kTileRows];
  Tiles::template store<T>(sums, kTileRows * kSumBytes);
  for (std::int64_t r = 0; r < rows; ++r) {
    if (to[r] < 0) continue;
    __builtin_memcpy(c + to[r] * p.c_row, sums + r * kTileRows, kTileRows * sizeof(float));
  }
}

template <typename Tiles>
void tile_product(const TileProduct& p) {
  Tiles::begin();
  for_each_block(p.rows, p.columns, [&]<int M, int N>(std::int64_t row, std::int64_t column) {
    for_each_tile<M, N>([&]<int m, int n>() {
      if (p.bias == nullptr) {
        Tiles::template zero<kSums<m, n>>();
      } else {  // The same row sixteen times.
        Tiles::template load<kSums<m, n>>(p.bias + column + n * kTileRows, 0);
      }
    });
    PairedFactor b = from_column(p.b, column);
    for (std::int64_t tap = 0; tap < p.taps; ++tap) {
      add_products<Tiles, M, N>(p.a + row * p.a_row + tap * p.a_tap, p.a_row, b, p.depth);
      b.pairs += p.depth / 2 * kTilePairs;
    }
    for_each_tile<M, N>([&]<int m, int n>() {
      store_rows<Tiles, kSums<m, n>>(p, row + m * kTileRows, column + n * kTileRows);
    });
  });
}

template <typename Tiles>
void reducing_tile_product(const ReducingTileProduct& p) {
  Tiles::begin();
  for_each_block(p.rows, p.columns, [&]<int M, int N>(std::int64_t row, std::int64_t column) {
    float* const c = p.c + row * p.c_row + column;
    const auto sums = [&](int m, int n) { return c + m * kTileRows * p.c_row + n * kTileRows; };
    const std::int64_t stride = p.c_row * kSumBytes;
    for_each_tile<M, N>(
        [&]<int m, int n>() { Tiles::template load<kSums<m, n>>(sums(m, n), stride); });
    add_products<Tiles, M, N>(p.a + row * p.a_row, p.a_row, from_column(p.b, column), p.depth);
    for_each_tile<M, N>(
        [&]<int m, int n>() { Tiles::template store<kSums<m, n>>(sums(m, n), stride); });
  });
}

}  // namespace
}  // namespace hypertune

// Matrix products over rows that may overlap; see kernels.h.
//
// A tile of the result, rows x vectors, is kept in registers while the sums run; elements of the
// one factor are broadcast, vectors of the other loaded. Rows are split evenly into tiles (25 as 5
// x 5, not 6 + 6 + 6 + 6 + 1), so that there is no small remainder.
#pragma once

#include <cstdint>

#include "nn/kernels.h"

namespace hypertune {
namespace {

/// The most vectors in a row of a tile: as many as leave room for rows enough, and never more than
/// divide kLanes evenly.
constexpr int kMostVectors = Vec::kRegisters >= 32 ? 4 : 2;

/// The most rows of a tile of so many vectors (6 x 4, 14 x 2, 29 x 1 of 32 registers, 6 x 2 of 16):
/// registers are left for the vectors of B, a broadcast and a product.
constexpr int most_rows(int vectors) { return (Vec::kRegisters - vectors - 2) / vectors; }

/// A number of rows, cut into tiles of two sizes that differ by one.
struct EvenSplit {
  EvenSplit(std::int64_t rows, std::int64_t most)
      : tiles((rows + most - 1) / most), size(rows / tiles), larger(rows % tiles) {}
  std::int64_t tiles;
  std::int64_t size;    ///< of the smaller ones
  std::int64_t larger;  ///< tiles of one row more; they come first
};

inline std::int64_t at_most(std::int64_t value, std::int64_t limit) {
  return value < limit ? value : limit;
}

inline std::int64_t at_least_one(std::int64_t value) { return value < 1 ? 1 : value; }

/// Calls visit.operator()<vectors>(first column) for panels that cover all columns.
template <typename Visit>
inline void for_each_panel(std::int64_t columns, Visit visit) {
  std::int64_t n = 0;
  if constexpr (kMostVectors >= 4) {
    for (; n + 4 * Vec::kWidth <= columns; n += 4 * Vec::kWidth) visit.template operator()<4>(n);
  }
  for (; n + 2 * Vec::kWidth <= columns; n += 2 * Vec::kWidth) visit.template operator()<2>(n);
  if constexpr (Vec::kWidth == kLanes) {
    if (n < columns) visit.template operator()<1>(n);
  }
}

/// One tile, kRows high and kVectors wide.
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void product_tile(const Product& p, const float* a, const float* b,
                                                const float* bias, float* c) {
  // Rows are reached from every fourth, as an address has room for a multiple of the stride.
  constexpr int kGroups = (kRows + 3) / 4;
  const std::int64_t stride = p.a_row;
  Vec sums[kRows][kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const Vec first = Vec::load(bias + v * Vec::kWidth);
#pragma GCC unroll 32
    for (int r = 0; r < kRows; ++r) sums[r][v] = first;
  }
  for (std::int64_t tap = 0; tap < p.taps; ++tap) {
    const float* rows[kGroups];
#pragma GCC unroll 8
    for (int g = 0; g < kGroups; ++g) rows[g] = a + tap * p.a_tap + std::int64_t{4} * g * stride;
    for (std::int64_t k = 0; k < p.depth; ++k, b += p.b_row) {
      Vec factors[kVectors];
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) factors[v] = Vec::load(b + v * Vec::kWidth);
#pragma GCC unroll 32
      for (int r = 0; r < kRows; ++r) {
        const Vec x = Vec::all(rows[r / 4][r % 4 * stride]);
#pragma GCC unroll 4
        for (int v = 0; v < kVectors; ++v) sums[r][v] = fma(x, factors[v], sums[r][v]);
      }
#pragma GCC unroll 8
      for (int g = 0; g < kGroups; ++g) ++rows[g];
    }
  }
#pragma GCC unroll 32
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[r][v].store(c + r * p.c_row + v * Vec::kWidth);
  }
}

/// `outer` x `inner` x `tiles` of them.
template <int kRows, int kVectors>
void product_tiles(const Product& p, std::int64_t tiles, const float* a, const float* b,
                   const float* bias, float* c) {
  for (std::int64_t o = 0; o < p.outer; ++o) {
    for (std::int64_t i = 0; i < p.inner; ++i) {
      const float* a_tile = a + o * p.a_outer + i * p.a_inner;
      float* c_tile = c + o * p.c_outer + i * p.c_inner;
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        product_tile<kRows, kVectors>(p, a_tile, b, bias, c_tile);
        a_tile += kRows * p.a_row;
        c_tile += kRows * p.c_row;
      }
    }
  }
}

/// sums[k][v] += a[k] * b[v].
template <int kRows, int kVectors>
[[gnu::always_inline]] inline void add_outer_product(const float* a, const float* b,
                                                     Vec (&sums)[kRows][kVectors]) {
  Vec factors[kVectors];
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) factors[v] = held(Vec::load(b + v * Vec::kWidth));
#pragma GCC unroll 32
  for (int k = 0; k < kRows; ++k) {
    const Vec x = Vec::all(a[k]);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) sums[k][v] = fma(x, factors[v], sums[k][v]);
  }
}

/// Adds to one tile, kRows of the depth and kVectors wide, the sum over all rows.
template <int kRows, int kVectors>
void reducing_tile(const ReducingProduct& p, const float* a, const float* b, float* c) {
  // As many sums are under way as hide the latency of an addition: small tiles take several rows.
  constexpr int kSums = 8;
  constexpr int kAtOnce = (kSums + kRows * kVectors - 1) / (kRows * kVectors);
  Vec sums[kAtOnce][kRows][kVectors];
#pragma GCC unroll 8
  for (int s = 0; s < kAtOnce; ++s) {
#pragma GCC unroll 32
    for (int k = 0; k < kRows; ++k) {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) sums[s][k][v] = Vec::zero();
    }
  }
  for (std::int64_t o = 0; o < p.outer; ++o) {
    for (std::int64_t i = 0; i < p.inner; ++i) {
      const float* a_row = a + o * p.a_outer + i * p.a_inner;
      const float* b_row = b + o * p.b_outer + i * p.b_inner;
      std::int64_t r = p.rows;
      for (; kAtOnce > 1 && r >= kAtOnce; r -= kAtOnce) {
#pragma GCC unroll 8
        for (int s = 0; s < kAtOnce; ++s, a_row += p.a_row, b_row += p.b_row) {
          add_outer_product(a_row, b_row, sums[s]);
        }
      }
      for (; r > 0; --r, a_row += p.a_row, b_row += p.b_row) {
        add_outer_product(a_row, b_row, sums[0]);
      }
    }
  }
#pragma GCC unroll 32
  for (int k = 0; k < kRows; ++k) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      float* const to = c + k * p.c_row + v * Vec::kWidth;
      Vec sum = sums[0][k][v];
#pragma GCC unroll 8
      for (int s = 1; s < kAtOnce; ++s) sum = sum + sums[s][k][v];
      (Vec::load(to) + sum).store(to);
    }
  }
}

using ProductTiles = void (*)(const Product&, std::int64_t, const float*, const float*,
                              const float*, float*);
using ReducingTile = void (*)(const ReducingProduct&, const float*, const float*, float*);

/// The functions for tiles of kVectors, by their number of rows.
template <int kVectors>
struct TilesByRows {
  ProductTiles product[most_rows(kVectors) + 1] = {};
  ReducingTile reducing[most_rows(kVectors) + 1] = {};

  constexpr TilesByRows() { fill<most_rows(kVectors)>(); }

 private:
  template <int kRows>
  constexpr void fill() {
    product[kRows] = product_tiles<kRows, kVectors>;
    reducing[kRows] = reducing_tile<kRows, kVectors>;
    if constexpr (kRows > 1) fill<kRows - 1>();
  }
};

template <int kVectors>
constexpr TilesByRows<kVectors> kTiles{};

void product(const Product& p) {
  static constexpr float kNoBias[kMostVectors * Vec::kWidth] = {};
  if (p.rows <= 0) return;
  for_each_panel(p.columns, [&p]<int kVectors>(std::int64_t n) {
    const EvenSplit split(p.rows, most_rows(kVectors));
    const float* const bias = p.bias == nullptr ? kNoBias : p.bias + n;
    if (split.larger > 0) {
      kTiles<kVectors>.product[split.size + 1](p, split.larger, p.a, p.b + n, bias, p.c + n);
    }
    const std::int64_t row = split.larger * (split.size + 1);
    kTiles<kVectors>.product[split.size](p, split.tiles - split.larger, p.a + row * p.a_row,
                                         p.b + n, bias, p.c + row * p.c_row + n);
  });
}

/// All depths of one panel of columns, for one block of rows.
template <int kVectors>
void reducing_panel(const ReducingProduct& p) {
  const EvenSplit split(p.depth, most_rows(kVectors));
  std::int64_t k = 0;
  for (std::int64_t tile = 0; tile < split.tiles; ++tile) {
    const std::int64_t size = split.size + (tile < split.larger ? 1 : 0);
    kTiles<kVectors>.reducing[size](p, p.a + k, p.b, p.c + k * p.c_row);
    k += size;
  }
}

/// Calls visit(block) for blocks of `budget` rows or less.
template <typename Visit>
inline void for_each_block(const ReducingProduct& p, std::int64_t budget, Visit visit) {
  const EvenSplit rows(p.rows, budget);
  const std::int64_t inner = at_most(p.inner, at_least_one(budget / p.rows));
  const std::int64_t outer = at_most(p.outer, at_least_one(budget / (p.rows * p.inner)));
  ReducingProduct block = p;
  for (std::int64_t o = 0; o < p.outer; o += outer) {
    block.outer = at_most(outer, p.outer - o);
    for (std::int64_t i = 0; i < p.inner; i += inner) {
      block.inner = at_most(inner, p.inner - i);
      std::int64_t r = 0;
      for (std::int64_t tile = 0; tile < rows.tiles; ++tile) {
        block.rows = rows.size + (tile < rows.larger ? 1 : 0);
        block.a = p.a + o * p.a_outer + i * p.a_inner + r * p.a_row;
        block.b = p.b + o * p.b_outer + i * p.b_inner + r * p.b_row;
        visit(block);
        r += block.rows;
      }
    }
  }
}

void reducing_product(const ReducingProduct& p) {
  // Leaves half of a cache of 256 KB to others, and sums blocks apart, which is more exact.
  constexpr std::int64_t kBlockFloats = std::int64_t{32} * 1024;
  if (p.depth <= 0 || p.rows <= 0) return;
  for_each_panel(p.columns, [&p]<int kVectors>(std::int64_t n) {
    const std::int64_t budget = at_least_one(kBlockFloats / (p.depth + kVectors * Vec::kWidth));
    ReducingProduct panel = p;
    panel.b += n;
    panel.c += n;
    for_each_block(panel, budget, reducing_panel<kVectors>);
  });
}

}  // namespace
}  // namespace hypertune

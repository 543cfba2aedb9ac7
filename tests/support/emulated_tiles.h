// Tiles in plain C++, for bf16 products on processors without AMX: registers of the calling thread,
// and arithmetic as the manual of the instructions has it, but for flushing of denormal numbers.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "nn/bf16_products.h"
#include "nn/kernels/tiles.h"

namespace hypertune {

inline float from_bf16(Bf16Number number) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(number) << 16);
}

/// To nearest, ties to even.
inline Bf16Number to_bf16(float number) {
  const auto bits = std::bit_cast<std::uint32_t>(number);
  if (std::isnan(number)) return static_cast<Bf16Number>((bits >> 16) | 0x40);
  return static_cast<Bf16Number>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

inline float rounded_to_bf16(float number) { return from_bf16(to_bf16(number)); }

struct EmulatedTiles {
  static constexpr std::size_t kRows = 16, kRowBytes = 64, kRowSums = 16;
  using Tile = std::array<std::array<std::byte, kRowBytes>, kRows>;
  static inline thread_local std::array<Tile, 8> registers{};

  static void begin() {}
  template <int T>
  static void zero() {
    registers[T] = {};
  }
  template <int T>
  static void load(const void* from, std::int64_t stride) {
    load(registers[T], static_cast<const std::uint8_t*>(from), stride);
  }
  template <int T>
  static void store(void* to, std::int64_t stride) {
    store(registers[T], static_cast<std::uint8_t*>(to), stride);
  }
  template <int C, int A, int B>
  static void multiply() {
    multiply(registers[C], registers[A], registers[B]);
  }

  static void load(Tile& tile, const std::uint8_t* from, std::int64_t stride) {
    for (auto& row : tile) {
      std::memcpy(row.data(), from, kRowBytes);
      from += stride;
    }
  }
  static void store(const Tile& tile, std::uint8_t* to, std::int64_t stride) {
    for (const auto& row : tile) {
      std::memcpy(to, row.data(), kRowBytes);
      to += stride;
    }
  }
  /// Even and odd numbers of the depth are summed apart, then together.
  static void multiply(Tile& c, const Tile& a, const Tile& b) {
    for (std::size_t row = 0; row < kRows; ++row) {
      auto sums = std::bit_cast<std::array<float, kRowSums>>(c[row]);
      const auto left = std::bit_cast<std::array<Bf16Number, kRowBytes / 2>>(a[row]);
      std::array<float, kRowSums> even{}, odd{};
      for (std::size_t k = 0; k < kRows; ++k) {
        const auto right = std::bit_cast<std::array<Bf16Number, kRowBytes / 2>>(b[k]);
        for (std::size_t n = 0; n < kRowSums; ++n) {
          even[n] = std::fma(from_bf16(left[2 * k]), from_bf16(right[2 * n]), even[n]);
          odd[n] = std::fma(from_bf16(left[2 * k + 1]), from_bf16(right[2 * n + 1]), odd[n]);
        }
      }
      for (std::size_t n = 0; n < kRowSums; ++n) sums[n] += even[n] + odd[n];
      c[row] = std::bit_cast<std::array<std::byte, kRowBytes>>(sums);
    }
  }
};

inline void emulated_round(const float* src, std::int64_t size, Bf16Number* dst) {
  for (std::int64_t i = 0; i < size; ++i) dst[i] = to_bf16(src[i]);
}

inline void emulated_round_pairs(const float* src, std::int64_t src_row, std::int64_t rows,
                                 std::int64_t depth, std::int64_t columns,
                                 const PairedFactor& dst) {
  for (std::int64_t row = 0; row < depth; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) {
      Bf16Number* const block = dst.pairs + column / kTileRows * dst.block;
      block[row / 2 * kTilePairs + column % kTileRows * 2 + row % 2] =
          row < rows ? to_bf16(src[row * src_row + column]) : Bf16Number{0};
    }
  }
}

inline const TileProducts& emulated_products() {
  static constexpr TileProducts kTable{emulated_round, emulated_round_pairs,
                                       tile_product<EmulatedTiles>,
                                       reducing_tile_product<EmulatedTiles>};
  return kTable;
}

}  // namespace hypertune

// bf16 products on the tiles of AMX. Only what this file includes is compiled for it: an inline
// function of the standard library could be the copy that the linker keeps for all.
#include <immintrin.h>

#include <cstdint>

#include "nn/bf16_products.h"
#include "nn/kernels/tiles.h"

namespace hypertune {
namespace {

/// The operand of LDTILECFG: palette 1, eight tiles of 16 rows of 64 bytes.
struct TileShapes {
  std::uint8_t palette, start_row, reserved[14];
  std::uint16_t row_bytes[16];
  std::uint8_t rows[16];
};
static_assert(sizeof(TileShapes) == 64);
alignas(64) constexpr TileShapes kShapes{
    1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

/// The intrinsics take the number of a register as a literal only, and in g++ 12 loads do not tell
/// the compiler that they read memory. Hence assembler: one instruction in each function.
struct AmxTiles {
  static void begin() {
    // A thread keeps its shapes until it ends: nothing else in the program uses tiles.
    static thread_local bool shaped = false;
    if (shaped) return;
    asm volatile("ldtilecfg %0" : : "m"(kShapes));
    shaped = true;
  }
  template <int T>
  static void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(T));
  }
  template <int T>
  static void load(const void* from, std::int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" : : "r"(from), "r"(stride), "i"(T) : "memory");
  }
  template <int T>
  static void store(void* to, std::int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" : : "r"(to), "r"(stride), "i"(T) : "memory");
  }
  template <int C, int A, int B>
  static void multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(C), "i"(A), "i"(B));
  }
};

constexpr std::int64_t kWidth = 16;

void round(const float* src, std::int64_t size, Bf16Number* dst) {
  std::int64_t i = 0;
  for (; i + 2 * kWidth <= size; i += 2 * kWidth) {
    const __m512bh both =
        _mm512_cvtne2ps_pbh(_mm512_loadu_ps(src + i + kWidth), _mm512_loadu_ps(src + i));
    _mm512_storeu_si512(dst + i, reinterpret_cast<__m512i>(both));
  }
  for (; i < size; i += kWidth) {
    const std::int64_t rest = size - i < kWidth ? size - i : kWidth;
    const auto lanes = static_cast<__mmask16>((1U << rest) - 1);
    const __m256bh some = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(lanes, src + i));
    _mm256_mask_storeu_epi16(dst + i, lanes, reinterpret_cast<__m256i>(some));
  }
}

/// Numbers of two rows by turns.
__m512i interleaved(__m512 first, __m512 second) {
  const __m512i by_turns =
      _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const __m512bh rounded = _mm512_cvtne2ps_pbh(second, first);
  return _mm512_permutexvar_epi16(by_turns, reinterpret_cast<__m512i>(rounded));
}

void round_pairs(const float* src, std::int64_t src_row, std::int64_t rows, std::int64_t depth,
                 std::int64_t columns, const PairedFactor& dst) {
  for (std::int64_t row = 0; row < depth; row += 2) {
    const float* const from = src + row * src_row;
    const __mmask16 first = row < rows ? 0xFFFF : 0;
    const __mmask16 second = row + 1 < rows ? 0xFFFF : 0;
    Bf16Number* to = dst.pairs + row / 2 * kTilePairs;
    for (std::int64_t column = 0; column < columns; column += kTileRows, to += dst.block) {
      _mm512_storeu_si512(to, interleaved(_mm512_maskz_loadu_ps(first, from + column),
                                          _mm512_maskz_loadu_ps(second, from + src_row + column)));
    }
  }
}

}  // namespace

const TileProducts& amx_products() {
  static constexpr TileProducts kTable{round, round_pairs, tile_product<AmxTiles>,
                                       reducing_tile_product<AmxTiles>};
  return kTable;
}

}  // namespace hypertune

// How fast this processor multiplies and adds at best.
#include "compare/engine/peak.h"

#include <thread>

#include "compare/workloads.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace hypertune {
namespace {

constexpr std::int64_t kRepeats = 1'000'000;
/// Enough to hide the latency of an operation behind others.
constexpr int kSums = 12;

/// Keeps the compiler from knowing the value, and so from leaving out what is computed from it or
/// gave it.
template <typename T>
void hide(T& value) {
  asm volatile("" : "+m"(value));
}

__attribute__((target("avx2,fma"))) double avx2_operations() {
  __m256 sums[kSums] = {};
  hide(sums);
  const __m256 factor = _mm256_set1_ps(0.5F);
  for (std::int64_t i = 0; i < kRepeats; ++i) {
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
  }
  hide(sums);
  return 2.0 * 8 * kSums * kRepeats;
}

__attribute__((target("avx512f"))) double avx512_operations() {
  __m512 sums[kSums] = {};
  hide(sums);
  const __m512 factor = _mm512_set1_ps(0.5F);
  for (std::int64_t i = 0; i < kRepeats; ++i) {
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
  }
  hide(sums);
  return 2.0 * 16 * kSums * kRepeats;
}

/// What _tile_loadconfig reads: eight tiles of 16 rows of 64 bytes.
struct TileConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t reserved[15] = {};
  std::uint16_t columns[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

__attribute__((target("amx-tile,amx-bf16"))) double amx_operations() {
  const TileConfiguration configuration;
  _tile_loadconfig(&configuration);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  for (std::int64_t i = 0; i < kRepeats / 10; ++i) {
    _tile_dpbf16ps(0, 4, 5);
    _tile_dpbf16ps(1, 4, 5);
    _tile_dpbf16ps(2, 4, 5);
    _tile_dpbf16ps(3, 4, 5);
  }
  _tile_release();
  return 2.0 * 16 * 16 * 32 * 4 * (kRepeats / 10);
}

/// 0 for what has no loop.
double operations(Isa isa) {
  if (isa == Isa::Avx2) return avx2_operations();
  if (isa == Isa::Avx512) return avx512_operations();
  return isa == Isa::Amx ? amx_operations() : 0;
}

}  // namespace
}  // namespace hypertune

#else

namespace hypertune {
namespace {

double operations(Isa) { return 0; }

}  // namespace
}  // namespace hypertune

#endif

namespace hypertune {

std::optional<double> peak_gflops(Isa isa) {
  double gflops = 0;
  // A thread of its own, for the loop leaves the tiles of Amx otherwise than it found them.
  std::jthread([&] {
    prepare_compute_thread(isa);
    double done = 0;
    const double seconds = thread_seconds_of([&] { done = operations(isa); });
    gflops = done / seconds / 1e9;
  }).join();
  return gflops > 0 ? std::optional(gflops) : std::nullopt;
}

}  // namespace hypertune

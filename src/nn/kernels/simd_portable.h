// Vectors of 4 floats in the compiler's own vector types, which any processor has or imitates.
// Included by kernels_portable.cpp alone. For what the functions mean see simd_avx512.h; `fma` may
// round twice here.
#pragma once

#include <cstdint>
#include <cstring>

namespace hypertune {
namespace {

typedef float FloatLanes __attribute__((vector_size(16)));
typedef std::int32_t IntLanes __attribute__((vector_size(16)));
typedef std::uint32_t BitLanes __attribute__((vector_size(16)));

/// All bits of a lane are set or none.
struct Mask {
  IntLanes v;
};

struct Vec {
  static constexpr std::int64_t kWidth = 4;
  static constexpr int kRegisters = 16;
  FloatLanes v;

  static Vec zero() { return {FloatLanes{0, 0, 0, 0}}; }
  static Vec all(float x) { return {FloatLanes{x, x, x, x}}; }
  static Vec load(const float* p) {
    Vec a;
    std::memcpy(&a.v, p, sizeof a.v);
    return a;
  }
  void store(float* p) const { std::memcpy(p, &v, sizeof v); }
};

inline Vec held(Vec a) { return a; }
inline Vec operator+(Vec a, Vec b) { return {a.v + b.v}; }
inline Vec operator-(Vec a, Vec b) { return {a.v - b.v}; }
inline Vec operator*(Vec a, Vec b) { return {a.v * b.v}; }
inline Vec operator/(Vec a, Vec b) { return {a.v / b.v}; }
inline Vec fma(Vec a, Vec b, Vec c) { return {a.v * b.v + c.v}; }
inline Vec negated_fma(Vec a, Vec b, Vec c) { return {c.v - a.v * b.v}; }
inline Vec max(Vec a, Vec b) { return {a.v > b.v ? a.v : b.v}; }
inline Vec min(Vec a, Vec b) { return {a.v < b.v ? a.v : b.v}; }
inline Vec sqrt(Vec a) {
  Vec root;
  for (int i = 0; i < Vec::kWidth; ++i) root.v[i] = __builtin_sqrtf(a.v[i]);
  return root;
}
inline Mask greater(Vec a, Vec b) { return {a.v > b.v}; }
inline Mask at_most(Vec a, Vec b) { return {a.v <= b.v}; }
inline Mask equal(Vec a, Vec b) { return {a.v == b.v}; }
inline Mask is_nan(Vec a) { return {a.v != a.v}; }
inline Mask either(Mask a, Mask b) { return {a.v | b.v}; }
inline Vec select(Mask m, Vec a, Vec b) { return {m.v ? a.v : b.v}; }
/// For |a| < 2^22, where adding 1.5 * 2^23 leaves no room for a fraction.
inline Vec round(Vec a) {
  constexpr float kShift = 12582912.0F;
  return {(a.v + kShift) - kShift};
}
inline Vec power_of_two(Vec n) {
  const IntLanes exponent = __builtin_convertvector(n.v, IntLanes) + 127;
  return {reinterpret_cast<FloatLanes>(exponent << 23)};
}
struct Bits {
  BitLanes v;
};
inline Bits bits_of(Vec a) { return {reinterpret_cast<BitLanes>(a.v)}; }
inline Vec from_bits(Bits a) { return {reinterpret_cast<FloatLanes>(a.v)}; }
inline Bits all_bits(std::uint32_t x) { return {BitLanes{x, x, x, x}}; }
inline Bits operator+(Bits a, Bits b) { return {a.v + b.v}; }
inline Bits operator&(Bits a, Bits b) { return {a.v & b.v}; }
inline Bits operator|(Bits a, Bits b) { return {a.v | b.v}; }
inline Bits shift_right_16(Bits a) { return {a.v >> 16}; }

}  // namespace
}  // namespace hypertune

// Exponential, hyperbolic tangent and normal distribution of vectors, to about two units in the
// last place. Included after a simd_*.h. NaN gives NaN.
#pragma once

namespace hypertune {
namespace {

/// x = whole * ln 2 + a rest within +-ln(2) / 2.
struct ReducedExponent {
  Vec whole;
  Vec rest_power;  ///< e^rest - 1, accurate also near 0
};

/// Requires |x| < 2^14. The polynomial interpolates (e^r - 1 - r) / r^2 at Chebyshev's nodes.
inline ReducedExponent reduce_exponent(Vec x) {
  const Vec n = round(x * Vec::all(1.44269504F));
  // ln 2 in two parts, of which the first has so few bits that its products are exact.
  const Vec r =
      negated_fma(n, Vec::all(-2.12194440e-4F), negated_fma(n, Vec::all(0.693359375F), x));
  Vec p = fma(Vec::all(1.392625083e-3F), r, Vec::all(8.363232884e-3F));
  p = fma(p, r, Vec::all(4.166655421e-2F));
  p = fma(p, r, Vec::all(1.666657667e-1F));
  p = fma(p, r, Vec::all(0.5F));
  return {n, fma(r * r, p, r)};
}

/// `x` within the limits; a NaN stays.
inline Vec clamped(Vec x, float low, float high) {
  return min(Vec::all(high), max(Vec::all(low), x));
}

inline Vec exp(Vec x) {
  const ReducedExponent e = reduce_exponent(clamped(x, -105.0F, 90.0F));
  // In two factors, for the power of two itself may have no float.
  const Vec half = round(e.whole * Vec::all(0.5F));
  return (Vec::all(1) + e.rest_power) * power_of_two(half) * power_of_two(e.whole - half);
}

inline Vec tanh(Vec x) {
  const Vec doubled = clamped(x + x, -20.0F, 20.0F);
  const ReducedExponent e = reduce_exponent(doubled);
  const Vec power = power_of_two(e.whole);
  const Vec t = fma(power, e.rest_power, power - Vec::all(1));  // e^2x - 1
  return t / (t + Vec::all(2));
}

/// The standard normal distribution at a point.
struct Normal {
  Vec cumulative;
  Vec density;
};

/// The smaller tail is the density times Mills' ratio, which a quotient of polynomials (relative
/// weights, least squares) gives to 7e-9 up to 14, where the tail is no float any more.
inline Normal normal(Vec z) {
  const Vec zero = Vec::zero();
  const Mask negative = greater(zero, z);
  const Vec distance = min(Vec::all(20), select(negative, zero - z, z));
  const Vec density = exp(distance * distance * Vec::all(-0.5F)) * Vec::all(0.398942280F);
  Vec p = fma(Vec::all(1.023271367e-2F), distance, Vec::all(1.013132718e-1F));
  p = fma(p, distance, Vec::all(4.577538359e-1F));
  p = fma(p, distance, Vec::all(1.096628179F));
  p = fma(p, distance, Vec::all(1.253314140F));
  Vec q = fma(Vec::all(1.023258884e-2F), distance, Vec::all(1.013199260e-1F));
  q = fma(q, distance, Vec::all(4.678331187e-1F));
  q = fma(q, distance, Vec::all(1.199985966F));
  q = fma(q, distance, Vec::all(1.672867556F));
  q = fma(q, distance, Vec::all(1));
  const Vec tail = density * (p / q);
  return {select(negative, tail, Vec::all(1) - tail), density};
}

}  // namespace
}  // namespace hypertune

// An exponential that compilers turn into vector instructions.
#pragma once

#include <bit>
#include <cstdint>
#include <numbers>

namespace hypertune {

/// exp(x) for -708 <= x <= 0 to about 1e-15, without a branch or a call, so that loops over it
/// become vector instructions: 2^k times the Taylor series of the rest.
inline double fast_exp(double x) {
  constexpr double kRounder = 0x1.8p52;  // adding it rounds to a whole number in the low bits
  constexpr double kLn2High = 0x1.62e42fee00000p-1;
  constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
  const double shifted = x * std::numbers::log2e + kRounder;
  const double k = shifted - kRounder;
  const double r = (x - k * kLn2High) - k * kLn2Low;
  double sum = 1.0 / 39916800;
  sum = sum * r + 1.0 / 3628800;
  sum = sum * r + 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  sum = sum * r + 1.0 / 2;
  sum = sum * r + 1.0;
  sum = sum * r + 1.0;
  const auto power = (std::bit_cast<std::uint64_t>(shifted) + 1023) << 52;
  return sum * std::bit_cast<double>(power);
}

}  // namespace hypertune

// Telling contents apart by 64 bits, for memos.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <string>
#include <variant>

#include "hypertune/domain.h"

namespace hypertune {

/// Of contents, each word after those before it. Two that are not equal look alike once in 2^64
/// times.
class Fingerprint {
 public:
  void add(std::uint64_t word) {
    std::uint64_t x = (state_ ^ word) + 0x9E3779B97F4A7C15;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    state_ = x ^ (x >> 31);
  }
  void add(double number) { add(std::bit_cast<std::uint64_t>(number)); }
  void add(const std::string& text) { add(std::uint64_t{std::hash<std::string>()(text)}); }
  void add(const Value& value) { add(std::uint64_t{std::hash<Value>()(value)}); }

  void add(const Domain& domain) {
    add(std::uint64_t{domain.index()});
    if (const auto* real = std::get_if<FloatDomain>(&domain)) {
      add(real->low);
      add(real->high);
      add(std::uint64_t{real->log});
      add(real->step.value_or(0));
    } else if (const auto* whole = std::get_if<IntDomain>(&domain)) {
      add(static_cast<std::uint64_t>(whole->low));
      add(static_cast<std::uint64_t>(whole->high));
      add(std::uint64_t{whole->log});
      add(static_cast<std::uint64_t>(whole->step));
    } else {
      for (const Value& choice : std::get<CategoricalDomain>(domain).choices) add(choice);
    }
  }

  std::uint64_t value() const { return state_; }
  bool operator==(const Fingerprint&) const = default;

 private:
  std::uint64_t state_ = 0;
};

}  // namespace hypertune

// Instruction sets of this processor.
#include "nn/isa.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "base/text.h"
#include "hypertune/error.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xmmintrin.h>
#endif

namespace hypertune {
namespace {

constexpr std::array kIsas{Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Amx};

#if defined(__x86_64__)

/// Linux hands out the tiles' registers on demand; the whole process has them from then on.
bool tiles_permitted() {
  constexpr long kRequestPermission = 0x1023;
  constexpr long kTileData = 18;
  static const bool permitted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return permitted;
}

/// Not by __builtin_cpu_supports, for which clang 14 knows no tiles.
bool has_tiles_of_bf16() {
  constexpr unsigned kAmxBf16 = 1U << 22;
  constexpr unsigned kAmxTile = 1U << 24;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (edx & kAmxBf16) != 0 &&
         (edx & kAmxTile) != 0;
}

/// Each asks for the operating system's support too.
bool offered(Isa isa) {
  switch (isa) {
    case Isa::Portable:
      return true;
    case Isa::Avx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case Isa::Avx512:
      return offered(Isa::Avx2) && __builtin_cpu_supports("avx512f") &&
             __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
             __builtin_cpu_supports("avx512bw");
    case Isa::Amx:
      return offered(Isa::Avx512) && __builtin_cpu_supports("avx512bf16") && has_tiles_of_bf16() &&
             tiles_permitted();
  }
  return false;
}

void flush_denormals() {
  constexpr unsigned kFlushToZero = 0x8000;
  constexpr unsigned kDenormalsAreZero = 0x0040;
  _mm_setcsr(_mm_getcsr() | kFlushToZero | kDenormalsAreZero);
}

#else

bool offered(Isa isa) { return isa == Isa::Portable; }

void flush_denormals() {
#if defined(__aarch64__)
  constexpr std::uint64_t kFlushToZero = std::uint64_t{1} << 24;
  std::uint64_t control = 0;
  asm volatile("mrs %0, fpcr" : "=r"(control));
  asm volatile("msr fpcr, %0" : : "r"(control | kFlushToZero));
#endif
}

#endif

std::vector<std::string> names_of(const auto& isas) {
  std::vector<std::string> names;
  names.reserve(isas.size());
  for (const Isa isa : isas) names.emplace_back(isa_name(isa));
  return names;
}

}  // namespace

std::string_view isa_name(Isa isa) {
  switch (isa) {
    case Isa::Portable:
      return "portable";
    case Isa::Avx2:
      return "avx2";
    case Isa::Avx512:
      return "avx512";
    case Isa::Amx:
      return "amx";
  }
  return "";
}

std::vector<Isa> supported_isas() {
  std::vector<Isa> supported;
  std::ranges::copy_if(kIsas, std::back_inserter(supported), offered);
  return supported;
}

Isa chosen_isa() {
  const std::vector<Isa> supported = supported_isas();
  const char* const wanted = std::getenv("HYPERTUNE_ISA");
  if (wanted == nullptr || *wanted == '\0') return supported.back();
  const std::vector<std::string> names = names_of(supported);
  for (const Isa isa : kIsas) {
    if (wanted != isa_name(isa)) continue;
    if (std::ranges::find(supported, isa) != supported.end()) return isa;
    throw ConfigError(fmt::format(
        "the environment variable HYPERTUNE_ISA asks for the instruction set \"{}\", which this "
        "machine does not offer: unset it, or set it to one of {}",
        wanted, fmt::join(names, ", ")));
  }
  throw ConfigError(fmt::format(
      "the environment variable HYPERTUNE_ISA asks for the unknown instruction set \"{}\"{}: unset "
      "it, or set it to one of {}",
      wanted, did_you_mean(wanted, names_of(kIsas)), fmt::join(names, ", ")));
}

void prepare_compute_thread(Isa isa) {
  flush_denormals();
#if defined(__x86_64__)
  if (isa == Isa::Amx) tiles_permitted();
#else
  static_cast<void>(isa);
#endif
}

}  // namespace hypertune

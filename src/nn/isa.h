// Instruction sets: what this processor has, and which one computes.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace hypertune {

/// Each can do what the ones before it can. Amx computes in bf16 with tiles and everything else as
/// Avx512 does.
enum class Isa : std::uint8_t { Portable, Avx2, Avx512, Amx };

/// "portable", "avx2", "avx512", "amx".
std::string_view isa_name(Isa isa);

/// Those that processor and operating system offer, and this build has; Portable is always among
/// them.
std::vector<Isa> supported_isas();

/// The best that is supported, or the one that the environment's HYPERTUNE_ISA names. Throws
/// ConfigError for a name that is unknown or not supported here.
Isa chosen_isa();

/// Makes the calling thread compute without denormal numbers, which are slow, and for Amx asks the
/// operating system for the tiles. To be called by each thread before it computes; further calls
/// cost nothing.
void prepare_compute_thread(Isa isa);

}  // namespace hypertune

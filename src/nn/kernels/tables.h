// The tables that this build has: those of x86-64 only there.
#pragma once

#include "nn/kernels.h"

#if defined(__x86_64__)
#define HYPERTUNE_X86 1
#else
#define HYPERTUNE_X86 0
#endif

namespace hypertune {

const Kernels& portable_kernels();
#if HYPERTUNE_X86
const Kernels& avx2_kernels();
const Kernels& avx512_kernels();
#endif

}  // namespace hypertune

// Kernels for the instruction set Avx512. Only what this file includes is compiled for it: an
// inline function of the standard library could be the copy that the linker keeps for all.
#include "nn/kernels/simd_avx512.h"
#include "nn/kernels/table.h"
#include "nn/kernels/tables.h"

namespace hypertune {

const Kernels& avx512_kernels() {
  static constexpr Kernels kTable = table(Isa::Avx512);
  return kTable;
}

}  // namespace hypertune

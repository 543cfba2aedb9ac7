// Kernels for the instruction set Portable. Only what this file includes is compiled for it: an
// inline function of the standard library could be the copy that the linker keeps for all.
#include "nn/kernels/simd_portable.h"
#include "nn/kernels/table.h"
#include "nn/kernels/tables.h"

namespace hypertune {

const Kernels& portable_kernels() {
  static constexpr Kernels kTable = table(Isa::Portable);
  return kTable;
}

}  // namespace hypertune

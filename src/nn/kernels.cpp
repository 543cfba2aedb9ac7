// Which table belongs to which instruction set.
#include "nn/kernels.h"

#include "nn/kernels/tables.h"

namespace hypertune {
namespace {

#if HYPERTUNE_X86
/// Products in bf16 have a table of their own (nn/bf16_products.h).
Kernels amx_kernels() {
  Kernels kernels = avx512_kernels();
  kernels.isa = Isa::Amx;
  return kernels;
}
#endif

}  // namespace

const Kernels& kernels_for(Isa isa) {
  switch (isa) {
#if HYPERTUNE_X86
    case Isa::Amx: {
      static const Kernels amx = amx_kernels();
      return amx;
    }
    case Isa::Avx512:
      return avx512_kernels();
    case Isa::Avx2:
      return avx2_kernels();
#endif
    default:
      return portable_kernels();
  }
}

}  // namespace hypertune

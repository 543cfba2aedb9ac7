// The table of one instruction set. Included last by its kernels_*.cpp, after a simd_*.h.
#pragma once

#include "nn/kernels.h"
#include "nn/kernels/epilogue.h"
#include "nn/kernels/math.h"
#include "nn/kernels/moments.h"
#include "nn/kernels/optimizer.h"
#include "nn/kernels/product.h"
#include "nn/kernels/transpose.h"
#include "nn/kernels/winograd.h"

namespace hypertune {
namespace {

constexpr Kernels table(Isa isa) {
  Kernels kernels{};
  kernels.isa = isa;
  kernels.product = product;
  kernels.reducing_product = reducing_product;
  kernels.transpose = transpose;
  kernels.round_to_bf16 = round_to_bf16;
  kernels.tile_inputs = tile_inputs;
  kernels.tile_outputs = tile_outputs;
  kernels.tile_output_gradients = tile_output_gradients;
  kernels.tile_input_gradients = tile_input_gradients;
  kernels.tile_weights = tile_weights;
  kernels.tile_weight_gradients = tile_weight_gradients;
  kernels.moments = moments;
  kernels.epilogue = epilogue;
  kernels.epilogue_sums = epilogue_sums;
  kernels.epilogue_backward = epilogue_backward;
  kernels.sgd = sgd;
  kernels.adam = adam;
  kernels.rms_prop = rms_prop;
  return kernels;
}

}  // namespace
}  // namespace hypertune

// The two ways to compute a convolution in bf16, for bf16_convolution and for its tests.
#pragma once

#include <cstdint>
#include <memory>

#include "nn/bf16_products.h"
#include "nn/convolution.h"

namespace hypertune {

/// Any shape: rounds all factors, then computes as in f32. AVX512-BF16 without tiles is not used:
/// its products have twice the rate of f32, which Winograd's transforms gain as well.
std::unique_ptr<Convolution> rounded_convolution(const ConvolutionShape& shape, std::int64_t block,
                                                 const Kernels& kernels, Arena& arena);

/// Requires stride 1 and paddings smaller than the kernel.
std::unique_ptr<Convolution> tile_convolution(const ConvolutionShape& shape, std::int64_t block,
                                              const Kernels& kernels, const TileProducts& products,
                                              Arena& arena);
bool suits_tiles(const ConvolutionShape& shape);

}  // namespace hypertune

// What all convolutions share: how padded cells lie, how many samples a cache level holds, and
// which way to compute one suits its shape.
#include "nn/convolution.h"

#include <algorithm>

namespace hypertune {
namespace {

/// Half of a second cache level of common size, which weights share. From a quarter to three times
/// as much makes little difference.
constexpr std::int64_t kBlockBytes = std::int64_t{512} * 1024;

/// Outputs of a row from which on Winograd's tiles of 4 save time: with 3 it takes about 0.7 of the
/// time of direct convolution, with 2 as much or more (measured with 16 to 128 channels).
constexpr std::int64_t kLeastTiledWidth = 3;

}  // namespace

PaddedLayout::PaddedLayout(std::int64_t height, std::int64_t width, std::int64_t channels,
                           std::int64_t pad_height, std::int64_t pad_width)
    : cell(channels),
      row((pad_width + width) * channels),
      sample((height + 2 * pad_height) * row),
      first(pad_height * row + pad_width * channels),
      slack(pad_width * channels) {}

void turn_weights(const ConvolutionShape& shape, const Kernels& kernels, const float* weights,
                  float* turned) {
  const std::int64_t in = shape.in_channels;
  const std::int64_t out = shape.out_channels;
  for (std::int64_t tap = shape.kernel_height * shape.kernel_width; tap-- > 0; turned += in * out)
    kernels.transpose(weights + tap * in * out, out, in, out, turned, in);
}

std::int64_t samples_per_block(const ConvolutionShape& shape, std::int64_t batch) {
  // Values and gradients of input and output, and Winograd's planes of both: 3/2 of their size.
  const std::int64_t cells = shape.height * shape.width * shape.in_channels +
                             shape.out_height() * shape.out_width() * shape.out_channels;
  const std::int64_t bytes = cells * static_cast<std::int64_t>(sizeof(float)) * 7 / 2;
  const std::int64_t most = std::clamp<std::int64_t>(kBlockBytes / bytes, 1, batch);
  const std::int64_t blocks = (batch + most - 1) / most;
  return (batch + blocks - 1) / blocks;
}

std::unique_ptr<Convolution> f32_convolution(const ConvolutionShape& shape, std::int64_t block,
                                             const Kernels& kernels, Arena& arena) {
  return suits_winograd(shape) && shape.out_width() >= kLeastTiledWidth
             ? winograd_convolution(shape, block, kernels, arena)
             : direct_convolution(shape, block, kernels, arena);
}

}  // namespace hypertune

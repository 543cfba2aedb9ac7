// What all convolutions share: how padded cells lie, and how many samples a cache level holds.
#include "nn/convolution.h"

#include <algorithm>

namespace hypertune {
namespace {

/// Half of a second cache level of common size, which weights share. From a quarter to three times
/// as much makes little difference.
constexpr std::int64_t kBlockBytes = 512 * 1024;

}  // namespace

PaddedLayout::PaddedLayout(std::int64_t height, std::int64_t width, std::int64_t channels,
                           std::int64_t pad_height, std::int64_t pad_width)
    : cell(channels),
      row((pad_width + width) * channels),
      sample((height + 2 * pad_height) * row),
      first(pad_height * row + pad_width * channels),
      slack(pad_width * channels) {}

std::int64_t samples_per_block(const ConvolutionShape& shape, std::int64_t batch) {
  // Values and gradients of input and output, and Winograd's planes of both: 3/2 of their size.
  const std::int64_t cells = shape.height * shape.width * shape.in_channels +
                             shape.out_height() * shape.out_width() * shape.out_channels;
  const std::int64_t bytes = cells * static_cast<std::int64_t>(sizeof(float)) * 7 / 2;
  const std::int64_t most = std::clamp<std::int64_t>(kBlockBytes / bytes, 1, batch);
  const std::int64_t blocks = (batch + most - 1) / most;
  return (batch + blocks - 1) / blocks;
}

}  // namespace hypertune

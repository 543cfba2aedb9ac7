// Convolutions of kernel width 3 by Winograd's F(4, 3) along the width (Lavin and Gray, "Fast
// algorithms for convolutional neural networks", 2016); rows of the kernel are summed directly.
// With transforms of input, weights and output as the linear maps B, G and A, the forward pass is
// y = A((B x) * (G w)), where * is a matrix product over channels in each point. The backward
// passes are its exact transposes, so that they need no transforms of their own design.
#include <algorithm>

#include "base/assert.h"
#include "nn/convolution.h"

namespace hypertune {
namespace {

/// Transformed cells of a block of samples: [plane][sample][row][tile][channels], each sample with
/// `pad` zero rows above and below.
struct Planes {
  Planes(std::int64_t samples, std::int64_t height, std::int64_t padding, std::int64_t tiles_of_row,
         std::int64_t depth)
      : rows(height),
        pad(padding),
        tiles(tiles_of_row),
        channels(depth),
        row(tiles * channels),
        sample((rows + 2 * pad) * row),
        plane(samples * sample) {}

  /// Of the first row that is no padding.
  std::int64_t first() const { return pad * row; }

  std::int64_t rows, pad, tiles, channels;  ///< rows without padding
  std::int64_t row, sample, plane;          ///< strides
};

class WinogradConvolution final : public Convolution {
 public:
  WinogradConvolution(const ConvolutionShape& shape, std::int64_t block, const Kernels& kernels,
                      Arena& arena);

  void prepare(const float* weights, bool training) override;
  void forward(std::int64_t samples, const float* x, const float* bias, float* y) override;
  float* gradient() override { return gradient_.data(); }
  PaddedLayout gradient_layout() const override {
    return {shape().out_height(), shape().out_width(), shape().out_channels, 0, 0};
  }
  void backward(std::int64_t samples, const float* x, float* dx) override;
  void finish(float* weight_gradients) override;

 private:
  static TileTransform transform(std::int64_t samples, std::int64_t width,
                                 const PaddedLayout& cells, const Planes& planes);
  void forward_block(std::int64_t samples, const float* x, const float* bias, float* y);
  void transform_input(std::int64_t samples, const float* x);
  void transform_gradient(std::int64_t samples);
  void add_weight_gradients(std::int64_t samples, std::int64_t point);
  /// One product for each point: rows of `a`, taps one row of tiles apart, give those of `c`.
  void multiply(std::int64_t samples, std::int64_t point, const Planes& a, const float* a_data,
                const float* b, const Planes& c);

  std::int64_t tiles() const { return (shape().out_width() + kTileOutputs - 1) / kTileOutputs; }
  /// Weights of one point.
  std::int64_t plane_of_weights() const {
    return shape().kernel_height * shape().in_channels * shape().out_channels;
  }

  std::int64_t block_;
  const Kernels& kernels_;
  Planes input_planes_;     ///< of x, padded as x
  Planes output_planes_;    ///< of y
  Planes gradient_planes_;  ///< of the gradient of y, padded for the flipped kernel
  Planes dx_planes_;        ///< of the gradient of x
  std::span<float> transformed_input_, transformed_gradient_;
  std::span<float> result_;      ///< planes of y, or of the gradient of x
  std::span<float> transposed_;  ///< weights, kernel rows flipped: [ky][kx][out][in]
  std::span<float> points_, points_transposed_;  ///< transformed weights, [plane][ky][in][out]
  std::span<float> gradient_;
  std::span<float> sum_;  ///< of the gradients of `points_`
};

WinogradConvolution::WinogradConvolution(const ConvolutionShape& shape, std::int64_t block,
                                         const Kernels& kernels, Arena& arena)
    : Convolution(shape),
      block_(block),
      kernels_(kernels),
      input_planes_(block, shape.height, shape.pad_height, tiles(), shape.in_channels),
      output_planes_(block, shape.out_height(), 0, tiles(), shape.out_channels),
      gradient_planes_(block, shape.out_height(), shape.kernel_height - 1 - shape.pad_height,
                       tiles(), shape.out_channels),
      dx_planes_(block, shape.height, 0, tiles(), shape.in_channels) {
  HT_ASSERT(suits_winograd(shape));
  const std::int64_t points = kPoints * plane_of_weights();
  transformed_input_ = arena.floats(kPoints * input_planes_.plane);
  transformed_gradient_ = arena.floats(kPoints * gradient_planes_.plane);
  result_ = arena.floats(kPoints * std::max(output_planes_.plane, dx_planes_.plane));
  transposed_ = arena.floats(shape.weights());
  points_ = arena.floats(points);
  points_transposed_ = arena.floats(points);
  gradient_ = arena.floats(block * gradient_layout().sample);
  sum_ = arena.floats(points);
}

void WinogradConvolution::prepare(const float* weights, bool training) {
  const std::int64_t in = shape().in_channels;
  const std::int64_t out = shape().out_channels;
  const std::int64_t rows = shape().kernel_height;
  kernels_.tile_weights(weights, rows, in * out, points_.data(), plane_of_weights());
  if (!training || !shape().input_gradient) return;
  for (std::int64_t ky = 0; ky < rows; ++ky) {
    for (std::int64_t kx = 0; kx < 3; ++kx) {
      kernels_.transpose(weights + (ky * 3 + kx) * in * out, out, in, out,
                         transposed_.data() + ((rows - 1 - ky) * 3 + kx) * in * out, in);
    }
  }
  kernels_.tile_weights(transposed_.data(), rows, in * out, points_transposed_.data(),
                        plane_of_weights());
}

void WinogradConvolution::multiply(std::int64_t samples, std::int64_t point, const Planes& a,
                                   const float* a_data, const float* b, const Planes& c) {
  // The tiles of a sample lie side by side, and without kernel rows those of all samples do.
  const std::int64_t rows = c.rows * c.tiles;
  const bool merged = shape().kernel_height == 1;
  kernels_.product({.outer = merged ? 1 : samples,
                    .rows = merged ? samples * rows : rows,
                    .taps = shape().kernel_height,
                    .depth = a.channels,
                    .columns = c.channels,
                    .a = a_data + point * a.plane,
                    .a_outer = a.sample,
                    .a_row = a.channels,
                    .a_tap = a.row,
                    .b = b + point * plane_of_weights(),
                    .b_row = c.channels,
                    .c = result_.data() + point * c.plane,
                    .c_outer = c.sample,
                    .c_row = c.channels});
}

/// Between rows of `width` cells and their tiles.
TileTransform WinogradConvolution::transform(std::int64_t samples, std::int64_t width,
                                             const PaddedLayout& cells, const Planes& planes) {
  return {.samples = samples,
          .rows = planes.rows,
          .tiles = planes.tiles,
          .channels = planes.channels,
          .width = width,
          .cell_sample = cells.sample,
          .cell_row = cells.row,
          .plane = planes.plane,
          .plane_sample = planes.sample,
          .plane_row = planes.row};
}

void WinogradConvolution::forward(std::int64_t samples, const float* x, const float* bias,
                                  float* y) {
  const std::int64_t y_sample = shape().out_height() * shape().out_width() * shape().out_channels;
  for (std::int64_t s = 0; s < samples; s += block_) {
    forward_block(std::min(block_, samples - s), x + s * input().sample, bias, y + s * y_sample);
  }
}

void WinogradConvolution::forward_block(std::int64_t samples, const float* x, const float* bias,
                                        float* y) {
  transform_input(samples, x);
  for (std::int64_t point = 0; point < kPoints; ++point) {
    multiply(samples, point, input_planes_, transformed_input_.data(), points_.data(),
             output_planes_);
  }
  kernels_.tile_outputs(transform(samples, shape().out_width(), gradient_layout(), output_planes_),
                        result_.data(), bias, y);
}

void WinogradConvolution::transform_input(std::int64_t samples, const float* x) {
  kernels_.tile_inputs(
      transform(samples, shape().width + 2 * shape().pad_width, input(), input_planes_),
      x + shape().pad_height * input().row, transformed_input_.data() + input_planes_.first());
}

void WinogradConvolution::transform_gradient(std::int64_t samples) {
  kernels_.tile_output_gradients(
      transform(samples, shape().out_width(), gradient_layout(), gradient_planes_),
      gradient_.data(), transformed_gradient_.data() + gradient_planes_.first());
}

void WinogradConvolution::backward(std::int64_t samples, const float* x, float* dx) {
  HT_ASSERT(samples <= block_);
  transform_input(samples, x);
  transform_gradient(samples);
  for (std::int64_t point = 0; point < kPoints; ++point) {
    add_weight_gradients(samples, point);
    if (!shape().input_gradient) continue;
    multiply(samples, point, gradient_planes_, transformed_gradient_.data(),
             points_transposed_.data(), dx_planes_);
  }
  if (!shape().input_gradient) return;
  const PaddedLayout cells(shape().height, shape().width, shape().in_channels, 0, 0);
  kernels_.tile_input_gradients(transform(samples, shape().width, cells, dx_planes_),
                                result_.data(), shape().pad_width, dx);
}

void WinogradConvolution::add_weight_gradients(std::int64_t samples, std::int64_t point) {
  const std::int64_t weights = shape().in_channels * shape().out_channels;
  const std::int64_t rows = output_planes_.rows * tiles();
  const bool merged = shape().kernel_height == 1;
  for (std::int64_t ky = 0; ky < shape().kernel_height; ++ky) {
    kernels_.reducing_product(
        {.outer = merged ? 1 : samples,
         .rows = merged ? samples * rows : rows,
         .depth = shape().in_channels,
         .columns = shape().out_channels,
         .a = transformed_input_.data() + point * input_planes_.plane + ky * input_planes_.row,
         .a_outer = input_planes_.sample,
         .a_row = shape().in_channels,
         .b = transformed_gradient_.data() + point * gradient_planes_.plane +
              gradient_planes_.first(),
         .b_outer = gradient_planes_.sample,
         .b_row = shape().out_channels,
         .c = sum_.data() + point * plane_of_weights() + ky * weights,
         .c_row = shape().out_channels});
  }
}

void WinogradConvolution::finish(float* weight_gradients) {
  kernels_.tile_weight_gradients(sum_.data(), plane_of_weights(), shape().kernel_height,
                                 shape().in_channels * shape().out_channels, weight_gradients);
  std::ranges::fill(sum_, 0.0F);
}

}  // namespace

bool suits_winograd(const ConvolutionShape& shape) {
  return shape.kernel_width == 3 && shape.stride == 1 && shape.pad_width == 1 &&
         shape.pad_height < shape.kernel_height && shape.in_channels % kLanes == 0;
}

std::unique_ptr<Convolution> winograd_convolution(const ConvolutionShape& shape, std::int64_t block,
                                                  const Kernels& kernels, Arena& arena) {
  return std::make_unique<WinogradConvolution>(shape, block, kernels, arena);
}

}  // namespace hypertune

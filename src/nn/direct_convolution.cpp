// Convolutions as matrix products with overlapping rows.
#include <algorithm>

#include "base/assert.h"
#include "nn/convolution.h"

namespace hypertune {
namespace {

/// Length of a row or column of output gradients when they are `stride` apart.
std::int64_t dilated(std::int64_t out, std::int64_t stride) { return (out - 1) * stride + 1; }

/// Zeros that the turned kernel needs before and after `out` dilated gradients to give those of
/// `in` cells; the larger of both sides, which are alike when the stride is 1.
std::int64_t gap(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride,
                 std::int64_t pad) {
  return std::max({std::int64_t{0}, kernel - 1 - pad, in + pad - dilated(out, stride)});
}

class DirectConvolution final : public Convolution {
 public:
  DirectConvolution(const ConvolutionShape& shape, std::int64_t block, const Kernels& kernels,
                    Arena& arena);

  void prepare(const float* weights, bool training) override;
  void forward(std::int64_t samples, const float* x, const float* bias, float* y) override;
  float* gradient() override { return gradient_.data(); }
  PaddedLayout gradient_layout() const override;
  void backward(std::int64_t samples, const float* x, float* dx) override;
  void finish(float* weight_gradients) override;

 private:
  /// Distance of the weights of one kernel row from those of the next.
  std::int64_t kernel_row() const {
    return shape().kernel_width * shape().in_channels * shape().out_channels;
  }
  void add_weight_gradients(std::int64_t samples, const float* x);
  void give_input_gradients(std::int64_t samples, float* dx);

  std::int64_t block_;
  const Kernels& kernels_;
  std::int64_t gap_height_ = 0, gap_width_ = 0;
  PaddedLayout cells_;  ///< of the gradient buffer: adjacent cells, also those between dilated ones
  const float* weights_ = nullptr;
  std::span<float> turned_;  ///< weights (turn_weights)
  std::span<float> gradient_;
  std::span<float> sum_;  ///< of the weights' gradients
};

DirectConvolution::DirectConvolution(const ConvolutionShape& shape, std::int64_t block,
                                     const Kernels& kernels, Arena& arena)
    : Convolution(shape), block_(block), kernels_(kernels) {
  if (shape.input_gradient) {
    gap_height_ =
        gap(shape.height, shape.out_height(), shape.kernel_height, shape.stride, shape.pad_height);
    gap_width_ =
        gap(shape.width, shape.out_width(), shape.kernel_width, shape.stride, shape.pad_width);
    cells_ = PaddedLayout(dilated(shape.out_height(), shape.stride),
                          dilated(shape.out_width(), shape.stride), shape.out_channels, gap_height_,
                          gap_width_);
    turned_ = arena.floats(shape.weights());
  } else {
    cells_ = PaddedLayout(shape.out_height(), shape.out_width(), shape.out_channels, 0, 0);
  }
  gradient_ = arena.floats(block * cells_.sample + cells_.slack);
  sum_ = arena.floats(shape.weights());
}

PaddedLayout DirectConvolution::gradient_layout() const {
  PaddedLayout layout = cells_;
  if (shape().input_gradient) {
    layout.cell *= shape().stride;
    layout.row *= shape().stride;
  }
  return layout;
}

void DirectConvolution::prepare(const float* weights, bool training) {
  weights_ = weights;
  if (training && shape().input_gradient) turn_weights(shape(), kernels_, weights, turned_.data());
}

void DirectConvolution::forward(std::int64_t samples, const float* x, const float* bias, float* y) {
  const ConvolutionShape& s = shape();
  const std::int64_t y_row = s.out_width() * s.out_channels;
  kernels_.product({.outer = samples,
                    .inner = s.out_height(),
                    .rows = s.out_width(),
                    .taps = s.kernel_height,
                    .depth = s.kernel_width * s.in_channels,
                    .columns = s.out_channels,
                    .a = x,
                    .a_outer = input().sample,
                    .a_inner = s.stride * input().row,
                    .a_row = s.stride * input().cell,
                    .a_tap = input().row,
                    .b = weights_,
                    .b_row = s.out_channels,
                    .c = y,
                    .c_outer = s.out_height() * y_row,
                    .c_inner = y_row,
                    .c_row = s.out_channels,
                    .bias = bias});
}

void DirectConvolution::backward(std::int64_t samples, const float* x, float* dx) {
  HT_ASSERT(samples <= block_);
  add_weight_gradients(samples, x);
  if (shape().input_gradient) give_input_gradients(samples, dx);
}

void DirectConvolution::add_weight_gradients(std::int64_t samples, const float* x) {
  const ConvolutionShape& s = shape();
  const PaddedLayout dy = gradient_layout();
  for (std::int64_t ky = 0; ky < s.kernel_height; ++ky) {
    kernels_.reducing_product({.outer = samples,
                               .inner = s.out_height(),
                               .rows = s.out_width(),
                               .depth = s.kernel_width * s.in_channels,
                               .columns = s.out_channels,
                               .a = x + ky * input().row,
                               .a_outer = input().sample,
                               .a_inner = s.stride * input().row,
                               .a_row = s.stride * input().cell,
                               .b = gradient_.data() + dy.first,
                               .b_outer = dy.sample,
                               .b_inner = dy.row,
                               .b_row = dy.cell,
                               .c = sum_.data() + ky * kernel_row(),
                               .c_row = s.out_channels});
  }
}

void DirectConvolution::give_input_gradients(std::int64_t samples, float* dx) {
  const ConvolutionShape& s = shape();
  // With a padding as large as the kernel the first gradients reach padding only: skip them.
  const std::int64_t first_row = gap_height_ - (s.kernel_height - 1 - s.pad_height);
  const std::int64_t first_cell = gap_width_ - (s.kernel_width - 1 - s.pad_width);
  const std::int64_t dx_row = s.width * s.in_channels;
  kernels_.product({.outer = samples,
                    .inner = s.height,
                    .rows = s.width,
                    .taps = s.kernel_height,
                    .depth = s.kernel_width * s.out_channels,
                    .columns = s.in_channels,
                    .a = gradient_.data() + first_row * cells_.row + first_cell * cells_.cell,
                    .a_outer = cells_.sample,
                    .a_inner = cells_.row,
                    .a_row = cells_.cell,
                    .a_tap = cells_.row,
                    .b = turned_.data(),
                    .b_row = s.in_channels,
                    .c = dx,
                    .c_outer = s.height * dx_row,
                    .c_inner = dx_row,
                    .c_row = s.in_channels});
}

void DirectConvolution::finish(float* weight_gradients) {
  std::ranges::copy(sum_.first(static_cast<std::size_t>(shape().weights())), weight_gradients);
  std::ranges::fill(sum_, 0.0F);
}

}  // namespace

std::unique_ptr<Convolution> direct_convolution(const ConvolutionShape& shape, std::int64_t block,
                                                const Kernels& kernels, Arena& arena) {
  return std::make_unique<DirectConvolution>(shape, block, kernels, arena);
}

}  // namespace hypertune

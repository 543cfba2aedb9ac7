// Convolutions: three ways to compute them behind one interface.
#pragma once

#include <cstdint>
#include <memory>

#include "nn/arena.h"
#include "nn/kernels.h"

namespace hypertune {

/// Sizes of a convolution. A sequence has height 1, kernel_height 1 and no padding of its height.
struct ConvolutionShape {
  std::int64_t height = 1, width = 1;
  std::int64_t in_channels = 0;   ///< as laid out: any number for an input of the network, which
                                  ///< needs no gradient; otherwise a multiple of kLanes
  std::int64_t out_channels = 0;  ///< as laid out: a multiple of kLanes
  std::int64_t kernel_height = 1, kernel_width = 1;
  std::int64_t stride = 1;  ///< of both directions; of the width alone for sequences
  std::int64_t pad_height = 0, pad_width = 0;
  bool input_gradient = true;

  std::int64_t out_height() const { return (height + 2 * pad_height - kernel_height) / stride + 1; }
  std::int64_t out_width() const { return (width + 2 * pad_width - kernel_width) / stride + 1; }
  std::int64_t weights() const { return kernel_height * kernel_width * in_channels * out_channels; }
};

/// Cells with zeros around them. Each row begins with `pad_width` zero cells, which are at the same
/// time the end of the row before; each sample begins and ends with `pad_height` zero rows.
struct PaddedLayout {
  PaddedLayout() = default;
  PaddedLayout(std::int64_t height, std::int64_t width, std::int64_t channels,
               std::int64_t pad_height, std::int64_t pad_width);
  std::int64_t cell = 0, row = 0, sample = 0;  ///< strides
  std::int64_t first = 0;                      ///< of the cell (0, 0) of a sample
  std::int64_t slack = 0;                      ///< floats needed behind the last sample
};

/// A convolution over a padded input. Works on ranges of samples, so that a caller can keep a range
/// in the cache from one pass to the next. Holds nothing of the weights but what `prepare` derives.
/// Not thread-safe.
class Convolution {
 public:
  explicit Convolution(const ConvolutionShape& shape)
      : shape_(shape),
        input_(shape.height, shape.width, shape.in_channels, shape.pad_height, shape.pad_width) {}
  virtual ~Convolution() = default;

  const ConvolutionShape& shape() const { return shape_; }
  /// How `x` lies.
  const PaddedLayout& input() const { return input_; }

  /// To be called when the weights, [kernel row][kernel column][in][out], have changed. They must
  /// outlive the passes that follow. `training`: `backward` will be called too.
  virtual void prepare(const float* weights, bool training) = 0;

  ///   x     the first padded sample
  ///   bias  [out], or null
  ///   y     [samples][out_height][out_width][out]
  virtual void forward(std::int64_t samples, const float* x, const float* bias, float* y) = 0;

  /// Where `backward` expects the gradient of y: sample s, row, column at
  /// gradient() + s * gradient_layout().sample + ...; first as in PaddedLayout. Zeros around the
  /// cells are kept by the caller, who writes cells only.
  virtual float* gradient() = 0;
  virtual PaddedLayout gradient_layout() const = 0;

  /// Adds to the gradients of the weights (see `finish`) and, if the shape asks for it, gives those
  /// of the input.
  ///   dx  [samples][height][width][in], without padding; null without input_gradient
  virtual void backward(std::int64_t samples, const float* x, float* dx) = 0;

  /// Gives the sum over all calls of `backward` since the last call, and begins anew.
  ///   weight_gradients  [kernel row][kernel column][in][out]
  virtual void finish(float* weight_gradients) = 0;

 private:
  ConvolutionShape shape_;
  PaddedLayout input_;
};

/// For a convolution that gives the gradients of inputs: weights turned by 180 degrees, with inputs
/// and outputs exchanged: [kernel row][kernel column][out][in].
void turn_weights(const ConvolutionShape& shape, const Kernels& kernels, const float* weights,
                  float* turned);

/// Samples that `backward` takes at most in one call, and that `forward` takes best: what one
/// cache level holds.
std::int64_t samples_per_block(const ConvolutionShape& shape, std::int64_t batch);

/// Any shape: the faster of the two below.
std::unique_ptr<Convolution> f32_convolution(const ConvolutionShape& shape, std::int64_t block,
                                             const Kernels& kernels, Arena& arena);

/// Any shape. Matrix products with overlapping rows.
std::unique_ptr<Convolution> direct_convolution(const ConvolutionShape& shape, std::int64_t block,
                                                const Kernels& kernels, Arena& arena);

/// Requires kernel_width 3, stride 1, pad_width 1 and in_channels a multiple of kLanes: half the
/// multiplications.
std::unique_ptr<Convolution> winograd_convolution(const ConvolutionShape& shape, std::int64_t block,
                                                  const Kernels& kernels, Arena& arena);
bool suits_winograd(const ConvolutionShape& shape);

/// Any shape. Factors of all products are rounded to bf16, sums are f32. Amx computes on tiles
/// where the stride is 1 and paddings are smaller than the kernel; all else is computed by
/// f32_convolution from rounded factors, which is no faster than f32.
std::unique_ptr<Convolution> bf16_convolution(const ConvolutionShape& shape, std::int64_t block,
                                              const Kernels& kernels, Arena& arena);

}  // namespace hypertune

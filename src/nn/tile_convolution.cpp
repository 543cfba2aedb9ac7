// Convolutions as bf16 products on tiles.
//
// Every cell of a padded layout is taken as the begin of a window, also where no output is: so the
// samples of a block are one long sequence, and what falls between rows is left out when sums are
// stored. Input and gradient have rows of equal length, hence a gradient stands at the cell where
// its window begins, a constant distance away. Three products:
//   output             windows of x times weights
//   input gradient     windows of dy times weights turned by 180 degrees
//   weight gradients   for each tap: x transposed, shifted by the tap, times dy. The depth is the
//                      sequence; between rows dy is 0.
// The depth is filled up with zeros to whole tiles. 0 times what is not finite is not a number,
// therefore whatever is read behind the data of a call must not be left from another call.
#include <algorithm>
#include <memory>
#include <span>
#include <vector>

#include "base/assert.h"
#include "nn/bf16_convolution.h"

namespace hypertune {
namespace {

std::int64_t rounded_up(std::int64_t count, std::int64_t unit) {
  return (count + unit - 1) / unit * unit;
}

/// Zeros.
Bf16Number* bf16_numbers(Arena& arena, std::int64_t count) {
  auto* const numbers = reinterpret_cast<Bf16Number*>(arena.floats((count + 1) / 2).data());
  std::uninitialized_value_construct_n(numbers, count);
  return numbers;
}

/// Where the result for each cell of `samples` padded samples goes, when they have `height` x
/// `width` results: -1 for nowhere.
std::vector<std::int64_t> places(const PaddedLayout& cells, std::int64_t samples,
                                 std::int64_t height, std::int64_t width) {
  std::vector<std::int64_t> to;
  std::int64_t next = 0;
  for (std::int64_t cell = 0; cell < samples * cells.sample; cell += cells.cell) {
    const std::int64_t row = cell % cells.sample / cells.row;
    const std::int64_t column = cell % cells.row / cells.cell;
    to.push_back(row < height && column < width ? next++ : -1);
  }
  return to;
}

/// Cells up to and with the last of `samples` * `height` * `width` results.
std::int64_t sequence(const PaddedLayout& cells, std::int64_t samples, std::int64_t height,
                      std::int64_t width) {
  return ((samples - 1) * cells.sample + (height - 1) * cells.row) / cells.cell + width;
}

/// Windows of padded cells times weights: output and input gradient alike.
class WindowProduct {
 public:
  ///   kernel_rows  of windows; each has `window` adjacent numbers
  ///   to           results: height x width of each sample, `channels`
  WindowProduct(const PaddedLayout& cells, std::int64_t block, std::int64_t kernel_rows,
                std::int64_t window, std::int64_t height, std::int64_t width, std::int64_t channels,
                const TileProducts& products, Arena& arena)
      : products_(products),
        cells_(cells),
        kernel_rows_(kernel_rows),
        window_(window),
        height_(height),
        width_(width),
        channels_(channels),
        depth_(rounded_up(window, kTileDepth)),
        to_(places(cells, block, height, width)) {
    const std::int64_t behind = kTileRows * cells.cell + (kernel_rows - 1) * cells.row + depth_;
    numbers_ = bf16_numbers(arena, block * cells.sample + cells.slack + behind);
    weights_.block = kernel_rows * depth_ / 2 * kTilePairs;
    weights_.pairs = bf16_numbers(arena, channels / kTileRows * weights_.block);
  }

  ///   weights  [kernel row][window][channels]
  void prepare(const float* weights) {
    for (std::int64_t row = 0; row < kernel_rows_; ++row) {
      products_.round_pairs(weights + row * window_ * channels_, channels_, window_, depth_,
                            channels_,
                            {weights_.pairs + row * depth_ / 2 * kTilePairs, weights_.block});
    }
  }

  ///   cells    padded samples
  ///   results  [samples][height][width][channels]
  void compute(std::int64_t samples, const float* cells, const float* bias, float* results) {
    const std::int64_t size = samples * cells_.sample + cells_.slack;
    products_.round(cells, size, numbers_);
    std::fill_n(numbers_ + size, kTileDepth, Bf16Number{0});
    products_.product({.rows = sequence(cells_, samples, height_, width_),
                       .taps = kernel_rows_,
                       .depth = depth_,
                       .columns = channels_,
                       .a = numbers_,
                       .a_row = cells_.cell,
                       .a_tap = cells_.row,
                       .b = weights_,
                       .c = results,
                       .c_row = channels_,
                       .bias = bias,
                       .to = to_.data()});
  }

 private:
  const TileProducts& products_;
  PaddedLayout cells_;
  std::int64_t kernel_rows_, window_, height_, width_, channels_;
  std::int64_t depth_;
  std::vector<std::int64_t> to_;
  Bf16Number* numbers_ = nullptr;  ///< the cells, rounded
  PairedFactor weights_;
};

/// Sums of gradients of weights.
class WeightGradients {
 public:
  WeightGradients(const ConvolutionShape& shape, const PaddedLayout& input,
                  const PaddedLayout& gradient, std::int64_t block, const Kernels& kernels,
                  const TileProducts& products, Arena& arena);

  void add(std::int64_t samples, const float* x, const float* dy);
  void finish(float* weight_gradients);

 private:
  /// Cells that all taps of the gradients of `samples` reach.
  std::int64_t reach(std::int64_t samples) const {
    return sequence(input_, samples, shape_.out_height(), shape_.out_width()) + last_shift();
  }
  std::int64_t last_shift() const {
    return (shape_.kernel_height - 1) * input_.row / input_.cell + taps_ - 1;
  }
  void transpose(std::int64_t cells, const float* x);
  void add_run(std::int64_t first_cell, std::int64_t cells, const float* dy);

  ConvolutionShape shape_;
  PaddedLayout input_, gradient_;
  const Kernels& kernels_;
  const TileProducts& products_;
  std::int64_t taps_;   ///< of a kernel row that are computed one by one
  std::int64_t depth_;  ///< weights of such a tap for each output channel
  std::int64_t rows_;   ///< the same in whole tiles
  std::int64_t row_ = 0;
  std::int64_t run_;                  ///< samples whose gradients are one sequence
  Bf16Number* transposed_ = nullptr;  ///< [rows_][row_]
  std::span<float> chunk_;            ///< [depth_][kChunk]
  PairedFactor pairs_;                ///< the gradients of a run
  std::span<float> sums_;             ///< [kernel row][tap][rows_][out]

  static constexpr std::int64_t kChunk = 64;  ///< cells to be transposed at once
};

WeightGradients::WeightGradients(const ConvolutionShape& shape, const PaddedLayout& input,
                                 const PaddedLayout& gradient, std::int64_t block,
                                 const Kernels& kernels, const TileProducts& products, Arena& arena)
    : shape_(shape),
      input_(input),
      gradient_(gradient),
      kernels_(kernels),
      products_(products),
      // Few channels would leave most of a tile empty: then one tap has those of all.
      taps_(shape.in_channels < kTileRows ? 1 : shape.kernel_width),
      depth_(shape.kernel_width / taps_ * shape.in_channels),
      rows_(rounded_up(depth_, kTileRows)),
      run_(gradient.sample / gradient.cell == input.sample / input.cell ? block : 1) {
  HT_ASSERT(gradient.row / gradient.cell == input.row / input.cell);
  // An odd number of cache lines, so that rows of a tile lie in different sets of the cache.
  row_ = rounded_up(reach(block) + kTileDepth, 2 * kTileDepth) + kTileDepth;
  transposed_ = bf16_numbers(arena, rows_ * row_);
  chunk_ = arena.floats(depth_ * kChunk);
  const std::int64_t cells =
      rounded_up(sequence(input, run_, shape.out_height(), shape.out_width()), kTileDepth);
  pairs_.block = cells / 2 * kTilePairs;
  pairs_.pairs = bf16_numbers(arena, shape.out_channels / kTileRows * pairs_.block);
  sums_ = arena.floats(shape.kernel_height * taps_ * rows_ * shape.out_channels);
}

void WeightGradients::transpose(std::int64_t cells, const float* x) {
  for (std::int64_t cell = 0; cell < cells; cell += kChunk) {
    const std::int64_t some = std::min(kChunk, cells - cell);
    kernels_.transpose(x + cell * input_.cell, input_.cell, some, depth_, chunk_.data(), kChunk);
    for (std::int64_t d = 0; d < depth_; ++d)
      products_.round(chunk_.data() + d * kChunk, some, transposed_ + d * row_ + cell);
  }
  for (std::int64_t d = 0; d < depth_; ++d)
    std::fill_n(transposed_ + d * row_ + cells, kTileDepth, Bf16Number{0});
}

void WeightGradients::add(std::int64_t samples, const float* x, const float* dy) {
  transpose(reach(samples), x);
  for (std::int64_t sample = 0; sample < samples; sample += run_) {
    const std::int64_t run = std::min(run_, samples - sample);
    add_run(sample * input_.sample / input_.cell,
            sequence(input_, run, shape_.out_height(), shape_.out_width()),
            dy + sample * gradient_.sample + gradient_.first);
  }
}

void WeightGradients::add_run(std::int64_t first_cell, std::int64_t cells, const float* dy) {
  const std::int64_t depth = rounded_up(cells, kTileDepth);
  products_.round_pairs(dy, gradient_.cell, cells, depth, shape_.out_channels, pairs_);
  for (std::int64_t ky = 0; ky < shape_.kernel_height; ++ky) {
    for (std::int64_t tap = 0; tap < taps_; ++tap) {
      products_.reducing_product(
          {.rows = rows_,
           .depth = depth,
           .columns = shape_.out_channels,
           .a = transposed_ + first_cell + ky * input_.row / input_.cell + tap,
           .a_row = row_,
           .b = pairs_,
           .c = sums_.data() + (ky * taps_ + tap) * rows_ * shape_.out_channels,
           .c_row = shape_.out_channels});
    }
  }
}

void WeightGradients::finish(float* weight_gradients) {
  const std::int64_t size = depth_ * shape_.out_channels;
  for (std::int64_t tap = 0; tap < shape_.kernel_height * taps_; ++tap)
    std::copy_n(sums_.data() + tap * rows_ * shape_.out_channels, size,
                weight_gradients + tap * size);
  std::ranges::fill(sums_, 0.0F);
}

class TileConvolution final : public Convolution {
 public:
  TileConvolution(const ConvolutionShape& shape, std::int64_t block, const Kernels& kernels,
                  const TileProducts& products, Arena& arena);

  void prepare(const float* weights, bool training) override;
  void forward(std::int64_t samples, const float* x, const float* bias, float* y) override;
  float* gradient() override { return gradient_.data(); }
  PaddedLayout gradient_layout() const override { return layout_; }
  void backward(std::int64_t samples, const float* x, float* dx) override;
  void finish(float* weight_gradients) override { weight_gradients_.finish(weight_gradients); }

 private:
  std::int64_t block_;
  const Kernels& kernels_;
  PaddedLayout layout_;  ///< of the gradients
  WindowProduct output_;
  std::unique_ptr<WindowProduct> input_gradient_;
  WeightGradients weight_gradients_;
  std::span<float> gradient_;
  std::span<float> turned_;  ///< weights (turn_weights)
};

TileConvolution::TileConvolution(const ConvolutionShape& s, std::int64_t block,
                                 const Kernels& kernels, const TileProducts& products, Arena& arena)
    : Convolution(s),
      block_(block),
      kernels_(kernels),
      layout_(s.out_height(), s.out_width(), s.out_channels, s.kernel_height - 1 - s.pad_height,
              s.kernel_width - 1 - s.pad_width),
      output_(input(), block, s.kernel_height, s.kernel_width * s.in_channels, s.out_height(),
              s.out_width(), s.out_channels, products, arena),
      weight_gradients_(s, input(), layout_, block, kernels, products, arena),
      gradient_(arena.floats(block * layout_.sample + layout_.slack)) {
  HT_ASSERT(suits_tiles(s));
  if (s.input_gradient) {
    input_gradient_ = std::make_unique<WindowProduct>(layout_, block, s.kernel_height,
                                                      s.kernel_width * s.out_channels, s.height,
                                                      s.width, s.in_channels, products, arena);
    turned_ = arena.floats(s.weights());
  }
}

void TileConvolution::prepare(const float* weights, bool training) {
  output_.prepare(weights);
  if (!training || input_gradient_ == nullptr) return;
  turn_weights(shape(), kernels_, weights, turned_.data());
  input_gradient_->prepare(turned_.data());
}

void TileConvolution::forward(std::int64_t samples, const float* x, const float* bias, float* y) {
  const std::int64_t outputs = shape().out_height() * shape().out_width() * shape().out_channels;
  for (std::int64_t first = 0; first < samples; first += block_) {
    output_.compute(std::min(block_, samples - first), x + first * input().sample, bias,
                    y + first * outputs);
  }
}

void TileConvolution::backward(std::int64_t samples, const float* x, float* dx) {
  HT_ASSERT(samples <= block_);
  weight_gradients_.add(samples, x, gradient_.data());
  if (input_gradient_ != nullptr) input_gradient_->compute(samples, gradient_.data(), nullptr, dx);
}

}  // namespace

std::unique_ptr<Convolution> tile_convolution(const ConvolutionShape& shape, std::int64_t block,
                                              const Kernels& kernels, const TileProducts& products,
                                              Arena& arena) {
  return std::make_unique<TileConvolution>(shape, block, kernels, products, arena);
}

bool suits_tiles(const ConvolutionShape& shape) {
  return shape.stride == 1 && shape.pad_height < shape.kernel_height &&
         shape.pad_width < shape.kernel_width;
}

}  // namespace hypertune

// The inner loops of the engine, as one table of functions for each instruction set.
//
// Conventions of all of them: activations are channels-last; a count of channels is a multiple of
// kLanes unless it is said that any will do; strides are in floats; pointers need no alignment;
// nothing is allocated. NaN and infinity go through every function as IEEE arithmetic has them. The
// result is a function of the arguments alone, bit for bit.
#pragma once

#include <cstdint>

#include "nn/isa.h"

namespace hypertune {

/// Channels are filled up with zeros to a multiple of this, whatever the instruction set, so that
/// weights have one layout everywhere.
constexpr std::int64_t kLanes = 16;

/// A matrix product over rows that may overlap, which is what a convolution is when its input is
/// padded (see docs/engine.md):
///   C[o][i][r][n] = bias[n] + sum over t < taps, k < depth of A[o][i][r][t][k] * B[t * depth +
///   k][n]
/// for o < outer, i < inner, r < rows, n < columns. Any depth will do.
struct Product {
  std::int64_t outer = 1, inner = 1, rows = 1;
  std::int64_t taps = 1, depth = 0, columns = 0;
  const float* a = nullptr;
  std::int64_t a_outer = 0, a_inner = 0, a_row = 0, a_tap = 0;
  const float* b = nullptr;
  std::int64_t b_row = 0;
  float* c = nullptr;
  std::int64_t c_outer = 0, c_inner = 0, c_row = 0;
  const float* bias = nullptr;  ///< [columns], or null for none
};

/// The product that gives gradients of weights:
///   C[k][n] += sum over o < outer, i < inner, r < rows of A[o][i][r][k] * B[o][i][r][n]
/// for k < depth, n < columns. Any depth will do.
struct ReducingProduct {
  std::int64_t outer = 1, inner = 1, rows = 1;
  std::int64_t depth = 0, columns = 0;
  const float* a = nullptr;
  std::int64_t a_outer = 0, a_inner = 0, a_row = 0;
  const float* b = nullptr;
  std::int64_t b_outer = 0, b_inner = 0, b_row = 0;
  float* c = nullptr;
  std::int64_t c_row = 0;
};

/// Winograd's F(4, 3) along the width: six products instead of twelve for four outputs of a kernel
/// of width 3 (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016). A row of
/// `width` outputs is cut into `tiles` = ceil(width / 4) tiles; a tile has kPoints transformed
/// values in kPoints planes. Transformed data are [plane][sample][row][tile][channels].
constexpr std::int64_t kTileOutputs = 4;
constexpr std::int64_t kPoints = 6;

/// How rows of cells, [sample][row][width][channels], and planes of their tiles lie.
struct TileTransform {
  std::int64_t samples = 0, rows = 0, tiles = 0, channels = 0;
  std::int64_t width = 0;  ///< cells of a row that exist: tiles read zeros beyond, and never write
                           ///< there
  std::int64_t cell_sample = 0, cell_row = 0;  ///< a cell is `channels` apart from the next
  std::int64_t plane = 0, plane_sample = 0, plane_row = 0;
};

enum class Activation : std::uint8_t { None, Relu, LeakyRelu, Gelu, Tanh };
enum class Pooling : std::uint8_t { None, Max, Average };

/// Slope of LeakyRelu below 0.
constexpr float kLeakySlope = 0.01F;

/// What follows a convolution, in one pass: z = y * scale + shift, then the activation, then
/// pooling over windows that touch without overlap; what a last window lacks is left out. With a
/// monotonic activation and Pooling::Max pooling goes first, which gives the same.
struct Epilogue {
  Activation activation = Activation::None;
  Pooling pooling = Pooling::None;
  std::int64_t pool_height = 1, pool_width = 1;
  std::int64_t samples = 0, height = 0, width = 0, channels = 0;  ///< of y
  const float* y = nullptr;                                       ///< [sample][row][x][channel]
  const float* scale = nullptr;                                   ///< [channels]; null: z = y
  const float* shift = nullptr;                                   ///< [channels], with `scale`
  float* out = nullptr;  ///< [sample][row / pool_height][x / pool_width][channel]
  std::int64_t out_sample = 0, out_row = 0;  ///< a cell is `channels` apart from the next
};

/// The way back through an Epilogue, whose `out` is not read: all is computed from y again. Of
/// equal values in a window the first is the largest; if one is NaN, one of them takes the
/// gradient.
struct EpilogueGradient {
  Epilogue forward;
  const float* d_out = nullptr;  ///< as `out`
  std::int64_t d_out_sample = 0, d_out_row = 0;
  float* sum_dz = nullptr;      ///< [channels] += gradient of z, by `epilogue_sums`, and by
                                ///< `epilogue_backward` without scale; null for none
  float* sum_dz_y = nullptr;    ///< [channels] += gradient of z * (y - mean), by `epilogue_sums`
  const float* mean = nullptr;  ///< [channels]
  // For `epilogue_backward`; with scale: dy = dz * scale - offset - (y - mean) * slope
  const float* offset = nullptr;  ///< [channels]; null: 0 both
  const float* slope = nullptr;   ///< [channels]
  float* dy = nullptr;
  std::int64_t dy_sample = 0, dy_row = 0, dy_cell = 0;
};

/// One step of an optimizer over flat vectors of any size. Formulas: nn/optimizer.h.
struct OptimizerStep {
  std::int64_t size = 0;
  float* parameter = nullptr;
  const float* gradient = nullptr;
  float* first = nullptr;   ///< momentum, or mean of the gradients
  float* second = nullptr;  ///< mean of their squares
  float rate = 0;
  float decay = 0;   ///< L2: gradient += decay * parameter
  float shrink = 1;  ///< decoupled decay: parameter *= shrink
  float keep_first = 0, take_first = 0;
  float keep_second = 0, take_second = 0;
  float root_scale = 1;  ///< of the square root of `second`
  float epsilon = 0;
  bool nesterov = false;
};

struct Kernels {
  Isa isa;

  void (*product)(const Product&);
  void (*reducing_product)(const ReducingProduct&);

  /// dst[column][row] = src[row][column]; any sizes.
  void (*transpose)(const float* src, std::int64_t src_row, std::int64_t rows, std::int64_t columns,
                    float* dst, std::int64_t dst_row);
  /// dst[i] = src[i] rounded to bf16 (to nearest, ties to even; NaN stays NaN). Any size. In place
  /// if src == dst.
  void (*round_to_bf16)(const float* src, float* dst, std::int64_t size);

  /// Tile t of a row reads cells 4t .. 4t+5.
  void (*tile_inputs)(const TileTransform&, const float* cells, float* planes);
  /// Tile t writes cells 4t .. 4t+3, plus bias: [channels], or null.
  void (*tile_outputs)(const TileTransform&, const float* planes, const float* bias, float* cells);
  /// The transpose of `tile_outputs` without bias, from the gradients of outputs.
  void (*tile_output_gradients)(const TileTransform&, const float* cells, float* planes);
  /// The transpose of `tile_inputs`: to cells 4t .. 4t+5, summed where tiles overlap; cells are
  /// written, not added to. `skip` cells at the begin of each row (the padding) are left out: cell
  /// `skip` is written to `cells[0]`; `width` counts the cells written.
  void (*tile_input_gradients)(const TileTransform&, const float* planes, std::int64_t skip,
                               float* cells);
  /// u[plane][size] from w[3][size] (the taps of the width), for `count` kernel rows:
  /// w + row * 3 * size -> u + row * size, planes `plane` apart.
  void (*tile_weights)(const float* w, std::int64_t count, std::int64_t size, float* u,
                       std::int64_t plane);
  /// The transpose: dw[row][3][size] = from du.
  void (*tile_weight_gradients)(const float* du, std::int64_t plane, std::int64_t count,
                                std::int64_t size, float* dw);

  /// mean[c] and sum of squared deviations of `rows` rows, 1 or more, of `channels` adjacent
  /// floats.
  void (*moments)(const float* y, std::int64_t rows, std::int64_t channels, float* mean,
                  float* squares);
  void (*epilogue)(const Epilogue&);
  /// The sums alone, over all of y's samples.
  void (*epilogue_sums)(const EpilogueGradient&);
  void (*epilogue_backward)(const EpilogueGradient&);

  void (*sgd)(const OptimizerStep&);   ///< with momentum when `first` is given
  void (*adam)(const OptimizerStep&);  ///< Adam and AdamW
  void (*rms_prop)(const OptimizerStep&);
};

/// Throws nothing; requires an instruction set that is supported.
const Kernels& kernels_for(Isa isa);

}  // namespace hypertune

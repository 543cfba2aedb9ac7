// What follows a convolution: normalization, activation and pooling in one pass, and the way back.
// Included after a simd_*.h.
#pragma once

#include <cstdint>

#include "nn/kernels.h"
#include "nn/kernels/math.h"

namespace hypertune {
namespace {

/// What a loop is compiled for. Sizes of 0 are read from the arguments.
struct Variant {
  Activation activation;
  Pooling pooling;
  int height, width;
  bool scaled;

  /// Pooling by maximum before the activation gives the same as behind it.
  constexpr bool pools_first() const {
    return pooling == Pooling::Max && activation != Activation::Gelu;
  }
};

template <Activation kActivation>
inline Vec activate(Vec z) {
  switch (kActivation) {
    case Activation::None:
      return z;
    case Activation::Relu:
      return max(Vec::zero(), z);
    case Activation::LeakyRelu:
      return max(z * Vec::all(kLeakySlope), z);
    case Activation::Gelu:
      return z * normal(z).cumulative;
    case Activation::Tanh:
      return tanh(z);
  }
}

/// Gradient of z, given that of activate(z). Passes NaN on.
template <Activation kActivation>
inline Vec activation_gradient(Vec z, Vec d) {
  switch (kActivation) {
    case Activation::None:
      return d;
    case Activation::Relu:
      return select(at_most(z, Vec::zero()), Vec::zero(), d);
    case Activation::LeakyRelu:
      return select(at_most(z, Vec::zero()), d * Vec::all(kLeakySlope), d);
    case Activation::Gelu: {
      const Normal n = normal(z);
      return d * fma(z, n.density, n.cumulative);
    }
    case Activation::Tanh: {
      const Vec t = tanh(z);
      return d * negated_fma(t, t, Vec::all(1));
    }
  }
}

/// Place in a window.
struct Cell {
  std::int64_t row, column;
};

/// The windows of an Epilogue, for one vector of channels at a time.
template <Variant kVariant>
class Windows {
 public:
  explicit Windows(const Epilogue& e)
      : y_cell_(e.channels),
        y_row_(e.width * e.channels),
        height_(e.pool_height),
        width_(e.pool_width),
        share_(Vec::all(1.0F / static_cast<float>(height() * width()))) {}

  std::int64_t height() const { return kVariant.height > 0 ? kVariant.height : height_; }
  std::int64_t width() const { return kVariant.width > 0 ? kVariant.width : width_; }
  Vec share() const { return share_; }
  /// Whole windows in the row of windows that begins at row `top`.
  std::int64_t in_row(const Epilogue& e, std::int64_t top) const {
    return top + height() <= e.height ? e.width / width() : 0;
  }

  void set_channels(const Epilogue& e, std::int64_t channel) {
    if (!kVariant.scaled) return;
    scale_ = Vec::load(e.scale + channel);
    shift_ = Vec::load(e.shift + channel);
  }

  template <typename F>
  void each_cell(F f) const {
    for (std::int64_t row = 0; row < height(); ++row)
      for (std::int64_t column = 0; column < width(); ++column) f(Cell{row, column});
  }
  bool is_first(Cell cell) const { return cell.row == 0 && cell.column == 0; }
  bool is_last(Cell cell) const { return cell.row == height() - 1 && cell.column == width() - 1; }

  Vec y(const float* window, Cell cell) const {
    return Vec::load(window + cell.row * y_row_ + cell.column * y_cell_);
  }
  Vec z(Vec y) const { return kVariant.scaled ? fma(y, scale_, shift_) : y; }
  /// What pooling compares.
  Vec value(Vec y) const {
    return kVariant.pools_first() ? z(y) : activate<kVariant.activation>(z(y));
  }

  /// The largest value; NaN if there is one.
  Vec largest(const float* window) const {
    Vec best = value(y(window, {0, 0}));
    each_cell([&](Cell cell) {
      if (is_first(cell)) return;
      best = select(is_nan(best), best, max(best, value(y(window, cell))));
    });
    return best;
  }
  /// The y that the largest value comes from: of equal ones the first, of NaN the last.
  Vec y_of_largest(const float* window) const {
    Vec best_y = y(window, {0, 0});
    Vec best = value(best_y);
    each_cell([&](Cell cell) {
      if (is_first(cell)) return;
      const Vec candidate = y(window, cell);
      const Vec v = value(candidate);
      const Mask better = either(greater(v, best), is_nan(v));
      best = select(better, v, best);
      best_y = select(better, candidate, best_y);
    });
    return best_y;
  }

  Vec pooled(const float* window) const {
    if (kVariant.pooling == Pooling::Max) {
      const Vec best = largest(window);
      return kVariant.pools_first() ? activate<kVariant.activation>(best) : best;
    }
    if (kVariant.pooling == Pooling::None) return value(y(window, {0, 0}));
    Vec sum = Vec::zero();
    each_cell([&](Cell cell) { sum = sum + value(y(window, cell)); });
    return sum * share_;
  }

 private:
  std::int64_t y_cell_, y_row_;
  std::int64_t height_, width_;
  Vec share_;
  Vec scale_ = Vec::zero(), shift_ = Vec::zero();
};

/// Calls f(sample, top row, channel) for each row of windows and vector of channels, also for a
/// last row that lacks something.
template <Variant kVariant, typename F>
inline void each_row(const Epilogue& e, Windows<kVariant>& windows, F f) {
  for (std::int64_t sample = 0; sample < e.samples; ++sample) {
    for (std::int64_t top = 0; top < e.height; top += windows.height()) {
      for (std::int64_t channel = 0; channel < e.channels; channel += Vec::kWidth) {
        windows.set_channels(e, channel);
        f(sample, top, channel);
      }
    }
  }
}

template <Variant kVariant>
void pool_forward(const Epilogue& e) {
  Windows<kVariant> windows(e);
  each_row(e, windows, [&](std::int64_t sample, std::int64_t top, std::int64_t channel) {
    const std::int64_t count = windows.in_row(e, top);
    const float* y = e.y + (sample * e.height + top) * e.width * e.channels + channel;
    float* out = e.out + sample * e.out_sample + top / windows.height() * e.out_row + channel;
    for (std::int64_t x = 0; x < count; ++x) {
      windows.pooled(y).store(out);
      y += windows.width() * e.channels;
      out += e.channels;
    }
  });
}

/// Sums over the gradients of one vector of channels.
struct GradientSums {
  Vec dz = Vec::zero();
  Vec dz_y = Vec::zero();

  void add_to(const EpilogueGradient& g, std::int64_t channel) const {
    if (g.sum_dz != nullptr) (Vec::load(g.sum_dz + channel) + dz).store(g.sum_dz + channel);
    if (g.sum_dz_y != nullptr) (Vec::load(g.sum_dz_y + channel) + dz_y).store(g.sum_dz_y + channel);
  }
};

/// Adds one window whose pooled value has the gradient `d`.
template <Variant kVariant>
inline void add_window(const Windows<kVariant>& windows, const float* window, Vec d, Vec mean,
                       GradientSums& sums) {
  const auto add = [&](Vec y, Vec dz) {
    sums.dz = sums.dz + dz;
    sums.dz_y = fma(dz, y - mean, sums.dz_y);
  };
  if (kVariant.pooling == Pooling::Max) {
    const Vec y = windows.y_of_largest(window);
    add(y, activation_gradient<kVariant.activation>(windows.z(y), d));
    return;
  }
  if (kVariant.pooling == Pooling::Average) d = d * windows.share();
  windows.each_cell([&](Cell cell) {
    const Vec y = windows.y(window, cell);
    add(y, activation_gradient<kVariant.activation>(windows.z(y), d));
  });
}

template <Variant kVariant>
void sum_gradients(const EpilogueGradient& g) {
  const Epilogue& e = g.forward;
  Windows<kVariant> windows(e);
  each_row(e, windows, [&](std::int64_t sample, std::int64_t top, std::int64_t channel) {
    const Vec mean = g.mean != nullptr ? Vec::load(g.mean + channel) : Vec::zero();
    const std::int64_t count = windows.in_row(e, top);
    const float* y = e.y + (sample * e.height + top) * e.width * e.channels + channel;
    const float* d =
        g.d_out + sample * g.d_out_sample + top / windows.height() * g.d_out_row + channel;
    GradientSums sums;
    for (std::int64_t x = 0; x < count; ++x) {
      add_window(windows, y, Vec::load(d), mean, sums);
      y += windows.width() * e.channels;
      d += e.channels;
    }
    sums.add_to(g, channel);
  });
}

/// Writes gradients of y for one vector of channels.
template <Variant kVariant>
class GradientWriter {
 public:
  GradientWriter(const EpilogueGradient& g, std::int64_t channel)
      : scale_(kVariant.scaled ? Vec::load(g.forward.scale + channel) : Vec::zero()) {
    if (!kVariant.scaled || g.offset == nullptr) return;
    mean_ = Vec::load(g.mean + channel);
    minus_offset_ = Vec::zero() - Vec::load(g.offset + channel);
    slope_ = Vec::load(g.slope + channel);
  }

  void write(Vec y, Vec dz, float* dy) const {
    if (kVariant.scaled)
      fma(dz, scale_, negated_fma(y - mean_, slope_, minus_offset_)).store(dy);
    else
      dz.store(dy);
  }

 private:
  Vec scale_;
  Vec mean_ = Vec::zero(), minus_offset_ = Vec::zero(), slope_ = Vec::zero();
};

/// Writes the gradients of one window, and returns the sum of those of z.
template <Variant kVariant>
inline Vec write_window(const Windows<kVariant>& windows, const GradientWriter<kVariant>& writer,
                        const float* window, Vec d, float* dy, std::int64_t dy_row,
                        std::int64_t dy_cell) {
  const auto write = [&](Cell cell, Vec y, Vec dz) {
    writer.write(y, dz, dy + cell.row * dy_row + cell.column * dy_cell);
  };
  if (kVariant.pooling == Pooling::Max) {
    // Cells are known by the largest value, or by its y where values are dear.
    const auto key = [&](Vec y) { return kVariant.pools_first() ? windows.z(y) : y; };
    const Vec best =
        kVariant.pools_first() ? windows.largest(window) : windows.y_of_largest(window);
    const Vec z = kVariant.pools_first() ? best : windows.z(best);
    const Vec dz = activation_gradient<kVariant.activation>(z, d);
    Vec left = dz;  // Nobody has taken it yet. For NaN, which equals nothing, the last cell does.
    windows.each_cell([&](Cell cell) {
      const Vec y = windows.y(window, cell);
      if (windows.is_last(cell)) return write(cell, y, left);
      const Mask chosen = equal(key(y), best);
      write(cell, y, select(chosen, left, Vec::zero()));
      left = select(chosen, Vec::zero(), left);
    });
    return dz;
  }
  if (kVariant.pooling == Pooling::Average) d = d * windows.share();
  Vec sum = Vec::zero();
  windows.each_cell([&](Cell cell) {
    const Vec y = windows.y(window, cell);
    const Vec dz = activation_gradient<kVariant.activation>(windows.z(y), d);
    write(cell, y, dz);
    sum = sum + dz;
  });
  return sum;
}

template <Variant kVariant>
void pool_backward(const EpilogueGradient& g) {
  const Epilogue& e = g.forward;
  Windows<kVariant> windows(e);
  each_row(e, windows, [&](std::int64_t sample, std::int64_t top, std::int64_t channel) {
    const GradientWriter<kVariant> writer(g, channel);
    const std::int64_t count = windows.in_row(e, top);
    const float* y = e.y + (sample * e.height + top) * e.width * e.channels + channel;
    const float* d =
        g.d_out + sample * g.d_out_sample + top / windows.height() * g.d_out_row + channel;
    float* dy = g.dy + sample * g.dy_sample + top * g.dy_row + channel;
    GradientSums sums;
    for (std::int64_t x = 0; x < count; ++x)
      sums.dz = sums.dz + write_window(windows, writer, y + x * windows.width() * e.channels,
                                       Vec::load(d + x * e.channels),
                                       dy + x * windows.width() * g.dy_cell, g.dy_row, g.dy_cell);
    if (!kVariant.scaled) sums.add_to(g, channel);
    // Cells that belong to no window.
    for (std::int64_t row = 0; row < windows.height() && top + row < e.height; ++row)
      for (std::int64_t x = count * windows.width(); x < e.width; ++x)
        writer.write(Vec::load(y + (row * e.width + x) * e.channels), Vec::zero(),
                     dy + row * g.dy_row + x * g.dy_cell);
  });
}

/// Calls `f` as a template of the variant that the epilogue asks for. Only the most usual
/// activation has loops for the most usual windows; the others would be as much code again, and
/// gain less.
template <Activation kActivation, bool kScaled, typename F>
inline void with_pooling(const Epilogue& e, F f) {
  if (e.pooling == Pooling::None)
    return f.template operator()<Variant{kActivation, Pooling::None, 1, 1, kScaled}>();
  if (e.pooling == Pooling::Average)
    return f.template operator()<Variant{kActivation, Pooling::Average, 0, 0, kScaled}>();
  if constexpr (kActivation == Activation::Relu) {
    if (e.pool_width == 2 && e.pool_height == 1)
      return f.template operator()<Variant{kActivation, Pooling::Max, 1, 2, kScaled}>();
    if (e.pool_width == 2 && e.pool_height == 2)
      return f.template operator()<Variant{kActivation, Pooling::Max, 2, 2, kScaled}>();
  }
  f.template operator()<Variant{kActivation, Pooling::Max, 0, 0, kScaled}>();
}

template <bool kScaled, typename F>
inline void with_activation(const Epilogue& e, F f) {
  switch (e.activation) {
    case Activation::None:
      return with_pooling<Activation::None, kScaled>(e, f);
    case Activation::Relu:
      return with_pooling<Activation::Relu, kScaled>(e, f);
    case Activation::LeakyRelu:
      return with_pooling<Activation::LeakyRelu, kScaled>(e, f);
    case Activation::Gelu:
      return with_pooling<Activation::Gelu, kScaled>(e, f);
    case Activation::Tanh:
      return with_pooling<Activation::Tanh, kScaled>(e, f);
  }
}

template <typename F>
inline void with_variant(const Epilogue& e, F f) {
  if (e.scale != nullptr)
    with_activation<true>(e, f);
  else
    with_activation<false>(e, f);
}

inline void epilogue(const Epilogue& e) {
  with_variant(e, [&]<Variant kVariant>() { pool_forward<kVariant>(e); });
}

inline void epilogue_sums(const EpilogueGradient& g) {
  with_variant(g.forward, [&]<Variant kVariant>() { sum_gradients<kVariant>(g); });
}

inline void epilogue_backward(const EpilogueGradient& g) {
  with_variant(g.forward, [&]<Variant kVariant>() { pool_backward<kVariant>(g); });
}

}  // namespace
}  // namespace hypertune

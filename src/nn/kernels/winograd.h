// Transforms of Winograd's F(4, 3) along the width; see kernels.h. Matrices of Lavin and Gray 2016:
//
//        [4  0 -5  0 1 0]       [ 1/4     0    0]
//        [0 -4 -4  1 1 0]       [-1/6  -1/6 -1/6]        [1 1  1 1  1 0]
//   B' = [0  4 -4 -1 1 0]   G = [-1/6   1/6 -1/6]   A' = [0 1 -1 2 -2 0]
//        [0 -2 -1  2 1 0]       [1/24  1/12  1/6]        [0 1  1 4  4 0]
//        [0  2 -1 -2 1 0]       [1/24 -1/12  1/6]        [0 1 -1 8 -8 1]
//        [0  4  0 -5 0 1]       [   0     0    1]
#pragma once

#include <cstdint>

#include "nn/kernels.h"

namespace hypertune {
namespace {

/// Cells that a tile reads, which overlap with those of the next.
constexpr std::int64_t kTileInputs = 6;

struct Points {
  Vec at[kPoints];

  static Points load(const float* planes, std::int64_t plane) {
    Points points;
    for (int p = 0; p < kPoints; ++p) points.at[p] = Vec::load(planes + p * plane);
    return points;
  }
  void store(float* planes, std::int64_t plane) const {
    for (int p = 0; p < kPoints; ++p) at[p].store(planes + p * plane);
  }
};

/// B' d.
inline Points transformed_inputs(const Vec (&d)[kTileInputs]) {
  const Vec four = Vec::all(4.0F);
  const Vec five = Vec::all(5.0F);
  const Vec even = negated_fma(four, d[2], d[4]);
  const Vec odd = negated_fma(four, d[1], d[3]);
  const Vec near = d[4] - d[2];
  const Vec far = (d[3] - d[1]) * Vec::all(2.0F);
  return {{fma(four, d[0], negated_fma(five, d[2], d[4])), even + odd, even - odd, near + far,
           near - far, fma(four, d[1], negated_fma(five, d[3], d[5]))}};
}

/// B v.
inline void input_gradients(const Points& points, Vec (&d)[kTileInputs]) {
  const Vec(&v)[kPoints] = points.at;
  const Vec two = Vec::all(2.0F);
  const Vec four = Vec::all(4.0F);
  const Vec five = Vec::all(5.0F);
  const Vec sum12 = v[1] + v[2];
  const Vec difference12 = v[1] - v[2];
  const Vec sum34 = v[3] + v[4];
  const Vec twice34 = (v[3] - v[4]) * two;
  d[0] = v[0] * four;
  d[1] = fma(four, v[5] - difference12, Vec::zero() - twice34);
  d[2] = negated_fma(five, v[0], negated_fma(four, sum12, Vec::zero() - sum34));
  d[3] = negated_fma(five, v[5], difference12 + twice34);
  d[4] = v[0] + sum12 + sum34;
  d[5] = v[5];
}

/// A' m + bias.
inline void tile_of_outputs(const Points& points, Vec bias, Vec (&y)[kTileOutputs]) {
  const Vec(&m)[kPoints] = points.at;
  const Vec sum12 = m[1] + m[2] + bias;
  const Vec difference12 = m[1] - m[2] + bias;
  const Vec sum34 = m[3] + m[4];
  const Vec difference34 = m[3] - m[4];
  y[0] = m[0] + sum12 + sum34;
  y[1] = fma(Vec::all(2.0F), difference34, difference12);
  y[2] = fma(Vec::all(4.0F), sum34, sum12);
  y[3] = fma(Vec::all(8.0F), difference34, difference12) + m[5];
}

/// A g.
inline Points transformed_output_gradients(const Vec (&g)[kTileOutputs]) {
  const Vec four = Vec::all(4.0F);
  const Vec even = g[0] + g[2];
  const Vec odd = g[1] + g[3];
  const Vec far_even = fma(four, g[2], g[0]);
  const Vec far_odd = fma(four, g[3], g[1]) * Vec::all(2.0F);
  return {{g[0], even + odd, even - odd, far_even + far_odd, far_even - far_odd, g[3]}};
}

/// Reads kCount cells from the first on, of which `left` exist; the others are zeros.
template <int kCount>
inline void load_cells(const float* cells, std::int64_t channels, std::int64_t left,
                       Vec (&values)[kCount]) {
  if (left >= kCount) {
    for (int i = 0; i < kCount; ++i) values[i] = Vec::load(cells + i * channels);
  } else {
    for (int i = 0; i < kCount; ++i) {
      values[i] = i < left ? Vec::load(cells + i * channels) : Vec::zero();
    }
  }
}

/// Calls visit(cells of the row, planes of the row).
template <typename Cells, typename Planes, typename Visit>
inline void for_each_row(const TileTransform& t, Cells* cells, Planes* planes, Visit visit) {
  for (std::int64_t sample = 0; sample < t.samples; ++sample) {
    for (std::int64_t row = 0; row < t.rows; ++row) {
      visit(cells + sample * t.cell_sample + row * t.cell_row,
            planes + sample * t.plane_sample + row * t.plane_row);
    }
  }
}

/// From kCells cells of each tile.
template <int kCells, Points (*kTransformed)(const Vec (&)[kCells])>
inline void to_planes(const TileTransform& t, const float* cells, float* planes) {
  for_each_row(t, cells, planes, [&t](const float* row, float* row_planes) {
    for (std::int64_t tile = 0; tile < t.tiles; ++tile) {
      const std::int64_t left = t.width - kTileOutputs * tile;
      const float* const from = row + kTileOutputs * tile * t.channels;
      float* const to = row_planes + tile * t.channels;
      for (std::int64_t c = 0; c < t.channels; c += Vec::kWidth) {
        Vec values[kCells];
        load_cells(from + c, t.channels, left, values);
        kTransformed(values).store(to + c, t.plane);
      }
    }
  });
}

void tile_inputs(const TileTransform& t, const float* cells, float* planes) {
  to_planes<kTileInputs, transformed_inputs>(t, cells, planes);
}

void tile_output_gradients(const TileTransform& t, const float* cells, float* planes) {
  to_planes<kTileOutputs, transformed_output_gradients>(t, cells, planes);
}

void tile_outputs(const TileTransform& t, const float* planes, const float* bias, float* cells) {
  for_each_row(t, cells, planes, [&t, bias](float* row, const float* row_planes) {
    for (std::int64_t tile = 0; tile < t.tiles; ++tile) {
      const std::int64_t left = t.width - kTileOutputs * tile;
      const float* const from = row_planes + tile * t.channels;
      float* const to = row + kTileOutputs * tile * t.channels;
      for (std::int64_t c = 0; c < t.channels; c += Vec::kWidth) {
        const Vec first = bias == nullptr ? Vec::zero() : Vec::load(bias + c);
        Vec y[kTileOutputs];
        tile_of_outputs(Points::load(from + c, t.plane), first, y);
        for (int i = 0; i < kTileOutputs; ++i) {
          if (i < left) y[i].store(to + c + i * t.channels);
        }
      }
    }
  });
}

void tile_input_gradients(const TileTransform& t, const float* planes, std::int64_t skip,
                          float* cells) {
  for_each_row(t, cells, planes, [&t, skip](float* row, const float* row_planes) {
    for (std::int64_t c = 0; c < t.channels; c += Vec::kWidth) {
      Vec carried[2] = {Vec::zero(), Vec::zero()};
      for (std::int64_t tile = 0; tile < t.tiles; ++tile) {
        Vec d[kTileInputs];
        input_gradients(Points::load(row_planes + tile * t.channels + c, t.plane), d);
        d[0] = d[0] + carried[0];
        d[1] = d[1] + carried[1];
        const std::int64_t first = kTileOutputs * tile - skip;
        for (int i = 0; i < kTileOutputs; ++i) {
          const std::int64_t cell = first + i;
          if (cell >= 0 && cell < t.width) d[i].store(row + cell * t.channels + c);
        }
        carried[0] = d[4];
        carried[1] = d[5];
      }
      for (int i = 0; i < 2; ++i) {
        const std::int64_t cell = kTileOutputs * t.tiles - skip + i;
        if (cell >= 0 && cell < t.width) carried[i].store(row + cell * t.channels + c);
      }
    }
  });
}

void tile_weights(const float* w, std::int64_t count, std::int64_t size, float* u,
                  std::int64_t plane) {
  for (std::int64_t row = 0; row < count; ++row, w += 3 * size, u += size) {
    for (std::int64_t i = 0; i < size; i += Vec::kWidth) {
      const Vec w0 = Vec::load(w + i);
      const Vec w1 = Vec::load(w + size + i);
      const Vec w2 = Vec::load(w + 2 * size + i);
      const Vec outer = (w0 + w2) * Vec::all(-1.0F / 6);
      const Vec middle = w1 * Vec::all(1.0F / 6);
      const Vec far_outer = fma(Vec::all(1.0F / 24), w0, w2 * Vec::all(1.0F / 6));
      const Vec far_middle = w1 * Vec::all(1.0F / 12);
      const Points points = {{w0 * Vec::all(0.25F), outer - middle, outer + middle,
                              far_outer + far_middle, far_outer - far_middle, w2}};
      points.store(u + i, plane);
    }
  }
}

void tile_weight_gradients(const float* du, std::int64_t plane, std::int64_t count,
                           std::int64_t size, float* dw) {
  for (std::int64_t row = 0; row < count; ++row, dw += 3 * size, du += size) {
    for (std::int64_t i = 0; i < size; i += Vec::kWidth) {
      const Points points = Points::load(du + i, plane);
      const Vec(&p)[kPoints] = points.at;
      const Vec sum12 = (p[1] + p[2]) * Vec::all(-1.0F / 6);
      const Vec sum34 = p[3] + p[4];
      const Vec difference34 = (p[3] - p[4]) * Vec::all(1.0F / 12);
      fma(Vec::all(0.25F), p[0], fma(Vec::all(1.0F / 24), sum34, sum12)).store(dw + i);
      fma(Vec::all(1.0F / 6), p[2] - p[1], difference34).store(dw + size + i);
      (fma(Vec::all(1.0F / 6), sum34, sum12) + p[5]).store(dw + 2 * size + i);
    }
  }
}

}  // namespace
}  // namespace hypertune

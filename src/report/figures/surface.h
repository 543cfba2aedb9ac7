// A surface over two parameters, estimated from the trials, and its isolines.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "report/figures/figure.h"

namespace hypertune {

/// Heights over a grid of cells, row by row from below; NaN where no trial is near. Each cell
/// belongs to its center, in coordinates of the axes.
struct Surface {
  std::vector<double> x, y;
  std::vector<double> heights;

  double at(std::size_t column, std::size_t row) const { return heights[row * x.size() + column]; }
};

/// A trial, in coordinates of the axes.
struct SurfaceSample {
  double x, y, value;
};

/// An axis of numbers, divided into so many cells. Requires low < high.
struct SurfaceRange {
  double low, high;
  std::size_t cells;
};

/// The mean of the samples' values, weighed by a normal kernel of Scott's bandwidth in each
/// direction (Nadaraya 1964, Watson 1964). NaN farther than three bandwidths from every sample.
Surface surface(const SurfaceRange& x, const SurfaceRange& y,
                std::span<const SurfaceSample> samples);

/// The same of the trials' values; what the other parameters do is averaged over. Categories are
/// apart from each other.
Surface surface(const ParameterAxis& x, const ParameterAxis& y, const Measured& from);

/// Lines of equal height through the centers of cells, each a stretch of two points (marching
/// squares).
std::vector<Point> isolines(const Surface& surface, std::span<const double> levels);

}  // namespace hypertune

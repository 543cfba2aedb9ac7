// A surface over two parameters, estimated from the trials, and its isolines.
#include "report/figures/surface.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace hypertune {
namespace {

constexpr std::size_t kCells = 36;
constexpr double kNarrowest = 0.03;  // bandwidth, of the length of the axis
constexpr double kReach = 3;         // bandwidths
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

using Sample = SurfaceSample;

/// Cells along an axis, and how far a sample reaches.
struct Divided {
  SurfaceRange range;
  bool categories = false;
};

Divided divided(const ParameterAxis& parameter) {
  const std::size_t cells = parameter.categorical() ? parameter.categories.size() : kCells;
  return {{parameter.axis.low, parameter.axis.high, cells}, parameter.categorical()};
}

std::vector<double> centers(const SurfaceRange& range) {
  const double width = (range.high - range.low) / static_cast<double>(range.cells);
  std::vector<double> result;
  for (std::size_t i = 0; i < range.cells; ++i) {
    result.push_back(range.low + (static_cast<double>(i) + 0.5) * width);
  }
  return result;
}

double bandwidth(const Divided& axis, std::span<const Sample> samples, double Sample::*coordinate) {
  constexpr double kApart = 0.1;  // so narrow that other categories are out of reach
  if (axis.categories) return kApart;
  const auto n = static_cast<double>(samples.size());
  double mean = 0;
  for (const Sample& sample : samples) mean += sample.*coordinate / n;
  double variance = 0;
  for (const Sample& sample : samples) variance += std::pow(sample.*coordinate - mean, 2) / n;
  const double length = axis.range.high - axis.range.low;
  return std::max(std::sqrt(variance) * std::pow(n, -1.0 / 6), kNarrowest * length);
}

/// The kernel of each sample at each center: [center][sample].
std::vector<std::vector<double>> kernels(std::span<const double> centers,
                                         std::span<const Sample> samples,
                                         double Sample::*coordinate, double bandwidth) {
  std::vector<std::vector<double>> result;
  for (const double center : centers) {
    auto& row = result.emplace_back();
    for (const Sample& sample : samples) {
      row.push_back(std::exp(-0.5 * std::pow((sample.*coordinate - center) / bandwidth, 2)));
    }
  }
  return result;
}

double weighted_mean(std::span<const double> along_x, std::span<const double> along_y,
                     std::span<const Sample> samples) {
  const double least = std::exp(-0.5 * kReach * kReach);
  double weights = 0;
  double sum = 0;
  double nearest = 0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const double weight = along_x[i] * along_y[i];
    weights += weight;
    sum += weight * samples[i].value;
    nearest = std::max(nearest, weight);
  }
  return nearest < least ? kNan : sum / weights;
}

Surface surface(const Divided& x, const Divided& y, std::span<const Sample> samples) {
  Surface result{.x = centers(x.range), .y = centers(y.range), .heights = {}};
  const auto along_x = kernels(result.x, samples, &Sample::x, bandwidth(x, samples, &Sample::x));
  const auto along_y = kernels(result.y, samples, &Sample::y, bandwidth(y, samples, &Sample::y));
  for (const auto& row : along_y) {
    for (const auto& column : along_x) {
      result.heights.push_back(weighted_mean(column, row, samples));
    }
  }
  return result;
}

}  // namespace

Surface surface(const SurfaceRange& x, const SurfaceRange& y, std::span<const Sample> samples) {
  return surface(Divided{x}, Divided{y}, samples);
}

Surface surface(const ParameterAxis& x, const ParameterAxis& y, const Measured& from) {
  std::vector<Sample> samples;
  for (const TrialRecord* trial : from.trials) {
    const auto at_x = x.at(*trial);
    const auto at_y = y.at(*trial);
    if (at_x && at_y) samples.push_back({*at_x, *at_y, from.at(*trial)});
  }
  return surface(divided(x), divided(y), samples);
}

std::vector<Point> isolines(const Surface& surface, std::span<const double> levels) {
  struct Corner {
    double x, y, height;
  };
  std::vector<Point> lines;
  for (std::size_t row = 0; row + 1 < surface.y.size(); ++row) {
    for (std::size_t column = 0; column + 1 < surface.x.size(); ++column) {
      const auto corner = [&](std::size_t right, std::size_t up) {
        return Corner{surface.x[column + right], surface.y[row + up],
                      surface.at(column + right, row + up)};
      };
      const std::array<Corner, 4> corners = {corner(0, 0), corner(1, 0), corner(1, 1),
                                             corner(0, 1)};
      if (std::ranges::any_of(corners, [](const Corner& c) { return std::isnan(c.height); })) {
        continue;
      }
      for (const double level : levels) {
        std::vector<Point> crossings;
        for (std::size_t i = 0; i < corners.size(); ++i) {
          const Corner& a = corners.at(i);
          const Corner& b = corners.at((i + 1) % 4);
          if ((a.height < level) == (b.height < level)) continue;
          const double t = (level - a.height) / (b.height - a.height);
          crossings.push_back({a.x + t * (b.x - a.x), a.y + t * (b.y - a.y)});
        }
        for (std::size_t i = 0; i + 1 < crossings.size(); i += 2) {
          lines.insert(lines.end(), {crossings[i], crossings[i + 1], {kNan, kNan}});
        }
      }
    }
  }
  return lines;
}

}  // namespace hypertune

// Plots: points and lines in one or more panels, as data and as a gnuplot script.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hypertune {

struct Point {
  double x;
  double y;
};

enum class Drawing : std::uint8_t {
  Marks,     ///< a mark at each point; color and shape tell series apart
  Line,      ///< a thick line
  ThinLine,  ///< one of many: thin and pale
  Level,     ///< a thin gray line, for what others are compared with
};

struct Series {
  std::string label;  ///< empty: not in the legend
  Drawing drawing = Drawing::Marks;
  int color = 0;  ///< the same number is the same color and mark in every plot; 0 is a green cross
                  ///< and 1 a blue circle
  std::vector<Point> points;
};

/// Colors and marks that can be told apart.
inline constexpr int kPlotColors = 8;

struct Axis {
  std::string label;
  bool log = false;
  bool whole = false;  ///< only whole numbers get a tick
  double low = 0;
  double high = 1;
};

struct Panel {
  std::string title;
  std::vector<Series> series;
};

/// Panels share both axes; at most four.
struct Plot {
  std::string name;  ///< of its files: lower-case letters and hyphens
  std::string caption = {};
  Axis x = {};
  Axis y = {};
  std::vector<Panel> panels;
};

enum class ImageFormat : std::uint8_t { Svg, Png };

/// A script that writes the image to gnuplot's standard output. Labels cannot become commands: they
/// stand in single quotes, where gnuplot substitutes nothing.
std::string gnuplot_script(const Plot& plot, ImageFormat format);

/// Bounds a little wider than the values, and never empty.
void fit(Axis& axis, double smallest, double largest);

}  // namespace hypertune

// Plots: points and lines in one or more panels, as data and as a gnuplot script.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hypertune {

struct Point {
  double x;  ///< NaN: a line ends here, and the next point begins another one
  double y;
  double shade = 0;  ///< on the plot's scale of shades; NaN: not drawn
};

enum class Drawing : std::uint8_t {
  Marks,     ///< a mark at each point; color and shape tell series apart
  Line,      ///< a thick line
  ThinLine,  ///< one of many: thin and pale
  Level,     ///< a thin gray line, for what others are compared with
  Dots,      ///< a small filled mark at each point, by shade where the plot has a scale of them
  Shades,    ///< thin lines by shade
  Bars,      ///< thick lines, as high as the unit of the vertical axis allows
  Cells,     ///< a grid by shade, row by row, blurred into a picture
  Tiles,     ///< the same with sharp edges
  Isolines,  ///< fine dark lines on cells
  Beads,     ///< small white marks with a dark rim, to be seen on cells of any shade
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

struct Tick {
  double at;
  std::string label;
};

struct Axis {
  std::string label;
  bool log = false;
  bool whole = false;  ///< only whole numbers get a tick
  double low = 0;
  double high = 1;
  std::vector<Tick> ticks = {};  ///< in place of those that gnuplot chooses
};

/// A word inside a panel, centered on its place.
struct PanelText {
  double x;
  double y;
  std::string text;
};

struct Panel {
  std::string title;
  std::vector<Series> series;
  std::optional<Axis> x = {}, y = {};  ///< in place of the plot's
  std::vector<PanelText> words = {};
  bool bare = false;  ///< neither frame nor grid
};

inline constexpr std::size_t kMaxPanels = 12;

/// Panels share both axes, unless they have their own; at most `kMaxPanels`, and the legend of
/// several is that of the first.
struct Plot {
  std::string name;  ///< of its files: lower-case letters and hyphens
  std::string caption = {};
  Axis x = {};
  Axis y = {};
  std::vector<Panel> panels;
  std::optional<Axis> shade = {};  ///< what shades mean
  bool dark_is_low = true;         ///< the dark end of the shades
  bool wide = false;               ///< a single panel as wide as two
};

enum class ImageFormat : std::uint8_t { Svg, Png };

/// A script that writes the image to gnuplot's standard output. Labels cannot become commands: they
/// stand in single quotes, where gnuplot substitutes nothing.
std::string gnuplot_script(const Plot& plot, ImageFormat format);

/// Bounds a little wider than the values, and never empty.
void fit(Axis& axis, double smallest, double largest);

}  // namespace hypertune

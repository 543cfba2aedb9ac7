// Plots as gnuplot scripts.
#include "report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "base/assert.h"
#include "base/text.h"

namespace hypertune {
namespace {

struct Look {
  std::string_view color;
  int mark;  // gnuplot's point type
};

/// Okabe and Ito's colors, which color-blind readers tell apart; two of them darkened for paper.
constexpr std::array<Look, kPlotColors> kLooks = {{
    {"009e73", 2},   // green cross
    {"0072b2", 6},   // blue circle
    {"d55e00", 8},   // vermilion triangle
    {"aa4499", 4},   // purple square
    {"b8860b", 12},  // ocher diamond
    {"56b4e9", 10},  // sky blue triangle, upside down
    {"555555", 3},   // gray star
    {"882255", 14},  // wine pentagon
}};

/// A string of gnuplot's: in single quotes nothing but the quote itself is special.
std::string quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : shorten(text, 90)) {
    if (c == '\'') quoted += '\'';
    quoted += static_cast<unsigned char>(c) < ' ' || c == '\x7f' ? ' ' : c;
  }
  return quoted + "'";
}

std::string terminal(const Plot& plot, ImageFormat format) {
  const int columns = plot.panels.size() > 1 ? 2 : 1;
  const int rows = plot.panels.size() > 2 ? 2 : 1;
  const int width = columns == 2 ? 860 : 720;
  const int height = columns == 2 ? 380 * rows : 450;
  std::string name = plot.name;  // prefix of the names inside the image
  std::ranges::replace(name, '-', '_');
  if (format == ImageFormat::Svg) {
    return fmt::format(
        "set terminal svg size {},{} enhanced font 'DejaVu Sans,13' background '#ffffff' name {}\n",
        width, height, quote(name));
  }
  return fmt::format(
      "set terminal pngcairo size {},{} enhanced font 'DejaVu Sans,10' fontscale 2 linewidth 2 "
      "pointscale 2 background '#ffffff'\n",
      2 * width, 2 * height);
}

/// 1, 2 and 5 times powers of ten inside the axis, for a range without two decades to label.
std::string few_ticks(const Axis& axis) {
  std::vector<std::string> ticks;
  for (double decade = std::pow(10, std::floor(std::log10(axis.low))); decade < axis.high;
       decade *= 10) {
    for (const double tick : {decade, 2 * decade, 5 * decade}) {
      if (tick >= axis.low && tick <= axis.high) ticks.push_back(format_number(tick, 3));
    }
  }
  return fmt::format("({})", join(ticks, ", "));
}

/// Decades as powers of ten where there are two of them to show, plain numbers otherwise. A range
/// of less than a factor of three looks the same on a linear scale, which has ticks for it.
std::string axis_commands(char name, const Axis& axis) {
  const bool log = axis.log && axis.high > 3 * axis.low;
  const bool decades =
      log && std::floor(std::log10(axis.high)) - std::ceil(std::log10(axis.low)) >= 1;
  std::string ticks = "autofreq";
  if (axis.whole && axis.high - axis.low < 15) ticks = "1";
  if (log && !decades) ticks = few_ticks(axis);
  return fmt::format(
      "{1} logscale {0}\nset format {0} '{2}'\nset {0}tics {3}\nset {0}label {4} noenhanced\n"
      "set {0}range [{5}:{6}]\n",
      name, log ? "set" : "unset", decades ? "10^{%T}" : "%g", ticks, quote(axis.label), axis.low,
      axis.high);
}

std::string style(const Series& series) {
  const Look& look = kLooks.at(static_cast<std::size_t>(series.color % kPlotColors));
  switch (series.drawing) {
    case Drawing::Marks:
      return fmt::format("points pointtype {} pointsize 1.1 linewidth 2 linecolor rgb '#{}'",
                         look.mark, look.color);
    case Drawing::Line:
      return fmt::format("lines linewidth 3 linecolor rgb '#{}'", look.color);
    case Drawing::ThinLine:
      return fmt::format("lines linewidth 1 linecolor rgb '#90{}'", look.color);
    case Drawing::Level:
      break;
  }
  return "lines linewidth 1 linecolor rgb '#808080'";
}

std::string data(const std::vector<Point>& points, const std::string& name) {
  std::string block = name + " << END\n";
  for (const Point& point : points) block += fmt::format("{} {}\n", point.x, point.y);
  return block + "END\n";
}

}  // namespace

std::string gnuplot_script(const Plot& plot, ImageFormat format) {
  HT_ASSERT(!plot.panels.empty() && plot.panels.size() <= 4);
  std::string script = terminal(plot, format);
  script +=
      "set encoding utf8\nset border 3 linewidth 1\nset tics nomirror out scale 0.8\n"
      "set grid linetype 1 linewidth 0.5 linecolor rgb '#b0808080'\n"
      "set key outside top left horizontal Left reverse noenhanced samplen 1.5 width -1\n";
  script += axis_commands('x', plot.x) + axis_commands('y', plot.y);
  std::string plots;
  int blocks = 0;
  for (const Panel& panel : plot.panels) {
    plots += fmt::format("set title {} noenhanced\n", quote(panel.title));
    std::string separator = "plot ";
    for (const Series& series : panel.series) {
      const std::string name = fmt::format("$data{}", ++blocks);
      script += data(series.points, name);
      plots += fmt::format("{}{} using 1:2 with {} {}", separator, name, style(series),
                           series.label.empty() ? "notitle" : "title " + quote(series.label));
      separator = ", \\\n  ";
    }
    plots += "\n";
  }
  if (plot.panels.size() == 1) return script + plots;
  return fmt::format("{}set multiplot layout {},2\n{}unset multiplot\n", script,
                     plot.panels.size() > 2 ? 2 : 1, plots);
}

void fit(Axis& axis, double smallest, double largest) {
  constexpr double kMargin = 0.04;
  if (axis.log) {
    const double margin = std::max(kMargin * std::log10(largest / smallest), 0.02);
    axis.low = smallest * std::pow(10, -margin);
    axis.high = largest * std::pow(10, margin);
    return;
  }
  const double spread = largest - smallest;
  const double margin = spread > 0 ? kMargin * spread : std::max(std::abs(largest) * 0.1, 0.5);
  axis.low = smallest - margin;
  axis.high = largest + margin;
}

}  // namespace hypertune

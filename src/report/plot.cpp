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

/// In pixels of the SVG.
struct Layout {
  int columns = 1, rows = 1;
  int width = 720, height = 450;
  // Around each panel of several, and above them all.
  int left = 0, right = 18, top = 14, bottom = 0, header = 0;
};

constexpr int kPanelWidth = 300;  // about, of one of several
constexpr int kPanelHeight = 230;
constexpr int kCharacter = 8;    // pixels that a character of a label takes, about
constexpr int kLabelSlope = 30;  // degrees, of labels that would run into each other

int characters(std::string_view text) {
  return static_cast<int>(
      std::ranges::count_if(text, [](char c) { return (c & '\xc0') != '\x80'; }));  // of UTF-8
}

int longest_label(const Axis& axis) {
  int longest = 0;
  for (const Tick& tick : axis.ticks) longest = std::max(longest, characters(tick.label));
  return longest;
}

/// Whether labels would run into each other along a panel this wide.
bool is_crowded(const Axis& axis, int width) {
  int wanted = 0;
  for (const Tick& tick : axis.ticks) wanted += kCharacter * (characters(tick.label) + 1);
  return wanted > width;
}

const Axis& x_of(const Plot& plot, const Panel& panel) { return panel.x ? *panel.x : plot.x; }
const Axis& y_of(const Plot& plot, const Panel& panel) { return panel.y ? *panel.y : plot.y; }

bool has_legend(const Plot& plot) {
  return std::ranges::any_of(plot.panels.front().series,
                             [](const Series& series) { return !series.label.empty(); });
}

Layout layout_of(const Plot& plot) {
  Layout layout;
  const int panels = static_cast<int>(plot.panels.size());
  if (panels == 1) {
    if (plot.wide) layout.width = 860;
    return layout;
  }
  layout.columns = 2;
  layout.rows = (panels + 1) / 2;
  layout.width = 860;
  layout.left = 80;
  layout.bottom = 70;
  for (const Panel& panel : plot.panels) {
    layout.left = std::max(layout.left, 40 + kCharacter * longest_label(y_of(plot, panel)));
    if (!panel.title.empty()) layout.top = 40;
    const Axis& x = x_of(plot, panel);
    if (is_crowded(x, kPanelWidth)) {
      layout.bottom = std::max(layout.bottom, 70 + kCharacter / 2 * longest_label(x));
    }
  }
  if (plot.shade) {
    layout.header = 72;
  } else {
    layout.header = has_legend(plot) ? 36 : 12;
  }
  const int inner = layout.rows == 1 ? kPanelHeight + 60 : kPanelHeight;
  layout.height = layout.header + layout.rows * (layout.top + inner + layout.bottom);
  return layout;
}

std::string terminal(const Plot& plot, const Layout& layout, ImageFormat format) {
  std::string name = plot.name;  // prefix of the names inside the image
  std::ranges::replace(name, '-', '_');
  if (format == ImageFormat::Svg) {
    return fmt::format(
        "set terminal svg size {},{} enhanced font 'DejaVu Sans,13' background '#ffffff' name {}\n",
        layout.width, layout.height, quote(name));
  }
  return fmt::format(
      "set terminal pngcairo size {},{} enhanced font 'DejaVu Sans,10' fontscale 2 linewidth 2 "
      "pointscale 2 background '#ffffff'\n",
      2 * layout.width, 2 * layout.height);
}

/// Opens the multiplot: all panels are of one size, whatever their labels.
std::string multiplot(const Layout& layout) {
  const double width = layout.width;
  const double height = layout.height;
  return fmt::format(
      "set multiplot layout {},{} margins screen {:.4f}, {:.4f}, {:.4f}, {:.4f} spacing screen "
      "{:.4f}, {:.4f}\n",
      layout.rows, layout.columns, layout.left / width, 1 - layout.right / width,
      layout.bottom / height, 1 - (layout.header + layout.top) / height,
      (layout.left + layout.right) / width, (layout.bottom + layout.top) / height);
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

/// A label of a tick is a format of its place, in which % is special.
std::string given_ticks(const std::vector<Tick>& ticks) {
  std::vector<std::string> all;
  for (const Tick& tick : ticks) {
    const std::string label = join(split(tick.label, '%'), "%%");
    all.push_back(fmt::format("{} {}", quote(label), tick.at));
  }
  return fmt::format("({})", join(all, ", "));
}

/// Decades as powers of ten where there are two of them to show, plain numbers otherwise. A range
/// of less than a factor of three looks the same on a linear scale, which has ticks for it.
/// `length` is that of the axis, in pixels.
std::string axis_commands(char name, const Axis& axis, int length) {
  const std::string range =
      fmt::format("set {}label {} noenhanced\nset {}range [{}:{}]\n", name,
                  quote(shorten(axis.label, static_cast<std::size_t>(length / kCharacter))), name,
                  axis.low, axis.high);
  if (!axis.ticks.empty()) {
    const bool turn = name == 'x' && is_crowded(axis, length);
    return fmt::format("unset logscale {0}\nset {0}tics {1} noenhanced {2}\n{3}", name,
                       given_ticks(axis.ticks),
                       turn ? fmt::format("rotate by {} right", kLabelSlope) : "norotate", range);
  }
  const bool log = axis.log && axis.high > 3 * axis.low;
  const bool decades =
      log && std::floor(std::log10(axis.high)) - std::ceil(std::log10(axis.low)) >= 1;
  std::string ticks = "autofreq";
  if (axis.whole && axis.high - axis.low < 15) ticks = "1";
  if (log && !decades) ticks = few_ticks(axis);
  return fmt::format("{1} logscale {0}\nset format {0} '{2}'\nset {0}tics {3}\n{4}", name,
                     log ? "set" : "unset", decades ? "10^{%T}" : "%g", ticks, range);
}

/// Viridis (Stefan van der Walt and Nathaniel Smith, CC0) without its yellow end, which is hard to
/// see on white: its lightness grows steadily, so that it reads the same without colors.
constexpr std::array<std::string_view, 8> kShades = {"440154", "472c7a", "3b518b", "2c718e",
                                                     "21908d", "27ad81", "5cc863", "aadc32"};

/// The scale of shades: at the right of a single panel, above several.
std::string shade_commands(const Plot& plot, const Layout& layout) {
  const Axis& shade = *plot.shade;
  std::vector<std::string> stops;
  for (std::size_t i = 0; i < kShades.size(); ++i) {
    stops.push_back(fmt::format("{} '#{}'", i, kShades.at(plot.dark_is_low ? i : 7 - i)));
  }
  std::string commands = fmt::format("set palette defined ({})\nset cbrange [{}:{}]\n",
                                     join(stops, ", "), shade.low, shade.high);
  if (!shade.ticks.empty()) {
    commands += fmt::format("set cbtics {}\n", given_ticks(shade.ticks));
  } else {
    commands += fmt::format("set cbtics {}\n",
                            shade.whole && shade.high - shade.low < 10 ? "1" : "autofreq");
  }
  if (plot.panels.size() == 1) {
    return commands + fmt::format("set cblabel {} noenhanced\n", quote(shade.label));
  }
  const double bar = 12.0 / layout.height;
  return commands +
         fmt::format(
             "set colorbox horizontal user origin screen 0.55, {0:.4f} size screen 0.4, {1:.4f}\n"
             "set label 1 {2} at screen 0.53, {3:.4f} right noenhanced\n",
             1 - 20.0 / layout.height, bar, quote(shade.label), 1 - 20.0 / layout.height + bar / 2);
}

/// Many marks get smaller ones.
double mark_size(std::size_t marks) {
  if (marks <= 200) return 1;
  return marks <= 1000 ? 0.7 : 0.45;
}

/// One entry for each way in which gnuplot has to draw the points.
std::vector<std::string> styles(const Series& series, bool has_shade) {
  const Look& look = kLooks.at(static_cast<std::size_t>(series.color % kPlotColors));
  const double size = mark_size(series.points.size());
  switch (series.drawing) {
    case Drawing::Marks:
      return {fmt::format("points pointtype {} pointsize {:.3g} linewidth {} linecolor rgb '#{}'",
                          look.mark, 1.1 * size, size < 0.6 ? 1 : 2, look.color)};
    case Drawing::Line:
      return {fmt::format("lines linewidth 3 linecolor rgb '#{}'", look.color)};
    case Drawing::ThinLine:
      return {fmt::format("lines linewidth 1 linecolor rgb '#90{}'", look.color)};
    case Drawing::Level:
      return {"lines linewidth 1 linecolor rgb '#808080'"};
    case Drawing::Dots:
      return {fmt::format("points pointtype 7 pointsize {:.3g} linecolor {}", 0.6 * size,
                          has_shade ? "palette" : fmt::format("rgb '#{}'", look.color))};
    case Drawing::Shades:
      return {fmt::format("lines linewidth {} linecolor palette", size < 0.6 ? 1 : 1.5)};
    case Drawing::Bars:
      return {fmt::format("boxxyerror fillstyle solid noborder linecolor rgb '#{}'", look.color)};
    case Drawing::Cells:
      return {"image"};
    case Drawing::Tiles:
      return {"image pixels"};
    case Drawing::Isolines:
      return {"lines linewidth 1 linecolor rgb '#80000000'"};
    case Drawing::Beads:
      break;
  }
  return {fmt::format("points pointtype 7 pointsize {:.3g} linecolor rgb '#ffffff'", 0.55 * size),
          fmt::format("points pointtype 6 pointsize {:.3g} linewidth 1 linecolor rgb '#000000'",
                      0.55 * size)};
}

bool needs_shade(const Series& series, bool has_shade) {
  switch (series.drawing) {
    case Drawing::Dots:
      return has_shade;
    case Drawing::Shades:
    case Drawing::Cells:
    case Drawing::Tiles:
      return true;
    default:
      return false;
  }
}

/// Boxes, for thick lines get spikes at their ends in PNG. A bar goes from one point to the next.
std::string bars(const std::vector<Point>& points, const Axis& y) {
  constexpr double kHeight = 290;  // of a single panel
  const double range = y.high - y.low;
  const double half = std::clamp(240 / range, 2.0, 26.0) / 2 * range / kHeight;
  std::string rows;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const Point& from = points[i];
    const Point& to = points[i + 1];
    if (std::isnan(from.x) || std::isnan(to.x)) continue;
    rows += fmt::format("{} {} {} {} {} {}\n", from.x, from.y, from.x, to.x, from.y - half,
                        from.y + half);
  }
  return rows;
}

std::string data(const Series& series, const Axis& y, bool shaded, const std::string& name) {
  if (series.drawing == Drawing::Bars) return name + " << END\n" + bars(series.points, y) + "END\n";
  std::string block = name + " << END\n";
  for (const Point& point : series.points) {
    if (std::isnan(point.x)) {
      block += "\n";
    } else if (shaded) {
      block += fmt::format("{} {} {}\n", point.x, point.y, point.shade);
    } else {
      block += fmt::format("{} {}\n", point.x, point.y);
    }
  }
  return block + "END\n";
}

/// Words of a panel, the whole set anew.
std::string word_commands(const std::vector<PanelText>& words) {
  constexpr int kFirstTag = 10;
  std::string commands;
  for (std::size_t i = 0; i < words.size(); ++i) {
    commands += fmt::format("set label {} {} at {}, {} center noenhanced front boxed\n",
                            kFirstTag + i, quote(words[i].text), words[i].x, words[i].y);
  }
  return commands;
}

/// What belongs to one panel: its axes where they are its own, its title, words and plot command.
/// The names of data blocks begin at `block`, which is moved on.
struct PanelScript {
  std::string data, commands;
};
PanelScript panel_script(const Plot& plot, std::size_t index, int width, int& block) {
  const Panel& panel = plot.panels[index];
  PanelScript script;
  if (panel.x) script.commands += axis_commands('x', *panel.x, width);
  if (panel.y) script.commands += axis_commands('y', *panel.y, kPanelHeight);
  if (panel.bare) script.commands += "unset grid\nunset border\nset tics scale 0\n";
  script.commands += fmt::format("set title {} noenhanced\n", quote(panel.title));
  script.commands += word_commands(panel.words);
  std::string separator = "plot ";
  for (const Series& series : panel.series) {
    const bool shaded = needs_shade(series, plot.shade.has_value());
    const std::string name = fmt::format("$data{}", ++block);
    const Axis& y = y_of(plot, panel);
    script.data += data(series, y, shaded, name);
    std::string columns = shaded ? "1:2:3" : "1:2";
    if (series.drawing == Drawing::Bars) columns = "1:2:3:4:5:6";
    const bool titled = !series.label.empty() && index == 0;
    std::string title = titled ? "title " + quote(series.label) : "notitle";
    for (const std::string& style : styles(series, plot.shade.has_value())) {
      script.commands +=
          fmt::format("{}{} using {} with {} {}", separator, name, columns, style, title);
      separator = ", \\\n  ";
      title = "notitle";
    }
  }
  script.commands += "\n";
  return script;
}

}  // namespace

std::string gnuplot_script(const Plot& plot, ImageFormat format) {
  HT_ASSERT(!plot.panels.empty() && plot.panels.size() <= kMaxPanels);
  const Layout layout = layout_of(plot);
  const bool several = plot.panels.size() > 1;
  std::string script = terminal(plot, layout, format);
  script +=
      "set encoding utf8\nset border 3 linewidth 1\nset tics nomirror out scale 0.8\n"
      "set grid linetype 1 linewidth 0.5 linecolor rgb '#b0808080'\n"
      "set style textbox opaque noborder\n";
  script += fmt::format("set key {} top left horizontal Left reverse noenhanced samplen 1.5 {}\n",
                        several ? "at screen 0.02, 0.985" : "outside",
                        several ? "width 1 maxrows 1" : "width -1");
  const int width = several ? kPanelWidth : layout.width - 120;
  script += axis_commands('x', plot.x, width) +
            axis_commands('y', plot.y, several ? kPanelHeight : layout.height - 120);
  if (plot.shade) script += shade_commands(plot, layout);
  std::string plots;
  int blocks = 0;
  for (std::size_t i = 0; i < plot.panels.size(); ++i) {
    const PanelScript panel = panel_script(plot, i, width, blocks);
    script += panel.data;
    plots += panel.commands;
    if (i == 0 && several) plots += "unset colorbox\nunset label 1\n";
  }
  if (!several) return script + plots;
  return script + multiplot(layout) + plots + "unset multiplot\n";
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

// Samples of a data set, drawn with characters.
#include "cli/sample_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace hypertune {
namespace {

constexpr std::int64_t kMaxColumns = 76;
constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> kLevels = {"_", ".", ":", "-", "=", "+", "*", "#"};
constexpr std::array<std::string_view, 5> kShades = {" ", "░", "▒", "▓", "█"};
constexpr std::array<std::string_view, 5> kAsciiShades = {" ", ".", "+", "*", "#"};

struct Interval {
  float low;
  float high;
};

Interval range_of(std::span<const float> values) {
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {*low, *high};
}

/// The character for a value within the range.
std::string_view level(float value, Interval range, std::span<const std::string_view> characters) {
  const float width = range.high - range.low;
  const float share = width > 0 ? (value - range.low) / width : 0;
  const auto last = static_cast<float>(characters.size() - 1);
  return characters[static_cast<std::size_t>(std::clamp(share * last + 0.5F, 0.0F, last))];
}

std::string draw_image(std::span<const float> pixels, const SampleShape& shape, bool utf8) {
  const Interval range = range_of(pixels);
  const std::span<const std::string_view> shades =
      utf8 ? std::span<const std::string_view>(kShades) : kAsciiShades;
  // A character is about twice as high as it is wide.
  const std::int64_t columns = std::min(shape.width, kMaxColumns / 2);
  std::string out;
  for (std::int64_t row = 0; row < shape.height; ++row) {
    out += "  ";
    for (std::int64_t column = 0; column < columns; ++column) {
      const auto pixel =
          pixels[static_cast<std::size_t>((row * shape.width + column) * shape.channels)];
      const std::string_view shade = level(pixel, range, shades);
      out.append(shade).append(shade);
    }
    out += '\n';
  }
  return out;
}

std::string draw_curves(std::span<const float> values, const SampleShape& shape, bool utf8) {
  const std::span<const std::string_view> levels =
      utf8 ? std::span<const std::string_view>(kBlocks) : kLevels;
  const Interval range = range_of(values);
  std::string out;
  for (std::int64_t channel = 0; channel < shape.channels; ++channel) {
    out += fmt::format("  {} ", channel + 1);
    for (std::int64_t step = 0; step < std::min(shape.width, kMaxColumns); ++step) {
      out +=
          level(values[static_cast<std::size_t>(step * shape.channels + channel)], range, levels);
    }
    out += '\n';
  }
  return out;
}

}  // namespace

std::string draw_sample(const Dataset& data, std::int64_t index, bool utf8) {
  const std::span<const float> values(data.sample(index),
                                      static_cast<std::size_t>(data.shape.size()));
  return data.shape.height > 1 ? draw_image(values, data.shape, utf8)
                               : draw_curves(values, data.shape, utf8);
}

}  // namespace hypertune

// Small made-up data sets that a network can learn.
#include "support/made_up_data.h"

#include <cmath>
#include <numbers>

#include "hypertune/rng.h"

namespace hypertune::testing_support {

Dataset wave_data(std::int64_t samples, std::uint64_t seed) {
  Dataset data;
  data.name = "waves";
  data.shape = {.height = 1, .width = 12, .channels = 2};
  data.classes = {"slow", "middle", "fast"};
  data.users = {"U01", "U02", "U03", "U04"};
  Rng rng(seed);
  for (std::int64_t i = 0; i < samples; ++i) {
    const int label = static_cast<int>(rng.below(3));
    const double phase = rng.uniform();
    for (std::int64_t t = 0; t < data.shape.width; ++t) {
      const double angle =
          2 * std::numbers::pi * (phase + (label + 0.5) * static_cast<double>(t) / 6);
      data.values.push_back(static_cast<float>(std::sin(angle) + 0.1 * rng.normal()));
      data.values.push_back(static_cast<float>(std::cos(angle) + 0.1 * rng.normal()));
    }
    data.labels.push_back(label);
    data.user_of.push_back(static_cast<int>(i % 4));
  }
  return data;
}

Dataset bar_data(std::int64_t samples, std::uint64_t seed) {
  Dataset data;
  data.name = "bars";
  data.shape = {.height = 8, .width = 8, .channels = 1};
  data.classes = {"lying", "standing"};
  Rng rng(seed);
  for (std::int64_t i = 0; i < samples; ++i) {
    const int label = static_cast<int>(rng.below(2));
    const auto place = static_cast<std::int64_t>(rng.below(8));
    for (std::int64_t y = 0; y < 8; ++y)
      for (std::int64_t x = 0; x < 8; ++x)
        data.values.push_back(
            static_cast<float>(((label == 0 ? y : x) == place) + 0.2 * rng.normal()));
    data.labels.push_back(label);
  }
  return data;
}

}  // namespace hypertune::testing_support

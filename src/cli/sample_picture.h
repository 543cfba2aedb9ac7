// Samples of a data set, drawn with characters.
#pragma once

#include <string>

#include "train/datasets.h"

namespace hypertune {

/// The sample in lines: an image as shades, a row of pixels in a line; a sequence as one curve for
/// each channel. With `utf8` in block characters, else in ASCII.
std::string draw_sample(const Dataset& data, std::int64_t index, bool utf8);

}  // namespace hypertune

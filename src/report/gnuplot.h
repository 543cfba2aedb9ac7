// Runs gnuplot.
#pragma once

#include <string>
#include <string_view>

namespace hypertune {

/// What gnuplot writes to its standard output for the script. Throws Error when gnuplot is missing
/// or refuses the script, with what it said. No shell is involved, and no start-up file is read.
std::string run_gnuplot(std::string_view script);

}  // namespace hypertune

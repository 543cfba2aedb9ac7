// Runs gnuplot.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace hypertune {

/// A figure takes a second at most.
constexpr std::chrono::seconds kGnuplotTimeLimit{60};

/// What gnuplot writes to its standard output for the script. Throws Error when gnuplot is missing
/// or refuses the script, with what it said, and when it had to be killed because the time was up.
/// No shell is involved, and no start-up file is read.
std::string run_gnuplot(std::string_view script,
                        std::chrono::milliseconds limit = kGnuplotTimeLimit);

}  // namespace hypertune

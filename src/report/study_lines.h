// Studies as lines of JSON, without loss.
#pragma once

#include <string>
#include <string_view>

#include "report/study_copy.h"

namespace hypertune {

/// A line for the study, then one for each trial. Numbers read back as the same; NaN, Infinity and
/// -Infinity are tokens, as Python writes them.
std::string study_lines(const StudyCopy& copy);

/// Reads such lines, of which none is trusted. Throws ConfigError `name:line: what is wrong`.
StudyCopy study_from_lines(std::string_view text, const std::string& name);

}  // namespace hypertune

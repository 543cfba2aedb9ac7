// Texts as words of a shell's command line.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hypertune {

/// The text in single quotes.
std::string in_single_quotes(std::string_view text);

/// A command line that gives these words; quotes only where they are needed.
std::string shell_line(std::span<const char* const> words);

}  // namespace hypertune

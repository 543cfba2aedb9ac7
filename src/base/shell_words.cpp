// Texts as words of a shell's command line.
#include "base/shell_words.h"

namespace hypertune {
namespace {

constexpr std::string_view kNeedNoQuotes =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=./:,@%";

}  // namespace

std::string in_single_quotes(std::string_view text) {
  std::string out = "'";
  for (const char character : text) {
    if (character == '\'') {
      out += "'\\''";
    } else {
      out += character;
    }
  }
  return out + "'";
}

std::string shell_line(std::span<const char* const> words) {
  std::string line;
  for (const std::string_view word : words) {
    if (!line.empty()) line += ' ';
    const bool plain =
        !word.empty() && word.find_first_not_of(kNeedNoQuotes) == std::string_view::npos;
    line += plain ? std::string(word) : in_single_quotes(word);
  }
  return line;
}

}  // namespace hypertune

// Small functions on texts.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hypertune {

/// The candidate that `word` was most likely meant to be; nothing when none is near.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates);

/// `, did you mean "x"?` or nothing; for the end of a message about an unknown word.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// At most `limit` bytes of the text, with `...` where it was cut; never inside a UTF-8 character.
std::string shorten(std::string_view text, std::size_t limit);

/// For messages, what a program printed: colors and other terminal sequences are left out, other
/// control characters but line ends, and bytes that are not UTF-8, become `?`.
std::string plain_text(std::string_view text);

/// The shortest text that reads back as the same number: 0.1, 1e-05, inf, nan.
std::string format_number(double number);
/// `digits` significant digits, without trailing zeros.
std::string format_number(double number, int digits);

std::vector<std::string> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string_view trim(std::string_view text);

/// `1 trial`, `2 trials`.
std::string count_of(long long n, std::string_view singular);

/// `4 s`, `2 min 5 s`, `1 h 3 min`.
std::string format_duration(double seconds);

}  // namespace hypertune

// SHA-256 checksums.
#pragma once

#include <string>
#include <string_view>

namespace hypertune {

/// 64 lower-case hexadecimal digits.
std::string sha256(std::string_view bytes);

}  // namespace hypertune

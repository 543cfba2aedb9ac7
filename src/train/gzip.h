// Files packed with gzip, read whole.
#pragma once

#include <filesystem>
#include <string>

namespace hypertune {

/// The unpacked content; a file that is not packed is read as it is. Throws DataError when it
/// cannot be read, is damaged, or unpacks to more than `max_bytes`.
std::string read_gzip(const std::filesystem::path& file, std::size_t max_bytes);

}  // namespace hypertune

// Whole files, read and written.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace hypertune {

/// Throws Error that names the file and the reason.
std::string read_file(const std::filesystem::path& file);

/// Replaces the file as a whole: readers see the old content or the new, never a part, also when
/// the disk is full. Creates missing folders. Throws Error that names the file and the reason.
void write_file(const std::filesystem::path& file, std::string_view content);

/// Writes all bytes, also when a signal interrupts. False when the file cannot be written; errno
/// says why.
bool write_all(int fd, std::string_view bytes);

}  // namespace hypertune

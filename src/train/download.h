// Downloads over HTTPS.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "hypertune/trainer.h"

namespace hypertune {

/// Writes what `url` yields to `file`; redirects are followed. Gives up on servers that do not
/// answer or stall, and beyond `max_bytes`. Returns the reason when it failed; `file` is then gone.
std::optional<std::string> download(const std::string& url, const std::filesystem::path& file,
                                    std::int64_t max_bytes, const DownloadProgress& progress);

/// Removes files of `folder` that are named *.part and have not been written to for longer than any
/// download stalls: what processes left that were killed while they downloaded.
void remove_stale_parts(const std::filesystem::path& folder);

}  // namespace hypertune

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

}  // namespace hypertune

// Files packed with gzip, read whole, through zlib.
#include "train/gzip.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "hypertune/error.h"

namespace hypertune {

std::string read_gzip(const std::filesystem::path& file, std::size_t max_bytes) {
  constexpr unsigned kChunk = 1 << 20;
  const auto close = [](gzFile opened) { ::gzclose(opened); };
  errno = 0;
  const std::unique_ptr<gzFile_s, decltype(close)> in(::gzopen(file.c_str(), "rb"), close);
  if (!in) {
    throw DataError(
        fmt::format("cannot read {}: {}", file.string(), std::strerror(errno ? errno : ENOMEM)));
  }
  ::gzbuffer(in.get(), kChunk);
  std::string content;
  for (;;) {
    const std::size_t before = content.size();
    content.resize(before + kChunk);
    const int n = ::gzread(in.get(), content.data() + before, kChunk);
    content.resize(before + static_cast<std::size_t>(n > 0 ? n : 0));
    if (content.size() > max_bytes)
      throw DataError(fmt::format("{}: unpacks to more than the {} bytes that were expected",
                                  file.string(), max_bytes));
    if (n > 0) continue;
    // A truncated file shows as an end of file with an error pending.
    int fault = Z_OK;
    const char* message = ::gzerror(in.get(), &fault);
    if (n == 0 && fault == Z_OK) return content;
    throw DataError(fmt::format("{}: damaged: {}; replace the file", file.string(),
                                fault == Z_ERRNO ? std::strerror(errno) : message));
  }
}

}  // namespace hypertune

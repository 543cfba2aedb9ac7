// Downloads over HTTPS, through libcurl.
#include "train/download.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <vector>

namespace hypertune {
namespace {

constexpr long kConnectTimeoutS = 10;
constexpr long kStallTimeoutS = 20;
constexpr long kStallBytesPerS = 1000;
constexpr long kMaxRedirects = 8;
constexpr auto kStalePart = std::chrono::minutes(10);  // far beyond the two timeouts

struct Transfer {
  const DownloadProgress& progress;
  std::int64_t max_bytes;
};

int on_progress(void* context, curl_off_t total, curl_off_t done, curl_off_t, curl_off_t) {
  const auto& transfer = *static_cast<const Transfer*>(context);
  if (transfer.progress) transfer.progress(done, total);
  return done > transfer.max_bytes ? 1 : 0;  // 1 aborts
}

std::size_t on_data(char* data, std::size_t size, std::size_t n, void* out) {
  return std::fwrite(data, size, n, static_cast<std::FILE*>(out));
}

}  // namespace

std::optional<std::string> download(const std::string& url, const std::filesystem::path& file,
                                    std::int64_t max_bytes, const DownloadProgress& progress) {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
  const std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> owner(::curl_easy_init(),
                                                                    &::curl_easy_cleanup);
  CURL* curl = owner.get();
  if (curl == nullptr) return "libcurl could not be started";
  std::FILE* out = std::fopen(file.c_str(), "wb");
  if (out == nullptr)
    return fmt::format("cannot write {}: {}", file.string(), std::strerror(errno));

  Transfer transfer{progress, max_bytes};
  std::array<char, CURL_ERROR_SIZE> message{};
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
  ::curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "https");
  ::curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  ::curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kMaxRedirects);
  ::curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kStallTimeoutS);
  ::curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kStallBytesPerS);
  ::curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(max_bytes));
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message.data());
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_data);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
  ::curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  ::curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &transfer);
  const CURLcode code = ::curl_easy_perform(curl);
  const bool written = std::fclose(out) == 0;
  if (code == CURLE_OK && written) return std::nullopt;

  std::error_code ignored;
  std::filesystem::remove(file, ignored);
  if (code == CURLE_OK)
    return fmt::format("cannot write {}: {}", file.string(), std::strerror(errno));
  return fmt::format("{} could not be downloaded: {}", url,
                     message[0] != '\0' ? message.data() : ::curl_easy_strerror(code));
}

void remove_stale_parts(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  std::vector<fs::path> stale;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const auto written = entry.last_write_time(error);
    if (!error && entry.path().extension() == ".part" && now - written > kStalePart) {
      stale.push_back(entry.path());
    }
  }
  for (const fs::path& file : stale) fs::remove(file, error);  // another process may be faster
}

}  // namespace hypertune

// HTTP with limits, through libcurl.
#include "launch/http_client.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <mutex>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr long kConnectTimeoutS = 5;
constexpr long kTimeoutS = 30;
constexpr std::size_t kMaxBytes = 64 << 20;

using Url = std::unique_ptr<CURLU, decltype(&::curl_url_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&::curl_slist_free_all)>;

std::string part_of(const Url& url, CURLUPart part) {
  char* text = nullptr;
  if (::curl_url_get(url.get(), part, &text, 0) != CURLUE_OK) return {};
  const std::unique_ptr<char, decltype(&::curl_free)> owner(text, &::curl_free);
  return text;
}

/// The address without a slash at its end. The message for a wrong one does not show it where it
/// may hold a password.
std::string checked(const std::string& address) {
  const Url url(::curl_url(), &::curl_url_cleanup);
  const bool is_url = ::curl_url_set(url.get(), CURLUPART_URL, address.c_str(), 0) == CURLUE_OK;
  if (is_url && !(part_of(url, CURLUPART_USER) + part_of(url, CURLUPART_PASSWORD)).empty()) {
    throw ConfigError(
        "the address of the Ray head holds a name or a password: leave them out, and give a token "
        "in the environment variable RAY_AUTH_TOKEN");
  }
  const std::string scheme = part_of(url, CURLUPART_SCHEME);
  const bool plain =
      part_of(url, CURLUPART_QUERY).empty() && part_of(url, CURLUPART_FRAGMENT).empty();
  if (!is_url || (scheme != "http" && scheme != "https") || !plain) {
    throw ConfigError(
        fmt::format("\"{}\" is not the address of a Ray head: write that of its dashboard, such as "
                    "http://127.0.0.1:8265",
                    shorten(address, 200)));
  }
  return address.substr(0, address.find_last_not_of('/') + 1);
}

std::size_t on_data(char* data, std::size_t size, std::size_t n, void* context) {
  auto& body = *static_cast<std::string*>(context);
  if (body.size() + size * n > kMaxBytes) return 0;  // ends the transfer
  body.append(data, size * n);
  return size * n;
}

void add(Headers& headers, const std::string& line) {
  headers.reset(::curl_slist_append(headers.release(), line.c_str()));
}

}  // namespace

struct HttpClient::Connection {
  std::unique_ptr<CURL, decltype(&::curl_easy_cleanup)> curl{::curl_easy_init(),
                                                             &::curl_easy_cleanup};
};

HttpClient::HttpClient(const std::string& address, std::string token)
    : address_(checked(address)), token_(std::move(token)) {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
  if (token_.find_first_of("\r\n") != std::string::npos) {
    throw ConfigError("RAY_AUTH_TOKEN holds a line break: give the token alone");
  }
  connection_ = std::make_unique<Connection>();
  if (!connection_->curl) throw Error("libcurl could not be started");
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::get(const std::string& path) { return send(path, nullptr); }

HttpReply HttpClient::post(const std::string& path, const std::string& json) {
  return send(path, &json);
}

HttpReply HttpClient::send(const std::string& path, const std::string* json) {
  CURL* curl = connection_->curl.get();
  ::curl_easy_reset(curl);  // the connection stays
  const std::string url = address_ + path;
  Headers headers(nullptr, &::curl_slist_free_all);
  add(headers, "Accept: application/json");
  if (!token_.empty()) add(headers, "Authorization: Bearer " + token_);
  if (json != nullptr) {
    add(headers, "Content-Type: application/json");
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDS, json->c_str());
    ::curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(json->size()));
  }
  HttpReply response;
  std::array<char, CURL_ERROR_SIZE> message{};
  ::curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  ::curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  ::curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  ::curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
  ::curl_easy_setopt(curl, CURLOPT_PROXY, "");
  ::curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  ::curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutS);
  ::curl_easy_setopt(curl, CURLOPT_TIMEOUT, kTimeoutS);
  ::curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message.data());
  ::curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_data);
  ::curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response.body);
  const CURLcode code = ::curl_easy_perform(curl);
  if (code != CURLE_OK) {
    throw Error(fmt::format("no answer from {}: {}", address_,
                            message[0] != '\0' ? message.data() : ::curl_easy_strerror(code)));
  }
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response.status);
  return response;
}

}  // namespace hypertune

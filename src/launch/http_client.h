// Requests to the HTTP interface of a cluster, through libcurl.
#pragma once

#include <memory>
#include <string>

namespace hypertune {

struct HttpReply {
  long status = 0;
  std::string body = {};
};

/// A connection to one server, kept open between requests. Redirects are not followed, proxies not
/// used. Not thread-safe.
class HttpClient {
 public:
  /// `address` is `http://host:port` or `https://...`, with a path if need be; `token`, when it is
  /// not empty, goes with each request as a bearer token. Throws ConfigError for an address that
  /// is none.
  HttpClient(const std::string& address, std::string token);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// `path` begins with '/'. Throws Error, naming the address, when no answer comes: refused, not
  /// found, too slow (30 s) or too long (64 MiB). An answer with a status of failure is an answer.
  HttpReply get(const std::string& path);
  /// Sends a body of JSON.
  HttpReply post(const std::string& path, const std::string& json);

  const std::string& address() const { return address_; }

 private:
  struct Connection;

  HttpReply send(const std::string& path, const std::string* json);

  std::string address_;
  std::string token_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace hypertune

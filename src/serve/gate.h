// Who may ask, and what answers carry: hosts, tokens, cookies, forged requests, content policy.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/http.h"

namespace hypertune {

struct GateOptions {
  /// Further names, each with or without a port, that requests may give as their host. The names of
  /// loopback are always allowed, with any port: a tunnel may end at another one.
  std::vector<std::string> hosts = {};
  /// Empty: none is demanded, which is for loopback alone.
  std::string token = {};
};

/// 128 random bits in hexadecimal digits.
std::string make_token();

/// Decides before anything else looks at a request. Thread-safe, without state that changes.
class Gate {
 public:
  explicit Gate(GateOptions options);

  /// The answer to a request that may not go on (or, for `?token=...`, that is sent on with a
  /// cookie and without it in the URL); nothing when it may. Looks at everything but the body.
  std::optional<HttpResponse> stop(const HttpRequest& request) const;
  /// What the page sends back in `X-CSRF-Token` with each change.
  const std::string& csrf_token() const { return csrf_token_; }
  /// Content-Security-Policy and the like, for every answer. What says nothing about caching is not
  /// to be kept by anybody.
  static void protect(HttpResponse& response);

 private:
  std::optional<HttpResponse> stop_foreign_host(const HttpRequest& request) const;
  std::optional<HttpResponse> stop_stranger(const HttpRequest& request) const;
  std::optional<HttpResponse> stop_foreign_page(const HttpRequest& request) const;
  std::optional<HttpResponse> stop_forgery(const HttpRequest& request) const;
  bool is_known_host(std::string_view host) const;

  GateOptions options_;
  std::string csrf_token_;
  std::string session_;  // the cookie's value, not the token itself
};

}  // namespace hypertune

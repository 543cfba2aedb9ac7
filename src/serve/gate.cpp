// Who may ask, and what answers carry: hosts, tokens, cookies, forged requests, content policy.
#include "serve/gate.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "base/text.h"
#include "hypertune/error.h"

namespace hypertune {
namespace {

constexpr std::array<std::string_view, 3> kLoopbackNames = {"localhost", "127.0.0.1", "[::1]"};
constexpr std::string_view kBearer = "Bearer ";

/// Scripts, styles and data come from this server alone; no page may frame it.
constexpr std::string_view kContentPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'";

HttpResponse refusal(const HttpRequest& request, int status, const std::string& message) {
  if (request.path.starts_with("/api/")) return error_response({status, message});
  return {.status = status, .type = "text/plain; charset=utf-8", .body = message + "\n"};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

struct Authority {
  std::string_view name;  ///< of an IPv6 address with its brackets
  std::string_view port;  ///< empty: none was given
};

/// Nothing for what is no `name` or `name:port`.
std::optional<Authority> parse_authority(std::string_view text) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == std::string_view::npos) return std::nullopt;
  const std::size_t colon = text.find(':', bracket);
  const Authority parts{text.substr(0, colon),
                        colon == std::string_view::npos ? "" : text.substr(colon + 1)};
  const bool has_port = colon != std::string_view::npos;
  const bool digits = std::ranges::all_of(parts.port, [](char c) { return c >= '0' && c <= '9'; });
  if (parts.name.empty() || !digits || (has_port && parts.port.empty()) || parts.port.size() > 5) {
    return std::nullopt;
  }
  return parts;
}

/// Takes the same time wherever they differ.
bool is_secret(std::string_view given, std::string_view secret) {
  if (given.size() != secret.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < secret.size(); ++i) {
    difference |= static_cast<unsigned char>(given[i]) ^ static_cast<unsigned char>(secret[i]);
  }
  return difference == 0;
}

/// Cookies belong to a host whatever its port: each server of a machine has its own.
std::string cookie_name(const HttpRequest& request) {
  const auto host = parse_authority(request.header("host"));
  return fmt::format("hypertune-{}", host ? host->port : "");
}

std::string_view cookie(const HttpRequest& request, std::string_view name) {
  std::string_view rest = request.header("cookie");
  while (!rest.empty()) {
    const std::string_view part = trim(rest.substr(0, rest.find(';')));
    rest.remove_prefix(std::min(
        rest.size(), rest.find(';') == std::string_view::npos ? rest.size() : rest.find(';') + 1));
    const std::size_t equals = part.find('=');
    if (equals != std::string_view::npos && part.substr(0, equals) == name) {
      return part.substr(equals + 1);
    }
  }
  return {};
}

std::string percent_encoded(std::string_view text, std::string_view kept) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("-._~").find(c) != std::string_view::npos ||
                       kept.find(c) != std::string_view::npos;
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

/// The request's URL without the token, on this server whatever the path is.
std::string url_without_token(const HttpRequest& request) {
  const std::size_t first = request.path.find_first_not_of("/\\");
  std::string url = "/";
  if (first != std::string::npos) {
    url += percent_encoded(std::string_view(request.path).substr(first), "/");
  }
  char separator = '?';
  for (const auto& [name, value] : request.query) {
    if (name == "token") continue;
    url += fmt::format("{}{}={}", separator, percent_encoded(name, ""), percent_encoded(value, ""));
    separator = '&';
  }
  return url;
}

}  // namespace

std::string make_token() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    throw Error(fmt::format("cannot get random bytes: {}", std::strerror(errno)));
  }
  std::string token;
  for (const unsigned char byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

Gate::Gate(GateOptions options)
    : options_(std::move(options)), csrf_token_(make_token()), session_(make_token()) {
  for (std::string& host : options_.hosts) host = lower(host);
}

std::optional<HttpResponse> Gate::stop(const HttpRequest& request) const {
  const bool only_reads = request.method == "GET" || request.method == "HEAD";
  if (!only_reads && request.method != "POST" && request.method != "PUT") {
    HttpResponse response = refusal(request, 405, "this server answers GET, HEAD, POST and PUT");
    response.headers.emplace_back("Allow", "GET, HEAD, POST, PUT");
    return response;
  }
  if (auto response = stop_foreign_host(request)) return response;
  if (auto response = stop_stranger(request)) return response;
  if (auto response = stop_foreign_page(request)) return response;
  return only_reads ? std::nullopt : stop_forgery(request);
}

bool Gate::is_known_host(std::string_view host) const {
  const std::string text = lower(host);
  const auto parts = parse_authority(text);
  if (!parts) return false;
  const auto is_named = [&](std::string_view known) {
    return known == text || known == parts->name;
  };
  return std::ranges::any_of(kLoopbackNames, is_named) ||
         std::ranges::any_of(options_.hosts, is_named);
}

/// A name that somebody else's name server lets point here would make the browser take their page
/// and this one for the same (DNS rebinding).
std::optional<HttpResponse> Gate::stop_foreign_host(const HttpRequest& request) const {
  const std::string_view host = request.header("host");
  if (is_known_host(host)) return std::nullopt;
  return refusal(request, 421,
                 fmt::format("this server is not known as \"{}\"; open the address that hypertune "
                             "serve printed, or start it with --host and this name",
                             plain_text(shorten(host, 100))));
}

std::optional<HttpResponse> Gate::stop_stranger(const HttpRequest& request) const {
  if (options_.token.empty()) return std::nullopt;
  const std::string name = cookie_name(request);
  if (const auto token = request.argument("token");
      token && request.method == "GET" && is_secret(*token, options_.token)) {
    HttpResponse response{.status = 303, .type = "text/plain; charset=utf-8"};
    response.headers = {
        {"Location", url_without_token(request)},
        {"Set-Cookie", fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/", name, session_)}};
    return response;
  }
  if (is_secret(cookie(request, name), session_)) return std::nullopt;
  const std::string_view authorization = request.header("authorization");
  if (authorization.starts_with(kBearer) &&
      is_secret(authorization.substr(kBearer.size()), options_.token)) {
    return std::nullopt;
  }
  HttpResponse response = refusal(request, 401,
                                  "this dashboard asks for a token: open the whole address that "
                                  "hypertune printed when it began to serve, with ?token=...");
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

/// Other pages may link to this one, and nothing else. What they ask for they could not read, but
/// it would keep the server busy.
std::optional<HttpResponse> Gate::stop_foreign_page(const HttpRequest& request) const {
  if (!request.path.starts_with("/api/")) return std::nullopt;
  const std::string_view origin = request.header("origin");
  std::string_view host = origin;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (host.starts_with(scheme)) host.remove_prefix(scheme.size());
  }
  const std::string known = lower(host);
  const bool is_ours = origin.empty() || known == lower(request.header("host")) ||
                       std::ranges::find(options_.hosts, known) != options_.hosts.end();
  if (is_ours && request.header("sec-fetch-site") != "cross-site") return std::nullopt;
  return refusal(request, 403, "this request comes from a page of another server");
}

std::optional<HttpResponse> Gate::stop_forgery(const HttpRequest& request) const {
  const std::string_view type = request.header("content-type");
  if (lower(trim(type.substr(0, type.find(';')))) != "application/json") {
    return refusal(request, 415, "a change is sent as Content-Type: application/json");
  }
  if (!request.header("content-encoding").empty()) {
    return refusal(request, 415, "a change is sent without Content-Encoding");
  }
  if (!is_secret(request.header("x-csrf-token"), csrf_token_)) {
    return refusal(request, 403,
                   "X-CSRF-Token is missing or not that of /api/session: reload the page");
  }
  return std::nullopt;
}

void Gate::protect(HttpResponse& response) {
  const bool has_caching = std::ranges::any_of(
      response.headers, [](const auto& header) { return header.first == "Cache-Control"; });
  if (!has_caching) response.headers.emplace_back("Cache-Control", "no-store");
  for (const auto& [name, value] : std::initializer_list<std::pair<const char*, std::string_view>>{
           {"Content-Security-Policy", kContentPolicy},
           {"X-Content-Type-Options", "nosniff"},
           {"X-Frame-Options", "DENY"},
           {"Referrer-Policy", "no-referrer"},
           {"Cross-Origin-Opener-Policy", "same-origin"},
           {"Cross-Origin-Resource-Policy", "same-origin"}}) {
    response.headers.emplace_back(name, value);
  }
}

}  // namespace hypertune

// The dashboard's server: what each request is answered by.
#include "serve/server.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <unistd.h>

#include <array>
#include <chrono>

#include "hypertune/error.h"
#include "serve/api.h"
#include "serve/assets.h"
#include "serve/event_stream.h"
#include "serve/gate.h"
#include "serve/http_listener.h"
#include "serve/live_studies.h"

namespace hypertune {
namespace {

/// What this machine is called, and its addresses, for pages that are asked for from elsewhere.
std::vector<std::string> names_of_machine() {
  std::vector<std::string> names;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) names.emplace_back(name.data());
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return names;
  for (const ifaddrs* at = all; at != nullptr; at = at->ifa_next) {
    if (at->ifa_addr == nullptr) continue;
    const int family = at->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    std::array<char, NI_MAXHOST> text{};
    const socklen_t size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getnameinfo(at->ifa_addr, size, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) ==
        0) {
      names.push_back(family == AF_INET ? text.data() : fmt::format("[{}]", text.data()));
    }
  }
  ::freeifaddrs(all);
  return names;
}

bool is_ipv6(const std::string& address) { return address.find(':') != std::string::npos; }

GateOptions gate_options(const ServeOptions& options) {
  GateOptions gate{.hosts = options.hosts, .token = options.token};
  if (!is_loopback(options.bind)) {
    for (std::string& name : names_of_machine()) gate.hosts.push_back(std::move(name));
    gate.hosts.push_back(is_ipv6(options.bind) ? fmt::format("[{}]", options.bind) : options.bind);
  }
  return gate;
}

ApiOptions api_options(const ServeOptions& options, const Gate& gate) {
  return {.allow_control = options.allow_control,
          .run_folder = options.run_folder,
          .version = options.version,
          .storage = options.shown_storage,
          .csrf_token = gate.csrf_token()};
}

void check(const ServeOptions& options) {
  if (options.token.empty() && !is_loopback(options.bind)) {
    throw ConfigError(fmt::format(
        "--bind {}: an address that other machines can reach demands a token", options.bind));
  }
  if (!options.token.empty() && options.token.size() < kShortestToken) {
    throw ConfigError(fmt::format("the token has {} characters; it must have {} at least",
                                  options.token.size(), kShortestToken));
  }
}

}  // namespace

struct Server::Inside {
  Inside(std::shared_ptr<Storage> storage, ServeOptions given)
      : options(std::move(given)),
        gate(gate_options(options)),
        studies(std::move(storage)),
        api(studies, api_options(options, gate)) {
    listener.emplace(
        ListenOptions{.address = options.bind, .port = options.port, .ports = options.ports},
        HttpHandlers{.stop = [this](const HttpRequest& request) { return gate.stop(request); },
                     .answer = [this](const HttpRequest& request) { return answer(request); },
                     .finish = [](HttpResponse& response) { Gate::protect(response); }});
  }

  ~Inside() {
    stop.request_stop();
    listener.reset();
  }

  HttpAnswer answer(const HttpRequest& request) {
    if (request.path == "/api/events") {
      return event_stream(request, studies.events(), stop.get_token());
    }
    if (request.path.starts_with("/api/")) return api.answer(request);
    return page(request);
  }

  static HttpResponse page(const HttpRequest& request) {
    if (auto file = page_file(request)) return *std::move(file);
    HttpResponse missing{.status = 404, .type = "text/plain; charset=utf-8"};
    if (!has_page() && is_place_of_page(request.path)) {
      missing.status = 200;
      missing.body = fmt::format(
          "The page of the dashboard is not in this program: {}.\n\nThe HTTP API works without it: "
          "see /api/studies and docs/reference/http-api.md.\n",
          why_no_page());
    } else {
      missing.body = "There is no such page. The dashboard begins at /\n";
    }
    return missing;
  }

  ServeOptions options;
  Gate gate;
  LiveStudies studies;
  Api api;
  std::stop_source stop;
  std::optional<HttpListener> listener;
};

bool is_loopback(const std::string& address) {
  in_addr v4{};
  if (::inet_pton(AF_INET, address.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return address == "localhost" || address == "::1";
}

Server::Server(std::shared_ptr<Storage> storage, ServeOptions options) {
  check(options);
  inside_ = std::make_unique<Inside>(std::move(storage), std::move(options));
}

Server::~Server() = default;

int Server::port() const { return inside_->listener->port(); }

std::string Server::url() const {
  const ServeOptions& options = inside_->options;
  std::string host = options.bind;
  // Every address of the machine: the one that is sure to work is shown.
  if (host == "0.0.0.0" || host == "::") {
    const auto names = names_of_machine();
    host = names.empty() ? "localhost" : names.front();
  }
  if (is_ipv6(host)) host = fmt::format("[{}]", host);
  const std::string url = fmt::format("http://{}:{}/", host, port());
  return options.token.empty() ? url : fmt::format("{}?token={}", url, options.token);
}

}  // namespace hypertune

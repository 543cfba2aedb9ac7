// Listens for HTTP requests and carries answers: all that is special to cpp-httplib.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "serve/http.h"

namespace hypertune {

/// An answer without an end, of type `text/event-stream`.
struct HttpStream {
  /// The next piece; may be empty when there was nothing for a while. Nothing: the stream ends.
  /// Must return within a second or so, and at once when the server stops.
  std::function<std::optional<std::string>()> next;
};

using HttpAnswer = std::variant<HttpResponse, HttpStream>;

struct HttpHandlers {
  /// Called before a body is read: what it answers is the end of the request.
  std::function<std::optional<HttpResponse>(const HttpRequest&)> stop;
  /// Answers what was not stopped. What it throws, HttpError or any other, is told to the client.
  std::function<HttpAnswer(const HttpRequest&)> answer;
  /// Called for each answer that is no stream, also for those to requests that are no HTTP.
  std::function<void(HttpResponse&)> finish;
};

struct ListenOptions {
  std::string address = "127.0.0.1";
  int port = 0;      ///< 0: any that is free
  int ports = 1;     ///< how many from `port` on are tried until one is free
  int streams = 64;  ///< at most so many at once; further ones are asked to come back (503)
  int workers = 8;   ///< threads for requests that are no streams
  std::size_t body_bytes = std::size_t{1} << 20;
  std::size_t head_bytes = std::size_t{1} << 16;  ///< request line and headers
  /// From the first byte of a request to its last, and for each part of an answer to be taken.
  std::chrono::milliseconds patience{10'000};
  std::chrono::milliseconds keep_alive{
      5'000};  ///< how long a connection waits for its next request
};

/// Listens from its construction to its destruction, which takes no longer than the answers that
/// are being computed: connections are cut.
class HttpListener {
 public:
  /// Throws ConfigError when the address cannot be listened on.
  HttpListener(const ListenOptions& options, HttpHandlers handlers);
  ~HttpListener();
  HttpListener(const HttpListener&) = delete;
  HttpListener& operator=(const HttpListener&) = delete;

  int port() const;

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace hypertune

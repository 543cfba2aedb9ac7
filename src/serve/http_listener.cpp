// Listens for HTTP requests and carries answers: all that is special to cpp-httplib.
//
// The library leaves some limits to its users, so a connection reads through a stream of ours,
// which has them: bytes of a request, and the time that all of it may take. A connection is closed
// after a request with a body: what is left of one that was refused must not be taken for the next
// request.
#include "serve/http_listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <httplib.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

#include "hypertune/error.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kMostHeaders = 100;
constexpr int kRequestsOfConnection = 1000;
constexpr milliseconds kPauseAfterFailure{200};
/// Answers are encoded by nobody but us: the library would compress each anew, which takes seconds.
constexpr const char* kAcceptEncoding = "Accept-Encoding";
constexpr const char* kHiddenAcceptEncoding = "Hypertune-Accept-Encoding";

/// One connection: bytes in and out, with limits. Cut when `stop` becomes readable.
class BoundedStream final : public httplib::Stream {
 public:
  BoundedStream(int socket, int stop, const ListenOptions& options)
      : socket_(socket), stop_(stop), options_(options) {}

  /// Waits for the first byte of the next request. False when none comes.
  bool await_request(milliseconds patience) {
    head_left_ = options_.head_bytes;
    body_left_ = options_.body_bytes;
    in_body_ = false;
    line_bytes_ = 0;
    deadline_ = steady_clock::now() + patience;
    if (begin_ == end_ && !fill()) return false;
    deadline_ = steady_clock::now() + options_.patience;
    return true;
  }

  bool is_readable() const override { return begin_ < end_ || wait(POLLIN, milliseconds(0)); }
  /// Whether the peer is still there.
  bool is_writable() const override {
    if (!wait(POLLOUT, milliseconds(0))) return false;
    char byte = 0;
    const ssize_t got = ::recv(socket_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK));
  }

  ssize_t read(char* out, size_t size) override {
    if (begin_ == end_ && !fill()) return -1;
    std::size_t& left = in_body_ ? body_left_ : head_left_;
    // The head is read byte by byte, or in lines; its end must be seen.
    const std::size_t n =
        in_body_ ? std::min({size, end_ - begin_, left}) : std::min<size_t>(left, 1);
    if (n == 0) return -1;
    std::memcpy(out, buffer_.data() + begin_, n);
    begin_ += n;
    left -= n;
    if (!in_body_) watch_for_end_of_head(*out);
    return static_cast<ssize_t>(n);
  }

  ssize_t write(const char* bytes, size_t size) override {
    std::size_t done = 0;
    while (done < size) {
      const ssize_t sent = ::send(socket_, bytes + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent > 0) {
        done += static_cast<std::size_t>(sent);
        continue;
      }
      const bool is_full = errno == EAGAIN || errno == EWOULDBLOCK;
      if (errno == EINTR) continue;
      if (!is_full || !wait(POLLOUT, options_.patience)) return -1;
    }
    return static_cast<ssize_t>(size);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  socket_t socket() const override { return socket_; }

 private:
  /// False after so long, when the peer is gone, or when the server stops.
  bool wait(short events, milliseconds patience) const {
    const auto until = steady_clock::now() + patience;
    for (;;) {
      std::array<pollfd, 2> fds = {{{socket_, events, 0}, {stop_, POLLIN, 0}}};
      const auto left = std::chrono::ceil<milliseconds>(until - steady_clock::now());
      const int ready = ::poll(fds.data(), fds.size(), std::max(0, static_cast<int>(left.count())));
      if (ready < 0 && errno == EINTR) continue;
      return ready > 0 && fds[1].revents == 0 && (fds[0].revents & (events | POLLHUP)) != 0;
    }
  }

  bool fill() {
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now());
    if (left.count() <= 0 || !wait(POLLIN, left)) return false;
    const ssize_t got = ::recv(socket_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got <= 0) return false;
    begin_ = 0;
    end_ = static_cast<std::size_t>(got);
    return true;
  }

  void watch_for_end_of_head(char c) {
    if (c == '\r') return;
    if (c == '\n' && line_bytes_ == 0) in_body_ = true;
    line_bytes_ = c == '\n' ? 0 : line_bytes_ + 1;
  }

  int socket_;
  int stop_;
  const ListenOptions& options_;
  std::array<char, 16384> buffer_ = {};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t head_left_ = 0;
  std::size_t body_left_ = 0;
  std::size_t line_bytes_ = 0;
  bool in_body_ = false;
  steady_clock::time_point deadline_ = {};
};

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return text;
}

HttpRequest plain_request(const httplib::Request& request) {
  HttpRequest plain{.method = request.method, .path = request.path};
  for (const auto& [name, value] : request.params) plain.query.emplace(name, value);
  for (const auto& [name, value] : request.headers) {
    const std::string key = name == kHiddenAcceptEncoding ? "accept-encoding" : lower(name);
    const auto [at, is_new] = plain.headers.emplace(key, value);
    // As one list: two hosts are no host.
    if (!is_new) at->second += ", " + value;
  }
  plain.body = request.body;
  return plain;
}

bool has_body(const httplib::Request& request) {
  return request.has_header("Content-Length") || request.has_header("Transfer-Encoding") ||
         (request.method != "GET" && request.method != "HEAD");
}

/// Says that the connection is closed after this answer; the library does where it was asked to.
void announce_end(const httplib::Request& request, httplib::Response& response) {
  const bool was_asked = request.get_header_value("Connection") == "close";
  if (!was_asked && !response.has_header("Connection")) response.set_header("Connection", "close");
}

void carry(const HttpResponse& plain, httplib::Response& response) {
  response.status = plain.status;
  response.set_content(plain.body, plain.type);
  for (const auto& [name, value] : plain.headers) response.set_header(name, value);
}

}  // namespace

/// The library's server with our connections.
struct HttpListener::Inside : public httplib::Server {
  /// Whether the thread of the server is in the library's loop, where it can be stopped.
  enum class State : std::uint8_t { Starting, Listening, Stopping, Stopped };

  Inside(const ListenOptions& listen, HttpHandlers handle)
      : options(listen), handlers(std::move(handle)), stop_fd(::eventfd(0, EFD_CLOEXEC)) {
    if (stop_fd < 0) throw Error(fmt::format("cannot make an eventfd: {}", std::strerror(errno)));
    set_tcp_nodelay(true);
    set_keep_alive_max_count(kRequestsOfConnection);
    set_payload_max_length(options.body_bytes);
    // Another server must not get the same port; a restart gets it at once.
    set_socket_options([](socket_t socket) {
      const int yes = 1;
      ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    });
    new_task_queue = [this] {
      enter(State::Listening);
      const auto threads = static_cast<std::size_t>(options.streams + options.workers);
      return std::make_unique<httplib::ThreadPool>(threads).release();
    };
    set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
      return route(request, response);
    });
    const auto answer = [this](const httplib::Request& request, httplib::Response& response) {
      give(answer_to(plain_request(request)), response);
      announce_end(request, response);
    };
    Post(".*", answer);
    Put(".*", answer);
    // What the library refuses by itself has no body yet.
    set_error_handler([this](const httplib::Request& request, httplib::Response& response) {
      if (!response.body.empty()) return;
      give(error_response({response.status, why_refused(response.status)}), response);
      announce_end(request, response);
    });
  }

  ~Inside() override { ::close(stop_fd); }

  void enter(State next) {
    const std::scoped_lock lock(mutex);
    state = next;
    changed.notify_all();
  }

  /// Takes the first port that is free. False when there is none.
  bool bind_first() {
    if (options.port == 0) return (port = bind_to_any_port(options.address)) > 0;
    for (port = options.port; port < options.port + options.ports; ++port) {
      if (bind_to_port(options.address, port)) return true;
    }
    return false;
  }

  /// The thread of the server. The library gives up listening when a connection could not be
  /// accepted, as when too many files are open: then it begins again.
  void run() {
    for (;;) {
      listen_after_bind();
      std::unique_lock lock(mutex);
      if (state == State::Stopping) break;
      state = State::Starting;
      changed.wait_for(lock, kPauseAfterFailure, [this] { return wants_stop; });
      if (wants_stop || !bind_to_port(options.address, port)) break;
    }
    enter(State::Stopped);
  }

  void end() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(stop_fd, &one, sizeof one);
    std::unique_lock lock(mutex);
    wants_stop = true;
    changed.notify_all();
    changed.wait(lock, [this] { return state != State::Starting; });
    if (state == State::Stopped) return;
    state = State::Stopping;
    lock.unlock();
    stop();
  }

  static std::string why_refused(int status) {
    switch (status) {
      case 413:
        return "the body is too large";
      case 414:
        return "the URL is too long";
      case 416:
        return "ranges are not answered";
      default:
        return "this is no request that can be answered";
    }
  }

  HandlerResponse route(const httplib::Request& request, httplib::Response& response) {
    const HttpRequest plain = plain_request(request);
    std::optional<HttpResponse> stopped;
    if (request.headers.size() > kMostHeaders) {
      stopped = error_response({431, "the request has too many headers"});
    } else {
      stopped = handlers.stop(plain);
    }
    const bool reads = request.method == "GET" || request.method == "HEAD";
    if (!stopped && !reads) return HandlerResponse::Unhandled;  // its body is read, see `answer`
    if (stopped) {
      give(std::move(*stopped), response);
    } else {
      give(answer_to(plain), response);
    }
    if (has_body(request)) announce_end(request, response);
    return HandlerResponse::Handled;
  }

  HttpAnswer answer_to(const HttpRequest& request) const {
    try {
      return handlers.answer(request);
    } catch (const HttpError& error) {
      return error_response(error);
    } catch (const std::exception& error) {
      return error_response({500, error.what()});
    }
  }

  void give(HttpAnswer answer, httplib::Response& response) {
    if (auto* plain = std::get_if<HttpResponse>(&answer)) {
      handlers.finish(*plain);
      return carry(*plain, response);
    }
    if (open_streams.fetch_add(1) >= options.streams) {
      --open_streams;
      HttpResponse full =
          error_response({503, "too many event streams are open: close some pages"});
      full.headers.emplace_back("Retry-After", "5");
      handlers.finish(full);
      return carry(full, response);
    }
    HttpResponse head{.type = "text/event-stream"};
    handlers.finish(head);
    for (const auto& [name, value] : head.headers) response.set_header(name, value);
    auto next = std::make_shared<HttpStream>(std::get<HttpStream>(std::move(answer)));
    response.set_chunked_content_provider(
        head.type,
        [next](std::size_t, httplib::DataSink& sink) {
          const auto piece = next->next();
          if (!piece) {
            sink.done();
            return true;
          }
          return piece->empty() ? sink.is_writable() : sink.write(piece->data(), piece->size());
        },
        [this](bool) { --open_streams; });
  }

  bool process_and_close_socket(socket_t socket) override {
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    ::fcntl(socket, F_SETFD, FD_CLOEXEC);
    BoundedStream stream(socket, stop_fd, options);
    bool closed = false;
    for (int left = kRequestsOfConnection; left > 0 && !closed; --left) {
      const bool is_first = left == kRequestsOfConnection;
      if (!stream.await_request(is_first ? options.patience : options.keep_alive)) break;
      bool ends = true;  // as it does when the head cannot be read
      const auto set_up = [&](httplib::Request& request) {
        request.ranges.clear();
        if (const std::string accepted = request.get_header_value(kAcceptEncoding);
            !accepted.empty()) {
          request.headers.erase(kAcceptEncoding);
          request.set_header(kHiddenAcceptEncoding, accepted);
        }
        ends = has_body(request);
      };
      if (!process_request(stream, left == 1, closed, set_up) || ends) break;
    }
    // What was not read would have the peer's copy of the answer thrown away.
    ::shutdown(socket, SHUT_WR);
    std::array<char, 4096> rest{};
    for (int n = 0; n < 64 && ::recv(socket, rest.data(), rest.size(), MSG_DONTWAIT) > 0;) ++n;
    ::close(socket);
    return true;
  }

  ListenOptions options;
  HttpHandlers handlers;
  int stop_fd;  ///< readable when the server stops
  int port = 0;
  std::atomic<int> open_streams = 0;
  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  State state = State::Starting;
  bool wants_stop = false;
  std::jthread thread;
};

namespace {

/// Why the address cannot be listened on, for people.
std::string why_not(const std::string& address, int port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int fault = ::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (fault != 0) {
    return fmt::format("{}; --bind takes an address of this machine, such as 127.0.0.1 or 0.0.0.0",
                       ::gai_strerror(fault));
  }
  const int socket = ::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const bool bound = ::bind(socket, found->ai_addr, found->ai_addrlen) == 0;
  const int error = bound ? 0 : errno;
  ::close(socket);
  ::freeaddrinfo(found);
  if (error == EADDRINUSE || bound) {
    return "another program listens on this port; choose another with --port, or 0 for any";
  }
  if (error == EADDRNOTAVAIL) {
    return "this machine has no such address; --bind takes one that it has, or 0.0.0.0 for all";
  }
  return fmt::format("{}{}", std::strerror(error),
                     error == EACCES ? "; ports below 1024 are for root: choose another" : "");
}

}  // namespace

HttpListener::HttpListener(const ListenOptions& options, HttpHandlers handlers)
    : inside_(std::make_unique<Inside>(options, std::move(handlers))) {
  if (!inside_->bind_first()) {
    throw ConfigError(fmt::format("cannot listen on {} port {}: {}", options.address, options.port,
                                  why_not(options.address, options.port)));
  }
  inside_->thread = std::jthread([inside = inside_.get()] { inside->run(); });
}

HttpListener::~HttpListener() { inside_->end(); }

int HttpListener::port() const { return inside_->port; }

}  // namespace hypertune

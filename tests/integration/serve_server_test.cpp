// The dashboard's server under requests of every kind, over real sockets.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "hypertune/error.h"
#include "serve/event_stream.h"
#include "serve/events.h"
#include "serve/gate.h"
#include "serve/http_listener.h"
#include "support/eventually.h"
#include "support/raw_http.h"

namespace hypertune {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;
using testing_support::answer_to;
using testing_support::eventually;
using testing_support::RawConnection;

constexpr const char* kHost = "Host: localhost\r\n";
constexpr const char* kClose = "Connection: close\r\n\r\n";

std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\n" + kHost + headers + kClose;
}

/// The server without studies: it tells what it was asked, and streams what is published.
class HttpServer : public testing::Test {
 protected:
  void listen(ListenOptions options = {}) {
    listener_ = std::make_unique<HttpListener>(
        options,
        HttpHandlers{.stop = [this](const HttpRequest& request) { return gate_.stop(request); },
                     .answer = [this](const HttpRequest& request) { return answer(request); },
                     .finish = [](HttpResponse& response) { Gate::protect(response); }});
  }
  void close() {
    stop_.request_stop();
    listener_.reset();
  }
  ~HttpServer() override { close(); }

  int port() const { return listener_->port(); }
  std::string change(const std::string& headers, const std::string& body) const {
    return fmt::format(
        "POST /api/echo HTTP/1.1\r\n{}Content-Type: application/json\r\nX-CSRF-Token: "
        "{}\r\n{}\r\n{}",
        kHost, gate_.csrf_token(), headers, body);
  }
  std::vector<std::string> paths() {
    const std::scoped_lock lock(mutex_);
    return paths_;
  }

  Events events_;

 private:
  HttpAnswer answer(const HttpRequest& request) {
    if (request.path == "/api/events") return event_stream(request, events_, stop_.get_token());
    const std::scoped_lock lock(mutex_);
    paths_.push_back(request.path);
    std::string text = request.method + " " + request.path;
    for (const auto& [name, value] : request.query) text += fmt::format(" {}={}", name, value);
    return HttpResponse{.type = "text/plain", .body = text + " body=" + request.body};
  }

  Gate gate_{{}};
  std::stop_source stop_;
  std::mutex mutex_;  // guards the paths
  std::vector<std::string> paths_;
  std::unique_ptr<HttpListener> listener_;
};

TEST_F(HttpServer, AnswersWithProtectingHeadersAndWithoutItsName) {
  listen();
  const std::string answer = answer_to(port(), get("/a%20b?x=1%202&y"));
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("GET /a b x=1 2 y="),
                            HasSubstr("Content-Security-Policy: default-src 'none'"),
                            HasSubstr("X-Content-Type-Options: nosniff"), Not(HasSubstr("Server:")),
                            Not(HasSubstr("httplib"))));
}

TEST_F(HttpServer, AnswersHeadWithoutABody) {
  listen();
  const std::string answer =
      answer_to(port(), std::string("HEAD /page HTTP/1.1\r\n") + kHost + kClose);
  EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("Content-Length:"),
                            Not(HasSubstr("HEAD /page"))));
}

TEST_F(HttpServer, KeepsAConnectionForSeveralRequests) {
  listen();
  RawConnection connection(port());
  for (int i = 0; i < 20; ++i) {
    const std::string path = fmt::format("/request-{}", i);
    connection.send(fmt::format("GET {} HTTP/1.1\r\n{}\r\n", path, kHost));
    EXPECT_THAT(connection.read_until((path + " body=").c_str()), HasSubstr(path));
  }
}

TEST_F(HttpServer, StopsForeignHostsBeforeAnythingElse) {
  listen();
  EXPECT_THAT(
      answer_to(port(),
                "GET /api/studies HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n"),
      StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(answer_to(port(), std::string("GET / HTTP/1.1\r\n") + kHost +
                                    "Host: evil.example\r\n" + kClose),
              StartsWith("HTTP/1.1 421"));
  EXPECT_THAT(paths(), testing::IsEmpty());
}

TEST_F(HttpServer, TakesAChangeOfThePageAndClosesTheConnection) {
  listen();
  EXPECT_THAT(answer_to(port(), change("Content-Length: 7\r\n", "{\"a\":1}")),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("body={\"a\":1}"),
                    HasSubstr("Connection: close")));
}

TEST_F(HttpServer, DoesNotTakeTheBodyOfARefusedRequestForTheNextRequest) {
  listen();
  const std::string hidden = get("/smuggled");
  const std::string answer =
      answer_to(port(), fmt::format("POST /api/echo HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}",
                                    kHost, hidden.size(), hidden));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 415"));
  answer_to(port(), fmt::format("GET /plain HTTP/1.1\r\n{}Content-Length: {}\r\n\r\n{}", kHost,
                                hidden.size(), hidden));
  answer_to(port(), fmt::format("GET /chunked HTTP/1.1\r\n{}Transfer-Encoding: chunked\r\n\r\n{}",
                                kHost, hidden));
  EXPECT_THAT(paths(), testing::ElementsAre("/plain", "/chunked"));
}

TEST_F(HttpServer, RefusesWhatIsTooLarge) {
  listen({.patience = milliseconds(2000)});
  EXPECT_THAT(answer_to(port(), change("Content-Length: 2000000\r\n", "")), HasSubstr(" 413 "));
  EXPECT_THAT(answer_to(port(), change("Content-Length: 99999999999999999999\r\n", "")),
              Not(HasSubstr(" 200 ")));
  EXPECT_THAT(answer_to(port(), get("/" + std::string(9000, 'a'))), HasSubstr(" 414 "));
  // Cut off: nobody knows where such a request ends.
  EXPECT_EQ(answer_to(port(), "GET /" + std::string(1 << 20, 'a')), "");
  EXPECT_THAT(answer_to(port(), get("/", "X: " + std::string(10'000, 'a') + "\r\n")),
              Not(HasSubstr(" 200 ")));
  std::string many;
  for (int i = 0; i < 200; ++i) many += fmt::format("X-{}: 1\r\n", i);
  EXPECT_THAT(answer_to(port(), get("/", many)), StartsWith("HTTP/1.1 431"));
  for (int i = 0; i < 20'000; ++i) many += fmt::format("X-{}: 1\r\n", i);
  EXPECT_THAT(answer_to(port(), get("/", many)), Not(HasSubstr(" 200 ")));
  EXPECT_THAT(
      answer_to(port(), change("Transfer-Encoding: chunked\r\n",
                               "200000\r\n" + std::string(0x200000, 'a') + "\r\n0\r\n\r\n")),
      Not(HasSubstr(" 200 ")));
  EXPECT_THAT(paths(), testing::IsEmpty());
}

TEST_F(HttpServer, DoesNotInflateBodies) {
  listen();
  EXPECT_THAT(answer_to(port(), change("Content-Encoding: gzip\r\nContent-Length: 20\r\n",
                                       std::string(20, 'x'))),
              StartsWith("HTTP/1.1 415"));
}

TEST_F(HttpServer, KnowsFourMethods) {
  listen();
  for (const char* method : {"DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI"}) {
    EXPECT_THAT(answer_to(port(), fmt::format("{} /api/x HTTP/1.1\r\n{}{}", method, kHost, kClose)),
                StartsWith("HTTP/1.1 405"))
        << method;
  }
  EXPECT_THAT(
      answer_to(port(), change("X-HTTP-Method-Override: DELETE\r\nContent-Length: 0\r\n", "")),
      HasSubstr("POST /api/echo"));
  for (const char* line : {"GET / HTTP/9.9", "get / HTTP/1.1", "GET /", "\x16\x03\x01"}) {
    EXPECT_THAT(answer_to(port(), fmt::format("{}\r\n{}{}", line, kHost, kClose)),
                Not(StartsWith("HTTP/1.1 200")))
        << line;
  }
}

TEST_F(HttpServer, SendsNoHeaderThatARequestMadeUp) {
  listen();
  const std::string answer = answer_to(port(), get("/x?a=%0d%0aSet-Cookie:%20evil=1"));
  const std::string head = answer.substr(0, answer.find("\r\n\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("evil")));
}

TEST_F(HttpServer, AnswersNoRanges) {
  listen();
  EXPECT_THAT(answer_to(port(), get("/x", "Range: bytes=0-1,0-1,0-1\r\n")),
              AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("body=")));
}

TEST_F(HttpServer, AnswersOthersWhileClientsDawdle) {
  listen(
      {.streams = 2, .workers = 2, .patience = milliseconds(300), .keep_alive = milliseconds(300)});
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 8; ++i) {
    slow.push_back(std::make_unique<RawConnection>(port()));
    slow.back()->send("GET / HTTP/1.1\r\nX");
  }
  EXPECT_THAT(answer_to(port(), get("/other")), HasSubstr("GET /other"));
  // Each byte that trickles in does not win more time.
  RawConnection trickle(port());
  EXPECT_TRUE(eventually([&] { return !trickle.send("x"); }));
  for (const auto& connection : slow)
    EXPECT_THAT(connection->read_to_end(), Not(HasSubstr(" 200 ")));
}

TEST_F(HttpServer, StreamsEvents) {
  listen();
  RawConnection connection(port());
  connection.send(std::string("GET /api/events HTTP/1.1\r\n") + kHost + "\r\n");
  EXPECT_THAT(connection.read_until("\n\n"),
              AllOf(HasSubstr("Content-Type: text/event-stream"), HasSubstr("no-store"),
                    HasSubstr("event: hello\nid: ")));
  events_.publish(1, "trial", {{"number", 7}});
  EXPECT_THAT(connection.read_until("\"number\": 7"),
              HasSubstr(fmt::format("event: trial\nid: {}\ndata: {{\"number\": 7}}\n\n",
                                    events_.place(1))));
}

TEST_F(HttpServer, StreamsTheEventsOfOneStudy) {
  listen();
  RawConnection connection(port());
  connection.send(std::string("GET /api/events?study=2 HTTP/1.1\r\n") + kHost + "\r\n");
  connection.read_until("hello");
  events_.publish(1, "trial", {{"number", 7}});
  events_.publish(2, "trial", {{"number", 8}});
  EXPECT_THAT(connection.read_until("\"number\": 8"), Not(HasSubstr("\"number\": 7")));
  EXPECT_THAT(answer_to(port(), get("/api/events?study=x")), StartsWith("HTTP/1.1 400"));
}

TEST_F(HttpServer, GoesOnWhereAListenerWas) {
  listen();
  for (int i = 1; i <= 3; ++i) events_.publish(1, "trial", {{"number", i}});
  RawConnection connection(port());
  connection.send(fmt::format("GET /api/events HTTP/1.1\r\n{}Last-Event-ID: {}\r\n\r\n", kHost,
                              events_.place(1)));
  EXPECT_THAT(connection.read_until("\"number\": 3"),
              AllOf(HasSubstr("event: hello"), HasSubstr("\"number\": 2"),
                    Not(HasSubstr("\"number\": 1"))));
}

TEST_F(HttpServer, TellsAListenerThatItMissedSomething) {
  listen();
  const std::string forgotten = events_.place(1);
  for (std::size_t i = 0; i < Events::kKeptEvents + 10; ++i) events_.publish(1, "trial", {});
  for (const std::string& place :
       {forgotten, std::string("another-life-1"), std::string("x"), std::string("'\"<>&")}) {
    RawConnection connection(port());
    connection.send(
        fmt::format("GET /api/events HTTP/1.1\r\n{}Last-Event-ID: {}\r\n\r\n", kHost, place));
    EXPECT_THAT(connection.read_until("\n\n"),
                AllOf(HasSubstr("event: reset"), HasSubstr(events_.place(events_.last_id()))));
  }
}

TEST_F(HttpServer, OpensNoMoreStreamsThanItMay) {
  listen({.streams = 2, .workers = 2});
  std::vector<std::unique_ptr<RawConnection>> streams;
  for (int i = 0; i < 2; ++i) {
    streams.push_back(std::make_unique<RawConnection>(port()));
    streams.back()->send(get("/api/events"));
    EXPECT_THAT(streams.back()->read_until("hello"), HasSubstr("event: hello"));
  }
  const std::string refused = answer_to(port(), get("/api/events"));
  EXPECT_THAT(refused, AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("Retry-After:")));
  EXPECT_THAT(answer_to(port(), get("/other")), HasSubstr("GET /other"));
  streams.pop_back();  // its page is closed: the server notices by itself
  EXPECT_TRUE(eventually([&] {
    RawConnection next(port());
    next.send(get("/api/events"));
    return next.read_until("\n\n").starts_with("HTTP/1.1 200");
  }));
}

TEST_F(HttpServer, EndsAlthoughStreamsAndHalfRequestsAreOpen) {
  listen();
  RawConnection stream(port());
  stream.send(get("/api/events"));
  stream.read_until("hello");
  RawConnection half(port());
  half.send("GET / HTTP/1.1\r\n");
  RawConnection idle(port());
  close();
  stream.read_to_end();
  half.read_to_end();
  idle.read_to_end();
  EXPECT_TRUE(stream.is_closed() && half.is_closed() && idle.is_closed());
}

TEST_F(HttpServer, ListensOnTheSamePortAgainAtOnce) {
  listen();
  const int first = port();
  RawConnection open(first);
  open.send(std::string("GET /x HTTP/1.1\r\n") + kHost + "\r\n");
  open.read_until("body=");
  close();
  listen({.port = first});
  EXPECT_EQ(port(), first);
  EXPECT_THAT(answer_to(first, get("/again")), HasSubstr("GET /again"));
}

TEST_F(HttpServer, LeavesAPortToWhoHasIt) {
  listen();
  try {
    const HttpListener second({.port = port()}, {});
    FAIL() << "two servers have one port";
  } catch (const ConfigError& error) {
    EXPECT_THAT(error.what(), HasSubstr("another program listens on this port"));
  }
}

TEST_F(HttpServer, SaysWhyAnAddressCannotBeListenedOn) {
  EXPECT_THROW(listen({.address = "192.0.2.1"}), ConfigError);
  EXPECT_THROW(listen({.address = "no address"}), ConfigError);
}

}  // namespace
}  // namespace hypertune

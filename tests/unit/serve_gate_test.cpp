// Who may ask the dashboard's server, and what its answers carry.
#include <gmock/gmock.h>

#include <algorithm>
#include <string>

#include "serve/assets.h"
#include "serve/gate.h"

namespace hypertune {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr const char* kToken = "0123456789abcdef0123456789abcdef";

HttpRequest get(std::string path) {
  return {.method = "GET", .path = std::move(path), .headers = {{"host", "localhost:8080"}}};
}

/// A change as the page sends it.
HttpRequest change(const Gate& gate) {
  return {.method = "PUT",
          .path = "/api/studies/1/note",
          .headers = {{"host", "localhost:8080"},
                      {"origin", "http://localhost:8080"},
                      {"sec-fetch-site", "same-origin"},
                      {"content-type", "application/json; charset=utf-8"},
                      {"x-csrf-token", gate.csrf_token()}}};
}

int status(const Gate& gate, const HttpRequest& request) {
  const auto response = gate.stop(request);
  return response ? response->status : 0;
}

std::string header(const HttpResponse& response, std::string_view name) {
  const auto found =
      std::ranges::find(response.headers, name, &std::pair<std::string, std::string>::first);
  return found == response.headers.end() ? "" : found->second;
}

TEST(Gate, LetsLoopbackNamesInWithAnyPort) {
  const Gate gate({});
  for (const char* host :
       {"localhost", "localhost:8080", "LocalHost:9000", "127.0.0.1:8080", "[::1]:8080", "[::1]"}) {
    HttpRequest request = get("/");
    request.headers["host"] = host;
    EXPECT_EQ(status(gate, request), 0) << host;
  }
}

TEST(Gate, StopsRequestsForForeignHosts) {
  const Gate gate({.hosts = {"lab.example:8080", "Workstation"}});
  for (const char* host :
       {"evil.example", "evil.example:8080", "localhost.evil.example", "", "[::1",
        "localhost:", "localhost:80x", "localhost:8080, evil.example", "user@localhost",
        "lab.example", "lab.example:80", "127.0.0.1.evil.example", "localhost:123456"}) {
    HttpRequest request = get("/api/studies");
    request.headers["host"] = host;
    EXPECT_EQ(status(gate, request), 421) << host;
  }
  for (const char* host : {"lab.example:8080", "workstation:1234", "workstation"}) {
    HttpRequest request = get("/api/studies");
    request.headers["host"] = host;
    EXPECT_EQ(status(gate, request), 0) << host;
  }
  HttpRequest none = get("/");
  none.headers.clear();
  EXPECT_EQ(status(gate, none), 421);
}

TEST(Gate, DemandsATokenThatItTradesForACookie) {
  const Gate gate({.token = kToken});
  const auto refused = gate.stop(get("/studies/1"));
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  EXPECT_THAT(refused->body, AllOf(HasSubstr("?token="), Not(HasSubstr(kToken))));

  HttpRequest first = get("/studies/1");
  first.query = {{"token", kToken}, {"x", "a b&c\r\nSet-Cookie: evil=1"}};
  const auto response = gate.stop(first);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 303);
  EXPECT_EQ(header(*response, "Location"), "/studies/1?x=a%20b%26c%0D%0ASet-Cookie%3A%20evil%3D1");
  const std::string cookie = header(*response, "Set-Cookie");
  EXPECT_THAT(cookie, AllOf(StartsWith("hypertune-8080="), HasSubstr("; HttpOnly"),
                            HasSubstr("; SameSite=Strict"), HasSubstr("; Path=/"),
                            Not(HasSubstr(kToken)), Not(HasSubstr("Domain"))));

  HttpRequest then = get("/api/studies");
  then.headers["cookie"] = "theme=dark; " + cookie.substr(0, cookie.find(';')) + "; other=1";
  EXPECT_EQ(status(gate, then), 0);
  EXPECT_EQ(status(Gate({.token = kToken}), then), 401) << "the cookie of another server's life";
}

TEST(Gate, StopsWrongTokensAndCookies) {
  const Gate gate({.token = kToken});
  for (const char* token :
       {"", "0", "0123456789abcdef0123456789abcdeF", "0123456789abcdef0123456789abcdef0"}) {
    HttpRequest request = get("/");
    request.query["token"] = token;
    EXPECT_EQ(status(gate, request), 401) << token;
  }
  for (const std::string cookie : {"", "hypertune-8080=", "hypertune-8080", "=; ;;",
                                   "hypertune-8080=0123456789abcdef0123456789abcdef"}) {
    HttpRequest request = get("/api/studies");
    request.headers["cookie"] = cookie;
    EXPECT_EQ(status(gate, request), 401) << cookie;
  }
  HttpRequest posted = change(gate);
  posted.query["token"] = kToken;
  EXPECT_EQ(status(gate, posted), 401);
}

TEST(Gate, TakesTheTokenFromProgramsInAHeader) {
  const Gate gate({.token = kToken});
  HttpRequest request = get("/api/studies");
  request.headers["authorization"] = std::string("Bearer ") + kToken;
  EXPECT_EQ(status(gate, request), 0);
  request.headers["authorization"] = "Bearer ";
  EXPECT_EQ(status(gate, request), 401);
}

TEST(Gate, SendsNobodyToAnotherServer) {
  const Gate gate({.token = kToken});
  for (const char* path : {"//evil.example/", "/\\evil.example/", "/\r\nLocation: x"}) {
    HttpRequest request = get(path);
    request.query["token"] = kToken;
    const auto response = gate.stop(request);
    ASSERT_TRUE(response);
    const std::string location = header(*response, "Location");
    EXPECT_THAT(location, AllOf(StartsWith("/"), Not(StartsWith("//")), Not(HasSubstr("\\")),
                                Not(HasSubstr("\r")), Not(HasSubstr("\n"))));
  }
}

TEST(Gate, LetsChangesOfThePageThrough) {
  const Gate gate({});
  EXPECT_EQ(status(gate, change(gate)), 0);
  HttpRequest script = change(gate);  // no browser
  script.headers.erase("origin");
  script.headers.erase("sec-fetch-site");
  EXPECT_EQ(status(gate, script), 0);
}

TEST(Gate, StopsForgedChanges) {
  const Gate gate({});
  const auto with = [&](const char* name, const char* value) {
    HttpRequest request = change(gate);
    request.headers[name] = value;
    return status(gate, request);
  };
  EXPECT_EQ(with("x-csrf-token", ""), 403);
  EXPECT_EQ(with("x-csrf-token", kToken), 403);
  EXPECT_EQ(with("content-type", "text/plain"), 415);
  EXPECT_EQ(with("content-type", "application/x-www-form-urlencoded"), 415);
  EXPECT_EQ(with("content-type", "multipart/form-data; boundary=application/json"), 415);
  EXPECT_EQ(with("content-encoding", "gzip"), 415);
  EXPECT_EQ(with("origin", "http://evil.example"), 403);
  EXPECT_EQ(with("origin", "http://localhost:3000"), 403) << "another server of this machine";
  EXPECT_EQ(with("origin", "null"), 403);
  EXPECT_EQ(with("sec-fetch-site", "cross-site"), 403);
}

TEST(Gate, StopsReadingForOtherPages) {
  const Gate gate({});
  HttpRequest request = get("/api/events");
  request.headers["origin"] = "https://evil.example";
  EXPECT_EQ(status(gate, request), 403);
  HttpRequest link = get("/studies/1");
  link.headers["sec-fetch-site"] = "cross-site";
  EXPECT_EQ(status(gate, link), 0) << "a link from another page may be followed";
}

TEST(Gate, KnowsFourMethods) {
  const Gate gate({});
  for (const char* method : {"DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PRI", "get", ""}) {
    HttpRequest request = get("/api/studies");
    request.method = method;
    const auto response = gate.stop(request);
    ASSERT_TRUE(response) << method;
    EXPECT_EQ(response->status, 405) << method;
    EXPECT_EQ(header(*response, "Allow"), "GET, HEAD, POST, PUT");
  }
  HttpRequest head = get("/");
  head.method = "HEAD";
  EXPECT_EQ(status(gate, head), 0);
}

TEST(Gate, ProtectsEveryAnswer) {
  HttpResponse response;
  Gate::protect(response);
  EXPECT_EQ(header(response, "Cache-Control"), "no-store");
  EXPECT_EQ(header(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(header(response, "Referrer-Policy"), "no-referrer");
  EXPECT_THAT(header(response, "Content-Security-Policy"),
              AllOf(StartsWith("default-src 'none'; script-src 'self'; "),
                    HasSubstr("frame-ancestors 'none'"), Not(HasSubstr("unsafe-eval"))));
}

constexpr PageFile kIndex = {"/index.html", "text/html", "\"i\"", false, "zipped", "brotli"};
constexpr PageFile kScript = {"/assets/a-1.js", "text/javascript", "\"s\"", true, "zip", "br"};
constexpr std::array kFiles = {kIndex, kScript};

HttpRequest asking(std::string path, std::string encodings) {
  return {.method = "GET",
          .path = std::move(path),
          .headers = {{"accept-encoding", std::move(encodings)}}};
}

TEST(PageFiles, AreSentAsTheClientTakesThem) {
  const auto body = [](const char* encodings) {
    return page_file(asking("/assets/a-1.js", encodings), kFiles)->body;
  };
  EXPECT_EQ(body("gzip, deflate, br"), "br");
  EXPECT_EQ(body("gzip;q=1.0, br;q=0"), "zip");
  EXPECT_EQ(body("br;q=0.5"), "br");
  EXPECT_EQ(body("gzip"), "zip");
}

TEST(PageFiles, AreKeptByTheBrowserAsLongAsTheyMay) {
  const auto script = page_file(asking("/assets/a-1.js", "br"), kFiles);
  EXPECT_THAT(header(*script, "Cache-Control"), HasSubstr("immutable"));
  EXPECT_EQ(header(*script, "Content-Encoding"), "br");
  HttpRequest again = asking("/", "br");
  EXPECT_EQ(header(*page_file(again, kFiles), "Cache-Control"), "no-cache");
  again.headers["if-none-match"] = "\"i\"";
  EXPECT_EQ(page_file(again, kFiles)->status, 304);
  again.headers["if-none-match"] = "\"older\"";
  EXPECT_EQ(page_file(again, kFiles)->status, 200);
}

TEST(PageFiles, ThePageAnswersForItsOwnPlacesAlone) {
  for (const char* path : {"/", "/studies", "/studies/1", "/studies/1/trials/2", "/index.html"}) {
    EXPECT_EQ(page_file(asking(path, "br"), kFiles)->body, "brotli") << path;
  }
  for (const char* path : {"", "/assets/", "/assets/../index.html", "/etc/passwd", "/studiesx",
                           "//index.html", "/index.html/", "index.html", "/assets/a-1.js%00"}) {
    EXPECT_FALSE(page_file(asking(path, "br"), kFiles)) << path;
  }
}

TEST(PageFiles, AreWholeInTheProgram) {
  EXPECT_EQ(has_page(), why_no_page().empty());
  for (const PageFile& file : page_files()) {
    const auto plain = page_file(asking(std::string(file.path), ""));
    ASSERT_TRUE(plain) << file.path;
    EXPECT_FALSE(plain->body.empty()) << file.path;
  }
}

}  // namespace
}  // namespace hypertune
